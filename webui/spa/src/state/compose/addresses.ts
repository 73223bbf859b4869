/** Addresses as people write and paste them; pure (RFC 5322 §3.4). */
import type { Address } from '@/jmap/types';

export interface Parsed {
  addresses: Address[];
  /** What is no address, as it was written. */
  rest: string;
}

const ATEXT = String.raw`[\p{L}\p{N}!#$%&'*+/=?^_\x60{|}~\u00a0-\uffff-]+`;
const LABEL = String.raw`[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?`;
const ADDRESS = new RegExp(
  String.raw`^(?:${ATEXT}(?:\.${ATEXT})*|"(?:[^"\\\r\n]|\\.)+")@(?:${LABEL}(?:\.${LABEL})+|\[[0-9a-f.:]+\])$`,
  'iu',
);
const LONGEST = 254; // RFC 5321 §4.5.3.1.3

/** Says whether a text is one address, as in `anna@example.org`. */
export function isAddress(text: string): boolean {
  return text.length <= LONGEST && ADDRESS.test(text);
}

/** Says whether two addresses are the same to people: case does not count. */
export function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Returns the domain of an address, in lower case. */
export function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1).toLowerCase();
}

/** Returns addresses each once, without those in `not`; the first of the same stays. */
export function unique(addresses: readonly Address[], not: readonly string[] = []): Address[] {
  const seen = new Set(not.map((each) => each.toLowerCase()));
  return addresses.filter(({ email }) => {
    const key = email.toLowerCase();
    return !seen.has(key) && Boolean(seen.add(key));
  });
}

/** Writes an address as it is copied into other programs. */
export function formatAddress({ name, email }: Address): string {
  if (!name) return email;
  const plain = /^[\p{L}\p{N} !#$%&'*+/=?^_`{|}~-]*$/u.test(name);
  return `${plain ? name : `"${name.replace(/["\\]/g, '\\$&')}"`} <${email}>`;
}

/** Reads a list with commas, semicolons or lines between; what is no address is given back. */
export function parseAddresses(text: string): Parsed {
  const addresses: Address[] = [];
  const rest: string[] = [];
  for (const piece of separated(text)) {
    const found = parsed(piece);
    if (found) addresses.push(found);
    else rest.push(piece);
  }
  return { addresses, rest: rest.join(', ') };
}

/** Cuts where a separator stands outside of quotes and angle brackets. */
function separated(text: string): string[] {
  const pieces: string[] = [];
  let piece = '';
  let isQuoted = false;
  let isAngled = false;
  for (const [n, letter] of [...text].entries()) {
    if (letter === '"' && [...text][n - 1] !== '\\') isQuoted = !isQuoted;
    if (!isQuoted && letter === '<') isAngled = true;
    if (!isQuoted && letter === '>') isAngled = false;
    if (/[,;\n\r]/.test(letter) && !isQuoted && !isAngled) {
      pieces.push(piece);
      piece = '';
    } else {
      piece += letter;
    }
  }
  pieces.push(piece);
  return pieces.map((each) => each.trim()).filter(Boolean);
}

function parsed(piece: string): Address | undefined {
  const named = /^(.*)<([^<>]*)>$/s.exec(piece);
  const email = (named?.[2] ?? piece).trim().replace(/^mailto:/i, '');
  if (!isAddress(email)) return undefined;
  const name = unquoted((named?.[1] ?? '').trim());
  return { name: name && !isSame(name, email) ? name : null, email };
}

function unquoted(name: string): string {
  const quoted = /^(["'])(.*)\1$/s.exec(name);
  return (quoted?.[2] ?? name).replace(/\\(.)/g, '$1').replace(/\s+/g, ' ').trim();
}
