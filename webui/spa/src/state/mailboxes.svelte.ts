/** The mailboxes of the account: a tree in the order of their roles, with counts (RFC 8621 §2). */
import { asJmapError, MethodError, SetError, type JmapError } from '@/jmap/errors';
import type { JmapClient } from '@/jmap/client';
import { changesSince, createdIn, getAll, getWhole } from '@/jmap/objects';
import type { Id, Mailbox, Patch, Role } from '@/jmap/types';
import { client } from './client';
import { device } from './device.svelte';
import { followers, type Follower } from './followers';
import { kept } from './keeper';
import { shownName } from './mailbox-names';
import { flattened, matching, pathOf, type TreeRow } from './mailbox-tree';
import { patched } from './patch';
import type { Status } from './records.svelte';

export type { TreeRow } from './mailbox-tree';

const COUNTS = ['totalEmails', 'unreadEmails', 'totalThreads', 'unreadThreads'];
const CLOSED = 'mailboxes.closed';

export class Mailboxes implements Follower {
  readonly types = ['Mailbox'];
  #client: JmapClient;
  #status = $state<Status>('idle');
  #error = $state.raw<JmapError | undefined>();
  #items = $state.raw<ReadonlyMap<Id, Mailbox>>(new Map());
  #rows = $derived(flattened(this.#items, new Set(device.get<Id[]>(CLOSED, []))));
  #roles = $derived(new Map([...this.#items.values()].map((each) => [each.role, each])));
  #state = '';
  #loading: Promise<void> | undefined;

  constructor(of: JmapClient) {
    this.#client = of;
    followers.add(this);
  }

  get status(): Status {
    return this.#status;
  }

  get error(): JmapError | undefined {
    return this.#error;
  }

  get all(): Mailbox[] {
    return [...this.#items.values()];
  }

  /** The tree as it is shown, line by line; what lies below a closed branch is left out. */
  get rows(): TreeRow[] {
    return this.#rows;
  }

  get(id: Id): Mailbox | undefined {
    return this.#items.get(id);
  }

  byRole(role: Role): Mailbox | undefined {
    return this.#roles.get(role);
  }

  /** Returns the names from the top down to a mailbox. */
  pathOf(id: Id): string[] {
    return pathOf(this.#items, id);
  }

  /** Returns the mailboxes whose path has all of the words, whatever is closed. */
  match(text: string): TreeRow[] {
    return matching(flattened(this.#items, new Set()), text, shownName);
  }

  /** Opens or closes a branch on this device. */
  toggle(id: Id): void {
    const closed = new Set(device.get<Id[]>(CLOSED, []));
    if (!closed.delete(id)) closed.add(id);
    device.set(CLOSED, [...closed]);
  }

  ready(): Promise<void> {
    if (this.#status === 'ready') return Promise.resolve();
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async retry(): Promise<void> {
    await this.ready().catch(() => undefined);
  }

  async #load(): Promise<void> {
    if (this.#status !== 'ready') this.#status = 'loading';
    try {
      const { list, state } = await getWhole(this.#client, 'Mailbox');
      this.#items = new Map(list.map((each) => [each.id, each]));
      this.#state = state;
      this.#status = 'ready';
      this.#error = undefined;
      kept.put('mailboxes', 'all', list);
    } catch (error) {
      this.#error = asJmapError(error);
      if (this.#items.size === 0) await this.#restore();
      throw this.#error;
    }
  }

  /** Shows what was kept on this device until the server answers. */
  async #restore(): Promise<void> {
    const found = await kept.get<Mailbox[]>('mailboxes', 'all');
    this.#items = new Map((found ?? []).map((each) => [each.id, each]));
    this.#status = found ? 'loading' : 'error';
  }

  async changed(): Promise<void> {
    if (this.#status === 'idle') return;
    try {
      if (this.#status !== 'ready') return await this.#load();
      const told = await changesSince(this.#client, 'Mailbox', this.#state);
      if (!told) return await this.#load();
      const ids = [...told.created, ...told.updated];
      const more = told.isCountsOnly ? { properties: COUNTS } : {};
      const answer = ids.length > 0 ? await getAll(this.#client, 'Mailbox', ids, more) : undefined;
      const items = new Map(this.#items);
      for (const id of told.destroyed) items.delete(id);
      for (const each of answer?.list ?? []) {
        items.set(each.id, { ...(items.get(each.id) as Mailbox), ...each });
      }
      this.#items = items;
      this.#state = told.newState;
    } catch (error) {
      if (error instanceof MethodError && error.type === 'cannotCalculateChanges') {
        return await this.#load();
      }
      this.#error = asJmapError(error);
    }
  }

  /** Creates a mailbox; returns its id. Throws SetError, and as a call. */
  async create(name: string, parentId: Id | null = null, role?: Role): Promise<Id> {
    const wanted = { name, parentId, isSubscribed: true, ...(role && { role }) };
    const answer = await this.#client.call('Mailbox/set', { create: { m: wanted } });
    const made = createdIn(answer, 'm');
    this.#items = new Map(this.#items).set(made.id, { ...wanted, ...made } as Mailbox);
    return made.id;
  }

  /** Gives a mailbox another name. Throws SetError (invalidProperties: the name is taken). */
  rename(id: Id, name: string): Promise<void> {
    return this.#update(id, { name });
  }

  /** Puts a mailbox, with all below it, under another; null: at the top. */
  move(id: Id, parentId: Id | null): Promise<void> {
    return this.#update(id, { parentId });
  }

  subscribe(id: Id, on: boolean): Promise<void> {
    return this.#update(id, { isSubscribed: on });
  }

  /**
   * Destroys a mailbox.
   *
   * Throws SetError: mailboxHasChild; mailboxHasEmail, where `withEmails` does not say so.
   */
  async destroy(id: Id, { withEmails = false } = {}): Promise<void> {
    const call = { destroy: [id], onDestroyRemoveEmails: withEmails };
    const answer = await this.#client.call('Mailbox/set', call);
    const refused = answer.notDestroyed?.[id];
    if (refused && refused.type !== 'notFound') throw new SetError(refused);
    this.#items = new Map([...this.#items].filter(([each]) => each !== id));
  }

  /** Returns the mailbox of a role, which is created where there is none. Throws as `create`. */
  async ensure(role: Role, name: string): Promise<Id> {
    await this.ready();
    return this.byRole(role)?.id ?? (await this.create(name, null, role));
  }

  async #update(id: Id, patch: Patch): Promise<void> {
    const before = this.#items.get(id);
    if (!before) throw new SetError({ type: 'notFound' });
    // A patch has null where a member goes; these members stay and are null.
    this.#items = new Map(this.#items).set(id, { ...patched(before, patch), ...patch });
    try {
      const answer = await this.#client.call('Mailbox/set', { update: { [id]: patch } });
      const refused = answer.notUpdated?.[id];
      if (refused) throw new SetError(refused);
    } catch (error) {
      this.#items = new Map(this.#items).set(id, before);
      throw error;
    }
  }

  clear(): void {
    this.#items = new Map();
    this.#state = '';
    this.#status = 'idle';
    this.#error = undefined;
  }
}

export const mailboxes = new Mailboxes(client);
