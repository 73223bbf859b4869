/** What every data type has in common: getting more than fits in one call, and what changed. */
import type { How, JmapClient } from './client';
import { MethodError, SetError } from './errors';
import type { Answers, BodyArguments, ChangesAnswer, GetAnswer, Methods, SetAnswer } from './methods';
import type { Id } from './types';

type Named<Suffix extends string> = Extract<keyof Methods, `${string}/${Suffix}`>;
export type Gettable = Named<'get'> extends infer Name
  ? Name extends `${infer Type}/get`
    ? Name extends 'SearchSnippet/get'
      ? never
      : Type
    : never
  : never;
export type Changing = Named<'changes'> extends infer Name
  ? Name extends `${infer Type}/changes`
    ? Type
    : never
  : never;

/** Cuts a list into pieces of at most `size`. */
export function pieces<Item>(items: readonly Item[], size: number): Item[][] {
  const cut: Item[][] = [];
  for (let n = 0; n < items.length; n += size) cut.push(items.slice(n, n + size));
  return cut;
}

/** Gets objects by id, in as many calls as the server's limit asks for. Throws as a call. */
export async function getAll<Type extends Gettable>(
  client: JmapClient,
  type: Type,
  ids: readonly Id[],
  more: { properties?: readonly string[] } & BodyArguments = {},
  how: How = {},
): Promise<Answers<`${Type}/get`>> {
  const name = `${type}/get` as const;
  const parts = pieces(ids, client.limits.objectsInGet);
  if (parts.length <= 1) return client.call(name, { ...more, ids } as never, how);
  const group = client.group(how);
  const calls = parts.map((some) => group.call(name, { ...more, ids: some } as never));
  client.send(group);
  const answers = (await Promise.all(calls)) as unknown as GetAnswer<unknown>[];
  return {
    accountId: client.accountId,
    // Of the earliest part: what changed in between is told again by /changes.
    state: answers[0]?.state ?? '',
    list: answers.flatMap((answer) => answer.list),
    notFound: answers.flatMap((answer) => answer.notFound),
  } as unknown as Answers<`${Type}/get`>;
}

/**
 * Gets every object of a type. Throws as a call.
 *
 * More than fit in one answer are refused (`requestTooLarge`, RFC 8620 §5.1); then they are asked
 * for by their ids, where the type has a query.
 */
export async function getWhole<Type extends Gettable>(
  client: JmapClient,
  type: Type,
): Promise<Answers<`${Type}/get`>> {
  const name = `${type}/get` as const;
  try {
    return await client.call(name, { ids: null } as never);
  } catch (error) {
    if (!(error instanceof MethodError) || error.type !== 'requestTooLarge') throw error;
  }
  // First the state: what changes while the parts come is told again by /changes.
  const { state } = (await client.call(name, { ids: [] } as never)) as unknown as GetAnswer<unknown>;
  const ids: Id[] = [];
  for (;;) {
    const query = `${type}/query` as 'ContactCard/query';
    const page = await client.call(query, { position: ids.length });
    ids.push(...page.ids);
    if (page.ids.length === 0 || page.limit === undefined) break;
  }
  return { ...(await getAll(client, type, ids)), state };
}

export interface Changed {
  created: Id[];
  updated: Id[];
  destroyed: Id[];
  newState: string;
  /** Whether nothing but counts changed, in all of it. */
  isCountsOnly: boolean;
}

const AT_ONCE = 500;
const ROUNDS = 20; // then it is less work to ask for all of it anew

/**
 * Returns what changed since a state, all of it; undefined where that is too much to tell.
 *
 * Throws MethodError (cannotCalculateChanges) and as a call.
 */
export async function changesSince<Type extends Changing>(
  client: JmapClient,
  type: Type,
  state: string,
  how: How = {},
): Promise<Changed | undefined> {
  const created = new Set<Id>();
  const updated = new Set<Id>();
  const destroyed = new Set<Id>();
  let isCountsOnly = true;
  for (let n = 0; n < ROUNDS; n += 1) {
    const call = client.call(`${type}/changes`, { sinceState: state, maxChanges: AT_ONCE } as never, how);
    const answer = (await call) as ChangesAnswer;
    for (const id of answer.created) created.add(id);
    for (const id of answer.updated) if (!created.has(id)) updated.add(id);
    for (const id of answer.destroyed) {
      updated.delete(id);
      if (!created.delete(id)) destroyed.add(id);
    }
    if (answer.updated.length > 0) isCountsOnly &&= Boolean(answer.updatedProperties);
    state = answer.newState;
    if (!answer.hasMoreChanges) {
      const counts = isCountsOnly && created.size === 0 && destroyed.size === 0;
      const each = { created: [...created], updated: [...updated], destroyed: [...destroyed] };
      return { ...each, newState: state, isCountsOnly: counts };
    }
  }
  return undefined;
}

/** Returns what was created under `creation`. Throws SetError. */
export function createdIn<Item>(
  answer: SetAnswer<Item>,
  creation: string,
): Partial<Item> & { id: Id } {
  const made = answer.created?.[creation];
  if (made) return made;
  throw new SetError(answer.notCreated?.[creation] ?? { type: 'serverFail' });
}

/** Throws the first SetError of a set; returns it where nothing was refused. */
export function allSet<Item>(answer: SetAnswer<Item>): SetAnswer<Item> {
  const [refused] = [answer.notCreated, answer.notUpdated, answer.notDestroyed].flatMap((errors) =>
    Object.values(errors ?? {}),
  );
  if (refused) throw new SetError(refused);
  return answer;
}
