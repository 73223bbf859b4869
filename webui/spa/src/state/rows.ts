/** A thread as one row of a list, put together of what is known of its emails; pure. */
import type { Address, Id, ListEmail, Mailbox } from '@/jmap/types';

export interface Row {
  /** The email that stands for its thread. */
  id: Id;
  threadId: Id;
  email: ListEmail;
  /** All emails of the thread that are not in Trash or Junk, the oldest first; at least its own. */
  ids: readonly Id[];
  /** How many messages, as `ids`. */
  count: number;
  /** Who wrote in it, each once; to whom it went, where the list is of sent mail or drafts. */
  people: Address[];
  /** Whether `people` are recipients. */
  isOutgoing: boolean;
  isUnread: boolean;
  isStarred: boolean;
  isDraft: boolean;
  isAnswered: boolean;
  isForwarded: boolean;
  isMuted: boolean;
  hasAttachment: boolean;
  security: 'encrypted' | 'signed' | undefined;
  /** Keywords that are nobody's own business but the reader's: labels. */
  labels: string[];
}

export interface Surroundings {
  email(id: Id): ListEmail | undefined;
  thread(id: Id): readonly Id[] | undefined;
  mailbox(id: Id): Mailbox | undefined;
  /** The mailbox whose list it is. */
  shown?: Id | undefined;
}

const ENCRYPTED = /^\s*(multipart\/encrypted|application\/(x-)?pkcs7-mime(?!.*signed-data))/is;
const SIGNED = /^\s*(multipart\/signed|application\/(x-)?pkcs7-mime.*signed-data)/is;

/** Puts a row together; undefined where its email is not known yet. */
export function rowOf(id: Id, around: Surroundings): Row | undefined {
  const email = around.email(id);
  if (!email) return undefined;
  const shownRole = around.shown === undefined ? null : around.mailbox(around.shown)?.role;
  const members = membersOf(email, around);
  const known = members.map(around.email).filter((each) => each !== undefined);
  const inList = known.filter((each) => around.shown === undefined || around.shown in each.mailboxIds);
  const each = inList.length > 0 ? inList : [email];
  const isOutgoing = shownRole === 'sent' || shownRole === 'drafts';
  return {
    id,
    threadId: email.threadId,
    email,
    ids: members,
    count: members.length,
    people: people(isOutgoing ? (email.to ?? []) : known.flatMap((one) => one.from ?? [])),
    isOutgoing,
    isUnread: each.some((one) => !one.keywords['$seen'] && !one.keywords['$draft']),
    isStarred: each.some((one) => one.keywords['$flagged']),
    isDraft: known.some((one) => one.keywords['$draft']),
    isAnswered: email.keywords['$answered'] === true,
    isForwarded: email.keywords['$forwarded'] === true,
    isMuted: email.keywords['$muted'] === true,
    hasAttachment: known.some((one) => one.hasAttachment),
    security: securityOf(email),
    labels: [...new Set(known.flatMap((one) => labelsOf(one)))],
  };
}

/** Returns the emails of the row's thread; what lies in Trash and Junk counts only there. */
function membersOf(email: ListEmail, around: Surroundings): readonly Id[] {
  const all = around.thread(email.threadId) ?? [];
  const members = all.filter((id) => {
    const other = around.email(id);
    return id === email.id || !other || !isAway(other, around);
  });
  return members.includes(email.id) ? members : [email.id];
}

function isAway(email: ListEmail, { mailbox, shown }: Surroundings): boolean {
  if (shown !== undefined && shown in email.mailboxIds) return false;
  return Object.keys(email.mailboxIds).every((id) => {
    const role = mailbox(id)?.role;
    return role === 'trash' || role === 'junk';
  });
}

function people(all: readonly Address[]): Address[] {
  const found = new Map<string, Address>();
  for (const each of all) {
    const key = each.email.toLowerCase();
    if (!found.get(key)?.name) found.set(key, each);
  }
  return [...found.values()];
}

export function securityOf(email: ListEmail): Row['security'] {
  const type = email['header:Content-Type:asRaw'] ?? '';
  if (ENCRYPTED.test(type)) return 'encrypted';
  return SIGNED.test(type) ? 'signed' : undefined;
}

/** Returns the keywords that are labels: those that no standard and no program gives a meaning. */
export function labelsOf({ keywords }: Pick<ListEmail, 'keywords'>): string[] {
  return Object.keys(keywords).filter((each) => !each.startsWith('$') && !PROGRAMS.has(each));
}

const PROGRAMS = new Set(['junk', 'nonjunk', 'notjunk', 'forwarded', 'redirected', 'mdnsent']);
