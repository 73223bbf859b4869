/**
 * What stays of a letter's styles: what draws text and boxes, and nothing that asks the network,
 * leaves its place or lies over something else.
 *
 * The browser parses (nothing of a sheet that is not in use is fetched) and what is written is its
 * own writing of what it understood, so that escapes and comments hide nothing.
 */
import { prefixed } from './names';

/** Of all style sheets of a letter together; what is beyond is left out. */
const SHEET_CHARACTERS = 512 * 1024;
const RULES = 4000;

const PROPERTIES = new RegExp(
  `^(?:${[
    'background-color|background-image|background-repeat|background-size|background-clip',
    'background-position(?:-[xy])?|background-origin',
    'border-(?:(?:top|right|bottom|left)-(?:color|style|width)|collapse|spacing)',
    'border-(?:top|bottom)-(?:left|right)-radius',
    'margin-(?:top|right|bottom|left)|padding-(?:top|right|bottom|left)',
    '(?:min-|max-)?(?:width|height)|box-sizing|overflow-wrap|overflow-[xy]|float|clear',
    'color|opacity|display|visibility|direction|vertical-align|object-fit',
    'font-(?:family|size|style|weight|stretch|variant(?:-caps|-numeric)?)|line-height',
    'letter-spacing|word-spacing|text-(?:align|indent|transform|overflow)',
    'text-decoration-(?:line|color|style)|white-space(?:-collapse)?|text-wrap-mode|word-break',
    'list-style-(?:type|position)|table-layout|caption-side',
    'align-(?:items|content|self)|justify-content|flex-(?:grow|shrink|basis|direction|wrap)',
    'row-gap|column-gap',
  ].join('|')})$`,
);
const FUNCTIONS = new Set(
  'rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix calc min max clamp linear-gradient radial-gradient repeating-linear-gradient repeating-radial-gradient'.split(
    ' ',
  ),
);
/** A frame is as high as its letter: what is measured by the frame's height would never end. */
const BY_HEIGHT = /\d[sld]?v(?:h|min|max|b)\b/i;

/** Says whether a value as the browser writes it may stay. */
export function isSafeValue(property: string, value: string): boolean {
  // A shorthand with an address in it leaves `initial` for all that it did not name.
  if (!value || value === 'initial' || value.length > 1000 || /[\\<>@{};]/.test(value)) return false;
  for (const [, name] of value.matchAll(/([\w-]*)\(/g)) {
    if (!FUNCTIONS.has(name!.toLowerCase())) return false;
  }
  if (BY_HEIGHT.test(value)) return false;
  // Pulled over what comes before, it would lie over somebody else's words.
  if (/^(?:margin|text-indent)/.test(property) && /(?:^|[\s(,])-\d/.test(value)) return false;
  return true;
}

/** Says whether a declaration may stay. */
export function isSafe(property: string, value: string): boolean {
  return PROPERTIES.test(property) && isSafeValue(property, value);
}

const SIMPLE =
  /^(?:\*|[a-z][a-z\d]*)?(?:[.#][\w-]+|:(?:link|hover|focus|active|first-child|last-child|only-child|first-of-type|last-of-type|nth-(?:last-)?(?:child|of-type)\([\dn+\- a-z]+\)))*$/i;

const SELECTOR_CHARACTERS = 300;
/** A combinator, or space; not within the parentheses of `nth-child`. */
const COMBINED = /\s*([>+~])\s*(?![^(]*\))|\s+(?![^(]*\))/;

/** Returns one selector for elements under `scope`, its names prefixed; null where it may not stay. */
function scopedSelector(selector: string, scope: string): string | null {
  if (selector.length > SELECTOR_CHARACTERS) return null;
  // `html > body` is the letter's own page, which is the element that holds it.
  const plain = selector.trim().replace(/^html[\s>]+(?=body\b)/i, '');
  const words = plain.split(COMBINED).filter((word) => word !== undefined);
  const written: string[] = [];
  for (const [at, word] of words.entries()) {
    if (/^[>+~]$/.test(word)) {
      written.push(word);
      continue;
    }
    if (!SIMPLE.test(word) || word === '') return null;
    const named = word.replace(/([.#])([\w-]+)/g, (_, mark: string, name: string) => mark + prefixed(name));
    const page = /^(?:html|body)\b/i.exec(named);
    if (page && at > 0) return null;
    written.push(page ? scope + named.slice(page[0].length) : named);
  }
  const text = written.join(' ');
  if (!text) return null;
  return !scope || text.startsWith(scope) ? text : `${scope} ${text}`;
}

/** Returns a list of selectors for elements under `scope`; empty where none may stay. */
export function scopedSelectors(list: string, scope: string): string {
  // Attribute selectors and functions with commas go as a whole, so a plain split is enough.
  return list
    .split(',')
    .map((each) => scopedSelector(each, scope))
    .filter((each) => each !== null)
    .join(', ');
}

const MEDIA = /^[\w\s():,.\-<>=/]+$/;

/** Says whether the rules of a media query may stay. The sheet that letters lie on is light. */
export function isPlainMedia(text: string): boolean {
  return MEDIA.test(text) && !/prefers-|scripting|height|aspect/i.test(text);
}

let sheet: CSSStyleSheet | undefined;
let written: CSSStyleDeclaration | undefined;

/** A style that is on no page: to read declarations with and to write them. */
function scratch(): CSSStyleDeclaration {
  if (!written) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync('a{}b{}');
    written = (sheet.cssRules[1] as CSSStyleRule).style;
  }
  return written;
}

function filtered(from: CSSStyleDeclaration): string {
  const to = scratch();
  to.cssText = '';
  for (const property of from) {
    const value = from.getPropertyValue(property);
    if (isSafe(property, value)) to.setProperty(property, value, from.getPropertyPriority(property));
  }
  // Written together again, properties could only have become what each of them may be.
  return /[<\\@{}]|url\(/i.test(to.cssText) ? '' : to.cssText;
}

/** Letters say the same again and again; what they said is kept up to this many. */
const REMEMBERED = 2000;
const cleaned = new Map<string, string>();

/** Returns what may stay of a `style` attribute. */
export function cleanStyle(text: string): string {
  let found = cleaned.get(text);
  if (found === undefined) {
    scratch();
    const read = (sheet!.cssRules[0] as CSSStyleRule).style;
    read.cssText = text;
    found = filtered(read);
    if (cleaned.size >= REMEMBERED) cleaned.clear();
    cleaned.set(text, found);
  }
  return found;
}

interface Bound {
  rules: number;
}

function cleanRules(rules: CSSRuleList, scope: string, left: Bound): string {
  let text = '';
  for (const rule of rules) {
    if (--left.rules < 0) break;
    if (rule instanceof CSSStyleRule) {
      const selectors = scopedSelectors(rule.selectorText, scope);
      const declarations = selectors && filtered(rule.style);
      if (declarations) text += `${selectors} { ${declarations} }\n`;
    } else if (rule instanceof CSSMediaRule && isPlainMedia(rule.media.mediaText)) {
      const inner = cleanRules(rule.cssRules, scope, left);
      if (inner) text += `@media ${rule.media.mediaText} {\n${inner}}\n`;
    }
  }
  return text;
}

/** Returns what may stay of style sheets, for elements under the selector `scope`. */
export function cleanSheets(texts: readonly string[], scope: string): string {
  const left = { rules: RULES };
  let octets = SHEET_CHARACTERS;
  let result = '';
  for (const text of texts) {
    const parsed = new CSSStyleSheet();
    parsed.replaceSync(text.slice(0, octets));
    octets -= Math.min(octets, text.length);
    result += cleanRules(parsed.cssRules, scope, left);
  }
  return result.includes('<') ? '' : result;
}
