/** What actions do to an email, and how it is undone: patches, worked out of what it is now; pure. */
import type { Id, ListEmail, Patch } from '@/jmap/types';
import { token } from './patch';

export interface Change {
  patch: Patch;
  /** Makes it as it was. */
  undo: Patch;
}

type Placed = Pick<ListEmail, 'mailboxIds'>;
type Marked = Pick<ListEmail, 'keywords'>;

/**
 * Returns what moves an email to a mailbox; undefined where it is there already and nowhere else.
 *
 * Without `from` it leaves every other mailbox; with it, only that one.
 */
export function moved(email: Placed, to: Id, from?: Id): Change | undefined {
  const leaves = from === undefined ? Object.keys(email.mailboxIds) : [from];
  const gone = leaves.filter((id) => id !== to && id in email.mailboxIds);
  const isNew = !(to in email.mailboxIds);
  if (gone.length === 0 && !isNew) return undefined;
  const change: Change = { patch: {}, undo: {} };
  for (const id of gone) set(change, `mailboxIds/${id}`, null, true);
  if (isNew) set(change, `mailboxIds/${to}`, true, null);
  return change;
}

/** Returns what puts an email into a further mailbox; undefined where it is there. */
export function copied(email: Placed, to: Id): Change | undefined {
  if (to in email.mailboxIds) return undefined;
  return { patch: { [`mailboxIds/${to}`]: true }, undo: { [`mailboxIds/${to}`]: null } };
}

/** Returns what sets keywords, or takes them away; undefined where they are so already. */
export function marked(email: Marked, keywords: Readonly<Record<string, boolean>>): Change | undefined {
  const change: Change = { patch: {}, undo: {} };
  for (const [keyword, on] of Object.entries(keywords)) {
    if ((email.keywords[keyword] === true) === on) continue;
    const path = `keywords/${token(keyword)}`;
    set(change, path, on || null, on ? null : true);
  }
  return Object.keys(change.patch).length > 0 ? change : undefined;
}

/** Returns both as one; undefined where neither changes anything. */
export function both(a: Change | undefined, b: Change | undefined): Change | undefined {
  if (!a || !b) return a ?? b;
  return { patch: { ...a.patch, ...b.patch }, undo: { ...a.undo, ...b.undo } };
}

function set(change: Change, path: string, to: true | null, back: true | null): void {
  change.patch[path] = to;
  change.undo[path] = back;
}

export type Kind =
  | 'archive' | 'trash' | 'destroy' | 'move' | 'copy' | 'junk' | 'notJunk' | 'read' | 'unread' | 'star'
  | 'unstar' | 'label' | 'unlabel' | 'mute' | 'unmute' | 'snooze'; // prettier-ignore

/** What an action needs to know of the account. */
export interface Places {
  inbox?: Id | undefined;
  archive?: Id | undefined;
  junk?: Id | undefined;
  trash?: Id | undefined;
}

export interface Wish {
  kind: Kind;
  /** Where to, for `move` and `copy`. */
  to?: Id | undefined;
  /** Which mailbox is left; all where it is not said. */
  from?: Id | undefined;
  /** For `label` and `unlabel`. */
  keyword?: string | undefined;
}

/** What junk is told by, so that the filter learns from it. */
const JUNK = { $junk: true, $notjunk: false };
const NOT_JUNK = { $junk: false, $notjunk: true };

/** Returns what a wish does to one email; undefined where there is nothing to do. */
export function changeOf(email: Placed & Marked, wish: Wish, places: Places): Change | undefined {
  const to = (id: Id | undefined, from?: Id) => (id === undefined ? undefined : moved(email, id, from));
  switch (wish.kind) {
    case 'archive':
      return to(places.archive, wish.from);
    case 'trash':
      return to(places.trash);
    case 'move':
    case 'snooze':
      return to(wish.to, wish.from);
    case 'copy':
      return wish.to === undefined ? undefined : copied(email, wish.to);
    case 'junk':
      return both(to(places.junk), marked(email, JUNK));
    case 'notJunk':
      return both(to(places.inbox), marked(email, NOT_JUNK));
    case 'mute':
      return both(marked(email, { $muted: true }), muted(email, places));
    default:
      return marked(email, KEYWORDS[wish.kind] ?? labelled(wish));
  }
}

const KEYWORDS: Partial<Record<Kind, Record<string, boolean>>> = {
  read: { $seen: true },
  unread: { $seen: false },
  star: { $flagged: true },
  unstar: { $flagged: false },
  unmute: { $muted: false },
};

function labelled({ kind, keyword }: Wish): Record<string, boolean> {
  return keyword === undefined ? {} : { [keyword]: kind === 'label' };
}

/** What is muted leaves the inbox. */
function muted(email: Placed, { inbox, archive }: Places): Change | undefined {
  if (inbox === undefined || archive === undefined || !(inbox in email.mailboxIds)) return undefined;
  return moved(email, archive, inbox);
}

/**
 * Returns the patch of a wish for emails of which nothing is known but that they are in `from`.
 *
 * What is set that way can be undone where they were all the same before: then `undo` is given.
 */
export function blindChange(wish: Wish, places: Places, from: Id | undefined): Change | undefined {
  const email = { mailboxIds: from === undefined ? {} : { [from]: true as const }, keywords: {} };
  const known = { ...email, keywords: opposite(wish) } as Placed & Marked;
  return changeOf(known, wish, places);
}

function opposite({ kind, keyword }: Wish): Record<string, true> {
  const before: Partial<Record<Kind, string>> = {
    unread: '$seen',
    unstar: '$flagged',
    unmute: '$muted',
    unlabel: keyword ?? '',
    notJunk: '$junk',
  };
  const had = before[kind];
  return had ? { [had]: true } : {};
}
