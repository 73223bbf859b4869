/** How much the account holds, and may hold (RFC 9425). */
import type { JmapClient } from '@/jmap/client';
import type { Quota } from '@/jmap/types';
import { JmapError } from '@/jmap/errors';
import { client } from './client';
import { followers, type Follower } from './followers';

const AT_MOST_EVERY_MS = 30_000;

export class QuotaStore implements Follower {
  readonly types = ['Email', 'Quota'];
  #client: JmapClient;
  #quota = $state.raw<Quota | undefined>();
  #askedAt = 0;

  constructor(of: JmapClient) {
    this.#client = of;
    followers.add(this);
  }

  /** In octets. */
  get used(): number {
    return this.#quota?.used ?? 0;
  }

  /** In octets; undefined where nothing bounds it, or it is not known. */
  get limit(): number | undefined {
    return this.#quota?.hardLimit;
  }

  /** From 0 to 1. */
  get share(): number {
    return this.limit ? Math.min(1, this.used / this.limit) : 0;
  }

  get isNear(): boolean {
    return this.used >= (this.#quota?.warnLimit ?? Infinity);
  }

  async ready(): Promise<void> {
    if (this.#askedAt === 0) await this.#load();
  }

  async #load(): Promise<void> {
    this.#askedAt = Date.now();
    try {
      await this.#client.ready();
      if (!this.#client.can('quota')) return;
      const { list } = await this.#client.call('Quota/get', { ids: null }, { urgency: 'later' });
      this.#quota = list.find((each) => each.resourceType === 'octets');
    } catch (error) {
      if (!(error instanceof JmapError)) throw error; // it is only shown: the next change asks again
    }
  }

  async changed(): Promise<void> {
    if (this.#askedAt > 0 && Date.now() - this.#askedAt > AT_MOST_EVERY_MS) await this.#load();
  }

  clear(): void {
    this.#quota = undefined;
    this.#askedAt = 0;
  }
}

export const quota = new QuotaStore(client);
