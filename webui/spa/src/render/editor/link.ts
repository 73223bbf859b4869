/** Links in a draft: what may be one, and nothing else is looked at. They stay as they are written. */

const SCHEME = /^(?:https?:\/\/|mailto:|tel:)/i;

/** Keeps a link of what is quoted, pasted or opened, if it is one. */
export function keepLink(anchor: Element, href: string): void {
  if (SCHEME.test(href) && URL.canParse(href)) anchor.setAttribute('href', href);
}

/** Returns the address that somebody typed; null where it is none. */
export function typedLink(text: string): string | null {
  const plain = text.trim();
  if (SCHEME.test(plain)) return URL.canParse(plain) ? plain : null;
  if (/^[^\s/@]+@[^\s/@]+\.[^\s/@]+$/.test(plain)) return `mailto:${plain}`;
  const guessed = `https://${plain}`;
  return /^[^\s:]+\.[^\s:]{2,}/.test(plain) && URL.canParse(guessed) ? guessed : null;
}
