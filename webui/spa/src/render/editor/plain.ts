/** A letter's text without markup, for those who read it so. */

const BLOCK =
  /^(?:ADDRESS|ARTICLE|ASIDE|BLOCKQUOTE|CAPTION|CENTER|DD|DETAILS|DIV|DL|DT|FIGCAPTION|FIGURE|FOOTER|H[1-6]|HEADER|HR|LI|MAIN|NAV|OL|P|PRE|SECTION|SUMMARY|TABLE|TBODY|TFOOT|THEAD|TR|UL)$/;
/** Blocks with an empty line before and after them. */
const APART = /^(?:H[1-6]|P|UL|OL|PRE|TABLE)$/;

class Lines {
  readonly done: string[] = [];
  #line = '';
  #prefix = '';
  /** The prefix of an empty line that is wanted. */
  #gap: string | null = null;
  /** How many lines there were when the quote or item began. */
  #start = 0;
  /** What the next line begins with instead, once: the mark of a list. */
  #first: string | null = null;

  add(text: string, isVerbatim: boolean): void {
    const plain = text.replace(/[\u200b\ufeff]/g, '');
    if (isVerbatim) {
      const [first, ...more] = plain.replaceAll('\u00a0', ' ').split('\n');
      this.#line += first!;
      for (const line of more) {
        this.end();
        this.#line = line;
      }
      return;
    }
    const words = plain.replace(/[ \t\r\n]+/g, ' ');
    const isSpaced = this.#line === '' || this.#line.endsWith(' ');
    // Spaces that were typed are none to be folded.
    this.#line += (isSpaced ? words.replace(/^ /, '') : words).replaceAll('\u00a0', ' ');
  }

  /** Ends the line, also an empty one. */
  end(): void {
    const line = this.#line === '-- ' ? this.#line : this.#line.trimEnd();
    const prefix = this.#first ?? this.#prefix;
    if (this.#gap !== null && !/^[> ]*(?:-- )?$/.test(this.done.at(-1) ?? '')) {
      // Of the outer of the two: a quote that ended has no more lines.
      const outer = this.#gap.length < this.#prefix.length ? this.#gap : this.#prefix;
      this.done.push(outer.trimEnd());
    }
    this.#gap = null;
    this.done.push(line ? prefix + line : prefix.trimEnd());
    this.#first = null;
    this.#line = '';
  }

  /** Ends the line if there is something on it. */
  close(): void {
    if (this.#line.trim() !== '') this.end();
    else this.#line = '';
  }

  /** Wants an empty line before the next, unless there is one or nothing stands above it. */
  gap(): void {
    if (this.done.length > this.#start) this.#gap ??= this.#prefix;
  }

  /** Writes what `inner` writes with `more` before each line, `first` before the first. */
  within(more: string, inner: () => void, first?: string): void {
    const [before, start] = [this.#prefix, this.#start];
    this.#prefix = before + more;
    this.#start = this.done.length;
    if (first !== undefined) this.#first = before + first;
    inner();
    this.close();
    this.#first = null;
    this.#prefix = before;
    this.#start = start;
  }
}

const numbers = new WeakMap<Element, number>();

function itemMark(item: Element): string {
  const list = item.parentElement;
  if (list?.nodeName !== 'OL') return '- ';
  if (!numbers.has(item)) {
    let number = Number(list.getAttribute('start')) || 1;
    for (const each of list.children) if (each.nodeName === 'LI') numbers.set(each, number++);
  }
  return `${numbers.get(item)}. `;
}

function isApart(element: Element): boolean {
  return APART.test(element.nodeName) && element.parentElement?.nodeName !== 'LI';
}

function writeLink(link: Element, lines: Lines): void {
  const text = (link.textContent ?? '').trim();
  const href = link.getAttribute('href') ?? '';
  const bare = (each: string) => each.replace(/^(?:https?:\/\/|mailto:)/i, '').replace(/\/$/, '');
  writeChildren(link, lines, false);
  if (href && !href.startsWith('#') && bare(href) !== bare(text)) lines.add(` <${href}>`, false);
}

function writeBlock(element: Element, lines: Lines): void {
  const name = element.nodeName;
  lines.close();
  if (isApart(element)) lines.gap();
  if (element.classList.contains('zegel-signature')) {
    lines.add('-- ', true);
    lines.end();
  }
  if (name === 'BLOCKQUOTE') lines.within('> ', () => writeChildren(element, lines, false));
  else if (name === 'LI') {
    const mark = itemMark(element);
    lines.within(' '.repeat(mark.length), () => writeChildren(element, lines, false), mark);
  } else if (name === 'HR') lines.add('-'.repeat(40), true);
  else writeChildren(element, lines, name === 'PRE');
  const last = element.lastChild;
  // A block with nothing but a line break is an empty line.
  if (name === 'DIV' && last?.nodeName === 'BR' && element.textContent?.trim() === '' && element.children.length === 1) {
    return;
  }
  lines.close();
  if (isApart(element) || name === 'BLOCKQUOTE') lines.gap();
}

function write(node: Node, lines: Lines, isVerbatim: boolean): void {
  if (node instanceof Text) {
    lines.add(node.data, isVerbatim || /pre/.test(node.parentElement?.style.whiteSpace ?? ''));
    return;
  }
  if (!(node instanceof Element)) return;
  if (node.nodeName === 'BR') {
    // The last of a block only holds it open.
    if (node.nextSibling || node.parentElement?.childNodes.length === 1) lines.end();
  } else if (node.nodeName === 'IMG') {
    const alt = node.getAttribute('alt')?.trim();
    if (alt) lines.add(`[${alt}]`, false);
  } else if (node.nodeName === 'A') writeLink(node, lines);
  else if (node.nodeName === 'TD' || node.nodeName === 'TH') {
    writeChildren(node, lines, isVerbatim);
    lines.add(' ', false);
  } else if (BLOCK.test(node.nodeName)) writeBlock(node, lines);
  else writeChildren(node, lines, isVerbatim);
}

function writeChildren(element: Element, lines: Lines, isVerbatim: boolean): void {
  for (const child of element.childNodes) write(child, lines, isVerbatim);
}

/** Returns what `root` says, as plain text: quotes with `>`, lists with marks, links with addresses. */
export function plainText(root: Element): string {
  const lines = new Lines();
  writeChildren(root, lines, false);
  lines.close();
  return lines.done.join('\n').replace(/^\n+|\n+$/g, '').replace(/\n{3,}/g, '\n\n') + '\n';
}
