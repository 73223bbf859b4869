/** Which emails somebody means who points at rows of a list. */
import type { Id } from '@/jmap/types';
import type { Emails } from './emails.svelte';
import type { View } from './views';

/**
 * Returns the emails that an action on rows means: those of their threads that lie in this
 * mailbox; in a search, those that lie with the one that was found. Throws as a call.
 */
export async function meant(known: Emails, view: View, rows: readonly Id[]): Promise<Id[]> {
  await known.load(rows);
  const found = rows.map((id) => known.get(id)).filter((email) => email !== undefined);
  if (view.collapse === false) return found.map((email) => email.id);
  await known.loadThreads(found.map((email) => email.threadId));
  const members = found.map((email) => known.thread(email.threadId) ?? [email.id]);
  await known.load(members.flat());
  const { mailboxId } = view;
  return found.flatMap((email, n) => {
    const places = mailboxId === undefined ? Object.keys(email.mailboxIds) : [mailboxId];
    const beside = (members[n] ?? []).filter((id) => {
      const other = known.get(id);
      return other && places.some((place) => place in other.mailboxIds);
    });
    return beside.length > 0 ? beside : [email.id];
  });
}
