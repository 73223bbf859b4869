/** A search as it is typed, cut into words, phrases and operators; pure. */
export interface Token {
  /** Name before the colon, in lower case; empty for free text. */
  name: string;
  /** What is looked for, without quotes. */
  value: string;
  /** Whether it must not occur. */
  isNot: boolean;
  isPhrase: boolean;
  /** Where it stands in what was typed. */
  start: number;
  end: number;
}

/** A quoted phrase, which may lack its end; else what stands up to the next space. */
const TOKEN = /(-?)(?:([\p{L}]+):)?(?:["“„]([^"”“]*)["”“]?|(\S+))?/gu;

/** Cuts `text`; a name that is none of `names` is part of a word, as in `http:`. */
export function tokens(text: string, names: ReadonlySet<string>): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  for (const hit of text.matchAll(TOKEN)) {
    const [whole, minus, said = '', phrase, word] = hit;
    if (!whole) continue;
    const name = said.toLowerCase();
    const isName = name !== '' && names.has(name);
    const bare = word ?? '';
    const value = phrase ?? (isName || !said ? bare : `${said}:${bare}`);
    const isAlone = minus === '-' && !isName && value === '';
    if (isAlone || (!isName && value === '')) continue;
    const start = hit.index;
    const token = { value, isNot: minus === '-', isPhrase: phrase !== undefined };
    found.push({ name: isName ? name : '', ...token, start, end: start + whole.length });
  }
  return found;
}
