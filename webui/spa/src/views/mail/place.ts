/** What an address of the mail view means: a mailbox, a label, or all that is starred. */
import type { View } from '@/state/lists.svelte';

const LABEL = 'label:';
export const STARRED = 'starred';

export type Place =
  | { kind: 'mailbox'; mailboxId: string }
  | { kind: 'label'; keyword: string }
  | { kind: 'starred' };

/** Reads the part of the address; undefined means the inbox, whose id only the server knows. */
export function placeOf(part: string | undefined, inbox: string | undefined): Place | undefined {
  if (part === STARRED) return { kind: 'starred' };
  if (part?.startsWith(LABEL)) return { kind: 'label', keyword: part.slice(LABEL.length) };
  const mailboxId = part ?? inbox;
  return mailboxId === undefined ? undefined : { kind: 'mailbox', mailboxId };
}

/** Writes a place as a part of the address. */
export function partOf(place: Place): string {
  if (place.kind === 'mailbox') return place.mailboxId;
  return place.kind === 'starred' ? STARRED : `${LABEL}${place.keyword}`;
}

/** Says what to ask for. */
export function asked(place: Place): View {
  if (place.kind === 'mailbox') return { mailboxId: place.mailboxId };
  return { filter: { hasKeyword: place.kind === 'starred' ? '$flagged' : place.keyword } };
}
