/**
 * Which rows of a list are chosen: some that are loaded, or everything there is.
 *
 * Everything is a question to the server, not a list of ids: "select all 12,345 in this folder".
 */
import { SvelteSet } from 'svelte/reactivity';
import type { Id } from '@/jmap/types';

/** What a selection must know of its list. */
export interface Selectable {
  readonly total: number;
  loaded(): Id[];
  between(first: number, last: number): Id[];
  indexOf(id: Id): number;
  isUnread(id: Id): boolean;
}

export type Pick = 'all' | 'none' | 'read' | 'unread';

export class Selection {
  #list: Selectable;
  #ids = new SvelteSet<Id>();
  #everything = $state(false);
  /** From where a range goes on. */
  #anchor: Id | undefined;

  constructor(list: Selectable) {
    this.#list = list;
  }

  has(id: Id): boolean {
    return this.#everything || this.#ids.has(id);
  }

  /** Whether everything is chosen that the list's question finds, loaded or not. */
  get everything(): boolean {
    return this.#everything;
  }

  /** How many rows are chosen. */
  get count(): number {
    return this.#everything ? this.#list.total : this.#ids.size;
  }

  /** The chosen rows that are loaded, in the order of the list. */
  get ids(): Id[] {
    return this.#list.loaded().filter((id) => this.has(id));
  }

  /** Whether all that is loaded is chosen, so that everything may be offered. */
  get isAllLoaded(): boolean {
    const loaded = this.#list.loaded();
    return loaded.length > 0 && loaded.every((id) => this.has(id));
  }

  toggle(id: Id): void {
    if (this.#everything) this.loaded();
    if (!this.#ids.delete(id)) this.#ids.add(id);
    this.#anchor = id;
  }

  only(id: Id): void {
    this.clear();
    this.#ids.add(id);
    this.#anchor = id;
  }

  /** Chooses all rows from the last one that was chosen to this one. */
  rangeTo(id: Id): void {
    const from = this.#anchor === undefined ? -1 : this.#list.indexOf(this.#anchor);
    const to = this.#list.indexOf(id);
    if (from < 0 || to < 0) {
      this.toggle(id);
      return;
    }
    const rows = this.#list.between(Math.min(from, to), Math.max(from, to) + 1);
    for (const each of rows) this.#ids.add(each);
  }

  pick(which: Pick): void {
    this.clear();
    if (which === 'none') return;
    for (const id of this.#list.loaded()) {
      if (which === 'all' || this.#list.isUnread(id) === (which === 'unread')) this.#ids.add(id);
    }
  }

  /** Chooses all rows that are loaded, and no others. */
  loaded(): void {
    this.pick('all');
  }

  selectEverything(): void {
    this.#ids.clear();
    this.#everything = true;
  }

  clear(): void {
    this.#ids.clear();
    this.#everything = false;
    this.#anchor = undefined;
  }

  /** Leaves out rows that are no longer in the list. */
  gone(ids: Iterable<Id>): void {
    for (const id of ids) this.#ids.delete(id);
  }
}
