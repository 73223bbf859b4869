/** The answer while one is away (RFC 8621 §8). */
import type { JmapClient } from '@/jmap/client';
import { asJmapError, SetError, type JmapError } from '@/jmap/errors';
import type { VacationResponse } from '@/jmap/types';
import { client } from './client';
import { followers, type Follower } from './followers';
import type { Status } from './records.svelte';

export class Vacation implements Follower {
  readonly types = ['VacationResponse'];
  #client: JmapClient;
  #status = $state<Status>('idle');
  #error = $state.raw<JmapError | undefined>();
  #value = $state.raw<VacationResponse | undefined>();

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

  get value(): VacationResponse | undefined {
    return this.#value;
  }

  /** Whether it answers now, or will. */
  isActive(now = new Date()): boolean {
    const { isEnabled = false, toDate = null } = this.#value ?? {};
    return isEnabled && (toDate === null || new Date(toDate) > now);
  }

  /** Loads it; a failure stands in `error`. */
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
      const { list } = await this.#client.call('VacationResponse/get', { ids: null });
      this.#value = list[0];
      this.#status = 'ready';
      this.#error = undefined;
    } catch (error) {
      this.#error = asJmapError(error);
      if (!this.#value) this.#status = 'error';
    }
  }

  /** Changes some of it, here at once. Throws SetError, and as a call; then it is as it was. */
  async save(patch: Partial<Omit<VacationResponse, 'id'>>): Promise<void> {
    const before = this.#value;
    if (before) this.#value = { ...before, ...patch };
    try {
      const answer = await this.#client.call(
        'VacationResponse/set',
        { update: { singleton: patch } },
        { isRepeatable: true },
      );
      const refused = answer.notUpdated?.['singleton'];
      if (refused) throw new SetError(refused);
    } catch (error) {
      this.#value = before;
      throw error;
    }
  }

  async changed(): Promise<void> {
    if (this.#status === 'ready') await this.#load();
  }

  clear(): void {
    this.#value = undefined;
    this.#status = 'idle';
    this.#error = undefined;
  }
}

export const vacation = new Vacation(client);
