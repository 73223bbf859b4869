/** The messages that are being written: panels, and how each begins (WEBUI §3). */
import type { JmapClient } from '@/jmap/client';
import type { Address, EmailHead, Id } from '@/jmap/types';
import { formatDate, t } from '@/i18n';
import { client } from './client';
import { formatAddress } from './compose/addresses';
import { parseMailto } from './compose/mailto';
import { attachedOf, type Attached, type DraftContent } from './compose/message';
import { forwardedText, quotedAnswer, signed } from './compose/quote';
import { forward, replyTo, type Answer, type ReplyKind } from './compose/reply';
import type { Body, Message } from './conversation.svelte';
import { Draft, readDraft, type DraftUnder, type Quote, type Seed } from './draft.svelte';
import type { Saved } from './drafting';
import { followers } from './followers';
import { identities, type Identities } from './identities.svelte';
import { mailboxes, type Mailboxes } from './mailboxes.svelte';
import { outbox, type Outbox, type OutboxItem } from './outbox.svelte';
import { recipients } from './recipients.svelte';
import type { Sending } from './sending';
import { settings, type SettingsStore } from './settings.svelte';

export type { Draft } from './draft.svelte';

interface Under {
  client: JmapClient;
  mailboxes: Mailboxes;
  identities: Identities;
  settings: SettingsStore;
  outbox: Outbox;
  /** Told whom somebody wrote to. */
  used: (addresses: readonly Address[]) => void;
}

export class Compose {
  /** Keeps copies of drafts on this device, where the device is trusted. */
  keepCopy: DraftUnder['keepCopy'] = () => undefined;
  #under: Under;
  #panels = $state.raw<readonly Draft[]>([]);

  constructor(under: Under) {
    this.#under = under;
    under.outbox.draftOf = (from) => this.#again(from);
    followers.add({ types: [], changed: async () => undefined, clear: () => (this.#panels = []) });
  }

  get panels(): readonly Draft[] {
    return this.#panels;
  }

  /** Begins a message with what is given of it; the identity's signature stands below. */
  async open(seed: Seed = {}): Promise<Draft> {
    await this.#ready();
    const { identities: own, settings: kept } = this.#under;
    const identity = own.get(seed.identityId ?? '') ?? own.first;
    const isRich = seed.isRich ?? kept.value.composeRich;
    const text = seed.text ?? signed(identity?.textSignature ?? '');
    const html = seed.html ?? (seed.text === undefined ? (identity?.htmlSignature ?? '') : '');
    return this.#show(new Draft(this.#draftUnder(), { ...seed, isRich, text, html }));
  }

  /** Begins an answer to a message, in the kind of text that it came in. */
  async reply(message: Message, { kind = 'sender' }: { kind?: ReplyKind } = {}): Promise<Draft> {
    await Promise.all([this.#ready(), message.load()]);
    const { email, body } = message;
    const answer = replyTo(email, kind, this.#under.identities.addresses);
    const quote = this.#quote(email, body);
    const isRich = body?.html !== undefined;
    const signature = this.#identity(answer)?.textSignature ?? '';
    const text = isRich ? '' : quotedAnswer(quote.text, quote.attribution, signature);
    return this.open({ ...this.#seed(answer), isRich, text, ...(isRich && { quote }) });
  }

  /** Begins to pass a message on: within the text, or as a file as it came. */
  async forward(message: Message, { asAttachment = false } = {}): Promise<Draft> {
    await Promise.all([this.#ready(), message.load()]);
    const { email, body } = message;
    const answer = forward(email, this.#under.identities.addresses);
    const seed = { ...this.#seed(answer), forwardedId: message.id };
    if (asAttachment) return this.open({ ...seed, attachments: [whole(email)] });
    const isRich = body?.html !== undefined;
    const attachments = (body?.attachments ?? []).map((part) => attachedOf(part));
    const header = forwardedHeader(email);
    const title = t('state.forwarded');
    const attribution = forwardedText('', title, header).trim();
    const text = isRich ? '' : forwardedText(body?.text ?? '', title, header);
    const quote = { ...this.#quote(email, body), attribution };
    return this.open({ ...seed, attachments, isRich, text, ...(isRich && { quote }) });
  }

  /** Goes on with a draft of the server; one that is open already is returned as it is. */
  async edit(emailId: Id): Promise<Draft> {
    const open = this.#panels.find((each) => each.emailId === emailId);
    if (open) return this.#show(open);
    await this.#ready();
    const { content, saved } = await readDraft(this.#under, emailId);
    return this.#resume(content, saved);
  }

  /** Begins a message as a `mailto:` link says. */
  mailto(url: string): Promise<Draft> {
    const { text, ...fields } = parseMailto(url);
    return this.open({ ...fields, ...(text && { text, isRich: false }) });
  }

  /** Takes up a copy that was left on this device. */
  async restore(content: DraftContent): Promise<Draft> {
    await this.#ready();
    const draft = this.#resume(content, undefined);
    draft.changed();
    return draft;
  }

  /**
   * Sends a draft, and closes it once the server took it or it waits in the outbox.
   *
   * What was refused stays open, with the reason in the item's `error`. Throws as a call, where the
   * mailboxes for it cannot be made.
   */
  async send(draft: Draft, { undoSeconds }: { undoSeconds?: number } = {}): Promise<OutboxItem> {
    const { identities: own, outbox: out, settings: kept } = this.#under;
    const identity = own.get(draft.identityId);
    if (!identity) throw new RangeError('a draft is sent by an identity');
    const folders = await draft.folders();
    const draftId = await draft.hand();
    const sending: Sending = {
      content: draft.content,
      identity,
      undoSeconds: undoSeconds ?? kept.value.undoSeconds,
      sendAt: draft.sendAt,
      draftId,
      ...folders,
    };
    const item = await out.send(sending, draft.forwardedId);
    if (item.state === 'failed') {
      draft.takeBack();
      return item;
    }
    const { to, cc, bcc } = sending.content;
    this.#under.used([...to, ...cc, ...bcc]);
    this.keepCopy(draft.key, undefined);
    this.close(draft);
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

  async #again(from: Id | Sending): Promise<Draft> {
    if (typeof from === 'string') return this.edit(from);
    const { content, draftId } = from;
    const saved = draftId === undefined ? undefined : await this.#savedAs(draftId);
    const draft = this.#resume(content, saved);
    draft.changed();
    return draft;
  }

  /** Where the draft stood before it was sent, unless it is gone. */
  async #savedAs(emailId: Id): Promise<Saved | undefined> {
    const { client: of } = this.#under;
    const call = { ids: [emailId], properties: ['keywords'] };
    const { list, state } = await of.call('Email/get', call);
    return list.length > 0 ? { emailId, state, attachments: [] } : undefined;
  }

  #resume(content: DraftContent, saved: Saved | undefined): Draft {
    return this.#show(new Draft(this.#draftUnder(), content, { saved, isWritten: true }));
  }

  #show(draft: Draft): Draft {
    this.#panels = [...this.#panels.filter((each) => each !== draft), draft];
    return draft;
  }

  #draftUnder(): DraftUnder {
    return { ...this.#under, keepCopy: (key, content) => this.keepCopy(key, content) };
  }

  async #ready(): Promise<void> {
    const { identities: own, mailboxes: boxes, settings: kept } = this.#under;
    await Promise.all([own.ready(), boxes.ready(), kept.ready().catch(() => undefined)]);
  }

  #identity(answer: Answer) {
    const { identities: own } = this.#under;
    return own.byAddress(answer.from) ?? own.first;
  }

  #seed(answer: Answer): Seed {
    const { from: _from, ...fields } = answer;
    return { ...fields, identityId: this.#identity(answer)?.id ?? '' };
  }

  #quote(email: EmailHead, body: Body | undefined): Quote {
    const name = email.from?.[0] ? email.from[0].name || email.from[0].email : '';
    const date = formatDate(new Date(email.sentAt ?? email.receivedAt), 'moment');
    const inline = (body?.inline ?? []).map((part) => attachedOf(part, part.cid ?? undefined));
    const attribution = t('state.wrote', { date, name });
    return { attribution, html: body?.html, text: body?.text ?? '', inline };
  }
}

function whole(email: EmailHead): Attached {
  const name = `${(email.subject ?? '').trim().slice(0, 80) || 'message'}.eml`;
  return { blobId: email.blobId, name, type: 'message/rfc822', size: email.size };
}

function forwardedHeader(email: EmailHead): [string, string][] {
  const listed = (addresses: Address[] | null) => (addresses ?? []).map(formatAddress).join(', ');
  return [
    [t('state.from'), listed(email.from)],
    [t('state.date'), formatDate(new Date(email.sentAt ?? email.receivedAt), 'moment')],
    [t('state.subject'), email.subject ?? ''],
    [t('state.to'), listed(email.to)],
    [t('state.cc'), listed(email.cc)],
  ];
}

export const compose = new Compose({
  client,
  mailboxes,
  identities,
  settings,
  outbox,
  used: (addresses) => recipients.used(addresses),
});
