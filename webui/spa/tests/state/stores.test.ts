import { describe, expect, it } from 'vitest';
import { Emails } from '@/state/emails.svelte';
import { Mailboxes } from '@/state/mailboxes.svelte';
import { Records } from '@/state/records.svelte';
import { SettingsStore } from '@/state/settings.svelte';
import { Vacation } from '@/state/vacation.svelte';
import type { Identity, ListEmail, Preference } from '@/jmap/types';
import { methods, scripted, settled, type Script } from '../support/scripted';

const identity = (id: string, name: string) => ({ id, name, email: `${id}@home.nl` });

describe('records', () => {
  const list = [identity('I1', 'One'), identity('I2', 'Two')];
  async function store(more: Parameters<typeof methods>[0] = {}) {
    const { client, net } = await scripted(
      methods({ 'Identity/get': () => ({ state: '1', list, notFound: [] }), ...more }),
    );
    const records = new Records<Identity>(client, 'Identity', { replyTo: null });
    await records.ready();
    return { records, net };
  }

  it('are loaded once, by whoever asks first', async () => {
    const { records, net } = await store();
    await Promise.all([records.ready(), records.ready()]);
    expect(records.status).toBe('ready');
    expect(records.all.map((each) => each.name)).toEqual(['One', 'Two']);
    expect(net.asked).toHaveLength(1);
  });

  it('that cannot be loaded say why, and are asked for again', async () => {
    const { client, net } = await scripted(() => new Response('', { status: 500 }));
    const records = new Records<Identity>(client, 'Identity');
    await records.retry();
    expect(records.status).toBe('error');
    expect(records.error?.reference).toContain('http/500');
    net.otherwise = methods({ 'Identity/get': () => ({ state: '1', list, notFound: [] }) });
    await records.retry();
    expect(records.status).toBe('ready');
    expect(records.error).toBeUndefined();
  });

  it('show a change at once, and go back where it is refused', async () => {
    const { records } = await store({
      'Identity/set': () => ({
        oldState: '1', newState: '1', notUpdated: { I1: { type: 'invalidProperties', properties: ['name'] } },
      }), // prettier-ignore
    });
    const update = records.update('I1', { name: 'Other', replyTo: null });
    expect(records.get('I1')).toMatchObject({ name: 'Other', replyTo: null });
    await expect(update).rejects.toMatchObject({ type: 'invalidProperties' });
    expect(records.get('I1')?.name).toBe('One');
  });

  it('come back where destroying fails', async () => {
    const { records, net } = await store();
    net.then(() => Promise.reject(new TypeError('network')));
    const destroy = records.destroy('I2');
    expect(records.all).toHaveLength(1);
    await expect(destroy).rejects.toMatchObject({ kind: 'offline' });
    expect(records.all).toHaveLength(2);
  });

  it('ask what others changed, and no more', async () => {
    const { records, net } = await store({
      'Identity/changes': () => ({
        created: ['I3'], updated: ['I1'], destroyed: ['I2'], newState: '5', hasMoreChanges: false,
      }), // prettier-ignore
    });
    net.otherwise = methods({
      'Identity/changes': () => ({
        created: ['I3'], updated: ['I1'], destroyed: ['I2'], newState: '5', hasMoreChanges: false,
      }), // prettier-ignore
      'Identity/get': (body) => ({
        state: '5', list: (body.ids as string[]).map((id) => identity(id, 'New')), notFound: [],
      }), // prettier-ignore
    });
    await records.changed({ Identity: '5' });
    expect(records.all.map((each) => `${each.id} ${each.name}`)).toEqual(['I1 New', 'I3 New']);
    const count = net.asked.length;
    await records.changed({ Identity: '5' });
    expect(net.asked).toHaveLength(count);
  });

  it('are loaded anew where the server no longer knows', async () => {
    const { records } = await store({
      'Identity/changes': () => ({ type: 'cannotCalculateChanges' }),
    });
    await records.changed({ Identity: '9' });
    expect(records.status).toBe('ready');
    expect(records.all).toHaveLength(2);
  });
});

describe('settings', () => {
  const kept: Preference[] = [
    { id: 'P1', name: 'undoSeconds', value: 20 },
    { id: 'P2', name: 'labels', value: 'nonsense' },
    { id: 'P3', name: 'unknown', value: 1 },
  ];
  async function store(): Promise<{ settings: SettingsStore; net: Script }> {
    const { client, net } = await scripted(
      methods({
        'Preference/get': () => ({ state: '1', list: kept, notFound: [] }),
        'Preference/set': (body) => ({
          oldState: '1', newState: '2',
          created: Object.fromEntries(Object.keys(body.create ?? {}).map((key) => [key, { id: 'P9' }])),
        }), // prettier-ignore
      }),
    );
    const settings = new SettingsStore(client);
    await settings.ready();
    return { settings, net };
  }

  it('are those of the account, and first values for the rest', async () => {
    const { settings } = await store();
    expect(settings.value).toMatchObject({ undoSeconds: 20, readDelay: 0, labels: [] });
  });

  it('show at once, are saved as one, and can be set back', async () => {
    const { settings, net } = await store();
    const back = settings.set('undoSeconds', 5);
    settings.set('readDelay', 3);
    expect(settings.value).toMatchObject({ undoSeconds: 5, readDelay: 3 });
    expect(settings.isSaved).toBe(false);
    await settings.save();
    expect(settings.isSaved).toBe(true);
    const sets = net.asked.flatMap((asked) => asked.calls).filter(([name]) => name === 'Preference/set');
    expect(sets.map(([, body]) => body)).toMatchObject([
      { update: { P1: { value: 5 } } },
      { create: { n1: { name: 'readDelay', value: 3 } } },
    ]);
    back();
    expect(settings.value.undoSeconds).toBe(20);
    settings.clear();
  });

  it('that cannot be saved stay, and are saved with the next', async () => {
    const { settings, net } = await store();
    net.then(() => new Response('', { status: 500 }));
    settings.set('undoSeconds', 5);
    await settings.save();
    expect(settings.failure).toBeDefined();
    expect(settings.value.undoSeconds).toBe(5);
    await settings.save();
    expect(settings.failure).toBeUndefined();
    expect(settings.isSaved).toBe(true);
  });

  it('that another device made first are changed instead', async () => {
    const { settings, net } = await store();
    const made: Preference = { id: 'P7', name: 'readDelay', value: 1 };
    net.otherwise = methods({
      'Preference/set': (body) =>
        body.create
          ? { oldState: '1', newState: '1', notCreated: { n1: { type: 'alreadyExists' } } }
          : { oldState: '2', newState: '3' },
      'Preference/changes': () => ({
        created: ['P7'], updated: [], destroyed: [], newState: '2', hasMoreChanges: false,
      }), // prettier-ignore
      'Preference/get': () => ({ state: '2', list: [made], notFound: [] }),
    });
    settings.set('readDelay', 4);
    await settings.save();
    expect(settings.isSaved).toBe(true);
    expect(settings.get('P7')?.value).toBe(4);
  });
});

describe('emails', () => {
  const email = (id: string, keywords = {}) =>
    ({ id, threadId: 'T1', mailboxIds: { F1: true }, keywords, subject: id }) as unknown as ListEmail;

  it('show what is done to them before the server has it, and under it what the server says', async () => {
    const { client } = await scripted();
    const emails = new Emails(client);
    emails.took([email('M1')], '1');
    const settle = emails.lay(new Map([['M1', { 'keywords/$seen': true }]]));
    expect(emails.get('M1')?.keywords).toEqual({ $seen: true });
    emails.took([email('M1', { $flagged: true })], '2');
    expect(emails.get('M1')?.keywords).toEqual({ $flagged: true, $seen: true });
    settle('M1', false);
    expect(emails.get('M1')?.keywords).toEqual({ $flagged: true });
  });

  it('keep what was done once the server took it', async () => {
    const { client } = await scripted();
    const emails = new Emails(client);
    emails.took([email('M1')], '1');
    const settle = emails.lay(new Map([['M1', { 'keywords/$seen': true }]]));
    const other = emails.lay(new Map([['M1', { 'keywords/$flagged': true }]]));
    settle('M1', true);
    other('M1', true);
    expect(emails.get('M1')?.keywords).toEqual({ $seen: true, $flagged: true });
  });

  it('ask for the marks of those that changed and are known', async () => {
    const { client, net } = await scripted(
      methods({
        'Email/changes': () => ({
          created: ['M9'], updated: ['M1', 'M5'], destroyed: ['M2'], newState: '2', hasMoreChanges: false,
        }), // prettier-ignore
        'Thread/changes': () => ({
          created: [], updated: ['T1', 'T9'], destroyed: [], newState: '2', hasMoreChanges: false,
        }), // prettier-ignore
        'Email/get': () => ({
          state: '2', list: [{ id: 'M1', mailboxIds: { F2: true }, keywords: { $seen: true } }], notFound: [],
        }), // prettier-ignore
        'Thread/get': () => ({ state: '2', list: [{ id: 'T1', emailIds: ['M1', 'M9'] }], notFound: [] }),
      }),
    );
    const emails = new Emails(client);
    emails.took([email('M1'), email('M2')], '1');
    emails.tookThreads([{ id: 'T1', emailIds: ['M1', 'M2'] }]);
    await emails.changed({ Email: '2' });
    expect(emails.get('M1')).toMatchObject({ subject: 'M1', mailboxIds: { F2: true }, keywords: { $seen: true } });
    expect(emails.get('M2')).toBeUndefined();
    expect(emails.thread('T1')).toEqual(['M1', 'M9']);
    expect(net.asked.map((asked) => asked.calls.length)).toEqual([2, 2]);
    expect(net.asked[1]?.calls[0]?.[1].ids).toEqual(['M1']);
    await emails.changed({ Email: '2' });
    expect(net.asked).toHaveLength(2);
  });

  it('are asked for anew where the server no longer knows what changed', async () => {
    const { client } = await scripted(
      methods({
        'Email/changes': () => ({ type: 'cannotCalculateChanges' }),
        'Thread/changes': () => ({ type: 'cannotCalculateChanges' }),
        'Email/get': () => ({
          state: '9', list: [{ id: 'M1', mailboxIds: { F1: true }, keywords: { $seen: true } }], notFound: ['M2'],
        }), // prettier-ignore
      }),
    );
    const emails = new Emails(client);
    emails.took([email('M1'), email('M2')], '1');
    await emails.changed({ Email: '9' });
    expect(emails.get('M1')?.keywords).toEqual({ $seen: true });
    expect(emails.get('M2')).toBeUndefined();
  });
});

describe('mailboxes', () => {
  const box = (id: string, name: string, more = {}) => ({ id, name, parentId: null, role: null, sortOrder: 10, totalEmails: 0, ...more });
  const server = {
    'Mailbox/get': (body: Record<string, unknown>) =>
      body.ids === null
        ? { state: '1', list: [box('F1', 'Inbox', { role: 'inbox' }), box('F2', 'Work')], notFound: [] }
        : { state: '2', list: [{ id: 'F1', totalEmails: 7 }], notFound: [] },
  };

  it('take new counts without asking for the rest', async () => {
    const { client, net } = await scripted(
      methods({
        ...server,
        'Mailbox/changes': () => ({
          created: [], updated: ['F1'], destroyed: [], newState: '2', hasMoreChanges: false,
          updatedProperties: ['totalEmails'],
        }), // prettier-ignore
      }),
    );
    const mailboxes = new Mailboxes(client);
    await mailboxes.ready();
    await mailboxes.changed();
    expect(mailboxes.byRole('inbox')).toMatchObject({ name: 'Inbox', totalEmails: 7 });
    expect(net.asked.at(-1)?.calls[0]?.[1].properties).toContain('unreadThreads');
  });

  it('are made, renamed and moved, and are as they were where that is refused', async () => {
    const { client } = await scripted(
      methods({
        ...server,
        'Mailbox/set': (body) =>
          body.create
            ? { created: { m: { id: 'F9', sortOrder: 10, totalEmails: 0 } } }
            : { notUpdated: { F2: { type: 'invalidProperties', properties: ['name'] } } },
      }),
    );
    const mailboxes = new Mailboxes(client);
    await mailboxes.ready();
    expect(await mailboxes.create('Plans', 'F2')).toBe('F9');
    expect(mailboxes.pathOf('F9')).toEqual(['Work', 'Plans']);
    const rename = mailboxes.rename('F2', 'Inbox');
    expect(mailboxes.get('F2')?.name).toBe('Inbox');
    await expect(rename).rejects.toMatchObject({ type: 'invalidProperties' });
    expect(mailboxes.get('F2')?.name).toBe('Work');
    await mailboxes.move('F9', null);
    expect(mailboxes.pathOf('F9')).toEqual(['Plans']);
  });

  it('that hold mail are not destroyed by mistake', async () => {
    const { client } = await scripted(
      methods({ ...server, 'Mailbox/set': () => ({ notDestroyed: { F2: { type: 'mailboxHasEmail' } } }) }),
    );
    const mailboxes = new Mailboxes(client);
    await mailboxes.ready();
    await expect(mailboxes.destroy('F2')).rejects.toMatchObject({ type: 'mailboxHasEmail' });
    expect(mailboxes.get('F2')).toBeDefined();
  });
});

describe('the vacation answer', () => {
  it('shows what is set, and goes back where it is refused', async () => {
    const { client } = await scripted(
      methods({
        'VacationResponse/get': () => ({ state: '1', list: [{ id: 'singleton', isEnabled: true, toDate: null }], notFound: [] }),
        'VacationResponse/set': () => ({ notUpdated: { singleton: { type: 'invalidProperties' } } }),
      }),
    );
    const vacation = new Vacation(client);
    await vacation.ready();
    expect(vacation.isActive()).toBe(true);
    const save = vacation.save({ isEnabled: false });
    expect(vacation.isActive()).toBe(false);
    await expect(save).rejects.toMatchObject({ type: 'invalidProperties' });
    await settled();
    expect(vacation.isActive()).toBe(true);
  });
});
