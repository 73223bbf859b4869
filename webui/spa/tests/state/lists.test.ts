import { beforeEach, describe, expect, it } from 'vitest';
import { type ThreadList } from '@/state/lists.svelte';
import { methods, settled } from '../support/scripted';
import { server, net, lists, world, calls, ids } from '../support/list-world';

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
