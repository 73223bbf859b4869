/** The messages that are being written: panels, and how each begins (WEBUI §3). */
import type { Id } from '@/jmap/types';
import type { DraftContent } from './compose/message';
import type { ReplyKind } from './compose/reply';
import type { Composing } from './composing';
import type { Message } from './conversation.svelte';
import type { Draft, DraftUnder, Seed } from './draft.svelte';
import { client } from './client';
import { followers } from './followers';
import type { OutboxItem } from './outbox.svelte';
import type { Sending } from './sending';

export type { Draft } from './draft.svelte';

type KeepCopy = DraftUnder['keepCopy'];

export class Compose {
  /** Keeps copies of drafts on this device, where the device is trusted. */
  keepCopy: KeepCopy = () => undefined;
  #load: (keepCopy: KeepCopy) => Promise<Composing>;
  #composing: Promise<Composing> | undefined;
  #panels = $state.raw<readonly Draft[]>([]);

  constructor(load: (keepCopy: KeepCopy) => Promise<Composing>) {
    this.#load = load;
    followers.add({ types: [], changed: async () => undefined, clear: () => (this.#panels = []) });
  }

  /** For how many seconds the server keeps a message back: 0 where it sends at once or not at all. */
  get longestHold(): number {
    return client.isOpen ? client.limits.holdSeconds : 0;
  }

  get panels(): readonly Draft[] {
    return this.#panels;
  }

  /** Fetches what writing takes, where that did not happen yet. */
  ready(): Promise<Composing> {
    this.#composing ??= this.#load((key, content) => this.keepCopy(key, content)).then((found) => {
      found.outbox.draftOf = (from) => this.again(from);
      return found;
    });
    this.#composing.catch(() => (this.#composing = undefined)); // the next attempt fetches it again
    return this.#composing;
  }

  /** Begins a message with what is given of it; the identity's signature stands below. */
  async open(seed: Seed = {}): Promise<Draft> {
    return this.#show(await (await this.ready()).begin(seed));
  }

  /** Begins an answer to a message, in the kind of text that it came in. */
  async reply(message: Message, { kind = 'sender' }: { kind?: ReplyKind } = {}): Promise<Draft> {
    return this.#show(await (await this.ready()).reply(message, kind));
  }

  /** Begins to pass a message on: within the text, or as a file as it came. */
  async forward(message: Message, { asAttachment = false } = {}): Promise<Draft> {
    return this.#show(await (await this.ready()).forward(message, asAttachment));
  }

  /** Goes on with a draft of the server; one that is open already is returned as it is. */
  async edit(emailId: Id): Promise<Draft> {
    const open = this.#panels.find((each) => each.emailId === emailId);
    return this.#show(open ?? (await (await this.ready()).edit(emailId)));
  }

  /** Begins a message as a `mailto:` link says. */
  async mailto(url: string): Promise<Draft> {
    return this.#show(await (await this.ready()).mailto(url));
  }

  /** Takes up a copy that was left on this device. */
  async restore(content: DraftContent): Promise<Draft> {
    return this.#show(await (await this.ready()).restore(content));
  }

  /** Makes a draft again of what was taken back, by its id or by what was to be sent. */
  async again(from: Id | Sending): Promise<Draft> {
    if (typeof from === 'string') return this.edit(from);
    return this.#show(await (await this.ready()).again(from));
  }

  /**
   * Sends a draft, and closes it once the server took it or it waits in the outbox.
   *
   * What was refused stays open, with the reason in the item's `error`. Throws as a call, where the
   * mailboxes for it cannot be made.
   */
  async send(draft: Draft, { undoSeconds }: { undoSeconds?: number } = {}): Promise<OutboxItem> {
    const item = await (await this.ready()).send(draft, undoSeconds);
    if (item.state !== 'failed') this.close(draft);
    return item;
  }

  /** Closes a panel; what was written is saved. */
  close(draft: Draft): void {
    void draft.saveNow({ isLast: true });
    this.#panels = this.#panels.filter((each) => each !== draft);
  }

  /** Throws a draft away; returns what brings it back. Throws as a call. */
  async discard(draft: Draft): Promise<() => Promise<Draft>> {
    const { content } = draft;
    this.#panels = this.#panels.filter((each) => each !== draft);
    await draft.discard();
    return () => this.restore(content);
  }

  /** Saves all that is open: the page is hidden or closed. */
  saveAll(): void {
    for (const draft of this.#panels) void draft.saveNow({ isLast: true });
  }

  #show(draft: Draft): Draft {
    this.#panels = [...this.#panels.filter((each) => each !== draft), draft];
    return draft;
  }
}

export const compose = new Compose(async (keepCopy) => (await import('./composing')).composing(keepCopy));
