/**
 * What a trusted device keeps: IndexedDB, each value under AES-GCM with a key that this browser
 * uses and never tells (WEBUI §3).
 *
 * The key cannot be read out of the browser, not by us either; it goes with the database. A value is
 * bound to its place, so that none can be put in another's. After 14 days without a sign-in all of it
 * is wiped.
 */
import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from 'idb';
import { DATABASE } from '../keeper';

const STORES = ['session', 'mailboxes', 'records', 'list', 'thread', 'draft', 'job', 'outbox'] as const;
export type StoreName = (typeof STORES)[number];
export const KEPT_MS = 14 * 24 * 60 * 60 * 1000;
/** How many values of a store are kept; the oldest go first. */
const MOST: Partial<Record<StoreName, number>> = { list: 20, thread: 500 };

interface Sealed {
  iv: Uint8Array<ArrayBuffer>;
  data: ArrayBuffer;
  at: number;
}

interface Meta {
  key: CryptoKey;
  /** A hash of the address: whose mail it is need not lie here readable. */
  account: string;
  /** When somebody was signed in here last, in milliseconds. */
  at: number;
}

type Schema = DBSchema & { meta: { key: string; value: Meta } } & {
  [Name in StoreName]: { key: string; value: Sealed; indexes: { at: number } };
};

export class Vault {
  #db: IDBPDatabase<Schema>;
  #key: CryptoKey;

  private constructor(db: IDBPDatabase<Schema>, key: CryptoKey) {
    this.#db = db;
    this.#key = key;
  }

  /**
   * Opens what is kept of an account, or begins to keep it; what is too old, or another account's,
   * is wiped first.
   */
  static async open(address: string, now = Date.now()): Promise<Vault> {
    const account = await hashed(address);
    let db = await database();
    let meta = await db.get('meta', 'meta');
    if (meta && (meta.account !== account || now - meta.at > KEPT_MS)) {
      db.close();
      await deleteDB(DATABASE);
      db = await database();
      meta = undefined;
    }
    meta ??= { key: await newKey(), account, at: now };
    await db.put('meta', { ...meta, at: now }, 'meta');
    return new Vault(db, meta.key);
  }

  /** Opens what is kept here of whomever; undefined where nothing is, or it is too old. */
  static async found(now = Date.now()): Promise<Vault | undefined> {
    const db = await database();
    const meta = await db.get('meta', 'meta');
    if (meta && now - meta.at <= KEPT_MS) return new Vault(db, meta.key);
    db.close();
    await deleteDB(DATABASE);
    return undefined;
  }

  async put(store: StoreName, name: string, value: unknown, at = Date.now()): Promise<void> {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const octets = new TextEncoder().encode(JSON.stringify(value));
    const sealing = { name: 'AES-GCM', iv, additionalData: place(store, name) };
    const data = await crypto.subtle.encrypt(sealing, this.#key, octets);
    await this.#db.put(store, { iv, data, at }, name);
    await this.#trim(store);
  }

  /** Returns a value; undefined where there is none, or it does not open. */
  async get<Value>(store: StoreName, name: string): Promise<Value | undefined> {
    const sealed = await this.#db.get(store, name);
    return sealed && ((await this.#open(store, name, sealed)) as Value | undefined);
  }

  /** Returns all values of a store, the oldest first. */
  async all<Value>(store: StoreName): Promise<[name: string, value: Value][]> {
    const found: [string, Value][] = [];
    const keys = await this.#db.getAllKeysFromIndex(store, 'at' as never);
    for (const name of keys) {
      const value = await this.get<Value>(store, String(name));
      if (value !== undefined) found.push([String(name), value]);
    }
    return found;
  }

  async delete(store: StoreName, name: string): Promise<void> {
    await this.#db.delete(store, name);
  }

  async #open(store: StoreName, name: string, { iv, data }: Sealed): Promise<unknown> {
    try {
      const opening = { name: 'AES-GCM', iv, additionalData: place(store, name) };
      const octets = await crypto.subtle.decrypt(opening, this.#key, data);
      return JSON.parse(new TextDecoder().decode(octets)) as unknown;
    } catch {
      await this.#db.delete(store, name); // damaged: what the server has is asked for instead
      return undefined;
    }
  }

  async #trim(store: StoreName): Promise<void> {
    const most = MOST[store];
    if (most === undefined) return;
    let over = (await this.#db.count(store)) - most;
    let cursor = over > 0 ? await this.#db.transaction(store, 'readwrite').store.index('at').openCursor() : null;
    for (; cursor && over > 0; over -= 1) {
      await cursor.delete();
      cursor = await cursor.continue();
    }
  }

  /** Closes it, and wipes all of it. */
  async wipe(): Promise<void> {
    this.#db.close();
    await deleteDB(DATABASE);
  }

  close(): void {
    this.#db.close();
  }
}

/** Wipes whatever is kept here, of whomever. */
export async function wipe(): Promise<void> {
  await deleteDB(DATABASE);
}

function database(): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>(DATABASE, 1, {
    upgrade(db) {
      db.createObjectStore('meta');
      for (const name of STORES) db.createObjectStore(name).createIndex('at', 'at');
    },
    // Another page wipes: let it.
    blocking: (_old, _new, event) => (event.target as IDBDatabase | null)?.close(),
  });
}

function newKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

async function hashed(address: string): Promise<string> {
  const octets = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(address));
  return [...new Uint8Array(octets)].map((each) => each.toString(16).padStart(2, '0')).join('');
}

function place(store: StoreName, name: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${store}/${name}`);
}
