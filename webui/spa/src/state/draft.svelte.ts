/** A message that is being written: its fields, and how far it is saved (WEBUI §3). */
import type { JmapClient } from '@/jmap/client';
import { asJmapError, type JmapError } from '@/jmap/errors';
import type { Address, EmailHead, Id, OpenedEmail } from '@/jmap/types';
import { Attachment } from './attachment.svelte';
import { isAddress } from './compose/addresses';
import {
  contentOf, emptyContent, isSameContent, newMessageId, readsAlike,
  type Attached, type DraftContent, type Importance,
} from './compose/message'; // prettier-ignore
import { getOpened } from './conversation.svelte';
import { DraftConflict, discard, save, type ConflictKind, type Folders, type Saved } from './drafting';
import type { Identities } from './identities.svelte';
import { lookUp } from './sending';
import type { Mailboxes } from './mailboxes.svelte';

/** After how long what could not be saved is tried again; twice as long each time, to a minute and a half. */
const RETRY_MS = 5_000;

export type DraftState = 'empty' | 'unsaved' | 'saving' | 'saved' | 'failed' | 'conflict';
export type Missing = 'recipients' | 'address' | 'uploading' | 'uploadFailed' | 'identity';

/** What is quoted below an answer: foreign text, for the editor's frame. */
export interface Quote {
  attribution: string;
  html: readonly string[] | undefined;
  text: string;
  /** Pictures that the HTML shows by their content ids. */
  inline: Attached[];
}

export interface Conflict {
  kind: ConflictKind;
  /** What stands there now; undefined where the draft is gone. */
  theirs: DraftContent | undefined;
}

export interface DraftUnder {
  client: JmapClient;
  mailboxes: Mailboxes;
  identities: Identities;
  /** Keeps a copy on this device, where the device is trusted. */
  keepCopy: (key: string, content: DraftContent | undefined) => void;
}

export interface Seed extends Partial<DraftContent> {
  quote?: Quote | undefined;
  /** The email that is passed on, to be marked as forwarded. */
  forwardedId?: Id | undefined;
}

interface Begun {
  saved?: Saved | undefined;
  isWritten?: boolean;
}

const SAVE_AFTER_MS = 2000;
const KEEPALIVE_OCTETS = 60_000;
let count = 0;

export class Draft {
  /** For keyed lists; nothing of the server's. */
  readonly key: string;
  identityId = $state('');
  to = $state<Address[]>([]);
  cc = $state<Address[]>([]);
  bcc = $state<Address[]>([]);
  subject = $state('');
  isRich = $state(true);
  html = $state('');
  text = $state('');
  importance = $state<Importance>('normal');
  wantsReceipt = $state(false);
  sendAt = $state.raw<Date | undefined>();
  readonly quote: Quote | undefined;
  readonly forwardedId: Id | undefined;
  #under: DraftUnder;
  #attachments = $state.raw<readonly Attachment[]>([]);
  #state = $state<DraftState>('empty');
  #savedAt = $state.raw<Date | undefined>();
  #error = $state.raw<JmapError | undefined>();
  #conflict = $state.raw<Conflict | undefined>();
  #threading: Pick<DraftContent, 'inReplyTo' | 'references' | 'messageId'>;
  /** What it began with: as long as it is the same, nothing is saved. */
  #begun: DraftContent;
  #saved: Saved | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> | undefined;
  #failures = 0;
  /** What was sent to be saved without an answer: it may stand there all the same. */
  #unanswered: DraftContent[] = [];
  #isAgain = false;
  #isOver = false;

  /** `seed` is what it begins with; written already, where `saved` or `isWritten` says so. */
  constructor(under: DraftUnder, seed: Seed = {}, { saved, isWritten = false }: Begun = {}) {
    this.key = `d${(count += 1)}-${Date.now().toString(36)}`;
    this.#under = under;
    const { quote, forwardedId, ...content } = seed;
    const identityId = content.identityId || (under.identities.first?.id ?? '');
    const address = under.identities.get(identityId)?.email ?? '';
    const all = { ...emptyContent(newMessageId(address)), ...content, identityId };
    this.quote = quote;
    this.forwardedId = forwardedId;
    this.#saved = saved;
    this.#threading = all;
    this.#fill(all);
    this.#begun = isWritten ? emptyContent('') : this.content;
    if (saved) this.#state = 'saved';
  }

  #fill(content: DraftContent): void {
    const { identityId, to, cc, bcc, subject, isRich, html, text, importance, wantsReceipt } = content;
    Object.assign(this, { identityId, to, cc, bcc, subject, isRich, html, text, importance, wantsReceipt });
    const { inReplyTo, references, messageId } = content;
    this.#threading = { inReplyTo, references, messageId };
    this.#attachments = content.attachments.map((each) => Attachment.there(this.#under.client, each));
  }

  /** All of it, with the files that are there already. */
  get content(): DraftContent {
    const { identityId, subject, isRich, html, text, importance, wantsReceipt } = this;
    const attachments = this.#attachments.map((each) => each.attached).filter((each) => each !== undefined);
    const [to, cc, bcc] = [this.to, this.cc, this.bcc].map((each) => $state.snapshot(each));
    return {
      ...this.#threading, identityId, subject, isRich, html, text, importance, wantsReceipt, attachments,
      to: to ?? [], cc: cc ?? [], bcc: bcc ?? [],
    }; // prettier-ignore
  }

  get attachments(): readonly Attachment[] {
    return this.#attachments;
  }

  get state(): DraftState {
    return this.#state;
  }

  get savedAt(): Date | undefined {
    return this.#savedAt;
  }

  get error(): JmapError | undefined {
    return this.#error;
  }

  get conflict(): Conflict | undefined {
    return this.#conflict;
  }

  /** The draft on the server. */
  get emailId(): Id | undefined {
    return this.#saved?.emailId;
  }

  get inReplyTo(): string | undefined {
    return this.#threading.inReplyTo?.[0];
  }

  /** Why it cannot be sent yet; undefined where it can. */
  get missing(): Missing | undefined {
    const all = [...this.to, ...this.cc, ...this.bcc];
    if (!this.#under.identities.get(this.identityId)) return 'identity';
    if (all.length === 0) return 'recipients';
    if (all.some(({ email }) => !isAddress(email))) return 'address';
    if (this.#attachments.some((each) => each.state === 'uploading')) return 'uploading';
    if (this.#attachments.some((each) => each.state === 'failed')) return 'uploadFailed';
    return undefined;
  }

  get canSend(): boolean {
    return this.missing === undefined && this.#conflict === undefined;
  }

  /** Whether nothing was written, so that nothing has to be kept. */
  get isUntouched(): boolean {
    return isSameContent(this.content, this.#begun);
  }

  /** Says that something was changed: it is kept here at once, and saved when there is a pause. */
  changed(): void {
    if (this.#isOver) return;
    if (this.#state !== 'conflict') this.#state = 'unsaved';
    this.#under.keepCopy(this.key, this.content);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.saveNow(), SAVE_AFTER_MS);
  }

  /** Attaches files; each is uploaded at once. */
  attach(files: Iterable<File>, cid?: string): Attachment[] {
    const added = [...files].map((file) => Attachment.of(this.#under.client, file, cid));
    this.#attachments = [...this.#attachments, ...added];
    this.changed();
    return added;
  }

  detach(attachment: Attachment): void {
    attachment.abort();
    this.#attachments = this.#attachments.filter((each) => each !== attachment);
    this.changed();
  }

  /** Saves what there is; a failure stands in `error`, and the text stays. */
  saveNow({ isLast = false } = {}): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#isOver || this.#conflict) return Promise.resolve();
    if (this.#saving) {
      this.#isAgain = true;
      return this.#saving;
    }
    if (this.#state !== 'unsaved' && this.#state !== 'failed') return Promise.resolve();
    if (!this.#saved && this.isUntouched) {
      this.#state = 'empty';
      return Promise.resolve();
    }
    this.#saving = this.#save(isLast).finally(() => (this.#saving = undefined));
    return this.#saving;
  }

  retry(): Promise<void> {
    return this.saveNow();
  }

  async #save(isLast: boolean): Promise<void> {
    do {
      this.#isAgain = false;
      this.#state = 'saving';
      const content = this.content;
      try {
        await this.#put(content, isLast);
        this.#savedAt = new Date();
        this.#error = undefined;
        this.#failures = 0;
        this.#state = isSameContent(content, this.content) ? 'saved' : 'unsaved';
      } catch (error) {
        if (await this.#isOurs(error)) continue;
        await this.#failed(error, content);
        return;
      }
    } while (this.#isAgain && this.#state === 'unsaved');
    if (this.#state === 'unsaved') this.changed();
  }

  async #put(content: DraftContent, isLast: boolean): Promise<void> {
    const { client, identities } = this.#under;
    const identity = identities.get(content.identityId);
    const isSmall = content.html.length + content.text.length < KEEPALIVE_OCTETS / 2;
    const folders = await this.folders();
    if (!this.#saved && this.#unanswered.length > 0) {
      const there = await lookUp(client, { content, ...folders });
      if (there?.isDraft) this.#saved = (await this.#read(there.id)).saved;
    }
    const saved = await save(client, content, identity, folders, this.#saved, {
      isLast: isLast && isSmall,
    });
    this.#saved = saved;
    this.#unanswered = [];
    for (const [n, each] of saved.attachments.entries()) {
      const was = content.attachments[n]?.blobId;
      this.#attachments.find((attachment) => attachment.blobId === was)?.settle(each.blobId);
    }
  }

  /** Whether what stands there is what we saved ourselves, without hearing so; then go on from it. */
  async #isOurs(error: unknown): Promise<boolean> {
    if (!(error instanceof DraftConflict) || error.kind !== 'changed' || !error.emailId) return false;
    if (this.#unanswered.length === 0) return false;
    const there = await this.#read(error.emailId).catch(() => undefined);
    if (!there || !this.#unanswered.some((each) => readsAlike(each, there.content))) return false;
    this.#saved = there.saved;
    this.#unanswered = [];
    this.#isAgain = true;
    this.#state = 'unsaved';
    return true;
  }

  async #failed(error: unknown, content: DraftContent): Promise<void> {
    if (!(error instanceof DraftConflict)) {
      this.#error = asJmapError(error);
      this.#state = 'failed';
      if (this.#error.isPassing) this.#unanswered = [...this.#unanswered.slice(-9), content];
      if (this.#error.isPassing && !this.#isOver) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.saveNow(), RETRY_MS * 2 ** Math.min(this.#failures, 4));
        this.#failures += 1;
      }
      return;
    }
    const { emailId, kind } = error;
    const there = emailId === undefined ? undefined : await this.#read(emailId).catch(() => undefined);
    this.#conflict = { kind, theirs: there?.content };
    this.#theirs = there;
    this.#state = 'conflict';
  }

  #theirs: { content: DraftContent; saved: Saved } | undefined;

  async #read(emailId: Id): Promise<{ content: DraftContent; saved: Saved }> {
    return readDraft(this.#under, emailId);
  }

  /**
   * Decides a conflict: `mine` replaces what another device wrote, `theirs` takes it over, `both`
   * keeps theirs and makes a draft of its own of mine.
   */
  async resolve(choice: 'mine' | 'theirs' | 'both'): Promise<void> {
    const theirs = this.#theirs;
    // What was sent is a message, not a draft that saving replaces.
    const isSent = this.#conflict?.kind === 'sent';
    this.#conflict = undefined;
    this.#theirs = undefined;
    if (choice === 'theirs' && theirs) {
      this.#saved = isSent ? undefined : theirs.saved;
      this.#fill(theirs.content);
      this.#state = 'saved';
      return;
    }
    const isOurs = choice === 'mine' && theirs !== undefined && !isSent;
    this.#saved = isOurs ? theirs.saved : undefined;
    if (!isOurs) {
      const address = this.#under.identities.get(this.identityId)?.email ?? '';
      this.#threading = { ...this.#threading, messageId: newMessageId(address) };
    }
    this.#state = 'unsaved';
    await this.saveNow();
  }

  /** Ends the saving, for the message goes; returns what must be replaced by it. */
  async hand(): Promise<Id | undefined> {
    clearTimeout(this.#timer);
    await this.#saving;
    this.#isOver = true;
    return this.#saved?.emailId;
  }

  /** Goes on writing after all: it was not sent. */
  takeBack(saved?: Saved): void {
    this.#isOver = false;
    if (saved) this.#saved = saved;
  }

  /** Throws the draft away. Throws as a call. */
  async discard(): Promise<void> {
    const emailId = await this.hand();
    this.#under.keepCopy(this.key, undefined);
    for (const each of this.#attachments) each.abort();
    if (emailId === undefined) return;
    await discard(this.#under.client, emailId, this.#under.mailboxes.byRole('trash')?.id);
  }

  /** Returns where drafts and sent mail lie; they are made where there are none. */
  async folders(): Promise<Folders> {
    const { mailboxes: boxes } = this.#under;
    const draftsId = await boxes.ensure('drafts', 'Drafts');
    return { draftsId, sentId: await boxes.ensure('sent', 'Sent') };
  }
}

/** Reads a draft from the server. Throws as a call; SetError (notFound). */
export async function readDraft(
  { client, identities }: Pick<DraftUnder, 'client' | 'identities'>,
  emailId: Id,
): Promise<{ content: DraftContent; saved: Saved }> {
  await identities.ready();
  const { head, opened, state } = await getOpened(client, emailId);
  const content = contentOf(head as EmailHead, opened as OpenedEmail, identities.all);
  return { content, saved: { emailId, state, attachments: content.attachments } };
}
