import { describe, expect, it } from 'vitest';
import { allSet, changesSince, createdIn, getAll, getWhole, pieces } from '@/jmap/objects';
import { methods, scripted } from '../support/scripted';
import type { SetAnswer } from '@/jmap/methods';

describe('getting', () => {
  it('more than the server gives at once takes several calls of one request', async () => {
    const { client, net } = await scripted(
      methods({
        'Mailbox/get': (body) => ({
          state: '1',
          list: (body.ids as string[]).filter((id) => id !== 'F3').map((id) => ({ id })),
          notFound: (body.ids as string[]).filter((id) => id === 'F3'),
        }),
      }),
    );
    const ids = ['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7'];
    const answer = await getAll(client, 'Mailbox', ids);
    expect(net.asked).toHaveLength(1);
    expect(net.asked[0]?.calls.map((call) => (call[1].ids as string[]).length)).toEqual([3, 3, 1]);
    expect(answer.list.map((each) => each.id)).toEqual(['F1', 'F2', 'F4', 'F5', 'F6', 'F7']);
    expect(answer.notFound).toEqual(['F3']);
  });

  it('all of them asks by id where they are too many for one answer', async () => {
    const all = ['C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C7'];
    const { client, net } = await scripted(
      methods({
        'ContactCard/get': (body) =>
          body.ids === null
            ? { type: 'requestTooLarge' }
            : { state: (body.ids as string[]).length > 0 ? '2' : '1', list: (body.ids as string[]).map((id) => ({ id })), notFound: [] },
        'ContactCard/query': (body) => {
          const position = body.position as number;
          return { queryState: '1', position, ids: all.slice(position, position + 4), limit: 4 };
        },
      }),
    ); // prettier-ignore
    const answer = await getWhole(client, 'ContactCard');
    expect(answer.list.map((each) => each.id)).toEqual(all);
    expect(answer.state).toBe('1');
    const names = net.asked.flatMap((asked) => asked.calls.map((call) => call[0]));
    expect(names.filter((name) => name === 'ContactCard/query')).toHaveLength(3);
  });

  it('all of them throws what else is wrong', async () => {
    const { client } = await scripted(methods({ 'Mailbox/get': () => ({ type: 'serverFail' }) }));
    await expect(getWhole(client, 'Mailbox')).rejects.toMatchObject({ type: 'serverFail' });
  });

  it.each([
    [0, []],
    [2, [2]],
    [3, [3]],
    [7, [3, 3, 1]],
  ])('cuts %i into pieces', (count, sizes) => {
    const items = Array.from({ length: count }, (_, n) => n);
    expect(pieces(items, 3).map((each) => each.length)).toEqual(sizes);
    expect(pieces(items, 3).flat()).toEqual(items);
  });
});

describe('what changed', () => {
  const answers: Record<string, Record<string, unknown>> = {
    a: { created: ['1'], updated: ['2'], destroyed: ['9'], newState: 'b', hasMoreChanges: true },
    b: { created: ['3'], updated: ['1'], destroyed: ['2', '3'], newState: 'c', hasMoreChanges: false },
    counts: { created: [], updated: ['2'], destroyed: [], newState: 'd', hasMoreChanges: false,
      updatedProperties: ['totalEmails'] }, // prettier-ignore
    loop: { created: [], updated: [], destroyed: [], newState: 'loop', hasMoreChanges: true },
  };
  const server = methods({ 'Mailbox/changes': (body) => answers[String(body.sinceState)] ?? {} });

  it('is told over several answers as one', async () => {
    const { client } = await scripted(server);
    expect(await changesSince(client, 'Mailbox', 'a')).toEqual({
      created: ['1'],
      updated: [],
      destroyed: ['9', '2'],
      newState: 'c',
      isCountsOnly: false,
    });
  });

  it('says where only counts did', async () => {
    const { client } = await scripted(server);
    expect(await changesSince(client, 'Mailbox', 'counts')).toMatchObject({ isCountsOnly: true });
  });

  it('is too much to tell after many answers', async () => {
    const { client } = await scripted(server);
    expect(await changesSince(client, 'Mailbox', 'loop')).toBeUndefined();
  });
});

describe('a set', () => {
  const answer = {
    accountId: 'A1', oldState: '1', newState: '2', updated: null, destroyed: null,
    created: { a: { id: 'M1' } },
    notCreated: { b: { type: 'overQuota', description: 'full' } },
    notUpdated: null, notDestroyed: null,
  } as SetAnswer<{ id: string }>; // prettier-ignore

  it('gives what was created', () => {
    expect(createdIn(answer, 'a')).toEqual({ id: 'M1' });
  });

  it('throws what was refused', () => {
    expect(() => createdIn(answer, 'b')).toThrow('overQuota: full');
    expect(() => allSet(answer)).toThrow('overQuota');
    expect(() => createdIn(answer, 'c')).toThrow('serverFail');
  });
});
