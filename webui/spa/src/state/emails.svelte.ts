/**
 * What is known of emails and threads: as lists show them, no bodies.
 *
 * What a person does shows at once: a patch lies over the email until the server took it. What the
 * server says meanwhile goes under it, so that nothing flickers back.
 */
import type { How, JmapClient } from '@/jmap/client';
import { MethodError } from '@/jmap/errors';
import { changesSince, getAll, pieces } from '@/jmap/objects';
import type { Id, ListEmail, Patch, Thread } from '@/jmap/types';
import { client } from './client';
import { followers, type Follower } from './followers';
import { patched } from './patch';

export const LIST_PROPERTIES = [
  'id', 'blobId', 'threadId', 'mailboxIds', 'keywords', 'size', 'receivedAt', 'from', 'to', 'subject',
  'preview', 'hasAttachment', 'isDamaged', 'header:Content-Type:asRaw',
] as const; // prettier-ignore
const CHANGING = ['id', 'mailboxIds', 'keywords'] as const;
/** How many are kept; those that were not looked at for longest go first. */
export const KEPT = 6_000;

export class Emails implements Follower {
  readonly types = ['Email', 'Thread'];
  #client: JmapClient;
  /** As the server has them. */
  #known = new Map<Id, ListEmail>();
  /** With what was done here and is not there yet. */
  #shown = new Map<Id, ListEmail>();
  #patches = new Map<Id, Patch[]>();
  #threads = new Map<Id, Id[]>();
  #version = $state(0);
  /** Up to which state of the server all of this is. */
  #state = '';

  constructor(of: JmapClient) {
    this.#client = of;
    followers.add(this);
  }

  /** Returns an email as it is shown; undefined where it is not known. */
  get(id: Id): ListEmail | undefined {
    void this.#version;
    return this.#shown.get(id);
  }

  /** Returns the emails of a thread, the oldest first; undefined where it is not known. */
  thread(id: Id): readonly Id[] | undefined {
    void this.#version;
    return this.#threads.get(id);
  }

  /** Takes emails as a /get gave them, in a `state` of the server. */
  took(list: readonly ListEmail[], state: string): void {
    for (const email of list) {
      this.#known.delete(email.id);
      this.#known.set(email.id, email);
      this.#show(email.id);
    }
    this.#state ||= state;
    this.#trim();
    this.#version += 1;
  }

  /** Takes what this device kept, where nothing newer is known. */
  tookKept(list: readonly ListEmail[], threads: readonly Thread[]): void {
    this.took(list.filter(({ id }) => !this.#known.has(id)), ''); // prettier-ignore
    this.tookThreads(threads.filter(({ id }) => !this.#threads.has(id)));
  }

  tookThreads(list: readonly Thread[]): void {
    for (const { id, emailIds } of list) this.#threads.set(id, emailIds);
    this.#version += 1;
  }

  /** Gets those that are not known yet. Throws as a call. */
  async load(ids: readonly Id[], how: How = {}): Promise<void> {
    const missing = ids.filter((id) => !this.#known.has(id));
    if (missing.length === 0) return;
    const answer = await getAll(this.#client, 'Email', missing, { properties: LIST_PROPERTIES }, how);
    this.took(answer.list as unknown as ListEmail[], answer.state);
  }

  /** Gets the threads that are not known yet. Throws as a call. */
  async loadThreads(ids: readonly Id[], how: How = {}): Promise<void> {
    const missing = ids.filter((id) => !this.#threads.has(id));
    if (missing.length === 0) return;
    const answer = await getAll(this.#client, 'Thread', missing, {}, how);
    this.tookThreads(answer.list);
  }

  /** Lays patches over emails until `release` says what became of each. */
  lay(patches: ReadonlyMap<Id, Patch>): (id: Id, isDone: boolean) => void {
    for (const [id, patch] of patches) {
      this.#patches.set(id, [...(this.#patches.get(id) ?? []), patch]);
      this.#show(id);
    }
    this.#version += 1;
    return (id, isDone) => {
      const patch = patches.get(id);
      if (!patch) return;
      const left = (this.#patches.get(id) ?? []).filter((each) => each !== patch);
      if (left.length > 0) this.#patches.set(id, left);
      else this.#patches.delete(id);
      const known = this.#known.get(id);
      if (isDone && known) this.#known.set(id, patched(known, patch));
      this.#show(id);
      this.#version += 1;
    };
  }

  /** Forgets emails that are gone. */
  gone(ids: Iterable<Id>): void {
    for (const id of ids) {
      const thread = this.#known.get(id)?.threadId ?? '';
      this.#known.delete(id);
      this.#shown.delete(id);
      const left = this.#threads.get(thread)?.filter((each) => each !== id);
      if (left) this.#threads.set(thread, left);
    }
    this.#version += 1;
  }

  async changed(states: Readonly<Record<string, string>> | undefined): Promise<void> {
    if (!this.#state || states?.['Email'] === this.#state) return;
    try {
      const [emails, threads] = await Promise.all([
        changesSince(this.#client, 'Email', this.#state),
        changesSince(this.#client, 'Thread', this.#state),
      ]);
      if (!emails || !threads) return await this.#anew();
      const ids = emails.updated.filter((id) => this.#known.has(id));
      const told = threads.updated.filter((id) => this.#threads.has(id));
      for (const id of threads.destroyed) this.#threads.delete(id);
      this.gone(emails.destroyed);
      await Promise.all([this.#refresh(ids), this.#refreshThreads(told)]);
      this.#state = emails.newState;
    } catch (error) {
      if (!(error instanceof MethodError) || error.type !== 'cannotCalculateChanges') throw error;
      await this.#anew();
    }
  }

  async #refresh(ids: readonly Id[]): Promise<void> {
    if (ids.length === 0) return;
    const answer = await getAll(this.#client, 'Email', ids, { properties: CHANGING });
    for (const { id, ...more } of answer.list as unknown as ListEmail[]) {
      const known = this.#known.get(id);
      if (known) this.#known.set(id, { ...known, ...more });
      this.#show(id);
    }
    this.#version += 1;
  }

  async #refreshThreads(ids: readonly Id[]): Promise<void> {
    if (ids.length > 0) this.tookThreads((await getAll(this.#client, 'Thread', ids)).list);
  }

  /** Asks for the marks of all that is known: the server no longer knows what changed. */
  async #anew(): Promise<void> {
    this.#threads.clear();
    const ids = [...this.#known.keys()];
    this.#state = '';
    for (const some of pieces(ids, this.#client.limits.objectsInGet)) {
      const call = { ids: some, properties: CHANGING };
      const answer = await this.#client.call('Email/get', call, { urgency: 'later' });
      this.#state ||= answer.state;
      for (const { id, ...more } of answer.list as unknown as ListEmail[]) {
        const known = this.#known.get(id);
        if (known) this.#known.set(id, { ...known, ...more });
        this.#show(id);
      }
      this.gone(answer.notFound);
    }
  }

  #show(id: Id): void {
    const known = this.#known.get(id);
    if (!known) this.#shown.delete(id);
    else this.#shown.set(id, (this.#patches.get(id) ?? []).reduce(patched, known));
  }

  #trim(): void {
    for (const id of this.#known.keys()) {
      if (this.#known.size <= KEPT) return;
      if (this.#patches.has(id)) continue;
      this.#known.delete(id);
      this.#shown.delete(id);
    }
  }

  clear(): void {
    this.#known.clear();
    this.#shown.clear();
    this.#patches.clear();
    this.#threads.clear();
    this.#state = '';
    this.#version += 1;
  }
}

export const emails = new Emails(client);
