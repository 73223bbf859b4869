/**
 * A draft on the server. It is replaced as a whole each time, for messages never change; by its
 * Message-ID every device knows that it is the same draft.
 *
 * A draft is replaced only where it is still the one that was saved last: what another device wrote
 * meanwhile is never overwritten, its writer chooses.
 */
import type { JmapClient } from '@/jmap/client';
import { MethodError } from '@/jmap/errors';
import { createdIn } from '@/jmap/objects';
import type { Id, Identity } from '@/jmap/types';
import { emailOf, type Attached, type DraftContent } from './compose/message';
import { lookUp } from './sending';

/** Where a draft stands on the server. */
export interface Saved {
  emailId: Id;
  /** The state of the emails when it was saved. */
  state: string;
  /** The files as parts of it: they last as long as it does, uploads for an hour only. */
  attachments: Attached[];
}

export type ConflictKind = 'changed' | 'gone' | 'sent';

/** Somebody changed, deleted or sent the draft elsewhere. */
export class DraftConflict extends Error {
  readonly kind: ConflictKind;
  /** The draft that stands there now. */
  readonly emailId: Id | undefined;

  constructor(kind: ConflictKind, emailId?: Id) {
    super(kind);
    this.name = 'DraftConflict';
    this.kind = kind;
    this.emailId = emailId;
  }
}

export interface Folders {
  draftsId: Id;
  sentId: Id;
}

const ROUNDS = 4; // others change other emails all the time

/**
 * Saves a draft in the place of `before`.
 *
 * Throws DraftConflict; SetError and as a call.
 */
export async function save(
  client: JmapClient,
  content: DraftContent,
  identity: Identity | undefined,
  folders: Folders,
  before: Saved | undefined,
  { isLast = false } = {},
): Promise<Saved> {
  let ifInState = before?.state;
  for (let n = 0; ; n += 1) {
    try {
      return await replace(client, content, identity, folders.draftsId, before, ifInState, isLast);
    } catch (error) {
      const isElsewhere = error instanceof MethodError && error.type === 'stateMismatch';
      if (!isElsewhere || !before || n >= ROUNDS) throw error;
      ifInState = await stateOf(client, content, folders, before);
    }
  }
}

async function replace(
  client: JmapClient,
  content: DraftContent,
  identity: Identity | undefined,
  draftsId: Id,
  before: Saved | undefined,
  ifInState: string | undefined,
  isLast: boolean,
): Promise<Saved> {
  const set = {
    create: { d: emailOf(content, identity, draftsId) },
    ...(before && { destroy: [before.emailId] }),
    ...(ifInState !== undefined && { ifInState }),
  };
  const answer = await client.call('Email/set', set, { isAlone: true, keepalive: isLast });
  const made = createdIn(answer, 'd');
  const attachments = isLast ? content.attachments : await kept(client, content, made.id);
  return { emailId: made.id, state: answer.newState, attachments };
}

/**
 * Returns the state in which the draft still is the one that was saved last.
 *
 * Throws DraftConflict where it is not.
 */
async function stateOf(
  client: JmapClient,
  content: DraftContent,
  folders: Folders,
  before: Saved,
): Promise<string> {
  const call = { ids: [before.emailId], properties: ['keywords'] };
  const { list, state } = await client.call('Email/get', call);
  const [there] = list;
  if (there && (there['keywords'] as Record<string, true>)['$draft']) return state;
  if (there) throw new DraftConflict('sent', there.id);
  const other = await lookUp(client, { content, ...folders, draftId: before.emailId });
  if (!other) throw new DraftConflict('gone');
  throw new DraftConflict(other.isDraft ? 'changed' : 'sent', other.id);
}

/** Returns the files as parts of the draft that was saved. */
async function kept(client: JmapClient, content: DraftContent, emailId: Id): Promise<Attached[]> {
  const { attachments } = content;
  // Those of the draft before go with it, so all of them are read anew.
  if (attachments.length === 0) return [];
  const { list } = await client.call('Email/get', {
    ids: [emailId],
    properties: ['attachments'],
    bodyProperties: ['blobId', 'name', 'size', 'cid'],
  });
  const parts = [...((list[0]?.['attachments'] ?? []) as (Attached & { cid: string | null })[])];
  return attachments.map((each) => {
    const at = parts.findIndex(
      (part) => part.size === each.size && part.name === each.name && (part.cid ?? undefined) === each.cid,
    );
    const [part] = at < 0 ? [] : parts.splice(at, 1);
    return part ? { ...each, blobId: part.blobId } : each;
  });
}

/** Takes a draft away. */
export async function discard(client: JmapClient, emailId: Id, trashId: Id | undefined): Promise<void> {
  const set =
    trashId === undefined
      ? { destroy: [emailId] }
      : { update: { [emailId]: { mailboxIds: { [trashId]: true } } } };
  await client.call('Email/set', set, { isRepeatable: true });
}
