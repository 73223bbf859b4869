/**
 * The page in which a letter is written. It runs in a frame of opaque origin, as the page that
 * shows letters does: what is quoted or pasted here is somebody else's HTML (WEBUI §4).
 */
import { clean } from '../clean/clean';
import { connect, isAppCombination, told } from '../frame/app';
import type { Draft, EditorLook, FromEditor, ToEditor } from '../protocol';
import { formatOf, run } from './commands';
import { keepLink, typedLink } from './link';
import { isBlank, isUnwritten, partsOf, replaceSignature, setAside } from './parts';
import { fileOf, withoutLooks } from './paste';
import { attributes, isKnown, keep, mark, restoredText, show } from './pictures';
import { Rich } from './rich';
import { written } from './written';

/** Between two of the same kind of news to the app. */
const PAUSE = 120;

const root = document.getElementById('root')!;
const quoteStyle = document.getElementById('quotes')!;
let isInserting = false;

/** Makes elements of what is pasted, dropped or inserted; pictures in it become files. */
function taken(html: string): DocumentFragment {
  const { page, pictures } = clean(html, { scope: '', own: true, link: keepLink });
  const files: File[] = [];
  for (const image of page.querySelectorAll<HTMLImageElement>('img[src]')) {
    const file = fileOf(image.src, image.alt || 'image');
    if (file) files.push(file);
    image.remove();
  }
  for (const picture of pictures) {
    if (isInserting || isKnown(picture)) mark(picture);
    else picture.element.remove();
  }
  if (files.length) app.send({ kind: 'files', files, from: 'paste' });
  const content = document.createDocumentFragment();
  content.append(...page.childNodes);
  return content;
}

const editor = new Rich(root, { taken, given: restoredText });

function open(draft: Draft): void {
  const parts = partsOf(draft);
  quoteStyle.textContent = parts.css;
  const putBack = setAside(parts.content);
  editor.open(parts.content);
  putBack(root);
  editor.restart();
  if ('below' in draft && draft.below) editor.moveCursorToEnd();
  else editor.moveCursorToStart();
  const named = (kind: 'inline' | 'remote') => [
    ...new Set(parts.pictures.filter((each) => each.kind === kind).map((each) => each.source)),
  ];
  root.classList.toggle('blank', isBlank(root));
  app.send({ kind: 'opened', inline: named('inline'), remote: named('remote') });
}

function setLook({ dark, label, placeholder, language }: EditorLook): void {
  document.documentElement.classList.toggle('dark', dark);
  root.setAttribute('aria-label', label);
  root.dataset.placeholder = placeholder;
  root.lang = language;
}

/** Makes a link of the selection, or a new one where nothing is selected. */
function link(href: string, text: string): void {
  const target = typedLink(href);
  if (!target) return;
  const isEmpty = editor.getSelection().collapsed && !formatOf(editor).link;
  if (!isEmpty) {
    editor.makeLink(target);
    return;
  }
  const anchor = document.createElement('a');
  anchor.href = target;
  anchor.textContent = text || href;
  editor.saveUndoState();
  editor.insertElement(anchor);
}

/** Puts the cursor behind what is selected: an insertion replaces nothing. */
function collapse(): void {
  const range = editor.getSelection();
  range.collapse(false);
  editor.setSelection(range);
}

function insert(html: string): void {
  collapse();
  isInserting = true;
  try {
    editor.insertHTML(html);
  } finally {
    isInserting = false;
  }
}

function insertPicture(blob: Blob, id: string, alt: string): void {
  const url = keep(`cid:${id}`, blob);
  if (!url) return;
  editor.saveUndoState();
  editor.insertImage(url, attributes(id, alt));
}

function receive(message: ToEditor): void {
  switch (message.kind) {
    case 'open':
      setLook(message.look);
      return open(message.draft);
    case 'look':
      return setLook(message.look);
    case 'run':
      return run(editor, message.command);
    case 'link':
      return link(message.href, message.text);
    case 'insert':
      return insert(message.html);
    case 'insertText':
      collapse();
      editor.insertPlainText(message.text, false);
      return;
    case 'signature':
      editor.saveUndoState();
      return replaceSignature(root, message.html);
    case 'insertPicture':
      return insertPicture(message.blob, message.id, message.alt);
    case 'picture': {
      const url = keep(message.source, message.blob);
      return url ? show(root, message.source, url) : undefined;
    }
    case 'focus':
      if (message.at === 'start') editor.moveCursorToStart();
      editor.focus();
      return;
    case 'read':
      return app.send({
        kind: 'written',
        request: message.request,
        written: written(root, quoteStyle.textContent),
      });
  }
}

const app = connect<ToEditor, FromEditor>(receive);

/** Calls `tell` once, a moment after it was last wanted. */
function later(tell: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      tell();
    }, PAUSE);
  };
}

const tellFormat = later(() => app.send({ kind: 'format', format: formatOf(editor) }));
const tellChange = later(() => app.send({ kind: 'changed', empty: isUnwritten(root) }));

root.setAttribute('role', 'textbox');
root.setAttribute('aria-multiline', 'true');
root.spellcheck = true;

for (const type of ['pathChange', 'select', 'cursor', 'undoStateChange']) editor.addEventListener(type, tellFormat);
editor.addEventListener('input', () => {
  root.classList.toggle('blank', isBlank(root));
  tellChange();
  tellFormat();
});
editor.addEventListener('willPaste', (event: Event) => {
  const { fragment } = (event as CustomEvent<{ fragment?: DocumentFragment }>).detail;
  if (fragment) withoutLooks(fragment);
});
editor.addEventListener('pasteImage', (event: Event) => {
  const { clipboardData } = (event as CustomEvent<{ clipboardData: DataTransfer }>).detail;
  const files = [...clipboardData.files];
  if (files.length) app.send({ kind: 'files', files, from: 'paste' });
});
for (const on of [true, false]) {
  root.addEventListener(on ? 'focus' : 'blur', () => app.send({ kind: 'focus', on }));
}

addEventListener(
  'keydown',
  (event) => {
    const isOurs = /^(?:Escape|F6)$/.test(event.key) || isAppCombination(event);
    if (!isOurs || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    app.send({ kind: 'key', key: told(event) });
  },
  true,
);

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
addEventListener('dragover', (event) => hasFiles(event) && event.preventDefault(), true);
addEventListener(
  'drop',
  (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    app.send({ kind: 'files', files: [...event.dataTransfer!.files], from: 'drop' });
  },
  true,
);
addEventListener('click', (event) => {
  // A link in a draft is text: followed here, it would take the editor's place.
  if (event.target instanceof Element && event.target.closest('a')) event.preventDefault();
  else if (event.target === document.body || event.target === document.documentElement) editor.focus();
});

new ResizeObserver(() =>
  app.send({ kind: 'height', height: Math.ceil(root.scrollHeight) }),
).observe(root);
app.send({ kind: 'ready' });
