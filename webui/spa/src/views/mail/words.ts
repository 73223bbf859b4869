/** Who and what, as lists and conversations say it. */
import { formatDate, formatList, t } from '@/i18n';
import { identities } from '@/state/identities.svelte';
import type { Row } from '@/state/lists.svelte';
import type { Address } from '@/jmap/types';

const MOST_NAMES = 3;

/** Returns how somebody is called in a list: oneself is "me". */
function listed(address: Address, short: boolean): string {
  if (identities.isOwn(address.email)) return t('mail.me');
  return short ? shortName(address) : nameOf(address);
}

/** Returns a person's name, else the address. */
export function nameOf(address: Address): string {
  return address.name?.trim() || address.email;
}

/** Returns a person's first name where there is one to tell from the rest. */
function shortName(address: Address): string {
  const name = nameOf(address);
  return /^[^\s,@]+ \S/.test(name) ? name.split(' ', 1)[0]! : name;
}

/** Says who wrote, in the order they did; whom it went to, where it is one's own. */
export function sayWho(row: Row): string {
  const names = row.people.slice(0, MOST_NAMES);
  if (row.isOutgoing) {
    if (names.length === 0) return t(row.isDraft ? 'mail.draft' : 'mail.to_nobody');
    const all = formatList(names.map((each) => listed(each, false)));
    return t(row.isDraft ? 'mail.draft_to' : 'mail.to', { names: all });
  }
  const [only, ...others] = names;
  if (!only) return t('mail.nobody');
  return others.length === 0 ? listed(only, false) : names.map((each) => listed(each, true)).join(', ');
}

/** Says a row in one sentence, for who hears it: its marks, who, what, where it lies, and when. */
export function sayRow(row: Row, subject: string, marks: string[], places: string[]): string {
  return formatList([
    ...(row.isUnread ? [t('mail.unread')] : []),
    ...(row.isStarred ? [t('mail.starred')] : []),
    sayWho(row),
    subject,
    ...(row.count > 1 ? [t('mail.letters', { count: row.count })] : []),
    ...(row.hasAttachment ? [t('mail.attachment')] : []),
    ...marks,
    ...places.filter((place) => place !== ''),
    formatDate(row.email.receivedAt, 'list'),
  ]);
}
