import { beforeEach, describe, expect, it } from 'vitest';
import { Actions } from '@/state/actions.svelte';
import { Emails } from '@/state/emails.svelte';
import { Jobs } from '@/state/jobs.svelte';
import { Lists, type ThreadList } from '@/state/lists.svelte';
import { Mailboxes } from '@/state/mailboxes.svelte';
import type { JmapClient } from '@/jmap/client';
import { methods, scripted, SESSION, settled, type Script } from '../support/scripted';

/** A mailbox of `total` emails, each a thread of its own, as a server has it that changes nothing. */
function server(total: number) {
  const email = (n: number) => ({
    id: `M${n}`, threadId: `T${n}`, mailboxIds: { F1: true }, keywords: n % 2 ? {} : { $seen: true },
    from: [{ name: null, email: `${n}@x.nl` }], to: null, subject: `${n}`, hasAttachment: false,
  }); // prettier-ignore
  let page: number[] = [];
  return {
    'Mailbox/get': () => ({
      state: '1', notFound: [],
      list: [
        { id: 'F1', name: 'Inbox', role: 'inbox', parentId: null }, { id: 'F2', name: 'Archive', role: 'archive', parentId: null },
        { id: 'F3', name: 'Trash', role: 'trash', parentId: null },
      ],
    }),
    'Email/query': (body: Record<string, unknown>) => {
      const start = Number(body.position ?? 0);
      const count = Math.min(Number(body.limit ?? total), Math.max(0, total - start));
      page = Array.from({ length: count }, (_, n) => start + n);
      return { queryState: 'q1', position: start, ids: page.map((n) => `M${n}`), total };
    },
    'Email/get': (body: Record<string, unknown>) => {
      const ids = body.ids as string[] | undefined;
      const wanted = ids ? ids.map((id) => Number(id.slice(1))) : page;
      return { state: 'q1', list: wanted.map(email), notFound: [] };
    },
    'Thread/get': (body: Record<string, unknown>) => {
      const ids = (body.ids as string[] | undefined) ?? page.map((n) => `T${n}`);
      return { state: 'q1', list: ids.map((id) => ({ id, emailIds: [`M${id.slice(1)}`] })), notFound: [] };
    },
    'Email/set': (body: Record<string, unknown>) => ({ oldState: 'q1', newState: 'q2', updated: body.update ?? null }),
    'Email/queryChanges': () => ({ removed: [], added: [], total, newQueryState: 'q1' }),
  } as Parameters<typeof methods>[0]; // prettier-ignore
}

let client: JmapClient;
let net: Script;
let lists: Lists;
let emails: Emails;
let jobs: Jobs;
let actions: Actions;

async function world(total: number, more: Parameters<typeof methods>[0] = {}): Promise<ThreadList> {
  ({ client, net } = await scripted(methods({ ...server(total), ...more })));
  Object.assign(SESSION.capabilities['urn:ietf:params:jmap:core'], { maxObjectsInGet: 1000, maxObjectsInSet: 500 });
  ({ client, net } = await scripted(methods({ ...server(total), ...more })));
  emails = new Emails(client);
  const mailboxes = new Mailboxes(client);
  lists = new Lists({ client, emails, mailboxes });
  jobs = new Jobs(client);
  actions = new Actions({ client, emails, mailboxes, lists, jobs });
  await mailboxes.ready();
  const list = lists.open({ mailboxId: 'F1' });
  list.want(0, 10);
  await settled();
  return list;
}

const calls = (name: string) => net.asked.flatMap((asked) => asked.calls).filter((call) => call[0] === name);
const ids = (list: ThreadList, first: number, last: number) =>
  Array.from({ length: last - first }, (_, n) => list.idAt(first + n));

describe('a list', () => {
  it('asks for ids, emails and threads of a page by one request', async () => {
    const list = await world(250);
    const page = net.asked.find((asked) => asked.calls[0]?.[0] === 'Email/query');
    expect(page?.calls.map(([name]) => name)).toEqual(['Email/query', 'Email/get', 'Thread/get']);
    expect(page?.calls[0]?.[1]).toMatchObject({
      filter: { inMailbox: 'F1' }, collapseThreads: true, position: 0, limit: 100, calculateTotal: true,
    }); // prettier-ignore
    expect(page?.calls[1]?.[1]['#ids']).toMatchObject({ name: 'Email/query', path: '/ids' });
    expect(list).toMatchObject({ status: 'ready', total: 250 });
    expect(list.row(3)).toMatchObject({ id: 'M3', isUnread: true, count: 1 });
    expect(list.row(150)).toBeUndefined();
  });

  it('of nothing is ready and empty', async () => {
    const list = await world(0);
    expect(list).toMatchObject({ status: 'ready', total: 0 });
  });

  it('asks for what is looked at, page by page, and once', async () => {
    const list = await world(100_000);
    list.want(50_010, 50_030);
    list.want(50_012, 50_032);
    await settled();
    expect(calls('Email/query').map((call) => call[1].position)).toEqual([0, 49_900, 50_000]);
    expect(list.row(50_020)?.id).toBe('M50020');
    expect(list.row(25_000)).toBeUndefined();
  });

  it('gives up pages that are not looked at any more', async () => {
    const list = await world(100_000);
    net.then(() => new Promise<Response>(() => undefined));
    list.want(30_040, 30_050);
    await settled();
    const asked = net.asked.at(-1);
    list.want(70_000, 70_010);
    await settled();
    expect(asked?.init.signal?.aborted).toBe(true);
    expect(list.row(70_005)?.id).toBe('M70005');
    expect(list.failed(30_040)).toBeUndefined();
  });

  it('says where a page did not come, and asks again', async () => {
    const list = await world(1000);
    net.then(() => new Response('', { status: 500 }));
    list.want(530, 540);
    await settled();
    expect(list.status).toBe('ready');
    expect(list.failed(535)?.kind).toBe('http');
    list.want(530, 540);
    await settled();
    expect(list.row(535)).toBeUndefined();
    list.retry(535);
    await settled();
    expect(list.failed(535)).toBeUndefined();
    expect(list.row(535)?.id).toBe('M535');
  });

  it('that never came says why', async () => {
    await world(10);
    net.then(() => new Response('', { status: 500 }));
    const list = lists.open({ mailboxId: 'F2' });
    list.want(0, 10);
    await settled();
    expect(list.status).toBe('error');
    list.retry();
    await settled();
    expect(list).toMatchObject({ status: 'ready', error: undefined });
  });

  it('is the same when it is opened again', async () => {
    const list = await world(10);
    lists.open({ mailboxId: 'F2' });
    expect(lists.open({ mailboxId: 'F1', sort: 'newest', chips: [] })).toBe(list);
  });

  it('never holds more than it needs', async () => {
    const list = await world(1_000_000);
    for (let first = 0; first < 20_000; first += 100) {
      list.want(first, first + 20);
      await settled();
    }
    expect(list.loaded().length).toBeLessThanOrEqual(6200);
    expect(list.row(19_910)?.id).toBe('M19910');
  });
});

describe('changes on the server', () => {
  it('are worked in without asking for the list again', async () => {
    const list = await world(250, {
      'Email/queryChanges': () => ({
        removed: ['M1', 'M5'], added: [{ id: 'M900', index: 0 }, { id: 'M5', index: 1 }], total: 250, newQueryState: 'q2',
      }), // prettier-ignore
    });
    const before = calls('Email/query').length;
    await lists.changed();
    await settled();
    expect(ids(list, 0, 5)).toEqual(['M900', 'M5', 'M0', 'M2', 'M3']);
    expect(calls('Email/query')).toHaveLength(before);
    expect(calls('Email/queryChanges')[0]?.[1]).toMatchObject({ sinceQueryState: 'q1', calculateTotal: true });
    expect(list.total).toBe(250);
  });

  it('that are too many have what is looked at asked for anew, and what was there stays', async () => {
    const list = await world(250, { 'Email/queryChanges': () => ({ type: 'tooManyChanges' }) });
    net.then(net.otherwise, () => new Promise<Response>(() => undefined));
    await lists.changed();
    await settled();
    expect(list.isStale).toBe(true);
    expect(list.row(3)?.id).toBe('M3');
  });

  it('that are told while the first page is on its way are asked for after it', async () => {
    await world(1);
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    net.then((asked) => held.then(() => net.otherwise(asked)));
    const other = lists.open({ mailboxId: 'F2' });
    other.want(0, 10);
    await settled();
    await lists.changed();
    expect(calls('Email/queryChanges')).toHaveLength(0);
    goOn();
    await settled();
    expect(other).toMatchObject({ status: 'ready', total: 1 });
    expect(calls('Email/queryChanges')).toHaveLength(1);
  });

  it('wait where nobody looks', async () => {
    await world(10);
    lists.open({ mailboxId: 'F2' });
    const before = calls('Email/queryChanges').length;
    await lists.changed();
    expect(calls('Email/queryChanges')).toHaveLength(before);
    lists.open({ mailboxId: 'F1' });
    await settled();
    expect(calls('Email/queryChanges')).toHaveLength(before + 1);
  });

  it('that came in between bring the list to the moment of a new page', async () => {
    const list = await world(1000, {
      'Email/queryChanges': () => ({ removed: ['M0'], added: [], total: 999, newQueryState: 'q2' }),
    });
    const page = server(1000);
    net.then(methods({ ...page, 'Email/query': (body, call) => ({ ...page['Email/query']?.(body, call), queryState: 'q2', total: 999 }) }));
    list.want(540, 550);
    await settled();
    expect(list.idAt(0)).toBe('M1');
    expect(list.total).toBe(999);
    expect(list.idAt(500)).toBe('M500');
  });
});

describe('a selection', () => {
  let list: ThreadList;
  beforeEach(async () => {
    list = await world(250);
  });

  it('is of rows, of ranges, and of all that is loaded', () => {
    const { selection } = list;
    selection.toggle('M3');
    selection.rangeTo('M6');
    expect(selection.ids).toEqual(['M3', 'M4', 'M5', 'M6']);
    selection.toggle('M4');
    expect(selection.count).toBe(3);
    selection.pick('unread');
    expect(selection.count).toBe(50);
    selection.pick('all');
    expect(selection).toMatchObject({ count: 100, isAllLoaded: true, everything: false });
  });

  it('of everything counts what is not loaded', () => {
    const { selection } = list;
    selection.selectEverything();
    expect(selection).toMatchObject({ count: 250, everything: true });
    expect(selection.has('M249')).toBe(true);
    selection.toggle('M3');
    expect(selection).toMatchObject({ count: 99, everything: false });
    selection.clear();
    expect(selection.count).toBe(0);
  });
});

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
