/**
 * What is on its way out: waiting for the network, held by the server so that it can be taken back,
 * or planned for later (WEBUI §3).
 */
import type { JmapClient } from '@/jmap/client';
import { asJmapError, HttpError, JmapError, OfflineError } from '@/jmap/errors';
import { getAll } from '@/jmap/objects';
import type { Address, EmailSubmission, Id, ListEmail } from '@/jmap/types';
import { client } from './client';
import { followers, type Follower } from './followers';
import type { Draft } from './draft.svelte';
import { cancel, follow, send, sendOnce, type Sending, type Submitted } from './sending';

export type OutboxState = 'waiting' | 'sending' | 'held' | 'scheduled' | 'sent' | 'failed' | 'canceled';

export interface OutboxStore {
  keep(item: OutboxItem): void;
  drop(id: string): void;
}

const SHOWN_AFTER_MS = 8_000;
const AGAIN_MS = 30_000;
const AT_ONCE_MS = 120_000; // what is held for longer was planned
let count = 0;

export class OutboxItem {
  readonly id: string;
  readonly subject: string;
  readonly to: readonly Address[];
  /** Nothing, for what another device planned. */
  readonly sending: Sending | undefined;
  #outbox: Outbox;
  #state = $state<OutboxState>('waiting');
  #error = $state.raw<JmapError | undefined>();
  #submitted = $state.raw<Submitted | undefined>();
  /** Whether it may have gone already, for its answer was lost. */
  #isUncertain = false;
  #forwardedId: Id | undefined;

  constructor(
    outbox: Outbox,
    told: {
      subject: string;
      to: readonly Address[];
      sending?: Sending;
      submitted?: Submitted;
      isUncertain?: boolean;
    },
    forwardedId?: Id,
  ) {
    this.id = `o${(count += 1)}-${Date.now().toString(36)}`;
    this.#outbox = outbox;
    this.subject = told.subject;
    this.to = told.to;
    this.sending = told.sending;
    this.#forwardedId = forwardedId;
    this.#isUncertain = told.isUncertain ?? false;
    if (told.submitted) this.#accepted(told.submitted);
  }

  get state(): OutboxState {
    return this.#state;
  }

  get error(): JmapError | undefined {
    return this.#error;
  }

  /** The message on the server, once it is there. */
  get emailId(): Id | undefined {
    return this.#submitted?.emailId;
  }

  get submissionId(): Id | undefined {
    return this.#submitted?.submissionId;
  }

  /** When it goes; undefined: now. */
  get sendAt(): Date | undefined {
    return this.#submitted?.heldUntil ?? this.sending?.sendAt;
  }

  /** Until when it can be taken back. */
  get undoUntil(): Date | undefined {
    return this.#state === 'held' || this.#state === 'scheduled'
      ? this.#submitted?.heldUntil
      : undefined;
  }

  get canUndo(): boolean {
    return ['waiting', 'held', 'scheduled', 'failed'].includes(this.#state);
  }

  /**
   * Sends it; resolves once the server took it, or once it waits for the network.
   *
   * A refusal stands in `error`.
   */
  async run(): Promise<void> {
    if (!this.sending || !['waiting', 'failed'].includes(this.#state)) return;
    this.#state = 'sending';
    this.#error = undefined;
    const { client: of } = this.#outbox;
    try {
      const submitted = await (this.#isUncertain ? sendOnce : send)(of, this.sending);
      this.#accepted(submitted);
      this.#outbox.drop(this);
      void follow(of, this.sending, submitted, this.#forwardedId).catch(() => undefined);
    } catch (error) {
      const known = asJmapError(error);
      const isPassing = known instanceof OfflineError || known.isPassing;
      // What was not refused for good may have gone: its Message-ID tells before it goes again.
      this.#isUncertain ||= isPassing;
      this.#state = isPassing ? 'waiting' : 'failed';
      this.#error = known;
      this.#outbox.keep(this);
      // Without the network it goes when that is back; else the server said to come again.
      if (isPassing && !(known instanceof OfflineError)) {
        this.#outbox.later(() => void this.run(), pauseOf(known));
      }
    }
  }

  #accepted(submitted: Submitted): void {
    this.#submitted = submitted;
    // By the server's clock: this device's may be an hour off, and the message is not gone for that.
    const left = (submitted.heldUntil?.getTime() ?? 0) - this.#outbox.client.now();
    this.#state = left <= 0 ? 'sent' : left > AT_ONCE_MS ? 'scheduled' : 'held';
    if (this.#state !== 'scheduled') this.#outbox.later(() => this.#went(), Math.max(left, 0));
  }

  #went(): void {
    if (this.#state !== 'held' && this.#state !== 'sent') return;
    this.#state = 'sent';
    this.#outbox.later(() => this.#outbox.forget(this), SHOWN_AFTER_MS);
  }

  /**
   * Takes it back; it is a draft again, which is returned to be opened.
   *
   * Throws SetError (cannotUnsend: it went), and as a call.
   */
  async undo(): Promise<Draft> {
    const submitted = this.#submitted;
    const draft = this.#outbox.draftOf;
    if (submitted) {
      await cancel(this.#outbox.client, submitted.submissionId);
      this.#state = 'canceled';
      this.#outbox.forget(this);
      return draft(submitted.emailId);
    }
    this.#state = 'canceled';
    this.#outbox.forget(this);
    return draft(this.sending as Sending);
  }

  /** Tries again what failed or waits. */
  retry(): Promise<void> {
    return this.run();
  }

  /** Takes it out of the outbox; what the server holds goes all the same. */
  dismiss(): void {
    this.#outbox.forget(this);
  }
}

function pauseOf(error: JmapError): number {
  return (error instanceof HttpError ? error.retryAfter : undefined) ?? AGAIN_MS;
}

export class Outbox implements Follower {
  readonly types = ['EmailSubmission'];
  readonly client: JmapClient;
  store: OutboxStore | undefined;
  /** Makes a draft again of what was taken back. */
  draftOf: (from: Id | Sending) => Promise<Draft> = async (from) =>
    (await import('./compose.svelte')).compose.again(from);
  #items = $state.raw<readonly OutboxItem[]>([]);
  #planned = $state.raw<readonly OutboxItem[]>([]);
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #isReady = false;

  constructor(of: JmapClient) {
    this.client = of;
    followers.add(this);
  }

  /** What was sent from here lately, and is not over. */
  get items(): readonly OutboxItem[] {
    return this.#items;
  }

  /** What the server sends later, from whichever device; the next first. */
  get scheduled(): readonly OutboxItem[] {
    return this.#planned;
  }

  /** What did not leave this device. */
  get waiting(): number {
    return this.#items.filter(({ state }) => ['waiting', 'sending', 'failed'].includes(state)).length;
  }

  /** Sends a message; returns once the server took it or it waits here. */
  async send(sending: Sending, forwardedId?: Id): Promise<OutboxItem> {
    const { subject, to } = sending.content;
    const item = new OutboxItem(this, { subject, to, sending }, forwardedId);
    this.#items = [item, ...this.#items];
    this.store?.keep(item);
    await item.run();
    if (item.state === 'scheduled') void this.changed();
    return item;
  }

  /** Takes up what was left on this device; the page may have ended while it was on its way. */
  restore(sending: Sending): OutboxItem {
    const { subject, to } = sending.content;
    const item = new OutboxItem(this, { subject, to, sending, isUncertain: true });
    this.#items = [...this.#items, item];
    this.store?.keep(item);
    return item;
  }

  /** Sends what waits for the network, one after the other. */
  async resume(): Promise<void> {
    for (const item of this.#items) if (item.state === 'waiting') await item.run();
  }

  async ready(): Promise<void> {
    await this.client.ready();
    if (this.#isReady || !this.client.can('submission')) return;
    this.#isReady = true;
    await this.changed();
  }

  async changed(): Promise<void> {
    if (!this.#isReady) return;
    const group = this.client.group();
    const query = group.call('EmailSubmission/query', {
      filter: { undoStatus: 'pending' },
      sort: [{ property: 'sentAt' }],
    });
    const get = group.call('EmailSubmission/get', { '#ids': query.ref('/ids') });
    this.client.send(group);
    try {
      const { list } = await get;
      const own = new Set(this.#items.map((item) => item.submissionId));
      const others = list.filter(
        (each) => !own.has(each.id) && Date.parse(each.sendAt) - this.client.now() > AT_ONCE_MS,
      );
      const mine = this.#items.filter(({ state }) => state === 'scheduled');
      this.#planned = [...mine, ...(await this.#shown(others))].sort(
        (a, b) => (a.sendAt?.getTime() ?? 0) - (b.sendAt?.getTime() ?? 0),
      );
    } catch (error) {
      if (!(error instanceof JmapError)) throw error; // the next push asks again
    }
  }

  async #shown(submissions: readonly EmailSubmission[]): Promise<OutboxItem[]> {
    if (submissions.length === 0) return [];
    const ids = submissions.map((each) => each.emailId);
    const { list } = await getAll(this.client, 'Email', ids, { properties: ['subject', 'to'] });
    const found = new Map(list.map((each) => [each.id, each as unknown as ListEmail]));
    return submissions.map((each) => {
      const email = found.get(each.emailId);
      const { id: submissionId, emailId, threadId } = each;
      const submitted = { submissionId, emailId, threadId, heldUntil: new Date(each.sendAt) };
      return new OutboxItem(this, { subject: email?.subject ?? '', to: email?.to ?? [], submitted });
    });
  }

  keep(item: OutboxItem): void {
    this.store?.keep(item);
  }

  drop(item: OutboxItem): void {
    this.store?.drop(item.id);
  }

  forget(item: OutboxItem): void {
    this.drop(item);
    this.#items = this.#items.filter((each) => each !== item);
    this.#planned = this.#planned.filter((each) => each !== item);
  }

  later(run: () => void, milliseconds: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, milliseconds);
    this.#timers.add(timer);
  }

  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#items = [];
    this.#planned = [];
    this.#isReady = false;
  }
}

export const outbox = new Outbox(client);

