/** What a list shows, as a question to the server; pure. */
import type { Comparator, Filter, FilterCondition, Id } from '@/jmap/types';

export const SORTS = ['newest', 'oldest', 'sender', 'subject', 'largest', 'smallest'] as const;
export type Sort = (typeof SORTS)[number];

export const CHIPS = ['unread', 'starred', 'attachment'] as const;
export type Chip = (typeof CHIPS)[number];

export interface View {
  mailboxId?: Id | undefined;
  /** A further condition: a search, or whose mail. */
  filter?: Filter | undefined;
  sort?: Sort | undefined;
  chips?: readonly Chip[] | undefined;
  /** One row a thread, which is so unless this is false. */
  collapse?: boolean | undefined;
}

const NEWEST: Comparator = { property: 'receivedAt', isAscending: false };
const ORDERS: Record<Sort, Comparator[]> = {
  newest: [NEWEST],
  oldest: [{ property: 'receivedAt', isAscending: true }],
  sender: [{ property: 'from', isAscending: true }, NEWEST],
  subject: [{ property: 'subject', isAscending: true }, NEWEST],
  largest: [{ property: 'size', isAscending: false }, NEWEST],
  smallest: [{ property: 'size', isAscending: true }, NEWEST],
};
const CHIP_FILTERS: Record<Chip, FilterCondition> = {
  unread: { notKeyword: '$seen' },
  starred: { hasKeyword: '$flagged' },
  attachment: { hasAttachment: true },
};

/** Returns the filter of a view; null where it shows everything. */
export function filterOf({ mailboxId, filter, chips = [] }: View): Filter | null {
  const conditions: Filter[] = [];
  if (mailboxId !== undefined) conditions.push({ inMailbox: mailboxId });
  for (const chip of CHIPS) if (chips.includes(chip)) conditions.push(CHIP_FILTERS[chip]);
  if (filter) conditions.push(filter);
  return joined(conditions);
}

/** Returns what holds where all conditions hold; null where there is none. */
export function joined(conditions: readonly Filter[]): Filter | null {
  const [first] = conditions;
  if (conditions.length <= 1) return first ?? null;
  return { operator: 'AND', conditions: [...conditions] };
}

export function sortOf({ sort = 'newest' }: View): Comparator[] {
  return ORDERS[sort];
}

/** Returns a text that is the same for the same view. */
export function keyOf(view: View): string {
  return JSON.stringify([filterOf(view), view.sort ?? 'newest', view.collapse ?? true]);
}
