/** What mailboxes are called to their reader: those with a role by his language's word for it. */
import { t, type TextKey } from '@/i18n';
import type { Mailbox } from '@/jmap/types';

type Named = Pick<Mailbox, 'name' | 'role'>;

/** The names that the server gives (RFC 6154's roles, in English), and the words for them. */
const USUAL: Partial<Record<string, readonly [name: string, word: TextKey]>> = {
  inbox: ['Inbox', 'state.role_inbox'],
  drafts: ['Drafts', 'state.role_drafts'],
  sent: ['Sent', 'state.role_sent'],
  archive: ['Archive', 'state.role_archive'],
  junk: ['Junk', 'state.role_junk'],
  trash: ['Trash', 'state.role_trash'],
};

/** Returns a mailbox's name; one that somebody gave it stays. */
export function shownName({ name, role }: Named): string {
  const usual = USUAL[role ?? ''];
  return usual && usual[0].toLowerCase() === name.toLowerCase() ? t(usual[1]) : name;
}
