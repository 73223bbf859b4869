/** What the buttons of a toolbar do, and how they stand. */
import type { Command, Format } from '../protocol';
import type { Rich } from './rich';

function listOf(editor: Rich): Format['list'] {
  if (editor.hasFormat('UL')) return 'bullets';
  return editor.hasFormat('OL') ? 'numbers' : null;
}

function linkAround(editor: Rich): string | null {
  const node = editor.getSelection().commonAncestorContainer;
  const element = node instanceof Element ? node : node.parentElement;
  return element?.closest('a')?.getAttribute('href') ?? null;
}

/** Returns what the cursor stands in. */
export function formatOf(editor: Rich): Format {
  return {
    bold: editor.hasFormat('B'),
    italic: editor.hasFormat('I'),
    underline: editor.hasFormat('U'),
    strike: editor.hasFormat('S'),
    list: listOf(editor),
    quote: editor.hasFormat('BLOCKQUOTE'),
    link: linkAround(editor),
    canUndo: editor.canUndo,
    canRedo: editor.canRedo,
  };
}

const COMMANDS: Record<Command, (editor: Rich) => unknown> = {
  bold: (editor) => (editor.hasFormat('B') ? editor.removeBold() : editor.bold()),
  italic: (editor) => (editor.hasFormat('I') ? editor.removeItalic() : editor.italic()),
  underline: (editor) => (editor.hasFormat('U') ? editor.removeUnderline() : editor.underline()),
  strike: (editor) => (editor.hasFormat('S') ? editor.removeStrikethrough() : editor.strikethrough()),
  bullets: (editor) => (listOf(editor) === 'bullets' ? editor.removeList() : editor.makeUnorderedList()),
  numbers: (editor) => (listOf(editor) === 'numbers' ? editor.removeList() : editor.makeOrderedList()),
  indent: (editor) => (listOf(editor) ? editor.increaseListLevel() : editor.increaseQuoteLevel()),
  outdent: (editor) => (listOf(editor) ? editor.decreaseListLevel() : editor.decreaseQuoteLevel()),
  quote: (editor) => editor.increaseQuoteLevel(),
  unquote: (editor) => editor.decreaseQuoteLevel(),
  unlink: (editor) => editor.removeLink(),
  plain: (editor) => editor.removeAllFormatting(),
  undo: (editor) => editor.undo(),
  redo: (editor) => editor.redo(),
};

export function run(editor: Rich, command: Command): void {
  COMMANDS[command](editor);
}
