/**
 * A thread that is read: all its messages, sent and received, the oldest first.
 *
 * Headers come for all of them; a body when its message is opened. What the server cut is completed
 * from the part itself.
 */
import { SvelteMap } from 'svelte/reactivity';
import { download } from '@/jmap/blobs';
import type { JmapClient } from '@/jmap/client';
import { asJmapError, isAbort, SetError, type JmapError } from '@/jmap/errors';
import { getAll } from '@/jmap/objects';
import type { BodyPart, EmailHead, Id, OpenedEmail } from '@/jmap/types';
import { bodyOf, charsetOf, type Body } from './body';
import { client } from './client';
import { emails, LIST_PROPERTIES, type Emails } from './emails.svelte';
import { followers, type Follower } from './followers';
import { kept } from './keeper';
import { mailboxes, type Mailboxes } from './mailboxes.svelte';
import type { Status } from './records.svelte';

export type { Body } from './body';

const HEAD_PROPERTIES = [
  ...LIST_PROPERTIES, 'messageId', 'inReplyTo', 'references', 'sender', 'cc', 'bcc', 'replyTo', 'sentAt',
  'header:List-Id:asText', 'header:List-Post:asURLs', 'header:List-Unsubscribe:asURLs',
  'header:List-Unsubscribe-Post:asRaw', 'header:Authentication-Results:asRaw:all',
  'header:Importance:asRaw', 'header:X-Priority:asRaw',
] as const; // prettier-ignore
const BODY_PROPERTIES = [
  'bodyStructure', 'textBody', 'htmlBody', 'attachments', 'bodyValues', 'isDamaged',
  'header:Disposition-Notification-To:asRaw', 'header:Auto-Submitted:asRaw', 'header:X-Spam-Status:asRaw',
] as const; // prettier-ignore
const PART_PROPERTIES = [
  'partId', 'blobId', 'size', 'name', 'type', 'charset', 'disposition', 'cid',
  'header:Content-Type:asRaw',
]; // prettier-ignore
/** Of a body's text; longer ones are fetched as a whole when somebody reads them. */
const BODY_OCTETS = 256 * 1024;
const CONVERSATIONS_KEPT = 30;

interface Under {
  client: JmapClient;
  emails: Emails;
  mailboxes: Mailboxes;
}

/** One message of a conversation. */
export class Message {
  readonly id: Id;
  #under: Under;
  #head: EmailHead;
  #opened = $state.raw<OpenedEmail | undefined>();
  #body = $state.raw<Body | undefined>();
  #status = $state<Status>('idle');
  #error = $state.raw<JmapError | undefined>();
  /** Whether its body is unfolded. */
  isOpen = $state(false);
  #loading: Promise<void> | undefined;

  constructor(under: Under, head: EmailHead) {
    this.#under = under;
    this.#head = head;
    this.id = head.id;
  }

  /** Headers, and mailboxes and keywords as they are now. */
  get email(): EmailHead {
    const now = this.#under.emails.get(this.id);
    return now ? { ...this.#head, mailboxIds: now.mailboxIds, keywords: now.keywords } : this.#head;
  }

  /** What is read out of the message when it is opened; undefined until then. */
  get opened(): OpenedEmail | undefined {
    return this.#opened;
  }

  get body(): Body | undefined {
    return this.#body;
  }

  /** Of the body. */
  get status(): Status {
    return this.#status;
  }

  get error(): JmapError | undefined {
    return this.#error;
  }

  get isRead(): boolean {
    return this.email.keywords['$seen'] === true;
  }

  get isDraft(): boolean {
    return this.email.keywords['$draft'] === true;
  }

  /** Whether it lies in Trash or Junk, and nowhere else. */
  get isAway(): boolean {
    const { mailboxes: boxes } = this.#under;
    const roles = Object.keys(this.email.mailboxIds).map((id) => boxes.get(id)?.role);
    return roles.length > 0 && roles.every((role) => role === 'trash' || role === 'junk');
  }

  /** Loads the body where that did not happen yet; a failure stands in `error`. */
  load(): Promise<void> {
    if (this.#status === 'ready') return Promise.resolve();
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  retry(): Promise<void> {
    return this.load();
  }

  /** Takes a body that came with the conversation. */
  async took(opened: OpenedEmail): Promise<void> {
    const body = bodyOf(opened);
    const whole = await this.#completed(body, opened);
    this.#opened = opened;
    this.#body = whole;
    this.#status = 'ready';
    this.#error = undefined;
  }

  async #load(): Promise<void> {
    this.#status = 'loading';
    try {
      const { list } = await getBodies(this.#under.client, [this.id]);
      const [opened] = list;
      if (!opened) throw new SetError({ type: 'notFound' });
      await this.took(opened);
    } catch (error) {
      if (isAbort(error)) return;
      this.#error = asJmapError(error);
      this.#status = 'error';
    }
  }

  /** Replaces what the server cut by the whole part. */
  async #completed(body: Body, opened: OpenedEmail): Promise<Body> {
    const cut = [...opened.textBody, ...opened.htmlBody].filter(
      (part) => part.partId !== null && opened.bodyValues[part.partId]?.isTruncated,
    );
    if (cut.length === 0) return body;
    const values = { ...opened.bodyValues };
    await Promise.all(cut.map(async (part) => (values[part.partId ?? ''] = await this.#whole(part))));
    return bodyOf({ ...opened, bodyValues: values });
  }

  async #whole(part: BodyPart) {
    const blob = await download(this.#under.client, part.blobId ?? '', { type: part.type });
    const octets = await blob.arrayBuffer();
    const value = new TextDecoder(charsetOf(part.charset)).decode(octets).replaceAll('\r\n', '\n');
    return { value, isEncodingProblem: false, isTruncated: false };
  }

  /** Returns the message as it came, octet by octet. Throws as a download. */
  raw(): Promise<Blob> {
    return download(this.#under.client, this.#head.blobId, { type: 'message/rfc822' });
  }
}

async function getBodies(of: JmapClient, ids: Id[]): Promise<{ list: OpenedEmail[] }> {
  const more = {
    properties: BODY_PROPERTIES,
    bodyProperties: PART_PROPERTIES,
    fetchTextBodyValues: true,
    fetchHTMLBodyValues: true,
    maxBodyValueBytes: BODY_OCTETS,
  };
  const answer = await getAll(of, 'Email', ids, more);
  return { list: answer.list as unknown as OpenedEmail[] };
}

/** Gets an email with everything in it. Throws SetError (notFound), and as a call. */
export async function getOpened(
  of: JmapClient,
  id: Id,
): Promise<{ head: EmailHead; opened: OpenedEmail; state: string }> {
  const { list, state } = await of.call('Email/get', {
    ids: [id],
    properties: [...HEAD_PROPERTIES, ...BODY_PROPERTIES],
    bodyProperties: PART_PROPERTIES,
    fetchTextBodyValues: true,
    fetchHTMLBodyValues: true,
  });
  const [found] = list as unknown as (EmailHead & OpenedEmail)[];
  if (!found) throw new SetError({ type: 'notFound' });
  return { head: found, opened: found, state };
}

export class Conversation {
  readonly threadId: Id;
  #under: Under;
  #messages = new SvelteMap<Id, Message>();
  #order = $state.raw<readonly Id[]>([]);
  #status = $state<Status>('loading');
  #error = $state.raw<JmapError | undefined>();
  #focus: Id | undefined;

  constructor(under: Under, threadId: Id, focus?: Id) {
    this.#under = under;
    this.threadId = threadId;
    this.#focus = focus;
    void this.refresh();
  }

  get status(): Status {
    return this.#status;
  }

  get error(): JmapError | undefined {
    return this.#error;
  }

  /** The oldest first. */
  get messages(): Message[] {
    return this.#order.map((id) => this.#messages.get(id)).filter((each) => each !== undefined);
  }

  message(id: Id): Message | undefined {
    return this.#messages.get(id);
  }

  /** The subject of the message that the conversation began with. */
  get subject(): string {
    return this.messages[0]?.email.subject ?? '';
  }

  /** The message that is shown first: the first unread one, else the newest. */
  get focus(): Message | undefined {
    const shown = this.messages.filter((each) => !each.isAway);
    return shown.find((each) => each.isOpen) ?? shown.at(-1) ?? this.messages.at(-1);
  }

  retry(): Promise<void> {
    return this.refresh();
  }

  /** Asks what the thread consists of; headers of what is new, and the bodies that are unfolded. */
  async refresh(): Promise<void> {
    try {
      await (this.#order.length === 0 ? this.#begin() : this.#grow());
      this.#status = 'ready';
      this.#error = undefined;
    } catch (error) {
      if (isAbort(error)) return;
      if (this.#order.length === 0 && (await this.#restored())) return;
      this.#error = asJmapError(error);
      if (this.#order.length === 0) this.#status = 'error';
    }
  }

  /** Shows what this device kept, while the network is away; says whether it did. */
  async #restored(): Promise<boolean> {
    const found = await kept.get<{ heads: EmailHead[]; opened: OpenedEmail[] }>('thread', this.threadId);
    if (!found) return false;
    for (const head of found.heads) this.#messages.set(head.id, new Message(this.#under, head));
    this.#order = found.heads.map((head) => head.id);
    this.#unfold();
    for (const opened of found.opened) await this.#messages.get(opened.id)?.took(opened);
    this.#status = 'ready';
    return true;
  }

  #keep(): void {
    const opened = this.messages.map((each) => each.opened).filter((each) => each !== undefined);
    kept.put('thread', this.threadId, { heads: this.messages.map((each) => each.email), opened });
  }

  async #begin(): Promise<void> {
    const { client: of, emails: known } = this.#under;
    const group = of.group();
    const threads = group.call('Thread/get', { ids: [this.threadId] });
    const heads = group.call('Email/get', {
      '#ids': threads.ref('/list/*/emailIds'),
      properties: HEAD_PROPERTIES,
    });
    of.send(group);
    // Most likely this one is read: its body need not wait for the others' headers.
    const first = this.#focus === undefined ? undefined : getBodies(of, [this.#focus]);
    first?.catch(() => undefined);
    const { list, state } = await heads;
    known.tookThreads((await threads).list);
    this.#took(list as unknown as EmailHead[], state);
    this.#unfold();
    const [opened] = (await first)?.list ?? [];
    if (opened) await this.#messages.get(opened.id)?.took(opened);
    await Promise.all(this.messages.filter((each) => each.isOpen).map((each) => each.load()));
    this.#keep();
  }

  async #grow(): Promise<void> {
    const { client: of, emails: known } = this.#under;
    const { list: threads } = await of.call('Thread/get', { ids: [this.threadId] });
    known.tookThreads(threads);
    const ids = threads[0]?.emailIds ?? [];
    const added = ids.filter((id) => !this.#messages.has(id));
    for (const id of this.#order) if (!ids.includes(id)) this.#messages.delete(id);
    this.#order = ids.filter((id) => this.#messages.has(id));
    if (added.length === 0) return;
    const { list, state } = await getAll(of, 'Email', added, { properties: HEAD_PROPERTIES });
    this.#took(list as unknown as EmailHead[], state, ids);
  }

  #took(list: readonly EmailHead[], state: string, order?: readonly Id[]): void {
    this.#under.emails.took(list, state);
    for (const head of list) this.#messages.set(head.id, new Message(this.#under, head));
    this.#order = (order ?? list.map((head) => head.id)).filter((id) => this.#messages.has(id));
  }

  /** Opens what is unread and the newest; the rest is folded. */
  #unfold(): void {
    const shown = this.messages.filter((each) => !each.isAway && !each.isDraft);
    const newest = shown.at(-1) ?? this.messages.at(-1);
    for (const message of this.messages) {
      const isWanted = message === newest || message.id === this.#focus;
      message.isOpen = isWanted || (!message.isRead && !message.isAway && !message.isDraft);
    }
  }

  /** Unfolds a message and loads its body, or folds it. */
  toggle(id: Id): void {
    const message = this.#messages.get(id);
    if (!message) return;
    message.isOpen = !message.isOpen;
    if (message.isOpen) void message.load();
  }

  expandAll(): void {
    for (const message of this.messages) {
      message.isOpen = true;
      void message.load();
    }
  }
}

export class Conversations implements Follower {
  readonly types = ['Thread'];
  #under: Under;
  #open = new Map<Id, Conversation>();
  /** Threads that may have grown while another was looked at. */
  #behind = new Set<Id>();

  constructor(under: Under) {
    this.#under = under;
    followers.add(this);
  }

  /** Returns the conversation of a thread; `focus` is the email by which it was found. */
  open(threadId: Id, focus?: Id): Conversation {
    const found = this.#open.get(threadId) ?? new Conversation(this.#under, threadId, focus);
    this.#open.delete(threadId);
    this.#open.set(threadId, found);
    for (const id of this.#open.keys()) {
      if (this.#open.size <= CONVERSATIONS_KEPT) break;
      this.#open.delete(id);
    }
    if (this.#behind.delete(threadId)) void found.refresh();
    return found;
  }

  /** Loads what is likely to be opened next. */
  prefetch(threadId: Id, focus?: Id): void {
    if (!this.#open.has(threadId)) this.open(threadId, focus);
  }

  async changed(): Promise<void> {
    // Only what is looked at grows at once; the others do when they are opened again.
    const threads = [...this.#open.keys()];
    const latest = threads.pop();
    for (const id of threads) this.#behind.add(id);
    if (latest !== undefined) await this.#open.get(latest)?.refresh();
  }

  clear(): void {
    this.#open.clear();
    this.#behind.clear();
  }
}

export const conversations = new Conversations({ client, emails, mailboxes });
