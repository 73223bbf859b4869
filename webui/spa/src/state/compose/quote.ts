/** Text of others within one's own; pure (RFC 3676 §4.3 for signatures and marks). */

/** Returns the text with a mark before each line; the signature and empty lines at the end go. */
export function quoted(text: string): string {
  const lines = withoutSignature(text).split('\n');
  return lines.map((line) => (line.startsWith('>') ? `>${line}` : line ? `> ${line}` : '>')).join('\n');
}

/** Returns the text without its signature, and without empty lines around it. */
export function withoutSignature(text: string): string {
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  const mark = lines.lastIndexOf('-- ');
  const kept = mark >= 0 ? lines.slice(0, mark) : lines;
  return kept.join('\n').replace(/^\n+|\s+$/g, '');
}

/** Returns what a plain-text answer begins with: room to write, who wrote, and what. */
export function quotedAnswer(text: string, attribution: string, signature = ''): string {
  return `\n\n${attribution}\n${quoted(text)}\n${signed(signature)}`;
}

/** Returns what a forwarded plain text begins with: room to write, its header, and all of it. */
export function forwardedText(text: string, title: string, header: readonly (readonly [string, string])[]): string {
  const lines = header.filter(([, value]) => value).map(([name, value]) => `${name}: ${value}`);
  return `\n\n---------- ${title} ----------\n${lines.join('\n')}\n\n${text.replace(/\r\n?/g, '\n')}`;
}

/** Returns a signature as it stands below a text; nothing where there is none. */
export function signed(signature: string): string {
  return signature.trim() ? `\n-- \n${signature.trim()}\n` : '';
}
