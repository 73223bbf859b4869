/** A tree of mailboxes as lines, in the order in which a person looks for them; pure. */
import type { Id, Mailbox } from '@/jmap/types';

export interface TreeRow {
  mailbox: Mailbox;
  /** 1 at the top, as `aria-level` counts. */
  depth: number;
  /** Names from the top down to this one. */
  path: string[];
  hasChildren: boolean;
  isOpen: boolean;
  /** Its place among its siblings, from 1. */
  posInSet: number;
  setSize: number;
}

const ROLES = ['inbox', 'drafts', 'sent', 'archive', 'junk', 'trash'];

type Mailboxes = ReadonlyMap<Id, Mailbox>;

/** Returns all lines; what lies below a mailbox in `closed` is left out. */
export function flattened(all: Mailboxes, closed: ReadonlySet<Id>): TreeRow[] {
  const children = new Map<Id | null, Mailbox[]>();
  for (const mailbox of all.values()) {
    // A parent that is not there, or not ours to see, is none.
    const parent = mailbox.parentId !== null && all.has(mailbox.parentId) ? mailbox.parentId : null;
    children.set(parent, [...(children.get(parent) ?? []), mailbox]);
  }
  const rows: TreeRow[] = [];
  const add = (parent: Id | null, depth: number, path: string[]) => {
    const siblings = (children.get(parent) ?? []).sort(inOrder);
    siblings.forEach((mailbox, n) => {
      const hasChildren = children.has(mailbox.id);
      const isOpen = hasChildren && !closed.has(mailbox.id);
      const whole = [...path, mailbox.name];
      const set = { posInSet: n + 1, setSize: siblings.length };
      rows.push({ mailbox, depth, path: whole, hasChildren, isOpen, ...set });
      if (isOpen) add(mailbox.id, depth + 1, whole);
    });
  };
  add(null, 1, []);
  return rows;
}

/**
 * Returns the lines whose path has every word of `text`, whatever their case and accents; `shown` is
 * what a mailbox is called to its reader, which counts as well.
 */
export function matching(
  rows: readonly TreeRow[],
  text: string,
  shown: (mailbox: Mailbox) => string = ({ name }) => name,
): TreeRow[] {
  const words = plain(text).split(/\s+/).filter(Boolean);
  return rows.filter(({ mailbox, path }) => {
    const whole = plain([...path, shown(mailbox)].join('/'));
    return words.every((word) => whole.includes(word));
  });
}

export function pathOf(all: Mailboxes, id: Id): string[] {
  const path: string[] = [];
  const seen = new Set<Id>();
  for (let at = all.get(id); at && !seen.has(at.id); at = all.get(at.parentId ?? '')) {
    seen.add(at.id);
    path.unshift(at.name);
  }
  return path;
}

function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

function inOrder(a: Mailbox, b: Mailbox): number {
  return place(a) - place(b) || a.sortOrder - b.sortOrder || a.name.localeCompare(b.name);
}

function place({ role }: Mailbox): number {
  const at = ROLES.indexOf(role ?? '');
  return at < 0 ? ROLES.length : at;
}
