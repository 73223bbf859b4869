import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Draft } from '@/state/draft.svelte';
import { methods } from '../support/scripted';
import { lost, BOB, server, net, under, compose, copies, world, calls } from '../support/writing-world';

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
    const up = net.otherwise;
    net.otherwise = lost;
    await draft.saveNow();
    expect(draft.state).toBe('failed');
    await vi.advanceTimersByTimeAsync(5_100);
    expect(draft.state).toBe('failed');
    net.otherwise = up;
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

  it('are not two where an answer was lost: what stands there is ours', async () => {
    await world();
    const draft = new Draft(under);
    draft.isRich = false;
    Object.assign(draft, { subject: 'Mine', text: 'one' });
    draft.changed();
    await draft.saveNow();
    const { messageId } = draft.content as { messageId: string };
    const ours = {
      ...theirs, messageId: [messageId], subject: 'Mine', bodyValues: { '1': { value: 'one two' } },
      textBody: [{ partId: '1', type: 'text/plain' }], htmlBody: [{ partId: '1', type: 'text/plain' }],
    }; // prettier-ignore
    let sets = 0;
    net.otherwise = methods({
      ...server(),
      'Email/set': (body, call) => ((sets += 1) === 1 ? mismatch : (server()['Email/set']?.(body, call) ?? {})),
      'Email/get': (body) => {
        const ids = (body.ids ?? []) as string[];
        return { state: '5', list: ids.includes('M1') ? [] : [ours], notFound: [] };
      },
    }); // prettier-ignore
    draft.text = 'one two';
    draft.changed();
    net.then(lost); // the server heard it; we did not hear the server
    await draft.saveNow();
    expect(draft.state).toBe('failed');
    draft.text = 'one two three';
    draft.changed();
    await draft.saveNow();
    expect(draft.conflict).toBeUndefined();
    expect(draft.state).toBe('saved');
    expect(calls('Email/set').at(-1)?.[1]).toMatchObject({ destroy: ['M70'], ifInState: '5' });
    expect(draft.text).toBe('one two three');
  });

  it('are one draft also where the answer to its first saving was lost', async () => {
    await world();
    const draft = new Draft(under);
    draft.subject = 'Mine';
    draft.changed();
    net.then(lost);
    await draft.saveNow();
    const { messageId } = draft.content as { messageId: string };
    net.otherwise = methods({
      ...server(),
      'Email/get': () => ({ state: '5', list: [{ ...theirs, messageId: [messageId], subject: 'Mine' }], notFound: [] }),
    }); // prettier-ignore
    await draft.retry();
    expect(draft.state).toBe('saved');
    expect(calls('Email/set').at(-1)?.[1]).toMatchObject({ destroy: ['M70'], ifInState: '5' });
  });

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
