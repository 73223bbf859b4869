/** One list of mail: a page of 100 at a time, kept up to date by what changed (WEBUI §2, §7). */
import { untrack } from 'svelte';
import type { JmapClient } from '@/jmap/client';
import { asJmapError, isAbort, MethodError, type JmapError } from '@/jmap/errors';
import type { Filter, Id, ListEmail, Thread } from '@/jmap/types';
import { PAGE, SparseList } from '@/list/sparse';
import { LIST_PROPERTIES, type Emails } from './emails.svelte';
import { followers } from './followers';
import { kept } from './keeper';
import { meant } from './meant';
import type { Mailboxes } from './mailboxes.svelte';
import { rowOf, type Row } from './rows';
import { Selection, type Selectable } from './selection.svelte';
import type { Status } from './records.svelte';
import { filterOf, keyOf, sortOf, type View } from './views';

const MOST_CHANGES = 500;
const PAGES_KEPT = 60;
const AHEAD = 20;

/** What a list stands on. */
export interface Under {
  client: JmapClient;
  emails: Emails;
  mailboxes: Mailboxes;
}

/** The beginning of a list, as a trusted device keeps it. */
interface KeptList {
  ids: Id[];
  total: number;
  emails: ListEmail[];
  threads: Thread[];
}

interface Asking {
  start: number;
  count: number;
  stop: AbortController;
}

export class ThreadList implements Selectable {
  readonly view: View;
  readonly selection: Selection;
  #under: Under;
  #sparse = new SparseList();
  /** What was shown before, where the server's answer is still to come. */
  #before: SparseList | undefined;
  #queryState = '';
  #version = $state(0);
  #status = $state<Status>('idle');
  #error = $state.raw<JmapError | undefined>();
  #failures = $state.raw<ReadonlyMap<number, JmapError>>(new Map());
  #asking: Asking[] = [];
  #wanted = { first: 0, last: 0 };
  #work: Promise<void> = Promise.resolve();
  /** Whether something changed while nobody looked. */
  isBehind = false;

  constructor(under: Under, view: View) {
    this.#under = under;
    this.view = view;
    this.selection = new Selection(this);
  }

  get status(): Status {
    return this.#status;
  }

  /** Why there is nothing to show. */
  get error(): JmapError | undefined {
    return this.#error;
  }

  /** How many rows there are; 0 until it is known. */
  get total(): number {
    void this.#version;
    return this.#sparse.total;
  }

  /** Whether what is shown is of before, and the answer is still to come. */
  get isStale(): boolean {
    void this.#version;
    return this.#before !== undefined;
  }

  get filter(): Filter | null {
    return filterOf(this.view);
  }

  idAt(index: number): Id | undefined {
    void this.#version;
    return this.#sparse.at(index) ?? this.#before?.at(index);
  }

  indexOf(id: Id): number {
    void this.#version;
    return this.#sparse.indexOf(id);
  }

  /** Returns a row; undefined where it is not loaded. */
  row(index: number): Row | undefined {
    const id = this.idAt(index);
    return id === undefined ? undefined : this.rowOf(id);
  }

  rowOf(id: Id): Row | undefined {
    const { emails: known, mailboxes: boxes } = this.#under;
    return rowOf(id, {
      email: (each) => known.get(each),
      thread: (each) => known.thread(each),
      mailbox: (each) => boxes.get(each),
      shown: this.view.mailboxId,
    });
  }

  /** Returns the row that is `step` rows further; undefined where there is none, or not loaded. */
  next(id: Id, step: number): Id | undefined {
    const at = this.indexOf(id);
    return at < 0 || at + step < 0 ? undefined : this.idAt(at + step);
  }

  loaded(): Id[] {
    void this.#version;
    return this.#sparse.ids();
  }

  between(first: number, last: number): Id[] {
    void this.#version;
    return this.#sparse.between(first, last);
  }

  isUnread(id: Id): boolean {
    return this.rowOf(id)?.isUnread ?? false;
  }

  /** Why the page with this row did not come. */
  failed(index: number): JmapError | undefined {
    return this.#failures.get(Math.floor(index / PAGE));
  }

  /** Asks again for the page with this row, or for the list. */
  retry(index = 0): void {
    this.#failures = new Map([...this.#failures].filter(([page]) => page !== Math.floor(index / PAGE)));
    this.#error = undefined;
    this.want(index, index + 1);
  }

  /**
   * Says which rows are looked at: what is missing of them is asked for, and what was asked for
   * and is not looked at any more is given up.
   */
  want(first: number, last: number): void {
    // Whoever draws rows calls this; what it reads must not make that draw again.
    untrack(() => this.#want(first, last));
  }

  #want(first: number, last: number): void {
    this.#wanted = { first, last };
    if (this.#status === 'idle' || this.#status === 'error') this.#status = 'loading';
    const from = Math.max(0, first - AHEAD);
    const gaps = this.#queryState
      ? this.#sparse.missing(from, last + AHEAD)
      : [{ start: Math.floor(Math.max(0, first) / PAGE) * PAGE, count: PAGE }];
    for (const asking of this.#asking) {
      if (asking.start >= last + PAGE || asking.start + asking.count <= first - PAGE) {
        asking.stop.abort();
      }
    }
    this.#asking = this.#asking.filter((asking) => !asking.stop.signal.aborted);
    for (const { start, count } of gaps) {
      const isAsked = this.#asking.some(
        (each) => each.start <= start && each.start + each.count >= start + count,
      );
      if (!isAsked && !this.#failures.has(Math.floor(start / PAGE))) void this.#ask(start, count);
    }
    void this.#loadThreads(first, last);
  }

  async #ask(start: number, count: number): Promise<void> {
    const asking = { start, count, stop: new AbortController() };
    this.#asking.push(asking);
    try {
      await this.#page(start, count, asking.stop.signal);
      this.#error = undefined;
    } catch (error) {
      if (isAbort(error)) return;
      if (!(await this.#restored())) this.#failed(start, asJmapError(error));
    } finally {
      this.#asking = this.#asking.filter((each) => each !== asking);
    }
  }

  /** Shows what this device kept of the list, while the network is away; says whether it did. */
  async #restored(): Promise<boolean> {
    if (this.#sparse.known > 0 || this.#before) return false;
    const found = await kept.get<KeptList>('list', keyOf(this.view));
    if (!found) return false;
    this.#under.emails.tookKept(found.emails, found.threads);
    this.#before = new SparseList(found.total);
    this.#before.put(0, found.ids, found.total);
    this.#sparse = new SparseList(found.total);
    this.#status = 'ready';
    this.isBehind = true;
    this.#version += 1;
    return true;
  }

  #keep(): void {
    const { emails: known } = this.#under;
    const ids = this.#sparse.between(0, PAGE);
    const found = ids.map((id) => known.get(id)).filter((email) => email !== undefined);
    const threads = found.map(({ threadId: id }) => ({ id, emailIds: [...(known.thread(id) ?? [])] }));
    kept.put('list', keyOf(this.view), { ids, total: this.#sparse.total, emails: found, threads });
  }

  #failed(start: number, error: JmapError): void {
    if (this.#status !== 'ready') {
      this.#status = 'error';
      this.#error = error;
    } else {
      this.#failures = new Map(this.#failures).set(Math.floor(start / PAGE), error);
    }
    this.#version += 1;
  }

  /** Ids, emails and threads of a page come by one request. */
  async #page(start: number, count: number, signal: AbortSignal): Promise<void> {
    const { client: asked, emails: known } = this.#under;
    const group = asked.group({ signal, isAlone: true });
    const query = group.call('Email/query', {
      ...this.#question(),
      position: start,
      limit: count,
      calculateTotal: true,
    });
    const get = group.call('Email/get', { '#ids': query.ref('/ids'), properties: LIST_PROPERTIES });
    const threads = group.call('Thread/get', { '#ids': get.ref('/list/*/threadId') });
    asked.send(group);
    const answer = await query;
    const { list, state } = await get;
    known.took(list as unknown as ListEmail[], state);
    known.tookThreads((await threads).list);
    await this.#place(answer.position, answer.ids, answer.total ?? 0, answer.queryState);
  }

  #question() {
    return {
      filter: this.filter,
      sort: sortOf(this.view),
      collapseThreads: this.view.collapse ?? true,
    };
  }

  async #place(start: number, ids: Id[], total: number, state: string): Promise<void> {
    if (this.#queryState && this.#queryState !== state) {
      // It is of a later moment than the rest: first the rest is brought there.
      await this.refresh();
      if (this.#queryState !== state) {
        this.want(this.#wanted.first, this.#wanted.last);
        return;
      }
    }
    this.#queryState = state;
    this.#sparse.put(start, ids, total);
    this.#before = undefined;
    this.#status = 'ready';
    this.#trim();
    this.#version += 1;
    if (start === 0) this.#keep();
    if (this.isBehind) {
      this.isBehind = false;
      void followers.tell();
    }
    void this.#loadThreads(this.#wanted.first, this.#wanted.last);
  }

  /** Gets what the threads in view consist of, so that rows say who wrote in them. */
  async #loadThreads(first: number, last: number): Promise<void> {
    const { emails: known } = this.#under;
    const missing = this.#sparse.between(first, last).filter((id) => !known.get(id));
    try {
      await known.load(missing);
      const ids = this.#sparse.between(first, last).flatMap((id) => {
        const thread = known.get(id)?.threadId;
        return thread === undefined ? [] : (known.thread(thread) ?? []);
      });
      await known.load(ids, { urgency: 'later' });
    } catch (error) {
      if (!isAbort(error)) return; // rows say less then; the next look asks again
    }
  }

  /** Forgets the pages that are farthest from what is looked at. */
  #trim(): void {
    if (this.#sparse.known <= PAGES_KEPT * PAGE) return;
    const { first, last } = this.#wanted;
    const reach = (PAGES_KEPT / 2) * PAGE;
    this.#sparse.forget(0, Math.max(0, first - reach));
    this.#sparse.forget(last + reach, Infinity);
  }

  /** Works in what changed on the server. */
  refresh(): Promise<void> {
    this.isBehind = false;
    this.#work = this.#work.then(() => this.#refresh());
    return this.#work;
  }

  async #refresh(): Promise<void> {
    if (!this.#queryState) {
      this.isBehind = true; // a page that is on its way may be of before the change
      if (this.#before) this.want(this.#wanted.first, this.#wanted.last);
      return;
    }
    try {
      await this.#changes();
    } catch (error) {
      if (error instanceof MethodError) this.#restart();
      else if (!isAbort(error)) this.isBehind = true;
    }
  }

  async #changes(): Promise<void> {
    const { client: asked, emails: known } = this.#under;
    const group = asked.group();
    const changes = group.call('Email/queryChanges', {
      ...this.#question(),
      sinceQueryState: this.#queryState,
      maxChanges: MOST_CHANGES,
      calculateTotal: true,
    });
    const properties = LIST_PROPERTIES;
    const get = group.call('Email/get', { '#ids': changes.ref('/added/*/id'), properties });
    const threads = group.call('Thread/get', { '#ids': get.ref('/list/*/threadId') });
    asked.send(group);
    const { removed, added, total, newQueryState } = await changes;
    if (added.length > 0) {
      const { list, state } = await get;
      known.took(list as unknown as ListEmail[], state);
      known.tookThreads((await threads).list);
    }
    this.#queryState = newQueryState;
    if (!this.#sparse.apply(removed, added, total ?? this.#sparse.total)) {
      this.#restart();
      return;
    }
    const stays = new Set(added.map((each) => each.id));
    this.selection.gone(removed.filter((id) => !stays.has(id)));
    this.#version += 1;
    this.want(this.#wanted.first, this.#wanted.last);
  }

  /** Asks for what is looked at anew, and shows what was there until it comes. */
  #restart(): void {
    this.#before = this.#sparse;
    this.#sparse = new SparseList(this.#before.total);
    this.#queryState = '';
    for (const asking of this.#asking.splice(0)) asking.stop.abort();
    this.want(this.#wanted.first, this.#wanted.last);
    this.#version += 1;
  }

  /** Takes rows out at once that an action is taking out; returns what puts them back. */
  leave(ids: readonly Id[]): () => void {
    const gone = this.#sparse.remove(ids);
    this.selection.gone(ids);
    this.#version += 1;
    return () => {
      for (const [id, at] of [...gone].sort((a, b) => a[1] - b[1])) {
        if (this.#sparse.indexOf(id) < 0) this.#sparse.insert(id, Math.min(at, this.#sparse.total));
      }
      this.#version += 1;
    };
  }

  /** Returns the emails that an action on rows means. Throws as a call. */
  emailsOf(rows: readonly Id[]): Promise<Id[]> {
    return meant(this.#under.emails, this.view, rows);
  }

  /** Ends what is under way. */
  close(): void {
    for (const asking of this.#asking.splice(0)) asking.stop.abort();
  }
}
