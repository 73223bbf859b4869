/**
 * Makes a letter's HTML into elements that can do no harm.
 *
 * DOMPurify parses it in a document apart and keeps what our lists name (no script, form, frame,
 * drawing or formula is on them). What remains is then walked once, as elements and never again as
 * text: styles are filtered, names prefixed, links cleaned, pictures taken off the network. The
 * frame's own policy (WEBUI §4) holds what both of these would let through.
 */
import DOMPurify, { type Config } from 'dompurify';
import { cleanSheets, cleanStyle } from './css';
import { prefixed, prefixedClasses } from './names';
import { isTrackingUrl, isUnseen } from './trackers';

/** Of a letter's HTML; what is beyond is not shown. */
export const HTML_CHARACTERS = 3 * 1024 * 1024;

const TAGS = (
  'a abbr acronym address area article aside b bdi big blockquote br caption center cite code ' +
  'col colgroup dd del details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 ' +
  'header hgroup hr i img ins kbd li main map mark menu nav nobr ol p pre q rp rt ruby s samp ' +
  'section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul ' +
  'var wbr'
).split(' ');
const ATTRIBUTES = (
  'abbr align alt bgcolor border cellpadding cellspacing class clear color cols colspan compact ' +
  'coords dir face height hidden href hspace id lang name noshade nowrap open reversed role rows rowspan ' +
  'rules scope shape size span src srcset start style text title type usemap valign value vspace width'
).split(' ');

const CONFIG = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ATTRIBUTES,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  // Each address is looked at in the walk: here only what is plainly code goes.
  ALLOWED_URI_REGEXP: /^(?!\s*(?:javascript|vbscript|livescript|mocha):)/i,
  // Their text is nothing to read, as is that of elements that DOMPurify knows itself.
  ADD_FORBID_CONTENTS: ['applet', 'canvas', 'datalist', 'embed', 'object', 'option', 'select', 'textarea'],
  WHOLE_DOCUMENT: true,
  RETURN_DOM: true,
} satisfies Config;

/**
 * Elements that browsers act upon where a document is merely parsed: a `track` is fetched. All that
 * begins so is a tag, or lies where none is read.
 */
const ACTIVE = /<(?=(?:base|track)\b)/gi;
const DATA_PICTURE = /^data:image\/(?:png|jpe?g|gif|webp|avif|bmp);base64,[\w+/=%\s]*$/i;

/** A picture that is not there yet. */
export interface Picture {
  /** `inline` ones came with the letter, `remote` ones lie elsewhere. */
  kind: 'inline' | 'remote';
  /** A Content-ID without its brackets, or an address. */
  source: string;
  element: HTMLImageElement;
}

/** What was found, and what was done to it. */
export interface Counts {
  /** Pictures that only tell of an opening; they are never loaded. */
  trackers: number;
  /** Parameters of links that follow the reader. */
  stripped: number;
  /** Redirecting services that links no longer pass. */
  unwrapped: number;
  /** Whether the letter had a form, or anything else that asks to be filled in. */
  forms: boolean;
  /** Whether it was too long to be shown whole. */
  cut: boolean;
}

export interface Cleaned {
  /** What is to be shown: the letter's page as one element with the class `scope`. */
  page: HTMLElement;
  /** Style sheets, for elements within `scope`. */
  css: string;
  pictures: Picture[];
  counts: Counts;
}

export interface Purpose {
  /** A class name for the letter's page; empty where rules hold as they are written. */
  scope: string;
  /** Whether the letter is a draft of our own, whose marks stay. */
  own: boolean;
  /**
   * Sees to a link (`a` or `area`) whose address was taken off it. Addresses within the letter have
   * been seen to.
   */
  link(anchor: Element, href: string, cleaned: Cleaned): void;
}

let sheets: string[] = [];
let forms = false;

function beforeElement(node: Node): void {
  if (!(node instanceof Element)) return;
  const name = node.localName;
  if (name === 'form' || name === 'input' || name === 'button' || name === 'textarea') forms = true;
  if (name === 'style' && node instanceof HTMLElement) {
    // Taken here as text: DOMPurify drops sheets that are wrapped in `<!--`, as many are.
    sheets.push(node.textContent);
    node.textContent = '';
  }
}

let isReady = false;

function purified(html: string): HTMLElement {
  if (!isReady) {
    DOMPurify.addHook('beforeSanitizeElements', (node) => beforeElement(node));
    isReady = true;
  }
  sheets = [];
  forms = false;
  const root = DOMPurify.sanitize(html.replace(ACTIVE, '<x-'), CONFIG) as HTMLElement;
  DOMPurify.removed = [];
  return root;
}

/**
 * Makes elements of HTML that our own editor wrote, for going back to it. Its marks for the
 * selection stay, as do addresses of pictures that it made.
 */
export function undone(html: string): HTMLElement {
  const root = DOMPurify.sanitize(html, {
    ...CONFIG,
    ALLOWED_TAGS: [...TAGS, 'input'],
    ALLOWED_ATTR: [...ATTRIBUTES, 'data-zegel-src'],
    WHOLE_DOCUMENT: false,
  }) as HTMLElement;
  DOMPurify.removed = [];
  return document.adoptNode(root);
}

function nameAttributes(element: Element, { own }: Purpose): void {
  const classes = element.getAttribute('class');
  if (classes !== null) element.setAttribute('class', prefixedClasses(classes, { own }));
  for (const attribute of ['id', 'name']) {
    const name = element.getAttribute(attribute);
    if (name !== null) element.setAttribute(attribute, prefixed(name));
  }
  const map = element.getAttribute('usemap');
  if (map !== null) element.setAttribute('usemap', `#${prefixed(map.replace(/^#/, ''))}`);
  const role = element.getAttribute('role');
  if (role !== null && !/^(?:presentation|none)$/.test(role)) element.removeAttribute('role');
}

function cleanAnchor(anchor: Element, cleaned: Cleaned, purpose: Purpose): void {
  const href = anchor.getAttribute('href')?.trim();
  anchor.removeAttribute('href');
  if (href?.startsWith('#')) anchor.setAttribute('href', `#${prefixed(href.slice(1))}`);
  else if (href) purpose.link(anchor, href, cleaned);
}

function contentId(source: string): string {
  const plain = source.replace(/^\s*cid:/i, '').trim();
  try {
    return decodeURIComponent(plain).replace(/^<|>$/g, '');
  } catch {
    return plain;
  }
}

function pictureSource(image: Element): string {
  const source = image.getAttribute('src')?.trim();
  const first = image.getAttribute('srcset')?.trim().split(/[\s,]+/, 1)[0];
  image.removeAttribute('srcset');
  image.removeAttribute('src');
  // Taken out as a browser would: it ignores these within an address.
  return (source || first || '').replace(/[\t\n\r]/g, '');
}

function cleanPicture(image: HTMLImageElement, cleaned: Cleaned): void {
  const source = pictureSource(image);
  if (DATA_PICTURE.test(source)) {
    image.setAttribute('src', source);
  } else if (/^cid:/i.test(source)) {
    cleaned.pictures.push({ kind: 'inline', source: contentId(source), element: image });
  } else if (/^(?:https?:)?\/\//i.test(source)) {
    const url = source.startsWith('//') ? `https:${source}` : source;
    if (isUnseen(image) || isTrackingUrl(url)) {
      cleaned.counts.trackers += 1;
      image.remove();
    } else if (URL.canParse(url)) {
      cleaned.pictures.push({ kind: 'remote', source: new URL(url).href, element: image });
    }
  }
}

/** The letter's page as an element: what its `body` said of colours holds for it. */
function pageOf(root: HTMLElement): HTMLElement {
  // A page of frames has none.
  const body = root.querySelector('body') ?? root.ownerDocument.createElement('body');
  const page = root.ownerDocument.createElement('div');
  for (const name of ['style', 'class', 'dir', 'lang', 'id']) {
    const value = body.getAttribute(name);
    if (value !== null) page.setAttribute(name, value);
  }
  for (const [attribute, property] of [['bgcolor', 'background-color'], ['text', 'color']] as const) {
    const color = body.getAttribute(attribute) ?? '';
    if (/^#?\w+$/.test(color) && !page.style.getPropertyValue(property)) {
      page.style.setProperty(property, color);
    }
  }
  page.append(...body.childNodes);
  return page;
}

function cleanElement(element: Element, cleaned: Cleaned, purpose: Purpose): void {
  const style = element.getAttribute('style');
  if (style !== null) {
    const kept = cleanStyle(style);
    if (kept) element.setAttribute('style', kept);
    else element.removeAttribute('style');
  }
  if (!/^(?:abbr|acronym)$/.test(element.localName)) element.removeAttribute('title');
  nameAttributes(element, purpose);
  if (/^(?:a|area)$/.test(element.localName)) cleanAnchor(element, cleaned, purpose);
  else element.removeAttribute('href');
  if (element instanceof HTMLImageElement) cleanPicture(element, cleaned);
  else for (const name of ['src', 'srcset']) element.removeAttribute(name);
}

/** Cleans a letter's HTML for a page of ours. */
export function clean(html: string, purpose: Purpose): Cleaned {
  const cut = html.length > HTML_CHARACTERS;
  const root = purified(cut ? html.slice(0, HTML_CHARACTERS) : html);
  const cleaned: Cleaned = {
    page: pageOf(root),
    css: cleanSheets(sheets, purpose.scope && `.${purpose.scope}`),
    pictures: [],
    counts: { trackers: 0, stripped: 0, unwrapped: 0, forms, cut },
  };
  sheets = [];
  const { page } = cleaned;
  for (const element of [page, ...page.querySelectorAll('*')]) {
    cleanElement(element, cleaned, purpose);
  }
  if (purpose.scope) page.classList.add(purpose.scope);
  // Only now: pictures are fetched from the moment they belong to a page that is shown.
  document.adoptNode(page);
  return cleaned;
}
