/** Squire, with what it takes in cleaned, and no HTML that goes past Trusted Types. */
import Squire from 'squire-rte';
import { undone } from '../clean/clean';

/** Quotes that the writer makes look the same wherever the letter is read. */
const QUOTE_STYLE = 'margin: 0 0 0 8px; padding: 0 0 0 12px; border-left: 2px solid #b8c0cc;';

export interface Rules {
  /** Makes elements of HTML that comes in from a clipboard, a drop or an insertion. */
  taken(html: string): DocumentFragment;
  /** Changes HTML that goes out to a clipboard. */
  given(html: string): string;
}

export class Rich extends Squire {
  #prepared: DocumentFragment | null = null;

  constructor(root: HTMLElement, rules: Rules) {
    super(root, {
      tagAttributes: { blockquote: { type: 'cite', style: QUOTE_STYLE } },
      undo: { documentSizeThreshold: 2 * 1024 * 1024, undoLimit: 20 },
      willCutCopy: (html) => rules.given(html),
      // The first call comes before the fields of this class are there.
      sanitizeToDOMFragment: (html, editor) =>
        html ? ((editor as Rich).#take() ?? rules.taken(html)) : document.createDocumentFragment(),
      didError: (error: unknown) => {
        throw error;
      },
    });
  }

  #take(): DocumentFragment | null {
    const prepared = this.#prepared;
    this.#prepared = null;
    return prepared;
  }

  /** Begins anew with elements that are clean. */
  open(content: DocumentFragment): void {
    this.#prepared = content;
    this.setHTML('-');
  }

  /** Forgets what can be undone: what stands now is the beginning. */
  restart(): void {
    this._undoIndex = -1;
    this._undoStack.length = 0;
    this._undoStackLength = 0;
    this._isInUndoState = false;
    this.saveUndoState();
  }

  /** Shows an earlier state. Squire would write it as HTML, which Trusted Types refuse. */
  override _setRawHTML(html: string): Squire {
    const root = this.getRoot();
    root.replaceChildren(...undone(html).childNodes);
    if (!root.firstChild) root.append(this.createDefaultBlock());
    this._ignoreChange = true;
    return this;
  }

  get canUndo(): boolean {
    return this._undoIndex > 0 || !this._isInUndoState;
  }

  get canRedo(): boolean {
    return this._isInUndoState && this._undoIndex + 1 < this._undoStackLength;
  }
}
