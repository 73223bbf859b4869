import { describe, expect, it } from 'vitest';
import { PAGE, SparseList } from '@/list/sparse';

const ids = (from: number, count: number) => Array.from({ length: count }, (_, n) => `m${from + n}`);

function listOf(total: number, ...pages: number[]): SparseList {
  const list = new SparseList(total);
  for (const page of pages) {
    list.put(page * PAGE, ids(page * PAGE, Math.min(PAGE, total - page * PAGE)), total);
  }
  return list;
}

describe('pages', () => {
  it('are found by their place', () => {
    const list = listOf(100_000, 0, 500);
    expect(list.at(0)).toBe('m0');
    expect(list.at(99)).toBe('m99');
    expect(list.at(100)).toBeUndefined();
    expect(list.at(50_050)).toBe('m50050');
    expect(list.indexOf('m50099')).toBe(50_099);
    expect(list.indexOf('m50100')).toBe(-1);
    expect(list.known).toBe(200);
    expect(list.between(98, 50_002)).toEqual(['m98', 'm99', 'm50000', 'm50001']);
  });

  it.each([
    ['nothing of an empty list', listOf(0), 0, 50, []],
    ['the only row', listOf(1), 0, 50, [{ start: 0, count: 1 }]],
    ['whole pages', listOf(1000), 90, 110, [{ start: 0, count: 100 }, { start: 100, count: 100 }]],
    ['not what is known', listOf(1000, 0), 90, 110, [{ start: 100, count: 100 }]],
    ['nothing where all is known', listOf(1000, 0, 1), 90, 200, []],
    ['a short last page', listOf(1050), 1020, 1100, [{ start: 1000, count: 50 }]],
    ['after a jump', listOf(1_000_000, 0), 999_990, 1_000_000, [{ start: 999_900, count: 100 }]],
  ])('that are missing: %s', (_, list, first, last, gaps) => {
    expect(list.missing(first, last)).toEqual(gaps);
  });

  it('that miss some rows are asked for these only', () => {
    const list = listOf(1000, 0);
    list.forget(40, 60);
    expect(list.missing(0, 100)).toEqual([{ start: 40, count: 20 }]);
    expect(list.at(39)).toBe('m39');
    expect(list.at(60)).toBe('m60');
  });

  it('that come again replace what was there, and an id stands once', () => {
    const list = listOf(300, 0, 1);
    list.put(100, ids(90, 100), 300);
    expect(list.at(100)).toBe('m90');
    expect(list.indexOf('m95')).toBe(105);
    expect(list.at(95)).toBeUndefined();
  });
});

describe('one change here', () => {
  it('takes rows out and puts them back where they were', () => {
    const list = listOf(1000, 0, 5);
    const gone = list.remove(['m10', 'm12', 'm505', 'nobody']);
    expect([...gone]).toEqual([['m10', 10], ['m12', 12], ['m505', 505]]); // prettier-ignore
    expect(list.total).toBe(997);
    expect(list.at(10)).toBe('m11');
    expect(list.indexOf('m500')).toBe(498);
    for (const [id, at] of gone) list.insert(id, at);
    expect(list.total).toBe(1000);
    expect(list.between(0, 100)).toEqual(ids(0, 100));
    expect(list.between(500, 600)).toEqual(ids(500, 100));
  });
});

describe('changes from the server', () => {
  it('put new rows at the top', () => {
    const list = listOf(1000, 0, 5);
    expect(list.apply([], [{ id: 'new', index: 0 }], 1001)).toBe(true);
    expect(list.at(0)).toBe('new');
    expect(list.at(1)).toBe('m0');
    expect(list.indexOf('m500')).toBe(501);
  });

  it('move rows', () => {
    const list = listOf(1000, 0);
    expect(list.apply(['m50'], [{ id: 'm50', index: 0 }], 1000)).toBe(true);
    expect(list.between(0, 3)).toEqual(['m50', 'm0', 'm1']);
    expect(list.at(51)).toBe('m51');
  });

  it('leave alone what is elsewhere', () => {
    const list = listOf(1000, 0, 5);
    expect(list.apply(['other', 'another'], [], 1000)).toBe(true);
    expect(list.known).toBe(200);
  });

  it('keep what is before the first gap where something unknown went', () => {
    const list = listOf(1000, 0, 5);
    expect(list.apply(['m300'], [], 999)).toBe(true);
    expect(list.total).toBe(999);
    expect(list.between(0, 999)).toEqual(ids(0, 100));
  });

  it('that do not come out have all of it asked for anew', () => {
    expect(listOf(1000, 0).apply([], [], 1200)).toBe(false);
  });

  it('come out as the server has it, whatever happens and whatever is known', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 300; round += 1) {
      let truth = ids(0, 1 + random(900));
      const list = new SparseList(truth.length);
      for (let n = 0; n < 4; n += 1) {
        const start = random(Math.ceil(truth.length / PAGE)) * PAGE;
        list.put(start, truth.slice(start, start + PAGE), truth.length);
      }
      for (let step = 0; step < 5; step += 1) {
        const removed = truth.filter(() => random(20) === 0);
        const moved = removed.filter(() => random(2) === 0);
        const come = [...moved, ...(random(2) ? [`new${round}.${step}`] : [])];
        truth = truth.filter((id) => !removed.includes(id));
        for (const id of come) truth.splice(random(truth.length + 1), 0, id);
        const added = come.map((id) => ({ id, index: truth.indexOf(id) }));
        const alsoSaid = removed.concat(`elsewhere${step}`);
        list.apply(alsoSaid, added, truth.length);
        expect(list.total).toBe(truth.length);
        for (let at = 0; at < truth.length; at += 1) {
          const known = list.at(at);
          if (known !== undefined) expect(known).toBe(truth[at]);
        }
        expect(list.known).toBe(new Set(list.ids()).size);
      }
    }
  });
});
