/** Whom an answer goes to, and what it is called; pure (RFC 5322 §3.6.3, §3.6.4). */
import type { Address, EmailHead } from '@/jmap/types';
import { isSame, unique } from './addresses';

export type ReplyKind = 'sender' | 'all' | 'list';

/** What an answer takes from what it answers. */
export interface Answer {
  to: Address[];
  cc: Address[];
  subject: string;
  inReplyTo: string[] | null;
  references: string[] | null;
  /** Which of one's own addresses the message came to; undefined where none is named. */
  from: string | undefined;
}

type Original = Pick<
  EmailHead,
  'from' | 'to' | 'cc' | 'bcc' | 'replyTo' | 'subject' | 'messageId' | 'inReplyTo' | 'references'
> & { 'header:List-Post:asURLs'?: string[] | null };

/** Marks of answers that programs write, in the languages of our readers and their neighbours. */
const REPLY_MARKS = /^\s*((re|aw|antw|antwoord|sv|vs|odp|rif|r[ée]f)(\s*\[\d+\]|\(\d+\)|\^\d+)?\s*:\s*)+/i;
const FORWARD_MARKS = /^\s*((fw|fwd|doorst|wg|tr|vb|i)\s*:\s*)+/i;
const MOST_REFERENCES = 40; // the first and the newest; a header line stays below 4 KB

/** Derives an answer; `own` are one's own addresses. */
export function replyTo(original: Original, kind: ReplyKind, own: readonly string[]): Answer {
  const isMine = (address: Address) => own.some((each) => isSame(each, address.email));
  const authors = original.from ?? [];
  const wroteIt = authors.length > 0 && authors.every(isMine);
  const { to, cc } = wroteIt
    ? again(original, kind)
    : answering(original, kind, own);
  return {
    to,
    cc,
    subject: replySubject(original.subject),
    ...threading(original),
    from: ownAddress(original, own),
  };
}

/** What one sent oneself is answered to those who got it. */
function again(original: Original, kind: ReplyKind): { to: Address[]; cc: Address[] } {
  const to = unique(original.to ?? []);
  const cc = kind === 'all' ? unique(original.cc ?? [], emailsOf(to)) : [];
  return to.length > 0 || cc.length > 0 ? { to, cc } : { to: unique(original.from ?? []), cc };
}

function answering(original: Original, kind: ReplyKind, own: readonly string[]) {
  if (kind === 'list') {
    const list = listAddress(original);
    if (list) return { to: [list], cc: [] };
  }
  const authors = original.replyTo?.length ? original.replyTo : (original.from ?? []);
  const to = unique(authors);
  if (kind !== 'all') return { to, cc: [] };
  const others = [...(original.to ?? []), ...(original.cc ?? [])];
  return { to, cc: unique(others, [...own, ...emailsOf(to)]) };
}

/** Returns where a mailing list takes mail (RFC 2369 §3.4). */
export function listAddress(original: Pick<Original, 'header:List-Post:asURLs'>): Address | undefined {
  const post = original['header:List-Post:asURLs']?.find((url) => /^mailto:/i.test(url));
  const email = post?.replace(/^mailto:/i, '').replace(/\?.*$/s, '');
  return email ? { name: null, email: decoded(email) } : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Returns one's own address to which a message came. */
export function ownAddress(original: Original, own: readonly string[]): string | undefined {
  const named = [original.from, original.to, original.cc, original.bcc].flatMap((each) => each ?? []);
  return named.map((each) => own.find((mine) => isSame(mine, each.email))).find(Boolean);
}

export function replySubject(subject: string | null): string {
  return `Re: ${(subject ?? '').replace(REPLY_MARKS, '').trim()}`.trim();
}

export function forwardSubject(subject: string | null): string {
  return `Fwd: ${(subject ?? '').replace(FORWARD_MARKS, '').trim()}`.trim();
}

/** Derives what a forwarded message is called; it begins a thread of its own no more than a reply. */
export function forward(original: Original, own: readonly string[]): Answer {
  const { references } = threading(original);
  const from = ownAddress(original, own);
  return { to: [], cc: [], subject: forwardSubject(original.subject), inReplyTo: null, references, from };
}

function threading(original: Original): Pick<Answer, 'inReplyTo' | 'references'> {
  const id = original.messageId?.[0];
  if (id === undefined) return { inReplyTo: null, references: null };
  const parents = original.references?.length
    ? original.references
    : original.inReplyTo?.length === 1
      ? original.inReplyTo
      : [];
  const all = [...parents.filter((each) => each !== id), id];
  const [first = id, ...later] = all;
  const kept = all.length > MOST_REFERENCES ? [first, ...later.slice(1 - MOST_REFERENCES)] : all;
  return { inReplyTo: [id], references: kept };
}

function emailsOf(addresses: readonly Address[]): string[] {
  return addresses.map((each) => each.email);
}
