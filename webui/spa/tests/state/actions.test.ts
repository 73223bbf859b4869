import { describe, expect, it } from 'vitest';
import { methods, settled } from '../support/scripted';
import { server, net, emails, jobs, actions, world, calls, ids } from '../support/list-world';

describe('an action', () => {
  it('shows at once, and reaches the server as one set', async () => {
    const list = await world(250);
    const done = await actions.archive(['M1', 'M2']);
    expect(done).toMatchObject({ kind: 'archive', count: 2, canUndo: true });
    expect(ids(list, 0, 3)).toEqual(['M0', 'M3', 'M4']);
    expect(list.total).toBe(248);
    await settled();
    expect(calls('Email/set').map((call) => call[1].update)).toEqual([
      { M1: { 'mailboxIds/F1': null, 'mailboxIds/F2': true }, M2: { 'mailboxIds/F1': null, 'mailboxIds/F2': true } },
    ]); // prettier-ignore
  });

  it('that changes nothing asks nothing', async () => {
    await world(250);
    expect(await actions.read(['M0'])).toBeUndefined();
    expect(calls('Email/set')).toHaveLength(0);
  });

  it('is undone, here and on the server', async () => {
    await world(250);
    await actions.star(['M1']);
    await settled();
    expect(emails.get('M1')?.keywords).toEqual({ $flagged: true });
    expect(await actions.undo()).toBe(true);
    expect(emails.get('M1')?.keywords).toEqual({});
    expect(calls('Email/set').at(-1)?.[1].update).toEqual({ M1: { 'keywords/$flagged': null } });
    expect(await actions.undo()).toBe(false);
  });

  it('is undone, and what was only opened meanwhile is not', async () => {
    await world(250);
    const done = await actions.star(['M1']);
    await settled();
    await actions.seen(['M0']);
    await settled();
    expect(emails.get('M0')?.keywords).toEqual({ $seen: true });
    expect(await actions.undo(done?.id)).toBe(true);
    expect(emails.get('M1')?.keywords).toEqual({});
    expect(emails.get('M0')?.keywords).toEqual({ $seen: true });
    expect(await actions.undo()).toBe(false);
  });

  it('that is refused goes back and is told, and can be tried again', async () => {
    const list = await world(250, {
      'Email/set': () => ({ notUpdated: { M2: { type: 'overQuota' } }, updated: { M1: null } }),
    });
    await actions.archive(['M1', 'M2']);
    await settled();
    expect(ids(list, 0, 3)).toEqual(['M0', 'M1', 'M2']);
    expect(actions.problems).toMatchObject([{ kind: 'archive', count: 1, error: { type: 'overQuota' } }]);
    actions.problems[0]?.retry();
    await settled();
    expect(Object.keys(calls('Email/set').at(-1)?.[1].update as object)).toEqual(['M2']);
  });

  it('that fails as a whole goes back', async () => {
    const list = await world(250, { 'Email/set': () => ({ type: 'serverFail', description: 'incident 00112233' }) });
    await actions.trash(['M0']);
    expect(list.idAt(0)).toBe('M1');
    await settled();
    expect(list.idAt(0)).toBe('M0');
    expect(emails.get('M0')?.mailboxIds).toEqual({ F1: true });
    expect(actions.problems[0]?.error.reference).toContain('00112233');
    expect(actions.last).toBeUndefined();
  });

  it('waits for the network, and goes on in order when it is back', async () => {
    const list = await world(250);
    const lost = () => Promise.reject(new TypeError('network'));
    net.then(lost, lost, lost, lost);
    await actions.archive(['M0']);
    await settled();
    expect(jobs.pending).toBe(1);
    await actions.star(['M1']);
    expect(jobs.pending).toBe(2);
    expect(list.idAt(0)).toBe('M1');
    jobs.resume();
    await settled();
    expect(jobs.pending).toBe(0);
    const sets = calls('Email/set').slice(-2);
    expect(sets.map((call) => Object.keys(call[1].update as object))).toEqual([['M0'], ['M1']]);
    expect(actions.problems).toHaveLength(0);
  });

  it('that waits is taken back without the server', async () => {
    const list = await world(250);
    const lost = () => Promise.reject(new TypeError('network'));
    net.then(lost, lost, lost, lost);
    await actions.archive(['M0']);
    await settled();
    const sets = calls('Email/set').length;
    expect(await actions.undo()).toBe(true);
    await settled();
    expect(list.idAt(0)).toBe('M0');
    expect(emails.get('M0')?.mailboxIds).toEqual({ F1: true });
    jobs.resume();
    await settled();
    expect(calls('Email/set')).toHaveLength(sets);
  });

  it('that waited is no surprise to whoever put the mail elsewhere meanwhile', async () => {
    await world(250);
    const job = {
      id: 'j', kind: 'archive' as const, destroys: [], at: new Date(Date.now() - 3_600_000),
      changes: new Map([
        ['M0', { patch: { 'mailboxIds/F1': null, 'mailboxIds/F2': true }, undo: {} }],
        ['M1', { patch: { 'mailboxIds/F1': null, 'mailboxIds/F2': true }, undo: {} }],
      ]),
      places: new Map([['M0', ['F9']], ['M1', ['F1']]]),
    }; // prettier-ignore
    await actions.resume(job);
    expect(calls('Email/set').map((call) => Object.keys(call[1].update as object))).toEqual([['M1']]);
    expect(actions.problems).toMatchObject([{ isConflict: true, count: 1 }]);
    actions.problems[0]?.retry();
    await settled();
    expect(Object.keys(calls('Email/set').at(-1)?.[1].update as object)).toEqual(['M0']);
  });

  it('destroys for ever', async () => {
    const list = await world(250, {
      'Email/set': (body) => ({ destroyed: body.destroy }),
      'Email/queryChanges': () => ({ removed: ['M0'], added: [], total: 249, newQueryState: 'q2' }),
    });
    const done = await actions.destroy(['M0']);
    expect(done?.canUndo).toBe(false);
    await settled();
    expect(calls('Email/set')[0]?.[1].destroy).toEqual(['M0']);
    expect(list.idAt(0)).toBe('M1');
    expect(emails.get('M0')).toBeUndefined();
  });

  it('on rows means their threads in this mailbox', async () => {
    const list = await world(250, {
      'Thread/get': () => ({ state: '1', list: [{ id: 'T0', emailIds: ['M0', 'M7', 'M8'] }], notFound: [] }),
    });
    emails.took([{ ...emails.get('M7'), id: 'M7', mailboxIds: { F9: true } } as never], '');
    expect(await list.emailsOf(['M0'])).toEqual(['M0', 'M8']);
  });
});

describe('everything in a mailbox', () => {
  it('is done in batches, with progress, and is undone', async () => {
    const list = await world(1234);
    list.selection.selectEverything();
    const archive = actions.archive({ everything: list });
    await settled();
    const done = await archive;
    expect(done).toMatchObject({ kind: 'archive', count: 1234, canUndo: true });
    const sizes = calls('Email/set').map((call) => Object.keys(call[1].update as object).length);
    expect(sizes).toEqual([500, 500, 234]);
    expect(actions.running).toHaveLength(0);
    expect(list.selection.everything).toBe(false);
    await actions.undo();
    expect(calls('Email/set').at(-1)?.[1].update).toMatchObject({
      M1233: { 'mailboxIds/F1': true, 'mailboxIds/F2': null },
    });
  });

  it('means what is not so already, so that undoing it does no more', async () => {
    const list = await world(10);
    const read = actions.read({ everything: list });
    await settled();
    await read;
    const conditions = [{ inMailbox: 'F1' }, { notKeyword: '$seen' }];
    const filters = calls('Email/query').map((call) => call[1].filter);
    expect(filters).toContainEqual({ operator: 'AND', conditions });
  });

  it('can be stopped in the middle', async () => {
    const list = await world(1234);
    let release: () => void = () => undefined;
    net.otherwise = async (asked) => {
      if (asked.calls[0]?.[0] === 'Email/set') await new Promise<void>((go) => (release = go));
      return methods(server(1234))(asked);
    };
    const archive = actions.archive({ everything: list });
    await settled();
    expect(actions.running).toMatchObject([{ done: 0, total: 1234 }]);
    actions.running[0]?.stop();
    release();
    expect(await archive).toMatchObject({ count: 500 });
    expect(calls('Email/set')).toHaveLength(1);
  });
});
