/** What is written, as an Email object for the server, and back again; pure (RFC 8621 §4.6). */
import type { Address, BodyPart, EmailHead, Envelope, Id, Identity, OpenedEmail, Patch } from '@/jmap/types';
import { bodyOf } from '../body';
import { unique } from './addresses';

export type Importance = 'high' | 'normal' | 'low';

/** A file that is on the server already. */
export interface Attached {
  blobId: Id;
  name: string;
  type: string;
  size: number;
  /** Shown within the text by this content id; undefined for a file below it. */
  cid?: string | undefined;
}

/** All of a draft that is kept. */
export interface DraftContent {
  identityId: Id;
  to: Address[];
  cc: Address[];
  bcc: Address[];
  subject: string;
  isRich: boolean;
  html: string;
  text: string;
  importance: Importance;
  wantsReceipt: boolean;
  attachments: Attached[];
  inReplyTo: string[] | null;
  references: string[] | null;
  /** The same through all its life, so that every device knows it again. */
  messageId: string;
}

const TYPE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/;

export function emptyContent(messageId: string): DraftContent {
  return {
    identityId: '', to: [], cc: [], bcc: [], subject: '', isRich: true, html: '', text: '',
    importance: 'normal', wantsReceipt: false, attachments: [], inReplyTo: null, references: null,
    messageId,
  }; // prettier-ignore
}

/** Returns a fresh Message-ID of a domain, without the angle brackets. */
export function newMessageId(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1) || 'localhost';
  return `${crypto.randomUUID()}@${domain}`;
}

/** Returns the Email object to be created. */
export function emailOf(content: DraftContent, identity: Identity | undefined, draftsId: Id): Patch {
  const from = identity ? [{ name: identity.name || null, email: identity.email }] : null;
  const { importance } = content;
  return {
    mailboxIds: { [draftsId]: true },
    keywords: { $draft: true, $seen: true },
    from,
    replyTo: identity?.replyTo ?? null,
    to: some(content.to),
    cc: some(content.cc),
    bcc: some(unique([...content.bcc, ...(identity?.bcc ?? [])])),
    subject: content.subject,
    messageId: [content.messageId],
    inReplyTo: content.inReplyTo,
    references: content.references,
    ...(importance !== 'normal' && {
      'header:Importance:asText': importance,
      'header:X-Priority:asText': importance === 'high' ? '1' : '5',
    }),
    ...(content.wantsReceipt && from && { 'header:Disposition-Notification-To:asAddresses': from }),
    ...bodies(content),
  };
}

function bodies(content: DraftContent): Patch {
  const bodyValues: Record<string, { value: string }> = { text: { value: content.text } };
  if (content.isRich) bodyValues['html'] = { value: content.html };
  return {
    bodyValues,
    textBody: [{ partId: 'text', type: 'text/plain' }],
    ...(content.isRich && { htmlBody: [{ partId: 'html', type: 'text/html' }] }),
    ...(content.attachments.length > 0 && { attachments: content.attachments.map(partOf) }),
  };
}

function partOf({ blobId, name, type, cid }: Attached): Patch {
  const plain = type.split(';')[0]?.trim().toLowerCase() ?? '';
  const where = cid === undefined ? { disposition: 'attachment' } : { disposition: 'inline', cid };
  return { blobId, name, type: TYPE.test(plain) ? plain : 'application/octet-stream', ...where };
}

/** Returns the envelope, with how long the server holds the message back (RFC 4865). */
export function envelopeOf(
  content: Pick<DraftContent, 'to' | 'cc' | 'bcc'>,
  identity: Pick<Identity, 'email' | 'bcc'>,
  hold: { seconds?: number | undefined; until?: Date | undefined } = {},
): Envelope {
  const parameters: Record<string, string> = {};
  if (hold.until) parameters['HOLDUNTIL'] = `${hold.until.toISOString().slice(0, 19)}Z`;
  else if (hold.seconds) parameters['HOLDFOR'] = String(hold.seconds);
  const all = unique([...content.to, ...content.cc, ...content.bcc, ...(identity.bcc ?? [])]);
  return {
    mailFrom: {
      email: identity.email,
      parameters: Object.keys(parameters).length > 0 ? parameters : null,
    },
    rcptTo: all.map(({ email }) => ({ email, parameters: null })),
  };
}

/** Reads a draft that any program wrote. */
export function contentOf(
  head: EmailHead,
  opened: OpenedEmail,
  identities: readonly Pick<Identity, 'id' | 'email'>[],
): DraftContent {
  const body = bodyOf(opened);
  const sender = head.from?.[0]?.email.toLowerCase();
  const importance = importanceOf(head);
  return {
    identityId: identities.find((each) => each.email.toLowerCase() === sender)?.id ?? '',
    to: head.to ?? [],
    cc: head.cc ?? [],
    bcc: head.bcc ?? [],
    subject: head.subject ?? '',
    isRich: body.html !== undefined,
    html: body.html?.join('\n') ?? '',
    text: body.text ?? '',
    importance,
    wantsReceipt: opened['header:Disposition-Notification-To:asRaw'] !== null,
    attachments: [
      ...body.attachments.map((part) => attachedOf(part)),
      ...body.inline.map((part) => attachedOf(part, part.cid ?? undefined)),
    ],
    inReplyTo: head.inReplyTo,
    references: head.references,
    messageId: head.messageId?.[0] ?? newMessageId(sender ?? ''),
  };
}

/** Returns a part of a message as a file that another message may have too. */
export function attachedOf(part: BodyPart, cid?: string): Attached {
  const { blobId, name, type, size } = part;
  return { blobId: blobId ?? '', name: name ?? 'file', type, size, ...(cid !== undefined && { cid }) };
}

/** Reads how important a message says it is. */
export function importanceOf(
  head: Pick<EmailHead, 'header:Importance:asRaw' | 'header:X-Priority:asRaw'>,
): Importance {
  const said = head['header:Importance:asRaw']?.trim().toLowerCase();
  if (said === 'high' || said === 'low') return said;
  const number = Number.parseInt(head['header:X-Priority:asRaw'] ?? '3', 10);
  return number < 3 ? 'high' : number > 3 ? 'low' : 'normal';
}

/** Says whether two contents would be the same message. */
export function isSameContent(a: DraftContent, b: DraftContent): boolean {
  const plain = (content: DraftContent) => ({
    ...content,
    messageId: '',
    attachments: content.attachments.map(({ name, size, cid }) => [name, size, cid]),
  });
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}

/** Says whether two contents would read alike, whichever way their text is written. */
export function readsAlike(a: DraftContent, b: DraftContent): boolean {
  const shown = ({ subject, to, cc, bcc, isRich, html, text, attachments }: DraftContent) => [
    subject,
    ...[to, cc, bcc].map((all) => all.map(({ email }) => email)),
    attachments.map(({ name, size }) => [name, size]),
    (isRich ? html.replace(/<[^>]*>/g, ' ') : text).replace(/&nbsp;|\s/g, ''),
  ];
  return JSON.stringify(shown(a)) === JSON.stringify(shown(b));
}

function some(addresses: readonly Address[]): Address[] | null {
  return addresses.length > 0 ? [...addresses] : null;
}
