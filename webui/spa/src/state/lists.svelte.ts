/** The lists that are open: the one that is looked at, and some that were. */
import type { Id } from '@/jmap/types';
import { client } from './client';
import { emails } from './emails.svelte';
import { followers, type Follower } from './followers';
import { mailboxes } from './mailboxes.svelte';
import { ThreadList, type Under } from './thread-list.svelte';
import { keyOf, type View } from './views';

export type { Row } from './rows';
export type { ThreadList } from './thread-list.svelte';
export type { Chip, Sort, View } from './views';

const LISTS_KEPT = 8;

export class Lists implements Follower {
  readonly types = ['Email'];
  #under: Under;
  #open = new Map<string, ThreadList>();
  #current: ThreadList | undefined;

  constructor(under: Under) {
    this.#under = under;
    followers.add(this);
  }

  /** The list that is looked at. */
  get current(): ThreadList | undefined {
    return this.#current;
  }

  /** Returns the list of a view; one that was open before is as it was, and brought up to date. */
  open(view: View): ThreadList {
    const key = keyOf(view);
    const list = this.#open.get(key) ?? new ThreadList(this.#under, view);
    this.#open.delete(key);
    this.#open.set(key, list);
    for (const [other, old] of this.#open) {
      if (this.#open.size <= LISTS_KEPT) break;
      old.close();
      this.#open.delete(other);
    }
    if (list !== this.#current) {
      this.#current?.close();
      this.#current = list;
    }
    if (list.isBehind) void list.refresh();
    return list;
  }

  /** Takes emails out of every list in which they are no longer; returns what puts them back. */
  leave(ids: readonly Id[], isGone: (list: ThreadList, id: Id) => boolean): () => void {
    const back = [...this.#open.values()].map((list) => {
      const gone = ids.filter((id) => isGone(list, id));
      return gone.length > 0 ? list.leave(gone) : () => undefined;
    });
    return () => back.forEach((each) => each());
  }

  async changed(): Promise<void> {
    for (const list of this.#open.values()) list.isBehind = true;
    await this.#current?.refresh();
  }

  clear(): void {
    for (const list of this.#open.values()) list.close();
    this.#open.clear();
    this.#current = undefined;
  }
}

export const lists = new Lists({ client, emails, mailboxes });
