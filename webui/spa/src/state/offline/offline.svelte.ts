/**
 * Working without the network on a device that its owner trusts: reading what was read before,
 * writing, and doing things that are carried out later. Loaded when it is wanted.
 */
import { session } from '@/account/session.svelte';
import type { SessionInfo } from '@/account/types';
import { trustedScriptUrl } from '@/trusted-url';
import { JmapError } from '@/jmap/errors';
import type { DraftContent } from '../compose/message';
import { actions } from '../actions.svelte';
import type { Change, Kind } from '../changes';
import { compose } from '../compose.svelte';
import { jobs, type Job } from '../jobs.svelte';
import { keepWith, type Keeper } from '../keeper';
import { outbox, type OutboxItem } from '../outbox.svelte';
import { searches } from '../searches.svelte';
import type { Sending } from '../sending';
import { Vault, wipe } from './vault';

/** A job as it is kept: maps are lists. */
interface KeptJob {
  id: string;
  kind: Job['kind'];
  changes: [string, Change][];
  destroys: string[];
  places: [string, string[]][];
  at: string;
}

type KeptSending = Omit<Sending, 'sendAt'> & { sendAt?: string | undefined };

class Offline {
  #vault: Vault | undefined;
  #isOn = $state(false);
  #watching: (() => void) | undefined;
  /** Whether mail was kept until the session ended, so that it is again after the next sign-in. */
  #isPaused = false;

  /** Whether this device keeps mail. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Says who was signed in here last, while the server cannot; undefined where nothing is kept. */
  async remembered(): Promise<SessionInfo | undefined> {
    const vault = await Vault.found();
    const info = await vault?.get<SessionInfo>('session', 'info');
    vault?.close();
    return info;
  }

  /** Opens what is kept of an account; whoever signed in said that the device is theirs. */
  async enable(address: string): Promise<void> {
    const vault = await Vault.open(address);
    this.#use(vault);
    await tried(vault.put('session', 'info', session.info));
    await keepShell();
  }

  #use(vault: Vault): void {
    this.#vault = vault;
    keepWith(keeperOf(vault));
    compose.keepCopy = (key, content) => {
      void tried(content ? vault.put('draft', key, content) : vault.delete('draft', key));
    };
    jobs.store = {
      keep: (job) => tried(vault.put('job', job.id, keptJob(job))),
      drop: (id) => tried(vault.delete('job', id)),
    };
    outbox.store = {
      keep: (item: OutboxItem) => void tried(vault.put('outbox', item.id, item.sending)),
      drop: (id) => void tried(vault.delete('outbox', id)),
    };
    this.#isOn = true;
    this.#watching ??= $effect.root(() => {
      $effect(() => this.#follow(session.status === 'expired'));
    });
  }

  /** A session that is over, here or from elsewhere, takes with it what is kept; not the page. */
  #follow(isOver: boolean): void {
    if (isOver && this.#isOn) {
      this.#isPaused = true;
      void this.#wipe();
    } else if (!isOver && this.#isPaused) {
      this.#isPaused = false;
      void this.enable(session.address).then(() => {
        for (const draft of compose.panels) compose.keepCopy(draft.key, draft.content);
      });
    }
  }

  /** Takes up what was left here: drafts, mail to be sent, things to be done. */
  async resume(): Promise<void> {
    const vault = this.#vault;
    if (!vault || !(await isFirstPage())) return;
    // What is taken up is kept anew, under another key; only then the old one goes.
    for (const [key, { sendAt, ...rest }] of await vault.all<KeptSending>('outbox')) {
      outbox.restore({ ...rest, ...(sendAt !== undefined && { sendAt: new Date(sendAt) }) });
      await vault.delete('outbox', key);
    }
    for (const [key, content] of await vault.all<DraftContent>('draft')) {
      if (await isTakenUp(compose.restore(content))) await vault.delete('draft', key);
    }
    for (const [key, kept] of await vault.all<KeptJob>('job')) {
      await vault.delete('job', key); // it keeps its name where it has to wait again
      await actions.resume(jobOf(kept));
    }
    await searches.restore();
    await outbox.resume();
  }

  /** Wipes everything: somebody signed out, the session ended, or it is not wanted any more. */
  async disable(): Promise<void> {
    this.#watching?.();
    this.#watching = undefined;
    this.#isPaused = false;
    await this.#wipe();
  }

  async #wipe(): Promise<void> {
    keepWith(undefined);
    compose.keepCopy = () => undefined;
    jobs.store = undefined;
    outbox.store = undefined;
    this.#isOn = false;
    for (const each of (await navigator.serviceWorker?.getRegistrations()) ?? []) {
      await each.unregister();
    }
    const vault = this.#vault;
    this.#vault = undefined;
    await (vault ? vault.wipe() : wipe());
  }
}

/** Says whether something was taken up; what needs the server stays for the next start. */
async function isTakenUp(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (!(error instanceof JmapError)) throw error;
    return false;
  }
}

let isFirst: Promise<boolean> | undefined;

/** Says whether no other page of this browser goes on with what was left; it holds while we live. */
function isFirstPage(): Promise<boolean> {
  isFirst ??= new Promise((told) => {
    if (!('locks' in navigator)) return told(true);
    void navigator.locks.request('zegel.left', { ifAvailable: true }, (lock) => {
      told(lock !== null);
      return lock ? new Promise(() => undefined) : undefined;
    });
  });
  return isFirst;
}

/** Has the app itself be there without the network; a browser that cannot is none the worse. */
async function keepShell(): Promise<void> {
  try {
    await navigator.serviceWorker?.register(trustedScriptUrl('/sw.js'));
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
  }
}

function keeperOf(vault: Vault): Keeper {
  return {
    put: (kind, key, value) => void tried(vault.put(kind, key, value)),
    get: (kind, key) => vault.get(kind, key),
  };
}

/** What a browser does not keep, because it is full or another page wiped it, is only in memory. */
async function tried(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

function keptJob({ id, kind, changes, destroys, places, at }: Job): KeptJob {
  return { id, kind, changes: [...changes], destroys, places: [...places], at: at.toISOString() };
}

function jobOf({ id, kind, changes, destroys, places, at }: KeptJob): Job {
  const of = { changes: new Map(changes), places: new Map(places) };
  return { id, kind: kind as Kind, destroys, at: new Date(at), ...of };
}

export const offline = new Offline();
