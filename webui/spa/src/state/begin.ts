/** Begins when somebody is signed in, and ends when they leave: what all stores have in common. */
import { session } from '@/account/session.svelte';
import type { SessionObject } from '@/jmap/types';
import type { Transport } from '@/jmap/transport';
import { first } from '@/first';
import { online } from '@/online.svelte';
import { client } from './client';
import { compose } from './compose.svelte';
import { followers } from './followers';
import { jobs } from './jobs.svelte';
import { forgetDevice, kept } from './keeper';
import { mailboxes } from './mailboxes.svelte';
import { push } from './push.svelte';
import { settings } from './settings.svelte';

let isBegun = false;
let reachedAt: Date | undefined;
let isRefreshing = false;

/**
 * Opens the data of whoever is signed in; views may ask for theirs at once.
 *
 * It may be called again; then it does nothing. Where the server is not reached, each store says so
 * and asks again by its `retry`.
 */
export async function begin(transport: Transport = session): Promise<void> {
  if (isBegun) return;
  isBegun = true;
  client.onReached = reached;
  client.onSessionChanged = () => void refresh();
  addEventListener('online', back);
  document.addEventListener('visibilitychange', looked);
  session.beforeLeaving(end);
  const isKept = session.info?.stay === true; // "this is my own device"
  const vault = isKept ? offline().then(keepHere) : undefined;
  if (!isKept) forgetDevice();
  await client.open(transport, vault).then(keep, restore);
  push.start();
  await Promise.allSettled([mailboxes.ready(), settings.ready()]);
  await first.there();
  await (await outbox()).ready();
  // What writing takes is fetched before the network may be away.
  await compose.ready();
  (await import('./snoozing.svelte')).snoozing.start();
  if (isKept) await (await offline()).resume();
}

/** Keeps mail on this device; one that has no room for it shows the mail of the server. */
async function keepHere(device: Awaited<ReturnType<typeof offline>>): Promise<void> {
  try {
    await device.enable(session.address);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

function keep(): void {
  kept.put('session', 'session', client.session.object);
}

/** What the server could do before is found on this device, where it is trusted. */
async function restore(): Promise<void> {
  const found = await kept.get<SessionObject>('session', 'session');
  if (found) client.restore(found);
}

/** What only those need who write comes after what is looked at. */
async function outbox() {
  return (await import('./outbox.svelte')).outbox;
}

async function offline() {
  return (await import('./offline/offline.svelte')).offline;
}

/** Forgets everything that was shown or is kept on this device. */
export async function end(): Promise<void> {
  isBegun = false;
  removeEventListener('online', back);
  document.removeEventListener('visibilitychange', looked);
  push.stop();
  client.close();
  followers.clear();
  if (session.info?.stay) await (await offline()).disable();
  forgetDevice();
}

function reached(isReached: boolean): void {
  const was = online.reachable;
  if (!isReached) online.shownFrom ??= reachedAt ?? new Date();
  else reachedAt = new Date();
  online.found(isReached);
  if (isReached && !was) back();
}

/** Goes on with what waited for the network. */
function back(): void {
  push.wake();
  jobs.resume();
  void outbox().then((found) => found.resume());
  void followers.tell();
}

function looked(): void {
  if (document.visibilityState === 'visible') push.wake();
}

async function refresh(): Promise<void> {
  if (isRefreshing) return;
  isRefreshing = true;
  await client.refresh().catch(() => undefined); // the next answer says so again
  isRefreshing = false;
}
