/**
 * Changes to emails on their way to the server: in order, in batches, again when the network is back.
 *
 * A job that had to wait for the network looks first whether somebody else put its emails elsewhere
 * meanwhile: then it is a conflict, which is shown and not carried out.
 */
import type { JmapClient } from '@/jmap/client';
import { asJmapError, OfflineError, SetError, type JmapError } from '@/jmap/errors';
import { getAll, pieces } from '@/jmap/objects';
import type { Id, Patch } from '@/jmap/types';
import type { Change, Kind } from './changes';
import { client } from './client';

const BATCH = 500;

export interface Job {
  id: string;
  kind: Kind | 'undo';
  changes: Map<Id, Change>;
  /** Emails to be destroyed. */
  destroys: Id[];
  /** In which mailboxes each was when it was decided; of those that were known. */
  places: Map<Id, Id[]>;
  at: Date;
}

export interface Outcome {
  done: Id[];
  refused: Map<Id, SetError>;
  /** Emails that somebody put elsewhere meanwhile. */
  conflicts: Id[];
}

/** Where jobs lie while the network is away; a trusted device keeps them over a restart. */
export interface JobStore {
  keep(job: Job): Promise<void>;
  drop(id: string): Promise<void>;
}

interface Waiting {
  job: Job;
  told: (outcome: Outcome) => void;
  failed: (error: JmapError) => void;
  onProgress: (done: number) => void;
  signal?: AbortSignal | undefined;
}

export class Jobs {
  store: JobStore | undefined;
  #client: JmapClient;
  #waiting: Waiting[] = [];
  #count = $state(0);
  #isRunning = false;
  #isHeld = false;
  #idle: (() => void)[] = [];

  constructor(of: JmapClient) {
    this.#client = of;
  }

  /** How many wait, the one that is under way among them. */
  get pending(): number {
    return this.#count;
  }

  /** Resolves once nothing is on its way, or all of it waits for the network. */
  idle(): Promise<void> {
    if (!this.#isRunning || this.#isHeld) return Promise.resolve();
    return new Promise((go) => this.#idle.push(go));
  }

  /**
   * Carries a job out, after those before it.
   *
   * Throws JmapError, where the whole job failed. Where the network is away it waits.
   */
  run(
    job: Job,
    onProgress: (done: number) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<Outcome> {
    return new Promise((told, failed) => {
      this.#waiting.push({ job, told, failed, onProgress, signal });
      this.#count = this.#waiting.length;
      void this.#next();
    });
  }

  /** Takes a job back that did not begin; says whether it was still there. */
  withdraw(id: string): boolean {
    const at = this.#waiting.findIndex((each) => each.job.id === id);
    if (at < 0 || (at === 0 && this.#isRunning && !this.#isHeld)) return false;
    const [taken] = this.#waiting.splice(at, 1);
    this.#count = this.#waiting.length;
    void this.store?.drop(id);
    taken?.told({ done: [], refused: new Map(), conflicts: [] });
    return true;
  }

  /** Goes on after the network was away. */
  resume(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    void this.#next();
  }

  async #next(): Promise<void> {
    if (this.#isRunning || this.#isHeld) return;
    this.#isRunning = true;
    for (let first = this.#waiting[0]; first && !this.#isHeld; first = this.#waiting[0]) {
      await this.#carryOut(first);
    }
    this.#isRunning = false;
    for (const go of this.#idle.splice(0)) go();
  }

  async #carryOut(waiting: Waiting): Promise<void> {
    const { job } = waiting;
    try {
      const outcome = await this.#send(waiting);
      this.#done(waiting);
      waiting.told(outcome);
    } catch (error) {
      if (error instanceof OfflineError) {
        this.#isHeld = true;
        await this.store?.keep(job);
        return;
      }
      this.#done(waiting);
      waiting.failed(asJmapError(error));
    }
  }

  #done({ job }: Waiting): void {
    this.#waiting = this.#waiting.filter((each) => each.job !== job);
    this.#count = this.#waiting.length;
    void this.store?.drop(job.id);
  }

  async #send({ job, onProgress, signal }: Waiting): Promise<Outcome> {
    const outcome: Outcome = { done: [], refused: new Map(), conflicts: [] };
    const isOld = Date.now() - job.at.getTime() > 60_000;
    if (isOld) outcome.conflicts = await this.#conflicts(job);
    const stays = new Set(outcome.conflicts);
    const size = Math.min(BATCH, this.#client.limits.objectsInSet);
    const updates = [...job.changes].filter(([id]) => !stays.has(id));
    for (const some of pieces(updates, size)) {
      if (signal?.aborted) return outcome;
      const update = Object.fromEntries(some.map(([id, change]): [Id, Patch] => [id, change.patch]));
      await this.#set({ update }, Object.keys(update), outcome);
      onProgress(outcome.done.length);
    }
    for (const destroy of pieces(job.destroys, size)) {
      if (signal?.aborted) return outcome;
      await this.#set({ destroy }, destroy, outcome);
      onProgress(outcome.done.length);
    }
    return outcome;
  }

  /** Setting or destroying the same twice comes to the same: a lost answer is asked for again. */
  async #set(body: { update?: Record<Id, Patch>; destroy?: Id[] }, ids: Id[], outcome: Outcome) {
    const answer = await this.#client.call('Email/set', body, { isRepeatable: true });
    const refused = { ...answer.notUpdated, ...answer.notDestroyed };
    for (const id of ids) {
      const error = refused[id];
      if (error) outcome.refused.set(id, new SetError(error));
      else outcome.done.push(id);
    }
  }

  async #conflicts(job: Job): Promise<Id[]> {
    const ids = [...job.places.keys()];
    if (ids.length === 0) return [];
    const answer = await getAll(this.#client, 'Email', ids, { properties: ['mailboxIds'] });
    const elsewhere = answer.list.filter((email) => {
      const now = Object.keys(email['mailboxIds'] as Record<Id, true>).sort();
      const then = [...(job.places.get(email.id) ?? [])].sort();
      const moves = Object.keys(job.changes.get(email.id)?.patch ?? { 'mailboxIds/': 1 });
      return moves.some((path) => path.startsWith('mailboxIds')) && now.join() !== then.join();
    });
    return [...elsewhere.map((email) => email.id), ...answer.notFound];
  }

  clear(): void {
    this.#waiting = [];
    this.#count = 0;
    this.#isHeld = false;
  }
}

export const jobs = new Jobs(client);
