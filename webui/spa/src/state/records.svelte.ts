/**
 * Small lists that are held whole: identities, address books, cards, scripts, settings.
 *
 * What is changed here shows at once and goes back if the server refuses it; what others change is
 * asked for when push tells of it.
 */
import type { JmapClient } from '@/jmap/client';
import { asJmapError, type JmapError, MethodError, SetError } from '@/jmap/errors';
import type { GetAnswer, SetAnswer } from '@/jmap/methods';
import { changesSince, createdIn, getAll, getWhole, type Changing, type Gettable } from '@/jmap/objects';
import type { Id, Patch } from '@/jmap/types';
import { followers, type Follower } from './followers';
import { kept } from './keeper';
import { patched } from './patch';

/** `idle` until it is wanted; `error` only where there is nothing to show. */
export type Status = 'idle' | 'loading' | 'ready' | 'error';

export class Records<Item extends { id: Id }> implements Follower {
  readonly types: readonly string[];
  protected readonly client: JmapClient;
  #type: Gettable & Changing;
  #defaults: Partial<Item>;
  #status = $state<Status>('idle');
  #error = $state.raw<JmapError | undefined>();
  #items = $state.raw<ReadonlyMap<Id, Item>>(new Map());
  #state = '';
  #loading: Promise<void> | undefined;
  #creations = 0;

  /** `defaults` are what the server gives a property that a patch takes away. */
  constructor(client: JmapClient, type: Gettable & Changing, defaults: Partial<Item> = {}) {
    this.client = client;
    this.#type = type;
    this.#defaults = defaults;
    this.types = [type];
    followers.add(this);
  }

  get status(): Status {
    return this.#status;
  }

  get error(): JmapError | undefined {
    return this.#error;
  }

  get all(): Item[] {
    return [...this.#items.values()];
  }

  get(id: Id): Item | undefined {
    return this.#items.get(id);
  }

  /** Loads all of it where that did not happen yet. Throws JmapError. */
  ready(): Promise<void> {
    if (this.#status === 'ready') return Promise.resolve();
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** Loads it again after an error. */
  async retry(): Promise<void> {
    await this.ready().catch(() => undefined);
  }

  async #load(): Promise<void> {
    if (this.#items.size === 0) this.#status = 'loading';
    try {
      const answer = await getWhole(this.client, this.#type);
      this.#took(answer as unknown as GetAnswer<Item>);
      kept.put('records', this.#type, answer);
    } catch (error) {
      const found = await kept.get<GetAnswer<Item>>('records', this.#type);
      // Of a state that the server knows, or not: the next push asks what changed since.
      if (found && this.#items.size === 0) return this.#took(found);
      this.#error = asJmapError(error);
      if (this.#status === 'loading') this.#status = 'error';
      throw this.#error;
    }
  }

  #took({ list, state }: GetAnswer<Item>): void {
    this.#items = new Map(list.map((item) => [item.id, item]));
    this.#state = state;
    this.#error = undefined;
    this.#status = 'ready';
  }

  /** Creates one; returns its id. Throws SetError, and as a call. */
  async create(item: Partial<Item>, more: Record<string, unknown> = {}): Promise<Id> {
    const creation = `n${(this.#creations += 1)}`;
    const answer = await this.#set({ create: { [creation]: item }, ...more });
    const made = createdIn(answer, creation);
    this.#put(made.id, { ...item, ...made } as Item);
    return made.id;
  }

  /** Creates and changes many at once; returns how many were refused, and why the first. Throws as a call. */
  async setMany(
    create: readonly Partial<Item>[],
    update: Readonly<Record<Id, Patch>>,
  ): Promise<{ refused: number; why?: SetError }> {
    const named = create.map((item) => [`n${(this.#creations += 1)}`, item] as const);
    const answer = await this.#set({ create: Object.fromEntries(named), update });
    for (const [creation, item] of named) {
      const made = answer.created?.[creation];
      if (made) this.#put(made.id, { ...item, ...made } as Item);
    }
    for (const [id, patch] of Object.entries(update)) {
      const before = this.#items.get(id);
      if (before && !answer.notUpdated?.[id]) this.#put(id, { ...patched(before, patch), ...answer.updated?.[id] });
    }
    const refused = [...Object.values(answer.notCreated ?? {}), ...Object.values(answer.notUpdated ?? {})];
    return { refused: refused.length, ...(refused[0] && { why: new SetError(refused[0]) }) };
  }

  /** Changes one, here at once. Throws SetError, and as a call; then it is as it was. */
  async update(id: Id, patch: Patch, more: Record<string, unknown> = {}): Promise<void> {
    const before = this.#items.get(id);
    if (before) this.#put(id, { ...this.#defaults, ...patched(before, patch) });
    try {
      const answer = await this.#set({ update: { [id]: patch }, ...more });
      const refused = answer.notUpdated?.[id];
      if (refused) throw new SetError(refused);
      const told = answer.updated?.[id];
      const now = this.#items.get(id);
      if (told && now) this.#put(id, { ...now, ...told });
    } catch (error) {
      if (before) this.#put(id, before);
      throw error;
    }
  }

  /** Destroys one, here at once. Throws SetError, and as a call; then it is back. */
  async destroy(id: Id, more: Record<string, unknown> = {}): Promise<void> {
    const before = this.#items;
    this.#items = new Map([...before].filter(([each]) => each !== id));
    try {
      const answer = await this.#set({ destroy: [id], ...more });
      const refused = answer.notDestroyed?.[id];
      if (refused && refused.type !== 'notFound') throw new SetError(refused);
    } catch (error) {
      this.#items = before;
      throw error;
    }
  }

  async #set(body: Record<string, unknown>): Promise<SetAnswer<Item>> {
    const call = this.client.call(`${this.#type}/set` as 'Identity/set', body);
    const answer = (await call) as unknown as SetAnswer<Item>;
    // Where others changed something in between, push tells of it and it is asked for.
    if (answer.oldState === this.#state) this.#state = answer.newState;
    return answer;
  }

  #put(id: Id, item: Item): void {
    this.#items = new Map(this.#items).set(id, item);
  }

  async changed(states: Readonly<Record<string, string>> | undefined): Promise<void> {
    await this.#loading?.catch(() => undefined); // what is on its way may be of before the change
    if (this.#status !== 'ready' || states?.[this.#type] === this.#state) return;
    try {
      const told = await changesSince(this.client, this.#type, this.#state);
      if (!told) {
        await this.#load();
        return;
      }
      const ids = [...told.created, ...told.updated];
      const answer = await getAll(this.client, this.#type, ids);
      const items = new Map(this.#items);
      for (const id of told.destroyed) items.delete(id);
      for (const item of answer.list as unknown as Item[]) items.set(item.id, item);
      this.#items = items;
      this.#state = told.newState;
    } catch (error) {
      if (error instanceof MethodError && error.type === 'cannotCalculateChanges') {
        await this.#load();
      } else {
        this.#error = asJmapError(error); // what is there still shows; the next push asks again
      }
    }
  }

  clear(): void {
    this.#items = new Map();
    this.#state = '';
    this.#status = 'idle';
    this.#error = undefined;
  }
}
