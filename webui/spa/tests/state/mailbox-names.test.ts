import { afterEach, expect, it } from 'vitest';
import { setLanguage } from '@/i18n';
import { shownName } from '@/state/mailbox-names';

afterEach(() => setLanguage('en'));

it.each([
  ['inbox', 'Inbox', 'Postvak IN'],
  ['inbox', 'INBOX', 'Postvak IN'],
  ['sent', 'Sent', 'Verzonden'],
  ['trash', 'Trash', 'Prullenbak'],
  ['sent', 'Sent Items', 'Sent Items'],
  [null, 'Sent', 'Sent'],
])('calls %s, %s on the server, %s', async (role, name, shown) => {
  await setLanguage('nl');
  expect(shownName({ role, name } as Parameters<typeof shownName>[0])).toBe(shown);
});
