/**
 * Reads plain text as it was meant: paragraphs, quotes within quotes, the signature, links.
 *
 * Source: RFC 3676 (format=flowed, quotes, the signature's separator).
 */
import { cleanLink, doubtsOf, type Doubt } from '../links';

/** Of a letter's text; what is beyond is not shown. */
const TEXT_CHARACTERS = 1024 * 1024;
const DEPTH = 20;
/** Quotes of fewer lines stay open. */
export const FOLDED_LINES = 5;

/** A piece of a line: words, or a link. */
export type Piece = { text: string } | { text: string; href: string; doubts: Doubt[] };

export interface Words {
  kind: 'words' | 'signature';
  /** Each line in its pieces. */
  lines: Piece[][];
}

export interface Quoted {
  kind: 'quote';
  blocks: Block[];
  /** How many lines it has, with those of quotes within. */
  count: number;
  /** Whether it begins folded: it is long, or nothing follows it. */
  folded: boolean;
}

export type Block = Words | Quoted;

export interface TextForm {
  /** Whether lines that end in a space go on (`format=flowed`). */
  flowed?: boolean;
  /** Whether that space is then taken out (`delsp=yes`). */
  delsp?: boolean;
}

interface Line {
  depth: number;
  text: string;
}

/** Each part has a bound and a beginning of its own, or a long line would take for ever. */
const LINK =
  /(?:https?:\/\/|mailto:|www\.)[^\s<>"“”«»]{1,2000}|(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/giu;
const PAIRS: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

/** Returns how much of a link is no punctuation of the sentence around it. */
function linkEnd(found: string): number {
  let end = found.length;
  for (; end > 0; end -= 1) {
    const last = found[end - 1]!;
    const opening = PAIRS[last];
    const part = found.slice(0, end);
    if (opening ? part.split(opening).length >= part.split(last).length : !/[.,;:!?'’*_~]/.test(last)) break;
  }
  return end;
}

/** Splits a line at the links that are in it. */
export function pieces(line: string): Piece[] {
  const made: Piece[] = [];
  let done = 0;
  for (const match of line.matchAll(LINK)) {
    const text = match[0].slice(0, linkEnd(match[0]));
    const isAddress = !/^(?:https?:\/\/|mailto:|www\.)/i.test(text);
    const link = cleanLink(isAddress ? `mailto:${text}` : text);
    if (!link) continue;
    if (match.index > done) made.push({ text: line.slice(done, match.index) });
    // Its text is its own address: that another one follows after unwrapping is no deceit.
    made.push({ text, href: link.href, doubts: doubtsOf(link.href, '') });
    done = match.index + text.length;
  }
  if (done < line.length || made.length === 0) made.push({ text: line.slice(done) });
  return made;
}

function flowedLines(raw: readonly string[], delsp: boolean): Line[] {
  const lines: Line[] = [];
  let isOpen = false;
  for (const each of raw) {
    const depth = /^>*/.exec(each)![0].length;
    const text = each.slice(depth).replace(/^ /, '');
    const isSignature = text === '-- ';
    const last = lines.at(-1);
    if (isOpen && last && last.depth === depth && !isSignature) last.text += text;
    else lines.push({ depth, text });
    isOpen = text.endsWith(' ') && !isSignature;
    const now = lines.at(-1)!;
    if (isOpen && delsp) now.text = now.text.slice(0, -1);
  }
  return lines;
}

function fixedLines(raw: readonly string[]): Line[] {
  return raw.map((each) => {
    const marks = /^(?:> ?)*/.exec(each)![0];
    return { depth: marks.split('>').length - 1, text: each.slice(marks.length) };
  });
}

function wordsOf(lines: readonly Line[]): Words[] {
  const at = lines.findIndex((line) => /^-- ?$/.test(line.text));
  const parts = at < 0 ? [lines] : [lines.slice(0, at), lines.slice(at)];
  return parts
    .map((part, index) => ({
      kind: index === 0 ? ('words' as const) : ('signature' as const),
      lines: part.map((line) => pieces(line.text)),
    }))
    .filter((part) => part.lines.length > 0);
}

function blocksOf(lines: readonly Line[], depth: number): Block[] {
  const blocks: Block[] = [];
  for (let start = 0; start < lines.length; ) {
    const isQuote = lines[start]!.depth > depth;
    let end = start;
    while (end < lines.length && lines[end]!.depth > depth === isQuote) end += 1;
    const part = lines.slice(start, end);
    if (!isQuote) blocks.push(...wordsOf(part));
    else {
      const inner = depth + 1 < DEPTH ? blocksOf(part, depth + 1) : wordsOf(part);
      blocks.push({ kind: 'quote', blocks: inner, count: part.length, folded: part.length >= FOLDED_LINES });
    }
    start = end;
  }
  return blocks;
}

function isVoid(block: Block): boolean {
  return block.kind === 'words' && block.lines.every((line) => line.every((piece) => piece.text.trim() === ''));
}

/** Reads the text of a letter. */
export function readText(text: string, { flowed = false, delsp = false }: TextForm = {}): Block[] {
  const raw = text.slice(0, TEXT_CHARACTERS).replace(/\r\n?/g, '\n').replace(/\n+$/, '').split('\n');
  const blocks = blocksOf(flowed ? flowedLines(raw, delsp) : fixedLines(raw), 0);
  const last = blocks.findLast((block) => block.kind !== 'signature' && !isVoid(block));
  // What is quoted below an answer is known; a letter that is nothing but a quote is not folded.
  if (last?.kind === 'quote') last.folded = blocks.some((block) => block.kind === 'words' && !isVoid(block));
  return blocks;
}
