import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Compose } from '@/state/compose.svelte';
import { Composing } from '@/state/composing';
import { Draft, type DraftUnder } from '@/state/draft.svelte';
import { Identities } from '@/state/identities.svelte';
import { Mailboxes } from '@/state/mailboxes.svelte';
import { Outbox } from '@/state/outbox.svelte';
import type { Sending } from '@/state/sending';
import { SettingsStore } from '@/state/settings.svelte';
import type { JmapClient } from '@/jmap/client';
import type { Address } from '@/jmap/types';
import { methods, scripted, settled, type Script } from '../support/scripted';

const lost = () => Promise.reject(new TypeError('network'));
const BOB = { name: null, email: 'bob@x.nl' };

type Replies = Parameters<typeof methods>[0];

/** A server with mailboxes, one identity, and drafts that are saved one after the other. */
function server(): Replies {
  let saved = 0;
  return {
    'Mailbox/get': () => ({
      state: '1', notFound: [],
      list: [
        { id: 'F1', name: 'Drafts', role: 'drafts', parentId: null }, { id: 'F2', name: 'Sent', role: 'sent', parentId: null },
        { id: 'F3', name: 'Trash', role: 'trash', parentId: null },
      ],
    }),
    'Identity/get': () => ({
      state: '1', notFound: [],
      list: [{ id: 'I1', name: 'Me', email: 'me@home.nl', replyTo: null, bcc: null, textSignature: 'Me', htmlSignature: '<p>Me' }],
    }),
    'Preference/get': () => ({ state: '1', list: [], notFound: [] }),
    'Preference/set': () => ({ oldState: '1', newState: '1', created: { n1: { id: 'P1' }, n2: { id: 'P2' } } }),
    'Email/set': (body) => {
      saved += 1;
      const created = Object.fromEntries(
        Object.keys(body.create ?? {}).map((key) => [key, { id: `M${saved}`, blobId: `B${saved}`, threadId: 'T1', size: 1 }]),
      );
      return { oldState: `${saved}`, newState: `${saved + 1}`, created, destroyed: body.destroy ?? null };
    },
    'Email/get': () => ({ state: '9', list: [], notFound: [] }),
    'Email/query': () => ({ queryState: '1', position: 0, ids: [] }),
    'Thread/get': () => ({ state: '1', list: [], notFound: [] }),
    'EmailSubmission/query': () => ({ queryState: '1', position: 0, ids: [] }),
    'EmailSubmission/set': () => ({ created: { s: { id: 'S1', undoStatus: 'final', threadId: 'T1' } } }),
  }; // prettier-ignore
}

let client: JmapClient;
let net: Script;
let under: DraftUnder & { outbox: Outbox; settings: SettingsStore };
let compose: Compose;
let copies: Map<string, unknown>;
let used: string[];

async function world(more: Replies = {}): Promise<void> {
  ({ client, net } = await scripted(methods({ ...server(), ...more })));
  const settings = new SettingsStore(client);
  const identities = new Identities(client, settings);
  const mailboxes = new Mailboxes(client);
  copies = new Map();
  used = [];
  under = {
    client, settings, identities, mailboxes, outbox: new Outbox(client),
    keepCopy: (key, content) => void (content ? copies.set(key, content) : copies.delete(key)),
  }; // prettier-ignore
  const noted = (addresses: readonly Address[]) => void used.push(...addresses.map((each) => each.email));
  compose = new Compose(async (keepCopy) => new Composing({ ...under, used: noted }, keepCopy));
  compose.keepCopy = under.keepCopy;
  await Promise.all([mailboxes.ready(), identities.ready(), settings.ready()]);
}

const calls = (name: string) => net.asked.flatMap((asked) => asked.calls).filter((call) => call[0] === name);

describe('a draft', () => {
  beforeEach(async () => {
    await world();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  });
  afterEach(() => vi.useRealTimers());

  it('that nobody touched is not kept', async () => {
    const draft = new Draft(under);
    draft.changed();
    await vi.advanceTimersByTimeAsync(3000);
    expect(calls('Email/set')).toHaveLength(0);
    expect(draft.state).toBe('empty');
  });

  it('is kept here at once, and saved two seconds after the last change', async () => {
    const draft = new Draft(under);
    draft.subject = 'Pl';
    draft.changed();
    expect(draft.state).toBe('unsaved');
    expect([...copies.values()]).toMatchObject([{ subject: 'Pl' }]);
    await vi.advanceTimersByTimeAsync(1500);
    draft.subject = 'Plan';
    draft.changed();
    await vi.advanceTimersByTimeAsync(1500);
    expect(calls('Email/set')).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(600);
    expect(calls('Email/set')).toHaveLength(1);
    expect(draft.state).toBe('saved');
    expect(draft.savedAt).toBeInstanceOf(Date);
    expect(calls('Email/set')[0]?.[1]).toEqual({
      accountId: 'A1',
      create: { d: expect.objectContaining({ subject: 'Plan', mailboxIds: { F1: true } }) as unknown },
    });
  });

  it('replaces the one before, and only that', async () => {
    const draft = new Draft(under);
    for (const subject of ['one', 'two']) {
      draft.subject = subject;
      draft.changed();
      await draft.saveNow();
    }
    expect(calls('Email/set')[1]?.[1]).toMatchObject({ destroy: ['M1'], ifInState: '2' });
    expect(draft.emailId).toBe('M2');
    const ids = calls('Email/set').map((call) => (call[1].create as { d: { messageId: string[] } }).d.messageId[0]);
    expect(new Set(ids).size).toBe(1);
  });

  it('that changes while it is saved is saved again', async () => {
    const draft = new Draft(under);
    draft.subject = 'one';
    draft.changed();
    const saving = draft.saveNow();
    draft.subject = 'two';
    draft.changed();
    void draft.saveNow();
    await saving;
    expect(calls('Email/set')).toHaveLength(2);
    expect(draft.state).toBe('saved');
  });

  it('that cannot be saved says so, keeps the text, and is tried again', async () => {
    const draft = new Draft(under);
    draft.text = 'much work';
    draft.changed();
    net.then(lost);
    await draft.saveNow();
    expect(draft.state).toBe('failed');
    expect(draft.error?.kind).toBe('offline');
    expect([...copies.values()]).toMatchObject([{ text: 'much work' }]);
    await draft.retry();
    expect(draft.state).toBe('saved');
    expect(draft.error).toBeUndefined();
  });

  it('is saved by itself when the network is back', async () => {
    const draft = new Draft(under);
    draft.text = 'much work';
    draft.changed();
    net.then(lost, lost);
    await draft.saveNow();
    expect(draft.state).toBe('failed');
    await vi.advanceTimersByTimeAsync(5_100);
    expect(draft.state).toBe('failed');
    await vi.advanceTimersByTimeAsync(9_000);
    expect(draft.state).toBe('failed');
    await vi.advanceTimersByTimeAsync(1_500);
    expect(draft.state).toBe('saved');
  });

  it('says what is missing before it can be sent', () => {
    const draft = new Draft(under);
    expect(draft.missing).toBe('recipients');
    draft.to = [{ name: null, email: 'bob' }];
    expect(draft.missing).toBe('address');
    draft.to = [BOB];
    expect(draft.canSend).toBe(true);
    draft.identityId = 'I9';
    expect(draft.missing).toBe('identity');
  });

  it('keeps its files as parts of itself, for uploads do not last', async () => {
    net.otherwise = methods({
      ...server(),
      'Email/get': () => ({
        state: '2', notFound: [],
        list: [{ id: 'M1', attachments: [
          { blobId: 'B1-2', name: 'b.txt', size: 2, cid: null }, { blobId: 'B1-3', name: 'a.txt', size: 1, cid: null },
        ] }],
      }),
    }); // prettier-ignore
    const draft = new Draft(under, {
      attachments: [
        { blobId: 'U1', name: 'a.txt', type: 'text/plain', size: 1 },
        { blobId: 'U2', name: 'b.txt', type: 'text/plain', size: 2 },
      ],
    });
    draft.subject = 'x';
    draft.changed();
    await draft.saveNow();
    expect(draft.attachments.map((each) => each.blobId)).toEqual(['B1-3', 'B1-2']);
    expect(draft.state).toBe('saved');
  });
});

describe('two devices that write one draft', () => {
  const mismatch = { type: 'stateMismatch' };
  const theirs = {
    id: 'M70', threadId: 'T1', mailboxIds: { F1: true }, keywords: { $draft: true }, subject: 'Theirs', from: [{ name: 'Me', email: 'me@home.nl' }],
    to: null, cc: null, bcc: null, inReplyTo: null, references: null, textBody: [], htmlBody: [], attachments: [], bodyValues: {},
    'header:Disposition-Notification-To:asRaw': null,
  }; // prettier-ignore

  /** Somebody replaced the draft by M70, `how` says what it is now. */
  async function conflict(how: { keywords?: object; isThere?: boolean; isOld?: boolean }): Promise<Draft> {
    await world();
    const draft = new Draft(under);
    draft.subject = 'Mine';
    draft.changed();
    await draft.saveNow();
    const id = (draft.content as { messageId: string }).messageId;
    const other = { ...theirs, messageId: [id], keywords: how.keywords ?? { $draft: true } };
    let sets = 0;
    net.otherwise = methods({
      ...server(),
      'Email/set': (body, call) => ((sets += 1) === 1 ? mismatch : (server()['Email/set']?.(body, call) ?? {})),
      'Email/get': (body) => {
        const ids = (body.ids ?? []) as string[];
        if (ids.includes('M1')) return { state: '5', list: how.isOld ? [{ id: 'M1', keywords: { $draft: true } }] : [], notFound: [] };
        return { state: '5', list: how.isThere === false ? [] : [other], notFound: [] };
      },
    }); // prettier-ignore
    draft.subject = 'Mine still';
    draft.changed();
    await draft.saveNow();
    return draft;
  }

  it('do not disturb each other where only other mail changed', async () => {
    const draft = await conflict({ isOld: true });
    expect(draft.state).toBe('saved');
    expect(calls('Email/set').at(-1)?.[1]).toMatchObject({ destroy: ['M1'], ifInState: '5' });
  });

  it('never overwrite: the writer chooses', async () => {
    const draft = await conflict({});
    expect(draft.state).toBe('conflict');
    expect(draft.conflict).toMatchObject({ kind: 'changed', theirs: { subject: 'Theirs' } });
    expect(draft.canSend).toBe(false);
    const sets = calls('Email/set').length;
    draft.changed();
    await draft.saveNow();
    expect(calls('Email/set')).toHaveLength(sets);
  });

  it('and mine is chosen: it replaces theirs', async () => {
    const draft = await conflict({});
    await draft.resolve('mine');
    expect(calls('Email/set').at(-1)?.[1]).toMatchObject({ destroy: ['M70'], ifInState: '5' });
    expect(draft).toMatchObject({ state: 'saved', subject: 'Mine still' });
  });

  it('and theirs is chosen: it is taken over', async () => {
    const draft = await conflict({});
    await draft.resolve('theirs');
    expect(draft).toMatchObject({ state: 'saved', subject: 'Theirs', emailId: 'M70' });
  });

  it('and both are chosen: mine becomes a draft of its own', async () => {
    const draft = await conflict({});
    const before = draft.content.messageId;
    await draft.resolve('both');
    expect(calls('Email/set').at(-1)?.[1].destroy).toBeUndefined();
    expect(draft.content.messageId).not.toBe(before);
    expect(draft.state).toBe('saved');
  });

  it.each(['mine', 'theirs'] as const)('and it was sent: %s never takes away what went', async (choice) => {
    const draft = await conflict({ keywords: { $seen: true } });
    await draft.resolve(choice);
    draft.subject = 'Once more';
    draft.changed();
    await draft.saveNow();
    const destroyed = calls('Email/set').flatMap((call) => (call[1].destroy ?? []) as string[]);
    expect(destroyed).not.toContain('M70');
    expect(draft).toMatchObject({ state: 'saved', subject: 'Once more' });
  });

  it.each([
    ['was deleted', { isThere: false }, 'gone'],
    ['was sent', { keywords: { $seen: true } }, 'sent'],
  ])('are told that it %s', async (_, how, kind) => {
    expect((await conflict(how)).conflict?.kind).toBe(kind);
  });
});

describe('sending', () => {
  async function written(more: Replies = {}): Promise<Draft> {
    await world(more);
    const draft = await compose.open({ to: [BOB], subject: 'Plan' });
    return draft;
  }

  it('is one request, with time to undo', async () => {
    const draft = await written();
    const item = await compose.send(draft);
    const sent = net.asked.find((asked) => asked.calls.some(([name]) => name === 'EmailSubmission/set'));
    expect(sent?.calls.map(([name]) => name)).toEqual(['Email/set', 'EmailSubmission/set']);
    expect(sent?.calls[1]?.[1]).toMatchObject({
      create: { s: { identityId: 'I1', emailId: '#m', envelope: {
        mailFrom: { email: 'me@home.nl', parameters: { HOLDFOR: '10' } }, rcptTo: [{ email: 'bob@x.nl', parameters: null }],
      } } },
      onSuccessUpdateEmail: { '#s': { 'mailboxIds/F1': null, 'mailboxIds/F2': true, 'keywords/$draft': null } },
    }); // prettier-ignore
    expect(item.state).toBe('sent');
    expect(compose.panels).toHaveLength(0);
    expect(used).toEqual(['bob@x.nl']);
    expect(copies.size).toBe(0);
  });

  it('takes the saved draft away afterwards, and marks what was answered', async () => {
    await world({
      'Thread/get': () => ({ state: '1', list: [{ id: 'T1', emailIds: ['M40', 'M2'] }], notFound: [] }),
      'Email/get': () => ({ state: '2', list: [{ id: 'M40', messageId: ['q@x.nl'] }, { id: 'M2', messageId: ['o@x'] }], notFound: [] }),
    });
    const draft = await compose.open({ to: [BOB], inReplyTo: ['q@x.nl'], subject: 'x' });
    draft.subject = 'Re: x';
    draft.changed();
    await draft.saveNow();
    await compose.send(draft);
    await settled();
    expect(calls('Email/set').at(-1)?.[1]).toMatchObject({
      destroy: ['M1'],
      update: { M40: { 'keywords/$answered': true } },
    });
  });

  it('that is refused leaves the panel open, with the reason', async () => {
    const draft = await written({
      'EmailSubmission/set': () => ({ notCreated: { s: { type: 'tooManyRecipients' } } }),
    });
    const item = await compose.send(draft);
    expect(item).toMatchObject({ state: 'failed', error: { type: 'tooManyRecipients' } });
    expect(compose.panels).toEqual([draft]);
    draft.subject = 'again';
    draft.changed();
    await draft.saveNow();
    expect(draft.state).toBe('saved');
  });

  it('is held by the server and taken back', async () => {
    const held = new Date(Date.now() + 10_000).toISOString();
    const draft = await written({
      'EmailSubmission/set': (body) =>
        body.create
          ? { created: { s: { id: 'S1', undoStatus: 'pending', sendAt: held, threadId: 'T1' } } }
          : { updated: { S1: null } },
      'Email/get': () => ({
        state: '5', notFound: [],
        list: [{ id: 'M1', subject: 'Plan', from: [{ name: 'Me', email: 'me@home.nl' }], to: [BOB], cc: null, bcc: null, inReplyTo: null,
          references: null, messageId: ['a@home.nl'], textBody: [], htmlBody: [], attachments: [], bodyValues: {}, keywords: { $draft: true },
          'header:Disposition-Notification-To:asRaw': null }],
      }),
    }); // prettier-ignore
    const item = await compose.send(draft);
    expect(item.state).toBe('held');
    expect(item.undoUntil?.toISOString()).toBe(held);
    const again = await item.undo();
    expect(calls('EmailSubmission/set').at(-1)?.[1].update).toEqual({ S1: { undoStatus: 'canceled' } });
    expect(again).toMatchObject({ subject: 'Plan', emailId: 'M1' });
    expect(compose.panels).toEqual([again]);
    expect(under.outbox.items).toHaveLength(0);
    under.outbox.clear();
  });

  it('that went cannot be taken back', async () => {
    const draft = await written({
      'EmailSubmission/set': (body) =>
        body.create
          ? { created: { s: { id: 'S1', undoStatus: 'pending', sendAt: new Date(Date.now() + 9000).toISOString() } } }
          : { notUpdated: { S1: { type: 'cannotUnsend' } } },
    });
    const item = await compose.send(draft);
    await expect(item.undo()).rejects.toMatchObject({ type: 'cannotUnsend' });
    under.outbox.clear();
  });

  it('later is planned', async () => {
    const at = new Date(Date.now() + 3_600_000);
    const draft = await written({
      'EmailSubmission/set': () => ({ created: { s: { id: 'S1', undoStatus: 'pending', sendAt: at.toISOString() } } }),
    });
    draft.sendAt = at;
    const item = await compose.send(draft);
    expect(item.state).toBe('scheduled');
    const envelope = (calls('EmailSubmission/set')[0]?.[1].create as { s: { envelope: { mailFrom: { parameters: unknown } } } }).s.envelope;
    expect(envelope.mailFrom.parameters).toEqual({ HOLDUNTIL: `${at.toISOString().slice(0, 19)}Z` });
  });

  it('without the network waits in the outbox, and goes when it is back', async () => {
    const draft = await written();
    net.then(lost);
    const item = await compose.send(draft);
    expect(item.state).toBe('waiting');
    expect(compose.panels).toHaveLength(0);
    expect(under.outbox.waiting).toBe(1);
    await under.outbox.resume();
    expect(item.state).toBe('sent');
    expect(calls('EmailSubmission/set')).toHaveLength(2);
  });

  it('whose answer was lost is not done twice', async () => {
    const draft = await written();
    const id = draft.content.messageId;
    net.then(lost);
    const item = await compose.send(draft);
    net.otherwise = methods({
      ...server(),
      'Email/get': () => ({ state: '5', list: [{ id: 'M50', threadId: 'T1', messageId: [id], keywords: { $seen: true } }], notFound: [] }),
      'EmailSubmission/query': () => ({ queryState: '1', position: 0, ids: ['S9'] }),
      'EmailSubmission/get': () => ({ state: '1', list: [{ id: 'S9', undoStatus: 'final', sendAt: '2026-01-01T00:00:00Z', threadId: 'T1', emailId: 'M50' }], notFound: [] }),
    });
    await under.outbox.resume();
    expect(item).toMatchObject({ state: 'sent', emailId: 'M50', submissionId: 'S9' });
    expect(calls('EmailSubmission/set')).toHaveLength(1);
  });

  it('that a page took with it to its end is looked for before it goes again', async () => {
    const draft = await written();
    net.then(lost);
    const { sending } = await compose.send(draft);
    net.otherwise = methods({
      ...server(),
      'Email/get': () => ({ state: '5', list: [{ id: 'M50', threadId: 'T1', messageId: [draft.content.messageId], keywords: { $seen: true } }], notFound: [] }),
      'EmailSubmission/query': () => ({ queryState: '1', position: 0, ids: ['S9'] }),
      'EmailSubmission/get': () => ({ state: '1', list: [{ id: 'S9', undoStatus: 'final', sendAt: '2026-01-01T00:00:00Z', threadId: 'T1', emailId: 'M50' }], notFound: [] }),
    }); // prettier-ignore
    const keep = vi.fn();
    under.outbox.clear();
    under.outbox.store = { keep, drop: () => undefined };
    const item = under.outbox.restore(sending as Sending);
    expect(keep).toHaveBeenCalledWith(item);
    await item.run();
    expect(item).toMatchObject({ state: 'sent', submissionId: 'S9' });
    expect(calls('EmailSubmission/set')).toHaveLength(1);
  });

  it('that was lost half-way sends what was made', async () => {
    const draft = await written();
    const id = draft.content.messageId;
    net.then(lost);
    await compose.send(draft);
    const sets = calls('Email/set').length;
    net.otherwise = methods({
      ...server(),
      'Email/get': () => ({ state: '5', list: [{ id: 'M50', threadId: 'T1', messageId: [id], keywords: { $draft: true } }], notFound: [] }),
    });
    await under.outbox.resume();
    expect(calls('EmailSubmission/set').at(-1)?.[1].create).toMatchObject({ s: { emailId: 'M50' } });
    expect(calls('Email/set')).toHaveLength(sets);
  });

  it('that waits can be taken back without the server', async () => {
    const draft = await written();
    net.then(lost);
    const item = await compose.send(draft);
    const again = await item.undo();
    expect(again.content).toMatchObject({ subject: 'Plan', to: [BOB] });
    expect(under.outbox.items).toHaveLength(0);
    await under.outbox.resume();
    expect(calls('EmailSubmission/set')).toHaveLength(1);
  });
});

describe('what is planned', () => {
  it('shows from whichever device, the next first', async () => {
    const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    await world({
      'EmailSubmission/get': () => ({
        state: '1', notFound: [],
        list: [
          { id: 'S2', emailId: 'M2', threadId: 'T2', sendAt: at(5), undoStatus: 'pending' },
          { id: 'S1', emailId: 'M1', threadId: 'T1', sendAt: at(2), undoStatus: 'pending' },
        ],
      }),
      'Email/get': () => ({ state: '1', list: [{ id: 'M1', subject: 'First', to: [BOB] }, { id: 'M2', subject: 'Second', to: null }], notFound: [] }),
    }); // prettier-ignore
    await under.outbox.ready();
    expect(under.outbox.scheduled.map((item) => item.subject)).toEqual(['First', 'Second']);
    expect(under.outbox.scheduled[0]).toMatchObject({ state: 'scheduled', canUndo: true, to: [BOB] });
  });
});

describe('a new message', () => {
  it('begins with the signature, in the kind of text that is set', async () => {
    await world();
    expect((await compose.open()).content).toMatchObject({ isRich: true, html: '<p>Me', text: '\n-- \nMe\n', identityId: 'I1' });
    expect((await compose.mailto('mailto:bob@x.nl?subject=Hi&body=there')).content).toMatchObject({
      to: [BOB], subject: 'Hi', text: 'there', isRich: false,
    }); // prettier-ignore
  });

  it('that is thrown away can be brought back', async () => {
    await world();
    const draft = await compose.open({ subject: 'x' });
    draft.text = 'long text';
    draft.changed();
    await draft.saveNow();
    const bringBack = await compose.discard(draft);
    expect(compose.panels).toHaveLength(0);
    expect(calls('Email/set').at(-1)?.[1].update).toEqual({ M1: { mailboxIds: { F3: true } } });
    const again = await bringBack();
    expect(again.content).toMatchObject({ subject: 'x', text: 'long text' });
    await again.saveNow();
    expect(calls('Email/set').at(-1)?.[1].create).toBeDefined();
  });
});
