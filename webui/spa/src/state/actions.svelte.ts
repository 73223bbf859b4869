/**
 * What a person does with mail: it shows at once, goes to the server in the background, and can be
 * undone (WEBUI §3).
 *
 * An action never throws: what the server refused goes back to where it was and stands in
 * `problems`. Whoever did it with everything in a mailbox sees how far it is in `running`.
 */
import { asJmapError, isAbort, SetError, type JmapError } from '@/jmap/errors';
import type { JmapClient } from '@/jmap/client';
import type { Filter, Id, ListEmail } from '@/jmap/types';
import { blindChange, changeOf, type Change, type Kind, type Places, type Wish } from './changes';
import { client } from './client';
import { emails, type Emails } from './emails.svelte';
import { jobs, type Job, type Jobs, type Outcome } from './jobs.svelte';
import { lists, type Lists, type ThreadList } from './lists.svelte';
import { mailboxes, type Mailboxes } from './mailboxes.svelte';
import { followers } from './followers';

/** Emails by id, or everything that a list's question finds. */
export type Target = readonly Id[] | { everything: ThreadList };

export interface Done {
  id: string;
  kind: Kind;
  /** How many emails. */
  count: number;
  /** Where to, for `move` and `copy`. */
  to: Id | undefined;
  keyword: string | undefined;
  canUndo: boolean;
  at: Date;
}

export interface Progress {
  id: string;
  kind: Kind;
  done: number;
  total: number;
  /** Leaves the rest as it is. */
  stop: () => void;
}

export interface Problem {
  id: string;
  kind: Kind | 'undo';
  /** How many emails were left as they were. */
  count: number;
  error: JmapError;
  /** Whether somebody else put them elsewhere meanwhile. */
  isConflict: boolean;
  retry: () => void;
  dismiss: () => void;
}

const REMEMBERED = 50;
const IDS_AT_ONCE = 10_000;

interface Under {
  client: JmapClient;
  emails: Emails;
  mailboxes: Mailboxes;
  lists: Lists;
  jobs: Jobs;
}

interface Remembered extends Done {
  job: Job;
}

export class Actions {
  #under: Under;
  #history = $state.raw<readonly Remembered[]>([]);
  #running = $state<Progress[]>([]);
  #problems = $state.raw<readonly Problem[]>([]);
  #count = 0;

  constructor(under: Under) {
    this.#under = under;
    followers.add({ types: [], changed: async () => undefined, clear: () => this.clear() });
  }

  /** What was done, the last first. */
  get history(): readonly Done[] {
    return this.#history;
  }

  get last(): Done | undefined {
    return this.#history[0];
  }

  get running(): readonly Progress[] {
    return this.#running;
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  archive(target: Target, from?: Id): Promise<Done | undefined> {
    return this.#do(target, { kind: 'archive', from });
  }

  trash(target: Target): Promise<Done | undefined> {
    return this.#do(target, { kind: 'trash' });
  }

  /** Destroys emails for ever: nothing undoes it. */
  destroy(target: Target): Promise<Done | undefined> {
    return this.#do(target, { kind: 'destroy' });
  }

  /** Moves emails out of `from`, or out of wherever they are. */
  move(target: Target, to: Id, from?: Id): Promise<Done | undefined> {
    return this.#do(target, { kind: 'move', to, from });
  }

  copyTo(target: Target, to: Id): Promise<Done | undefined> {
    return this.#do(target, { kind: 'copy', to });
  }

  junk(target: Target): Promise<Done | undefined> {
    return this.#do(target, { kind: 'junk' });
  }

  notJunk(target: Target): Promise<Done | undefined> {
    return this.#do(target, { kind: 'notJunk' });
  }

  read(target: Target, on = true): Promise<Done | undefined> {
    return this.#do(target, { kind: on ? 'read' : 'unread' });
  }

  /** Marks what somebody opened as read: not a thing that he would undo. */
  async seen(ids: readonly Id[]): Promise<void> {
    const known = this.#under.emails;
    const wish: Wish = { kind: 'read' };
    const changes = new Map<Id, Change>();
    for (const id of ids) {
      const email = known.get(id);
      const change = email && changeOf(email, wish, {});
      if (change) changes.set(id, change);
    }
    if (changes.size > 0) await this.carryOut('read', changes);
  }

  star(target: Target, on = true): Promise<Done | undefined> {
    return this.#do(target, { kind: on ? 'star' : 'unstar' });
  }

  label(target: Target, keyword: string, on = true): Promise<Done | undefined> {
    return this.#do(target, { kind: on ? 'label' : 'unlabel', keyword });
  }

  mute(target: Target, on = true): Promise<Done | undefined> {
    return this.#do(target, { kind: on ? 'mute' : 'unmute' });
  }

  /** Has emails come back at a time. */
  async snooze(target: Target, until: Date): Promise<Done | undefined> {
    try {
      const { snoozing } = await import('./snoozing.svelte');
      const done = await this.#do(target, { kind: 'snooze', to: await snoozing.mailbox() });
      const job = this.#history.find((each) => each === done)?.job;
      if (job) await snoozing.note(job.places, until);
      return done;
    } catch (error) {
      this.#tell('snooze', asJmapError(error), 0, () => void this.snooze(target, until));
      return undefined;
    }
  }

  /** Undoes what was done last, or what is named; says whether there was anything. */
  async undo(id?: string): Promise<boolean> {
    const last = this.#history.find((each) => each.canUndo && (id === undefined || each.id === id));
    if (!last) return false;
    this.#history = this.#history.filter((each) => each !== last);
    const { job } = last;
    if (this.#under.jobs.withdraw(job.id)) return true;
    const back = new Map<Id, Change>();
    for (const [id, { patch, undo }] of job.changes) back.set(id, { patch: undo, undo: patch });
    await this.#carryOut({ ...this.#job('undo'), changes: back });
    return true;
  }

  /** Carries out what waited on this device for the network. */
  async resume(job: Job): Promise<void> {
    await this.#carryOut(job);
  }

  /** Carries out what nobody asked for just now; it is not among what can be undone. */
  async carryOut(kind: Job['kind'], changes: Map<Id, Change>): Promise<void> {
    await this.#carryOut({ ...this.#job(kind), changes });
  }

  async #do(target: Target, wish: Wish): Promise<Done | undefined> {
    try {
      const places = this.#places();
      if ('everything' in target) return await this.#everything(target.everything, wish, places);
      return await this.#some(target, wish, places);
    } catch (error) {
      const isArray = Array.isArray(target);
      this.#tell(wish.kind, asJmapError(error), isArray ? target.length : 0, () => void this.#do(target, wish));
      return undefined;
    }
  }

  #places(): Places {
    const { mailboxes: boxes } = this.#under;
    const role = (name: 'inbox' | 'archive' | 'junk' | 'trash') => boxes.byRole(name)?.id;
    return { inbox: role('inbox'), archive: role('archive'), junk: role('junk'), trash: role('trash') };
  }

  async #some(ids: readonly Id[], wish: Wish, places: Places): Promise<Done | undefined> {
    const known = this.#under.emails;
    await known.load(ids);
    const found = ids.map((id) => known.get(id)).filter((email) => email !== undefined);
    const job = this.#job(wish.kind);
    for (const email of found) {
      job.places.set(email.id, Object.keys(email.mailboxIds));
      if (wish.kind === 'destroy') job.destroys.push(email.id);
      const change = changeOf(email, wish, places);
      if (change) job.changes.set(email.id, change);
    }
    const count = job.changes.size + job.destroys.length;
    if (count === 0) return undefined;
    const done = this.#remember(job, wish, count);
    void this.#carryOut(job);
    return done;
  }

  /** Shows a job at once, sends it, and takes back what was refused. */
  async #carryOut(job: Job): Promise<void> {
    const known = this.#under.emails;
    const patches = new Map([...job.changes].map(([id, { patch }]) => [id, patch]));
    const before = new Map([...patches.keys()].map((id) => [id, known.get(id)]));
    const settle = known.lay(patches);
    const ids = [...job.changes.keys(), ...job.destroys];
    const back = this.#leave(ids, new Set(job.destroys), before);
    try {
      const outcome = await this.#under.jobs.run(job);
      const done = new Set(outcome.done);
      for (const id of patches.keys()) settle(id, done.has(id));
      known.gone(job.destroys.filter((id) => done.has(id)));
      if (done.size < ids.length) back();
      this.#report(job, outcome);
    } catch (error) {
      for (const id of patches.keys()) settle(id, false);
      back();
      this.#forget(job.id);
      this.#tell(job.kind, asJmapError(error), ids.length, () => void this.#carryOut(job));
    }
    void this.#under.lists.changed();
  }

  /** Takes rows away that are in a list no longer, at once. */
  #leave(
    ids: readonly Id[],
    destroyed: ReadonlySet<Id>,
    before: ReadonlyMap<Id, ListEmail | undefined>,
  ): () => void {
    const known = this.#under.emails;
    return this.#under.lists.leave(ids, (list, id) => {
      if (destroyed.has(id)) return true;
      const { mailboxId } = list.view;
      if (mailboxId === undefined) return false;
      const email = known.get(id);
      const wasThere = mailboxId in (before.get(id)?.mailboxIds ?? {});
      return wasThere && email !== undefined && !(mailboxId in email.mailboxIds);
    });
  }

  #report(job: Job, { refused, conflicts }: Outcome): void {
    const [first] = refused.values();
    const again = (ids: Iterable<Id>) => {
      const left = new Set(ids);
      const changes = new Map([...job.changes].filter(([id]) => left.has(id)));
      const destroys = job.destroys.filter((id) => left.has(id));
      void this.#carryOut({ ...job, changes, destroys, places: new Map(), at: new Date() });
    };
    if (first) this.#tell(job.kind, first, refused.size, () => again(refused.keys()));
    if (conflicts.length > 0) {
      const error = new SetError({ type: 'stateMismatch', description: 'moved meanwhile' });
      this.#tell(job.kind, error, conflicts.length, () => again(conflicts), true);
    }
  }

  async #everything(list: ThreadList, wish: Wish, places: Places): Promise<Done | undefined> {
    const from = list.view.mailboxId;
    const job = this.#job(wish.kind);
    const stop = new AbortController();
    const progress = this.#follow(job, list.total, () => stop.abort());
    try {
      const ids = await this.#find(narrowed(list.filter, wish), stop.signal);
      progress.total = ids.length;
      const change = wish.kind === 'destroy' ? undefined : blindChange(wish, places, from);
      for (const id of ids) {
        if (change) job.changes.set(id, change);
        else if (wish.kind === 'destroy') job.destroys.push(id);
        if (from !== undefined) job.places.set(id, [from]);
      }
      if (ids.length === 0) return undefined;
      const tell = (done: number) => (progress.done = done);
      const outcome = await this.#under.jobs.run(job, tell, stop.signal);
      job.changes = new Map(outcome.done.map((id) => [id, change as Change]));
      this.#report(job, outcome);
      return this.#remember(job, wish, outcome.done.length, change !== undefined);
    } catch (error) {
      if (isAbort(error)) return undefined;
      throw error;
    } finally {
      this.#running = this.#running.filter((each) => each.id !== job.id);
      list.selection.clear();
      await followers.tell();
    }
  }

  /** Returns the ids of everything that a filter finds, whatever its threads. */
  async #find(filter: Filter | null, signal: AbortSignal): Promise<Id[]> {
    const found: Id[] = [];
    const sort = [{ property: 'receivedAt', isAscending: true }]; // what comes meanwhile is behind
    for (;;) {
      const call = { filter, sort, position: found.length, limit: IDS_AT_ONCE };
      const { ids, limit = IDS_AT_ONCE } = await this.#under.client.call('Email/query', call, {
        signal,
      });
      found.push(...ids);
      if (ids.length < limit) return found;
    }
  }

  #follow(job: Job, total: number, stop: () => void): Progress {
    const kind = job.kind as Kind;
    this.#running.push({ id: job.id, kind, done: 0, total, stop });
    return this.#running.at(-1) as Progress; // the one that is watched
  }

  #job(kind: Job['kind']): Job {
    const id = `${Date.now().toString(36)}-${(this.#count += 1)}`;
    return { id, kind, changes: new Map(), destroys: [], places: new Map(), at: new Date() };
  }

  #remember(job: Job, wish: Wish, count: number, canUndo = wish.kind !== 'destroy'): Done {
    const { to, keyword } = wish;
    const done = { id: job.id, kind: wish.kind, count, to, keyword, canUndo, at: job.at, job };
    this.#history = [done, ...this.#history].slice(0, REMEMBERED);
    return done;
  }

  #forget(id: string): void {
    this.#history = this.#history.filter((each) => each.id !== id);
  }

  #tell(kind: Problem['kind'], error: JmapError, count: number, again: () => void, isConflict = false) {
    const id = `p${(this.#count += 1)}`;
    const dismiss = () => {
      this.#problems = this.#problems.filter((each) => each.id !== id);
    };
    const retry = () => {
      dismiss();
      again();
    };
    this.#problems = [...this.#problems, { id, kind, error, count, isConflict, retry, dismiss }];
  }

  clear(): void {
    for (const { stop } of this.#running) stop();
    this.#history = [];
    this.#running = [];
    this.#problems = [];
    this.#under.jobs.clear();
  }
}

/** Leaves out what a wish would not change, so that undoing it changes no more than it did. */
function narrowed(filter: Filter | null, { kind, keyword }: Wish): Filter | null {
  const conditions: Filter[] = filter ? [filter] : [];
  if (kind === 'read') conditions.push({ notKeyword: '$seen' });
  if (kind === 'unread') conditions.push({ hasKeyword: '$seen' });
  if (kind === 'star') conditions.push({ notKeyword: '$flagged' });
  if (kind === 'unstar') conditions.push({ hasKeyword: '$flagged' });
  if (kind === 'label' && keyword) conditions.push({ notKeyword: keyword });
  if (kind === 'unlabel' && keyword) conditions.push({ hasKeyword: keyword });
  const [first] = conditions;
  return conditions.length > 1 ? { operator: 'AND', conditions } : (first ?? null);
}

export const actions = new Actions({ client, emails, mailboxes, lists, jobs });
