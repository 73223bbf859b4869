/**
 * A message goes out: made, submitted and filed by one request (RFC 8621 §7.5).
 *
 * Where the answer was lost nobody knows whether it went. Its Message-ID tells: before it is sent
 * again, it is looked for among drafts and sent mail, so that nobody gets it twice.
 */
import type { JmapClient } from '@/jmap/client';
import { SetError } from '@/jmap/errors';
import { createdIn } from '@/jmap/objects';
import type { EmailSubmission, Id, Identity, Patch } from '@/jmap/types';
import { emailOf, envelopeOf, type DraftContent } from './compose/message';

export interface Sending {
  content: DraftContent;
  identity: Identity;
  /** For how long the server holds it, so that it can be taken back. */
  undoSeconds: number;
  /** When it goes; undefined: now. */
  sendAt?: Date | undefined;
  draftsId: Id;
  sentId: Id;
  /** The draft on the server that this replaces. */
  draftId?: Id | undefined;
}

export interface Submitted {
  submissionId: Id;
  emailId: Id;
  threadId: Id;
  /** Until when it can be taken back; undefined: it went. */
  heldUntil: Date | undefined;
}

/** Sends a message. Throws SetError and MethodError where it was refused, and as a call. */
export async function send(client: JmapClient, sending: Sending): Promise<Submitted> {
  const { content, identity, draftsId } = sending;
  const group = client.group();
  const made = group.call('Email/set', { create: { m: emailOf(content, identity, draftsId) } });
  const sent = group.call('EmailSubmission/set', submission(client, sending, '#m'));
  client.send(group);
  const email = createdIn(await made, 'm');
  return accepted(createdIn(await sent, 's'), email.id, String(email['threadId'] ?? ''));
}

function submission(client: JmapClient, sending: Sending, emailId: string) {
  const { content, identity, draftsId, sentId, sendAt, undoSeconds } = sending;
  const longest = client.limits.holdSeconds;
  const seconds = Math.min(undoSeconds, longest);
  const envelope = envelopeOf(content, identity, sendAt ? { until: sendAt } : { seconds });
  const filed: Patch = {
    [`mailboxIds/${draftsId}`]: null,
    [`mailboxIds/${sentId}`]: true,
    'keywords/$draft': null,
    'keywords/$seen': true,
  };
  return {
    create: { s: { identityId: identity.id, emailId, envelope } },
    onSuccessUpdateEmail: { '#s': filed },
  };
}

function accepted(
  made: Partial<EmailSubmission> & { id: Id },
  emailId: Id,
  threadId: Id,
): Submitted {
  const isHeld = made.undoStatus === 'pending' && made.sendAt !== undefined;
  const heldUntil = isHeld ? new Date(made.sendAt as string) : undefined;
  return { submissionId: made.id, emailId, threadId: made.threadId ?? threadId, heldUntil };
}

/**
 * Sends a message of which it is not known whether it went already.
 *
 * Throws as `send`.
 */
export async function sendOnce(client: JmapClient, sending: Sending): Promise<Submitted> {
  const found = await lookUp(client, sending);
  if (!found) return send(client, sending);
  const filter = { emailIds: [found.id] };
  const { ids } = await client.call('EmailSubmission/query', { filter });
  const [id] = ids;
  if (id !== undefined) {
    const { list } = await client.call('EmailSubmission/get', { ids: [id] });
    const [submitted] = list;
    if (submitted) return accepted(submitted, found.id, found.threadId);
  }
  const answer = await client.call('EmailSubmission/set', submission(client, sending, found.id));
  return accepted(createdIn(answer, 's'), found.id, found.threadId);
}

interface Found {
  id: Id;
  threadId: Id;
  isDraft: boolean;
}

/** Looks for a message by its Message-ID among the newest drafts and sent mail. */
export async function lookUp(
  client: JmapClient,
  { content, draftsId, sentId, draftId }: Pick<Sending, 'content' | 'draftsId' | 'sentId' | 'draftId'>,
): Promise<Found | undefined> {
  const group = client.group();
  const calls = [draftsId, sentId].map((inMailbox) => {
    const query = group.call('Email/query', { filter: { inMailbox }, limit: 50 });
    return group.call('Email/get', {
      '#ids': query.ref('/ids'),
      properties: ['messageId', 'threadId', 'keywords'],
    });
  });
  client.send(group);
  const lists = (await Promise.all(calls)).flatMap((answer) => answer.list);
  const found = lists.find((email) => {
    const ids = email['messageId'] as string[] | null;
    return email.id !== draftId && ids?.includes(content.messageId);
  });
  if (!found) return undefined;
  const isDraft = (found['keywords'] as Record<string, true>)['$draft'] === true;
  return { id: found.id, threadId: String(found['threadId']), isDraft };
}

/**
 * Takes a message back that the server still holds; it is a draft again.
 *
 * Throws SetError (cannotUnsend: it went).
 */
export async function cancel(client: JmapClient, submissionId: Id): Promise<void> {
  const update = { [submissionId]: { undoStatus: 'canceled' } };
  const answer = await client.call('EmailSubmission/set', { update }, { isRepeatable: true });
  const refused = answer.notUpdated?.[submissionId];
  if (refused) throw new SetError(refused);
}

/** Marks what was answered or forwarded, and takes the old draft away; what fails is no harm. */
export async function follow(
  client: JmapClient,
  { content, draftId }: Sending,
  { emailId, threadId }: Submitted,
  forwardedId?: Id,
): Promise<void> {
  const update: Record<Id, Patch> = {};
  if (forwardedId !== undefined) update[forwardedId] = { 'keywords/$forwarded': true };
  const [answered] = content.inReplyTo ?? [];
  if (answered !== undefined) {
    const id = await memberBy(client, threadId, answered);
    if (id !== undefined && id !== emailId) update[id] = { 'keywords/$answered': true };
  }
  const destroy = draftId === undefined || draftId === emailId ? [] : [draftId];
  if (destroy.length === 0 && Object.keys(update).length === 0) return;
  await client.call('Email/set', { update, destroy }, { isRepeatable: true });
}

async function memberBy(client: JmapClient, threadId: Id, messageId: string): Promise<Id | undefined> {
  const group = client.group();
  const thread = group.call('Thread/get', { ids: [threadId] });
  const members = group.call('Email/get', {
    '#ids': thread.ref('/list/*/emailIds'),
    properties: ['messageId'],
  });
  client.send(group);
  const { list } = await members;
  return list.find((email) => (email['messageId'] as string[] | null)?.includes(messageId))?.id;
}
