/** The app's data against a real server: what one device or program does, every other shows. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTexts, setLanguage } from '@/i18n';
import type { OutboxItem } from '@/state/outbox.svelte';
import { Imap } from './imap';
import { Device, Page, PASSWORD, until } from './person';

const env = (name: string) => process.env[`ZEGEL_${name}`] ?? '';

let anna: Device;
let bob: Device;
let other: Device;
let imap: Imap;
const addresses = { anna: '', bob: '' };

async function signUp(token: string): Promise<string> {
  return String((await new Page().post('/sign-up', { token, password: PASSWORD }))['address']);
}

beforeAll(async () => {
  await setLanguage('en');
  await loadTexts('app');
  addresses.anna = await signUp(env('ANNA'));
  addresses.bob = await signUp(env('BOB'));
  anna = await Device.of(addresses.anna);
  bob = await Device.of(addresses.bob);
  other = await Device.of(addresses.bob);
  const made = await bob.page.post('/app-passwords', { scopes: ['imap'], label: 'test' });
  imap = await Imap.open(Number(env('IMAP')), addresses.bob, String(made['secret']));
});

afterAll(() => {
  for (const each of [anna, bob, other]) each?.close();
  imap?.close();
});

async function write(device: Device, to: string, subject: string, text: string): Promise<OutboxItem> {
  const draft = await device.compose.open({ to: [{ name: null, email: to }], subject, text, isRich: false });
  return device.compose.send(draft, { undoSeconds: 0 });
}

describe('an account', () => {
  it('has its mailboxes, an address to write from, and an empty inbox', async () => {
    expect(anna.mailboxes.rows[0]?.mailbox.role).toBe('inbox');
    expect(anna.identities.addresses).toEqual([addresses.anna]);
    expect((await anna.list('inbox')).total).toBe(0);
  });
});

describe('a message', () => {
  it('that is sent reaches the other by push, and is read', async () => {
    const inbox = await bob.list('inbox');
    const item = await write(anna, addresses.bob, 'Plan for Tuesday', 'Dear Bob,\nsee you there. ë €\n');
    expect(item).toMatchObject({ error: undefined, state: 'sent' });
    await until(() => inbox.total === 1);
    expect(inbox.row(0)).toMatchObject({ isUnread: true, count: 1 });
    expect(inbox.row(0)?.email).toMatchObject({ subject: 'Plan for Tuesday' });
    const conversation = bob.conversations.open(inbox.row(0)?.threadId ?? '', inbox.idAt(0));
    await until(() => conversation.focus?.body);
    expect(conversation.focus?.body?.text).toBe('Dear Bob,\nsee you there. ë €\n');
    const sent = await anna.list('sent');
    expect(sent.row(0)).toMatchObject({ isOutgoing: true, isDraft: false, isUnread: false });
    expect((await anna.list('drafts')).total).toBe(0);
  });

  it('that is answered is marked so, and both stand together', async () => {
    const inbox = await bob.list('inbox');
    const conversation = bob.conversations.open(inbox.row(0)?.threadId ?? '');
    await until(() => conversation.focus?.body);
    const draft = await bob.compose.reply(conversation.focus!);
    expect(draft).toMatchObject({ subject: 'Re: Plan for Tuesday', isRich: false });
    expect(draft.to.map((each) => each.email)).toEqual([addresses.anna]);
    expect(draft.text).toContain('> see you there. ë €');
    draft.text = `Yes.\n${draft.text}`;
    draft.changed();
    await draft.saveNow();
    expect(draft.state).toBe('saved');
    await bob.compose.send(draft, { undoSeconds: 0 });
    await until(() => inbox.row(0)?.isAnswered);
    await until(() => conversation.messages.length === 2);
    const answer = await anna.list('inbox');
    await until(() => answer.total === 1);
    const there = anna.conversations.open(answer.row(0)?.threadId ?? '');
    await until(() => there.messages.length === 2);
    expect(there.messages.map((each) => each.email.subject)).toEqual(['Plan for Tuesday', 'Re: Plan for Tuesday']);
    expect((await bob.list('drafts')).total).toBe(0);
  });
});

describe('what is done', () => {
  it('on one device shows on the other', async () => {
    const [here, there] = [await bob.list('inbox'), await other.list('inbox')];
    await bob.actions.star([here.idAt(0) ?? '']);
    await until(() => there.row(0)?.isStarred);
    await bob.actions.archive([here.idAt(0) ?? '']);
    expect(here.total).toBe(0);
    await until(() => there.total === 0);
    await bob.actions.undo();
    await until(() => here.total === 1 && there.total === 1);
    expect(there.row(0)?.isStarred).toBe(true);
  });

  it('by another program shows too', async () => {
    const inbox = await bob.list('inbox');
    await imap.ask('SELECT INBOX');
    await imap.ask('STORE 1 +FLAGS (\\Seen work)');
    await imap.ask('STORE 1 -FLAGS (\\Flagged)');
    await until(() => inbox.row(0)?.isUnread === false && !inbox.row(0)?.isStarred);
    expect(inbox.row(0)?.labels).toEqual(['work']);
    await imap.append('INBOX', 'From: eve@elsewhere.test\r\nSubject: By IMAP\r\n\r\nhello\r\n');
    await until(() => inbox.total === 2);
    expect(inbox.row(0)?.email.subject).toBe('By IMAP');
    await imap.ask('STORE 1 +FLAGS (\\Deleted)');
    await imap.ask('EXPUNGE');
    await until(() => inbox.total === 1);
    expect(inbox.idAt(0)).toBe(inbox.row(0)?.id);
  });

  it('with everything in a mailbox takes what is not loaded as well, and is undone', async () => {
    for (let n = 0; n < 130; n += 1) {
      await imap.append('INBOX', `From: eve@elsewhere.test\r\nSubject: Number ${n}\r\n\r\n${n}\r\n`);
    }
    const inbox = await bob.list('inbox');
    await until(() => inbox.total === 131);
    const oldest = bob.lists.open({ mailboxId: bob.id('inbox'), sort: 'oldest' });
    oldest.want(0, 20);
    await until(() => oldest.status === 'ready');
    expect(oldest.loaded()).toHaveLength(100);
    const done = await bob.actions.archive({ everything: oldest });
    expect(done).toMatchObject({ count: 131 });
    await until(() => oldest.total === 0);
    await until(() => bob.mailboxes.byRole('archive')?.totalEmails === 131);
    await bob.actions.undo();
    await until(() => oldest.total === 131);
  });

  it('to an email that is gone is told', async () => {
    const inbox = await bob.list('inbox');
    const id = inbox.idAt(0) ?? '';
    await other.actions.destroy([id]);
    await until(() => inbox.total === 130);
    await bob.actions.star([id]);
    expect(bob.actions.problems).toHaveLength(0); // nobody knows it any more: there is nothing to do
    expect(bob.emails.get(id)).toBeUndefined();
  });
});

describe('a long list', () => {
  it('is read page by page, and stays right while mail comes and goes', async () => {
    const inbox = await bob.list('inbox');
    inbox.want(100, 125);
    await until(() => inbox.row(120));
    const before = inbox.row(120)?.id;
    await imap.append('INBOX', 'From: eve@elsewhere.test\r\nSubject: On top\r\n\r\nx\r\n');
    await until(() => inbox.total === 131);
    expect(inbox.indexOf(before ?? '')).toBe(121);
    await other.actions.archive([inbox.idAt(50) ?? '']);
    await until(() => inbox.total === 130);
    expect(inbox.indexOf(before ?? '')).toBe(120);
    const anew = bob.lists.open({ mailboxId: bob.id('inbox'), sort: 'oldest' });
    anew.want(0, 20);
    await until(() => anew.status === 'ready' && anew.total === 130);
    anew.want(0, 130);
    await until(() => anew.indexOf(inbox.idAt(0) ?? '') === 129);
    const newest = Array.from({ length: 130 }, (_, n) => anew.idAt(129 - n));
    inbox.want(0, 130);
    await until(() => inbox.loaded().length === 130);
    expect(inbox.loaded()).toEqual(newest);
  });

  it('is searched and sorted', async () => {
    const found = bob.lists.open({ filter: { subject: '"Number 77"' } });
    found.want(0, 10);
    await until(() => found.status === 'ready');
    expect(found.total).toBe(1);
    const sorted = bob.lists.open({ mailboxId: bob.id('inbox'), sort: 'subject', chips: ['unread'] });
    sorted.want(0, 10);
    await until(() => sorted.status === 'ready');
    expect(sorted.row(0)?.email.subject).toBe('By IMAP');
  });
});

describe('a draft', () => {
  it('is never overwritten by another device', async () => {
    const draft = await bob.compose.open({ subject: 'Shared', text: 'first' });
    draft.text = 'first words';
    draft.changed();
    await draft.saveNow();
    const same = await other.compose.edit(draft.emailId ?? '');
    expect(same).toMatchObject({ subject: 'Shared', text: 'first words', state: 'saved' });
    same.text = 'their words';
    same.changed();
    await same.saveNow();
    expect(same.state).toBe('saved');
    draft.text = 'my words';
    draft.changed();
    await draft.saveNow();
    expect(draft.conflict).toMatchObject({ kind: 'changed', theirs: { text: 'their words' } });
    await draft.resolve('mine');
    expect(draft.state).toBe('saved');
    const drafts = await bob.list('drafts');
    await until(() => drafts.total === 1);
    await draft.discard();
    await until(() => drafts.total === 0);
    same.text = 'more';
    same.changed();
    await same.saveNow();
    expect(same.conflict?.kind).toBe('gone');
    await same.resolve('mine');
    await until(() => drafts.total === 1);
    await same.discard();
  });

  it('is saved while other mail comes and goes', async () => {
    const draft = await bob.compose.open({ subject: 'Busy' });
    for (let n = 0; n < 5; n += 1) {
      draft.text = `words ${n}`;
      draft.changed();
      const saving = draft.saveNow();
      await imap.append('INBOX', 'From: eve@elsewhere.test\r\nSubject: Meanwhile\r\n\r\nx\r\n');
      await saving;
      expect(draft.state).toBe('saved');
    }
    await draft.discard();
  });
});

describe('a message on its way', () => {
  it('is held and taken back, where the server holds mail', async () => {
    expect(bob.client.limits.holdSeconds).toBeGreaterThan(0);
    const draft = await bob.compose.open({
      to: [{ name: null, email: addresses.anna }],
      subject: 'Too soon',
      text: 'oh',
      isRich: false,
    });
    const item = await bob.compose.send(draft, { undoSeconds: 30 });
    expect(item).toMatchObject({ error: undefined, state: 'held' });
    const again = await item.undo();
    expect(again).toMatchObject({ subject: 'Too soon', state: 'saved' });
    const drafts = await bob.list('drafts');
    await until(() => drafts.total === 1);
    await again.discard();
  });

  it('is planned, and shows on every device', async () => {
    await other.outbox.ready();
    const draft = await bob.compose.open({
      to: [{ name: null, email: addresses.anna }],
      subject: 'Next week',
      text: 'hello',
      isRich: false,
    });
    draft.sendAt = new Date(Date.now() + 86_400_000);
    const item = await bob.compose.send(draft);
    expect(item.state).toBe('scheduled');
    await until(() => other.outbox.scheduled.length === 1);
    expect(other.outbox.scheduled[0]).toMatchObject({ subject: 'Next week', canUndo: true });
    await other.outbox.scheduled[0]!.undo();
    await until(() => other.outbox.scheduled.length === 0);
  });

  it('to an address that cannot be is refused, and stays', async () => {
    const draft = await bob.compose.open({
      to: [{ name: null, email: `nobody-here@${addresses.bob.split('@')[1] ?? ''}` }],
      subject: 'Nobody',
      text: 'x',
    });
    const item = await bob.compose.send(draft, { undoSeconds: 0 });
    expect(item).toMatchObject({ state: 'failed' });
    expect(bob.compose.panels).toContain(draft);
    await bob.compose.discard(draft);
  });
});

describe('settings', () => {
  it('follow their owner to every device', async () => {
    bob.settings.set('undoSeconds', 20);
    bob.settings.set('labels', [{ keyword: 'work', name: 'Werk', colour: 2 }]);
    await bob.settings.save();
    expect(bob.settings.failure).toBeUndefined();
    await until(() => other.settings.value.labels.length === 1);
    expect(other.settings.value.undoSeconds).toBe(20);
    expect(other.settings.value.labels).toEqual([{ keyword: 'work', name: 'Werk', colour: 2 }]);
  });
});

describe('mailboxes', () => {
  it('are made, moved, renamed and destroyed, everywhere', async () => {
    const parent = await bob.mailboxes.create('Projects');
    const child = await bob.mailboxes.create('Boat', parent);
    await until(() => other.mailboxes.pathOf(child).join('/') === 'Projects/Boat');
    await bob.mailboxes.rename(child, 'Ship');
    await bob.mailboxes.move(child, null);
    await until(() => other.mailboxes.pathOf(child).join('/') === 'Ship');
    await expect(bob.mailboxes.rename(child, 'Projects')).rejects.toMatchObject({ kind: 'set' });
    expect(bob.mailboxes.get(child)?.name).toBe('Ship');
    await bob.mailboxes.destroy(child);
    await bob.mailboxes.destroy(parent);
    await until(() => !other.mailboxes.get(parent));
  });
});
