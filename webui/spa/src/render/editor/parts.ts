/**
 * The parts of a draft that are not simply written: the signature, and the letter it answers.
 *
 * Each is an element with a class of ours, which stays in what is saved, so that a draft that is
 * opened again still has its parts. A quoted letter keeps its own markup: Squire, which would make
 * it over, is shown a stand-in while it reads a draft.
 */
import { clean, type Picture } from '../clean/clean';
import type { Draft, Quote } from '../protocol';
import { keepLink } from './link';
import { mark } from './pictures';

export const SIGNATURE = 'zegel-signature';
const INTRO = 'zegel-intro';
const QUOTE = 'zegel-quote';
/** Begins the class of a quoted letter's page; its style sheet holds within. */
const PAGE = 'm-quote-';

export interface Parts {
  content: DocumentFragment;
  css: string;
  pictures: Picture[];
}

function block(name: string, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement('div');
  if (name) made.className = name;
  made.append(...children);
  return made;
}

function emptyLine(): HTMLElement {
  return block('', document.createElement('br'));
}

function quotedText(text: string): HTMLElement {
  const lines = text.replace(/\r\n?/g, '\n').replace(/\n+$/, '').split('\n');
  return block('', ...lines.map((line) => (line ? block('', line) : emptyLine())));
}

/** Makes a page of one part of a quoted letter, as it was. */
function quotedPage(html: string, parts: Parts): HTMLElement {
  const scope = PAGE + Math.random().toString(36).slice(2, 10);
  const { page, css, pictures } = clean(html, { scope, own: false, link: keepLink });
  // First, so that it is found by how the attribute begins.
  page.className = `${scope} ${page.className.replace(scope, '')}`.trim();
  parts.css += css;
  parts.pictures.push(...pictures);
  for (const picture of pictures) mark(picture);
  return page;
}

function quoted({ intro, html, text, indent }: Quote, parts: Parts): Node[] {
  const pages = html === undefined ? [quotedText(text ?? '')] : [html].flat().map((each) => quotedPage(each, parts));
  const holder = document.createElement(indent ? 'blockquote' : 'div');
  holder.className = QUOTE;
  if (indent) holder.setAttribute('type', 'cite');
  holder.append(...pages);
  const lines = intro.split('\n').map((line) => block('', line));
  return [block(INTRO, ...lines), holder];
}

/** Returns a signature as it stands in a draft; null where there is none. */
export function signature(html: string): HTMLElement | null {
  if (!html.trim()) return null;
  const { page, pictures } = clean(html, { scope: SIGNATURE, own: false, link: keepLink });
  for (const picture of pictures) mark(picture);
  page.className = SIGNATURE;
  return page;
}

function opened(html: string): Parts {
  const { page, css, pictures } = clean(html, { scope: '', own: true, link: keepLink });
  for (const picture of pictures) mark(picture);
  const content = document.createDocumentFragment();
  content.append(...page.childNodes);
  // Of a draft made elsewhere, rules that hold for all of it would hold for what is written now.
  const rules = css.split('\n').filter((rule) => /^(?:@media|\}|\.m-quote-)/.test(rule));
  return { content, css: rules.join('\n'), pictures };
}

/** Makes the elements that an editor begins with. */
export function partsOf(draft: Draft): Parts {
  if ('html' in draft) return opened(draft.html);
  const parts: Parts = { content: document.createDocumentFragment(), css: '', pictures: [] };
  const signed = signature(draft.signature);
  const quote = draft.quote ? quoted(draft.quote, parts) : [];
  const written = signed ? [emptyLine(), emptyLine(), signed] : [emptyLine()];
  if (quote.length && draft.below) parts.content.append(...quote, ...written);
  else if (quote.length) parts.content.append(...written, emptyLine(), ...quote);
  else parts.content.append(...written);
  return parts;
}

/** Takes quoted letters out of what Squire is to read; returns what puts them back into `root`. */
export function setAside(content: DocumentFragment): (root: HTMLElement) => void {
  const outer = [...content.querySelectorAll(`.${QUOTE}`)].filter(
    (each) => !each.parentElement?.closest(`.${QUOTE}`),
  );
  const slots = outer.map((each, at) => {
    const slot = block(`zegel-slot-${at}`, '-');
    each.replaceWith(slot);
    return [slot.className, each] as const;
  });
  return (root) => {
    for (const [name, each] of slots) root.querySelector(`.${name}`)?.replaceWith(each);
    if (root.lastElementChild?.classList.contains(QUOTE)) root.append(emptyLine());
  };
}

/** Puts a signature in the place of the one there is, else before the quote or at the end. */
export function replaceSignature(root: HTMLElement, html: string): void {
  const made = signature(html);
  const there = [...root.querySelectorAll(`.${SIGNATURE}`)].find((each) => !each.closest(`.${QUOTE}`));
  if (there && made) there.replaceWith(made);
  else if (there) there.remove();
  else if (made) {
    const intro = root.querySelector(`:scope > .${INTRO}, :scope > .${QUOTE}`);
    if (intro) intro.before(made, emptyLine());
    else root.append(emptyLine(), made);
  }
}

/** Says whether nothing was written: signature and quote do not count. */
export function isUnwritten(root: HTMLElement): boolean {
  const skipped = `.${SIGNATURE}, .${INTRO}, .${QUOTE}`;
  for (const child of root.childNodes) {
    if (child instanceof Element && child.matches(skipped)) continue;
    if (child.textContent?.replace(/[\s\u200b]/g, '')) return false;
    if (child instanceof Element && (child.localName === 'img' || child.querySelector('img, hr, table'))) return false;
  }
  return true;
}

/** Says whether there is nothing at all, so that a placeholder may stand there. */
export function isBlank(root: HTMLElement): boolean {
  return !root.textContent?.replace(/[\s\u200b]/g, '') && !root.querySelector('img, hr, table, li, blockquote');
}
