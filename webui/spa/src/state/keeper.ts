/**
 * Where stores keep what they show, for when the network is away. On a device that is not trusted
 * nothing is kept, and nothing is found (WEBUI §3).
 */
export type Kept = 'session' | 'mailboxes' | 'records' | 'list' | 'thread';

export interface Keeper {
  put(kind: Kept, key: string, value: unknown): void;
  get<Value>(kind: Kept, key: string): Promise<Value | undefined>;
}

const NOTHING: Keeper = { put: () => undefined, get: () => Promise.resolve(undefined) };
let keeper: Keeper = NOTHING;

/** Keeps with `one` from now on; undefined: nothing is kept any more. */
export function keepWith(one: Keeper | undefined): void {
  keeper = one ?? NOTHING;
}

/** The database of `offline/vault`. */
export const DATABASE = 'zegel';

/** Wipes what this device kept: nobody is signed in, or whoever is does not trust it. */
export function forgetDevice(): void {
  indexedDB.deleteDatabase(DATABASE);
}

export const kept: Keeper = {
  put: (kind, key, value) => keeper.put(kind, key, value),
  get: (kind, key) => keeper.get(kind, key),
};
