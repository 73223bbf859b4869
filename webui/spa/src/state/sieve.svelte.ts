/** Filters as Sieve scripts (RFC 9661). */
import { download, upload } from '@/jmap/blobs';
import type { JmapClient } from '@/jmap/client';
import { asJmapError, SetError, type JmapError } from '@/jmap/errors';
import { createdIn } from '@/jmap/objects';
import type { Id, SetErrorObject, SieveScript } from '@/jmap/types';
import { client } from './client';
import { followers, type Follower } from './followers';
import type { Status } from './records.svelte';

export class Scripts implements Follower {
  readonly types = ['SieveScript'];
  #client: JmapClient;
  #status = $state<Status>('idle');
  #error = $state.raw<JmapError | undefined>();
  #all = $state.raw<readonly SieveScript[]>([]);

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

  get all(): readonly SieveScript[] {
    return this.#all;
  }

  get active(): SieveScript | undefined {
    return this.#all.find((each) => each.isActive);
  }

  byName(name: string): SieveScript | undefined {
    return this.#all.find((each) => each.name === name);
  }

  /** Loads the list; a failure stands in `error`. */
  async ready(): Promise<void> {
    if (this.#status === 'ready') return;
    this.#status = 'loading';
    await this.#load();
  }

  retry(): Promise<void> {
    return this.ready();
  }

  async #load(): Promise<void> {
    try {
      const { list } = await this.#client.call('SieveScript/get', { ids: null });
      this.#all = list;
      this.#status = 'ready';
      this.#error = undefined;
    } catch (error) {
      this.#error = asJmapError(error);
      if (this.#status === 'loading') this.#status = 'error';
    }
  }

  /** Returns a script's text. Throws as a download. */
  async source(id: Id): Promise<string> {
    const blobId = this.#all.find((each) => each.id === id)?.blobId ?? '';
    return (await download(this.#client, blobId, { type: 'application/sieve' })).text();
  }

  /** Says what is wrong with a text; undefined where nothing is. Throws as a call. */
  async validate(text: string): Promise<SetErrorObject | undefined> {
    const blobId = await this.#upload(text);
    const { error } = await this.#client.call('SieveScript/validate', { blobId });
    return error ?? undefined;
  }

  /**
   * Saves a script, a new one where there is no `id`; returns its id.
   *
   * Throws SetError (invalidSieve, alreadyExists, overQuota), and as a call.
   */
  async save(
    { id, name, text }: { id?: Id | undefined; name?: string; text: string },
    { activate = false } = {},
  ): Promise<Id> {
    const blobId = await this.#upload(text);
    const value = { blobId, ...(name !== undefined && { name }) };
    const active = activate && { onSuccessActivateScript: id ?? '#s' };
    const body = id === undefined ? { create: { s: value } } : { update: { [id]: value } };
    const answer = await this.#client.call('SieveScript/set', { ...body, ...active });
    await this.#load();
    if (id === undefined) return createdIn(answer, 's').id;
    refuse(answer.notUpdated?.[id]);
    return id;
  }

  async rename(id: Id, name: string): Promise<void> {
    const answer = await this.#client.call('SieveScript/set', { update: { [id]: { name } } });
    refuse(answer.notUpdated?.[id]);
    await this.#load();
  }

  /** Has one script filter; undefined: none does. */
  async activate(id: Id | undefined): Promise<void> {
    const body =
      id === undefined ? { onSuccessDeactivateScript: true } : { onSuccessActivateScript: id };
    await this.#client.call('SieveScript/set', body);
    await this.#load();
  }

  /** Destroys a script. Throws SetError (sieveIsActive), and as a call. */
  async destroy(id: Id): Promise<void> {
    const answer = await this.#client.call('SieveScript/set', { destroy: [id] });
    refuse(answer.notDestroyed?.[id]);
    await this.#load();
  }

  async #upload(text: string): Promise<Id> {
    return (await upload(this.#client, new Blob([text], { type: 'application/sieve' }))).blobId;
  }

  async changed(): Promise<void> {
    if (this.#status === 'ready') await this.#load();
  }

  clear(): void {
    this.#all = [];
    this.#status = 'idle';
    this.#error = undefined;
  }
}

function refuse(error: SetErrorObject | undefined): void {
  if (error) throw new SetError(error);
}

export const scripts = new Scripts(client);
