/**
 * A long list of which only some stretches are known: pure.
 *
 * Ids are kept in pages of 100 as they were asked for. What changed on the server is worked in
 * without asking for the list again: known ids are taken out, new ones are put where they stand now.
 * Of what was not known nobody can say where it was; where the sum does not come out, all behind
 * the first gap is forgotten and asked for when it is looked at.
 *
 * Source: RFC 8620 §5.6.
 */
export const PAGE = 100;

export interface Added {
  id: string;
  /** Where it stands when all is worked in. */
  index: number;
}

interface Run {
  start: number;
  ids: string[];
}

export class SparseList {
  #runs: Run[] = [];
  #total: number;

  constructor(total = 0) {
    this.#total = total;
  }

  get total(): number {
    return this.#total;
  }

  /** How many ids are known. */
  get known(): number {
    return this.#runs.reduce((sum, run) => sum + run.ids.length, 0);
  }

  at(index: number): string | undefined {
    const run = this.#runs.find((each) => index < each.start + each.ids.length);
    return run && index >= run.start ? run.ids[index - run.start] : undefined;
  }

  /** Returns where an id stands; -1 where it is not known. */
  indexOf(id: string): number {
    for (const run of this.#runs) {
      const at = run.ids.indexOf(id);
      if (at >= 0) return run.start + at;
    }
    return -1;
  }

  /** Returns all known ids, in order. */
  ids(): string[] {
    return this.#runs.flatMap((run) => run.ids);
  }

  /** Returns the known ids from `first` to before `last`. */
  between(first: number, last: number): string[] {
    return this.#runs.flatMap((run) =>
      run.ids.slice(Math.max(0, first - run.start), Math.max(0, last - run.start)),
    );
  }

  /** Puts a page where it stands; whatever was there before goes. */
  put(start: number, ids: readonly string[], total: number): void {
    this.#total = total;
    this.#drop(start, start + ids.length);
    const anew = new Set(ids);
    for (const run of this.#runs) {
      // An id stands once: what is told now counts.
      const at = run.ids.findIndex((id) => anew.has(id));
      if (at >= 0) run.ids = run.ids.slice(0, at);
    }
    this.#runs.push({ start, ids: [...ids] });
    this.#tidy();
  }

  /** Forgets what stands from `first` to before `last`, and leaves a gap. */
  forget(first: number, last: number): void {
    this.#drop(first, last);
    this.#tidy();
  }

  /** Takes ids out; what stood behind them moves up. Returns where each was. */
  remove(ids: Iterable<string>): Map<string, number> {
    const gone = new Map<string, number>();
    for (const id of ids) {
      const at = this.indexOf(id);
      if (at >= 0) gone.set(id, at);
    }
    for (const at of [...gone.values()].sort((a, b) => b - a)) this.#cut(at);
    this.#tidy();
    return gone;
  }

  /** Puts an id at `index`; what stood there and behind moves down. */
  insert(id: string, index: number): void {
    this.#total += 1;
    const within = this.#runs.find(
      (run) => index >= run.start && index <= run.start + run.ids.length,
    );
    for (const run of this.#runs) if (run !== within && run.start >= index) run.start += 1;
    if (within) within.ids.splice(index - within.start, 0, id);
    else this.#runs.push({ start: index, ids: [id] });
    this.#tidy();
  }

  /**
   * Works a /queryChanges in.
   *
   * Returns false where what is known does not fit the server's `total`, so that all of it is to be
   * asked for anew.
   */
  apply(removed: readonly string[], added: readonly Added[], total: number): boolean {
    this.remove([...removed, ...added.map((each) => each.id)]);
    for (const each of [...added].sort((a, b) => a.index - b.index)) {
      this.insert(each.id, each.index);
    }
    const unknown = this.#total - total;
    this.#total = total;
    if (unknown === 0) return true;
    // Ids that were never known went from within gaps: what is before the first gap still stands.
    const [first] = this.#runs;
    const whole = first?.start === 0 ? first.ids.length : 0;
    this.forget(whole, Infinity);
    return unknown > 0 && whole <= total;
  }

  /**
   * Returns the gaps from `first` to before `last`, cut at the bounds of pages: what to ask for.
   */
  missing(first: number, last: number): { start: number; count: number }[] {
    const end = Math.min(last, this.#total);
    const gaps: { start: number; count: number }[] = [];
    for (let page = Math.floor(Math.max(0, first) / PAGE) * PAGE; page < end; page += PAGE) {
      const until = Math.min(page + PAGE, this.#total);
      let from = page;
      while (from < until && this.at(from) !== undefined) from += 1;
      let to = until;
      while (to > from && this.at(to - 1) !== undefined) to -= 1;
      if (to > from) gaps.push({ start: from, count: to - from });
    }
    return gaps;
  }

  /** Takes the id at `index` out. */
  #cut(index: number): void {
    this.#total -= 1;
    for (const run of this.#runs) {
      if (index < run.start) run.start -= 1;
      else if (index < run.start + run.ids.length) run.ids.splice(index - run.start, 1);
    }
  }

  #drop(first: number, last: number): void {
    this.#runs = this.#runs.flatMap((run) => {
      const end = run.start + run.ids.length;
      if (end <= first || run.start >= last) return [run];
      const before = { start: run.start, ids: run.ids.slice(0, Math.max(0, first - run.start)) };
      const after = { start: last, ids: last < end ? run.ids.slice(last - run.start) : [] };
      return [before, after];
    });
  }

  /** Orders the runs, joins those that touch, and leaves out the empty ones. */
  #tidy(): void {
    const ordered = this.#runs
      .filter((run) => run.ids.length > 0 && run.start < this.#total)
      .sort((a, b) => a.start - b.start);
    const joined: Run[] = [];
    for (const run of ordered) {
      const before = joined.at(-1);
      if (before && before.start + before.ids.length === run.start) before.ids.push(...run.ids);
      else joined.push(run);
    }
    this.#runs = joined;
  }
}
