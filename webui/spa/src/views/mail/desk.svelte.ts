/**
 * What somebody does with a list of mail and the conversation that is open beside it.
 *
 * The cursor is a row by its id, so that it stays on its letter when others come and go. What is
 * done is done to the rows that are selected, else to the one under the cursor.
 */
import type { Done, Target } from '@/state/actions.svelte';
import type { Row, ThreadList } from '@/state/lists.svelte';

export interface Opening {
  /** Shows a row's conversation, or none. */
  show(row: Row | undefined): void;
  /** Whether the next one opens where the one that is shown goes away. */
  goesOn(): boolean;
}

type Deed = (target: Target) => Promise<Done | undefined>;

export class Desk {
  #list = $state.raw<ThreadList>();
  #cursor = $state<string>();
  /** The row whose conversation is shown. */
  shown = $state<string>();

  constructor(readonly opening: Opening) {}

  get list(): ThreadList | undefined {
    return this.#list;
  }

  /** Puts another list on the desk. */
  put(list: ThreadList | undefined): void {
    if (list === this.#list) return;
    this.#list = list;
    this.#cursor = undefined;
  }

  /** The row under the cursor; where it has gone, there is none. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** Where the cursor stands; -1 nowhere. */
  get at(): number {
    return this.#cursor === undefined ? -1 : (this.#list?.indexOf(this.#cursor) ?? -1);
  }

  /** Puts the cursor on a row. */
  point(id: string | undefined): void {
    this.#cursor = id;
  }

  /** Moves the cursor; from nowhere it comes to the first row. */
  move(step: number, { extend = false }: { extend?: boolean } = {}): void {
    const list = this.#list;
    if (!list || list.total === 0) return;
    const from = this.at;
    const to = from < 0 ? 0 : Math.min(list.total - 1, Math.max(0, from + step));
    const id = list.idAt(to);
    if (id === undefined) return;
    if (extend && this.#cursor !== undefined) {
      if (list.selection.count === 0) list.selection.only(this.#cursor);
      list.selection.rangeTo(id);
    }
    this.#cursor = id;
  }

  /** Opens the row under the cursor, or the one named. */
  open(id = this.#cursor): void {
    const row = id === undefined ? undefined : this.#list?.rowOf(id);
    if (!row) return;
    this.#cursor = row.id;
    this.opening.show(row);
  }

  /** Opens the next conversation, or the one before. */
  openNext(step: number): void {
    this.move(step);
    this.open();
  }

  /** What the next deed is done to: rows by their ids. */
  get chosen(): string[] {
    const list = this.#list;
    if (!list) return [];
    if (list.selection.count > 0) return list.selection.ids;
    const one = this.#cursor ?? this.shown;
    return one === undefined ? [] : [one];
  }

  /** Whether there is anything to do something to. */
  get canAct(): boolean {
    return this.#list !== undefined && (this.#list.selection.everything || this.chosen.length > 0);
  }

  /** Whether all of the rows that are chosen are so. */
  all(test: (row: Row) => boolean): boolean {
    const rows = this.chosen.map((id) => this.#list?.rowOf(id)).filter((row) => row !== undefined);
    return rows.length > 0 && rows.every(test);
  }

  /** Does something that leaves the rows where they are. */
  async mark(deed: Deed, rows: string[] = this.chosen): Promise<void> {
    const target = await this.#target(rows);
    if (target) await deed(target);
  }

  /** Does something that takes the rows out of the list; what follows them comes under the cursor. */
  async remove(deed: Deed, rows: string[] = this.chosen): Promise<void> {
    const list = this.#list;
    const target = await this.#target(rows);
    if (!list || !target) return;
    const wasShown = this.shown !== undefined && rows.includes(this.shown);
    const next = this.#after(rows);
    list.selection.clear();
    const done = deed(target);
    this.#cursor = next;
    if (wasShown) {
      const row = next === undefined || !this.opening.goesOn() ? undefined : list.rowOf(next);
      this.opening.show(row);
    }
    await done;
  }

  async #target(rows: string[]): Promise<Target | undefined> {
    const list = this.#list;
    if (!list) return undefined;
    if (list.selection.everything) return { everything: list };
    if (rows.length === 0) return undefined;
    return list.emailsOf(rows);
  }

  /** The first row behind those that go, else the last before them. */
  #after(rows: string[]): string | undefined {
    const list = this.#list;
    if (!list) return undefined;
    const going = new Set(rows);
    const places = rows.map((id) => list.indexOf(id)).filter((at) => at >= 0);
    const last = Math.max(...places);
    for (let at = last + 1; at < list.total; at += 1) {
      const id = list.idAt(at);
      if (id === undefined) break;
      if (!going.has(id)) return id;
    }
    for (let at = Math.min(...places) - 1; at >= 0; at -= 1) {
      const id = list.idAt(at);
      if (id !== undefined && !going.has(id)) return id;
    }
    return undefined;
  }
}
