/**
 * How messages begin and go: new ones, answers, what is passed on, drafts that are opened again.
 *
 * `compose` fetches this when it is first wanted: most who look at their mail only read.
 */
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
import { identities, type Identities } from './identities.svelte';
import { mailboxes, type Mailboxes } from './mailboxes.svelte';
import { outbox, type Outbox, type OutboxItem } from './outbox.svelte';
import { recipients } from './recipients.svelte';
import type { Sending } from './sending';
import { settings, type SettingsStore } from './settings.svelte';

interface Under {
  client: JmapClient;
  mailboxes: Mailboxes;
  identities: Identities;
  settings: SettingsStore;
  outbox: Outbox;
  /** Told whom somebody wrote to. */
  used: (addresses: readonly Address[]) => void;
}

export class Composing {
  readonly outbox: Outbox;
  #under: Under;
  #keepCopy: DraftUnder['keepCopy'];

  /** `keepCopy` keeps a draft on this device, where the device is trusted. */
  constructor(under: Under, keepCopy: DraftUnder['keepCopy']) {
    this.#under = under;
    this.#keepCopy = keepCopy;
    this.outbox = under.outbox;
  }

  async begin(seed: Seed): Promise<Draft> {
    await this.#ready();
    const { identities: own, settings: kept } = this.#under;
    const identity = own.get(seed.identityId ?? '') ?? own.first;
    const isRich = seed.isRich ?? kept.value.composeRich;
    const text = seed.text ?? signed(identity?.textSignature ?? '');
    const html = seed.html ?? (seed.text === undefined ? (identity?.htmlSignature ?? '') : '');
    return new Draft(this.#draftUnder(), { ...seed, isRich, text, html });
  }

  async reply(message: Message, kind: ReplyKind): Promise<Draft> {
    await Promise.all([this.#ready(), message.load()]);
    const { email, body } = message;
    const answer = replyTo(email, kind, this.#under.identities.addresses);
    const quote = this.#quote(email, body);
    const isRich = body?.html !== undefined;
    const identity = this.#identity(answer);
    if (isRich) {
      const html = identity?.htmlSignature ?? '';
      return this.begin({ ...this.#seed(answer), isRich, text: '', html, quote });
    }
    const text = quotedAnswer(quote.text, quote.attribution, identity?.textSignature ?? '');
    return this.begin({ ...this.#seed(answer), isRich, text });
  }

  async forward(message: Message, asAttachment: boolean): Promise<Draft> {
    await Promise.all([this.#ready(), message.load()]);
    const { email, body } = message;
    const answer = forward(email, this.#under.identities.addresses);
    const seed = { ...this.#seed(answer), forwardedId: message.id };
    if (asAttachment) return this.begin({ ...seed, attachments: [whole(email)] });
    const isRich = body?.html !== undefined;
    const attachments = (body?.attachments ?? []).map((part) => attachedOf(part));
    const header = forwardedHeader(email);
    const title = t('state.forwarded');
    const attribution = forwardedText('', title, header).trim();
    const text = isRich ? '' : forwardedText(body?.text ?? '', title, header);
    const quote = { ...this.#quote(email, body), attribution };
    return this.begin({ ...seed, attachments, isRich, text, ...(isRich && { quote }) });
  }

  async edit(emailId: Id): Promise<Draft> {
    await this.#ready();
    const { content, saved } = await readDraft(this.#under, emailId);
    return this.#resume(content, saved);
  }

  mailto(url: string): Promise<Draft> {
    const { text, ...fields } = parseMailto(url);
    return this.begin({ ...fields, ...(text && { text, isRich: false }) });
  }

  async restore(content: DraftContent): Promise<Draft> {
    await this.#ready();
    const draft = this.#resume(content, undefined);
    draft.changed();
    return draft;
  }

  /** Makes a draft again of what was to be sent. */
  async again({ content, draftId }: Sending): Promise<Draft> {
    const saved = draftId === undefined ? undefined : await this.#savedAs(draftId);
    const draft = this.#resume(content, saved);
    draft.changed();
    return draft;
  }

  /** Sends a draft; what was refused goes on as a draft. */
  async send(draft: Draft, undoSeconds?: number): Promise<OutboxItem> {
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
    this.#keepCopy(draft.key, undefined);
    return item;
  }

  /** Where the draft stood before it was sent, unless it is gone. */
  async #savedAs(emailId: Id): Promise<Saved | undefined> {
    const { client: of } = this.#under;
    const call = { ids: [emailId], properties: ['keywords'] };
    const { list, state } = await of.call('Email/get', call);
    return list.length > 0 ? { emailId, state, attachments: [] } : undefined;
  }

  #resume(content: DraftContent, saved: Saved | undefined): Draft {
    return new Draft(this.#draftUnder(), content, { saved, isWritten: true });
  }

  #draftUnder(): DraftUnder {
    return { ...this.#under, keepCopy: this.#keepCopy };
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

/** Composing with the stores of the page. */
export function composing(keepCopy: DraftUnder['keepCopy']): Composing {
  const used = (addresses: readonly Address[]) => recipients.used(addresses);
  return new Composing({ client, mailboxes, identities, settings, outbox, used }, keepCopy);
}
