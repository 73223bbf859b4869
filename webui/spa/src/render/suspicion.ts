/**
 * Signs that a letter is not from whom it seems: looked for in what the reader sees of the sender,
 * and in what our server found when the letter came.
 *
 * Pure: facts go in, signs with the values of their words come out (`render.sign_…`).
 */
import { asciiHost, imitates, isDisguised, isOneOff, isSameSite, shownHost, skeleton } from './hosts';

export interface Party {
  name: string;
  /** An address; empty where there is none. */
  email: string;
}

export interface Facts {
  from: Party;
  /** Where an answer would go, if the letter says so. */
  replyTo?: Party | undefined;
  /** The Authentication-Results fields, the topmost first. */
  results: readonly string[];
  /** Our own name in those fields; without it the topmost is taken for ours. */
  host?: string | undefined;
  /** Whom the reader knows. */
  contacts: readonly Party[];
  /** Domains of the reader's own organisation. */
  ownDomains: readonly string[];
}

export type Sign =
  | { kind: 'dmarc'; weight: 'danger' | 'warn'; values: { domain: string } }
  | { kind: 'disguised'; weight: 'danger'; values: { address: string } }
  | { kind: 'lookalike'; weight: 'danger'; values: { address: string; known: string } }
  | { kind: 'name'; weight: 'danger' | 'warn'; values: { named: string; address: string } }
  | { kind: 'contact'; weight: 'warn'; values: { named: string; known: string } }
  | { kind: 'reply'; weight: 'warn'; values: { reply: string; address: string } };

/** Returns the domain of an address, in small letters and A-labels. */
export function domainOf(email: string): string {
  const at = email.lastIndexOf('@');
  return at < 0 ? '' : asciiHost(email.slice(at + 1));
}

function localPart(email: string): string {
  return email.slice(0, Math.max(0, email.lastIndexOf('@'))).toLowerCase();
}

function isSameAddress(one: string, other: string): boolean {
  return localPart(one) === localPart(other) && domainOf(one) === domainOf(other);
}

/** Takes comments and quoted strings out of a field, so that nothing in them passes for a result. */
function bare(field: string): string {
  let text = '';
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < field.length; at += 1) {
    const letter = field[at]!;
    if (letter === '\\') at += 1;
    else if (depth === 0 && letter === '"') isQuoted = !isQuoted;
    else if (!isQuoted && letter === '(') depth += 1;
    else if (!isQuoted && letter === ')') depth = Math.max(0, depth - 1);
    else if (depth === 0) text += isQuoted && /[;=\s]/.test(letter) ? '_' : letter;
  }
  return text;
}

export interface Dmarc {
  result: string;
  /** The domain of the author's address that was looked at. */
  domain: string;
}

/** Returns what our server found of DMARC; null where it looked at nothing. Source: RFC 8601 §2.2. */
export function dmarcOf(results: readonly string[], host?: string): Dmarc | null {
  for (const field of results) {
    const [name = '', ...findings] = bare(field).split(';');
    const said = name.trim().split(/\s+/, 1)[0]!.toLowerCase();
    if (host !== undefined && said !== host.toLowerCase()) continue;
    for (const finding of findings) {
      const found = /^\s*dmarc\s*=\s*(\w+)/i.exec(finding);
      if (!found) continue;
      const domain = /\bheader\.from\s*=\s*([^\s;]+)/i.exec(finding)?.[1] ?? '';
      return { result: found[1]!.toLowerCase(), domain: domain.toLowerCase() };
    }
    return null;
  }
  return null;
}

const NAME_CHARACTERS = 512;
const ADDRESS = /[\p{L}\p{N}._%+-]+@(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}/giu;

/** Returns an address within a display name that is another than the sender's own. */
function addressInName({ name, email }: Party): string | null {
  // Written with other signs, it is still read as one.
  const plain = name.slice(0, NAME_CHARACTERS).normalize('NFKC').replace(/[\u200b-\u200f\u2060\ufeff\u00ad]/g, '');
  for (const [found] of plain.replace(/\s*(?:\(at\)|\[at\]|＠)\s*/gi, '@').matchAll(ADDRESS)) {
    if (!isSameAddress(found, email)) return found;
  }
  return null;
}

/** Returns the address or domain of `known` that an address wants to be taken for; null for none. */
export function lookalikeOf(email: string, known: readonly string[]): string | null {
  const [local, domain] = [localPart(email), domainOf(email)];
  if (!domain) return null;
  if (known.some((each) => (each.includes('@') ? isSameAddress(each, email) : asciiHost(each) === domain))) {
    return null;
  }
  for (const each of known) {
    if (imitates(domain, each.includes('@') ? domainOf(each) : each)) return each;
  }
  // The same domain, one letter off: `j.jansen@` for `j.janssen@`. Of public hosts they differ by chance.
  for (const each of known) {
    if (!each.includes('@') || domainOf(each) !== domain) continue;
    const [one, other] = [skeleton(local), skeleton(localPart(each))];
    if (other.length >= 8 && (one === other || isOneOff(one, other))) return each;
  }
  return null;
}

/** Names that many share, or that are no person's. */
const LEAST_NAME = 5;

const plainName = (name: string) => name.normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim();

/** Returns a contact with this name and another address. */
function otherContact({ name, email }: Party, contacts: readonly Party[]): Party | null {
  const wanted = plainName(name);
  if (wanted.length < LEAST_NAME || !wanted.includes(' ')) return null;
  const same = contacts.filter((contact) => plainName(contact.name) === wanted);
  if (same.some((contact) => isSameAddress(contact.email, email))) return null;
  return same[0] ?? null;
}

function senderSigns({ from, contacts, ownDomains }: Facts): Sign[] {
  const address = from.email;
  const domain = domainOf(address);
  const signs: Sign[] = [];
  const isOwn = ownDomains.some((own) => asciiHost(own) === domain);
  if (isDisguised(domain)) {
    signs.push({ kind: 'disguised', weight: 'danger', values: { address: `${shownHost(domain)} (${domain})` } });
  }
  const known = lookalikeOf(address, [...ownDomains, ...contacts.map((contact) => contact.email)]);
  if (known && !isOwn) signs.push({ kind: 'lookalike', weight: 'danger', values: { address, known } });
  const named = addressInName(from);
  if (named) {
    const weight = isSameSite(domainOf(named), domain) ? 'warn' : 'danger';
    signs.push({ kind: 'name', weight, values: { named, address } });
  }
  const contact = otherContact(from, contacts);
  if (contact && !known && !isOwn) {
    signs.push({ kind: 'contact', weight: 'warn', values: { named: from.name, known: contact.email } });
  }
  return signs;
}

/** Returns the signs of deceit in a letter, the heaviest first. */
export function signsOf(facts: Facts): Sign[] {
  const { from, replyTo, results, host, contacts, ownDomains } = facts;
  const signs: Sign[] = [];
  const domain = domainOf(from.email);
  const dmarc = dmarcOf(results, host);
  if (dmarc && dmarc.result === 'fail') {
    const isFamiliar = [...ownDomains, ...contacts.map((contact) => domainOf(contact.email))].some(
      (each) => asciiHost(each) === domain,
    );
    // Of a domain that the reader trusts it weighs more; forwarding breaks it for others.
    signs.push({ kind: 'dmarc', weight: isFamiliar ? 'danger' : 'warn', values: { domain: shownHost(domain) } });
  }
  signs.push(...senderSigns(facts));
  if (replyTo?.email && !isSameSite(domainOf(replyTo.email), domain) && signs.length > 0) {
    signs.push({ kind: 'reply', weight: 'warn', values: { reply: replyTo.email, address: from.email } });
  }
  return signs.sort((one, other) => Number(other.weight === 'danger') - Number(one.weight === 'danger'));
}
