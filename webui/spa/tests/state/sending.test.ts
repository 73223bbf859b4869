import { describe, expect, it, vi } from 'vitest';
import { Draft } from '@/state/draft.svelte';
import type { Sending } from '@/state/sending';
import { methods, settled } from '../support/scripted';
import { lost, BOB, type Replies, server, net, under, compose, copies, used, world, calls } from '../support/writing-world';

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

  it.each([-3_600_000, 3_600_000])('can be taken back whatever this clock says (%i ms)', async (off) => {
    const server = Date.now() + off;
    const draft = await written({
      'EmailSubmission/set': () => ({
        created: { s: { id: 'S1', undoStatus: 'pending', sendAt: new Date(server + 10_000).toISOString() } },
      }),
    });
    net.time = new Date(server);
    const item = await compose.send(draft);
    expect(item.state).toBe('held');
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
