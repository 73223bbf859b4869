/** Somebody who writes and sends, on a scripted server. */
import { Compose } from '@/state/compose.svelte';
import { Composing } from '@/state/composing';
import { type DraftUnder } from '@/state/draft.svelte';
import { Identities } from '@/state/identities.svelte';
import { Mailboxes } from '@/state/mailboxes.svelte';
import { Outbox } from '@/state/outbox.svelte';
import { SettingsStore } from '@/state/settings.svelte';
import type { JmapClient } from '@/jmap/client';
import type { Address } from '@/jmap/types';
import { methods, scripted, type Script } from './scripted';

export const lost = () => Promise.reject(new TypeError('network'));
export const BOB = { name: null, email: 'bob@x.nl' };

export type Replies = Parameters<typeof methods>[0];

/** A server with mailboxes, one identity, and drafts that are saved one after the other. */
export function server(): Replies {
  let saved = 0;
  return {
    'Mailbox/get': () => ({
      state: '1', notFound: [],
      list: [
        { id: 'F1', name: 'Drafts', role: 'drafts', parentId: null }, { id: 'F2', name: 'Sent', role: 'sent', parentId: null },
        { id: 'F3', name: 'Trash', role: 'trash', parentId: null },
      ],
    }),
    'Identity/get': () => ({
      state: '1', notFound: [],
      list: [{ id: 'I1', name: 'Me', email: 'me@home.nl', replyTo: null, bcc: null, textSignature: 'Me', htmlSignature: '<p>Me' }],
    }),
    'Preference/get': () => ({ state: '1', list: [], notFound: [] }),
    'Preference/set': () => ({ oldState: '1', newState: '1', created: { n1: { id: 'P1' }, n2: { id: 'P2' } } }),
    'Email/set': (body) => {
      saved += 1;
      const created = Object.fromEntries(
        Object.keys(body.create ?? {}).map((key) => [key, { id: `M${saved}`, blobId: `B${saved}`, threadId: 'T1', size: 1 }]),
      );
      return { oldState: `${saved}`, newState: `${saved + 1}`, created, destroyed: body.destroy ?? null };
    },
    'Email/get': () => ({ state: '9', list: [], notFound: [] }),
    'Email/query': () => ({ queryState: '1', position: 0, ids: [] }),
    'Thread/get': () => ({ state: '1', list: [], notFound: [] }),
    'EmailSubmission/query': () => ({ queryState: '1', position: 0, ids: [] }),
    'EmailSubmission/set': () => ({ created: { s: { id: 'S1', undoStatus: 'final', threadId: 'T1' } } }),
  }; // prettier-ignore
}

export let client: JmapClient;
export let net: Script;
export let under: DraftUnder & { outbox: Outbox; settings: SettingsStore };
export let compose: Compose;
export let copies: Map<string, unknown>;
export let used: string[];

export async function world(more: Replies = {}): Promise<void> {
  ({ client, net } = await scripted(methods({ ...server(), ...more })));
  const settings = new SettingsStore(client);
  const identities = new Identities(client, settings);
  const mailboxes = new Mailboxes(client);
  copies = new Map();
  used = [];
  under = {
    client, settings, identities, mailboxes, outbox: new Outbox(client),
    keepCopy: (key, content) => void (content ? copies.set(key, content) : copies.delete(key)),
  }; // prettier-ignore
  const noted = (addresses: readonly Address[]) => void used.push(...addresses.map((each) => each.email));
  compose = new Compose(async (keepCopy) => new Composing({ ...under, used: noted }, keepCopy));
  compose.keepCopy = under.keepCopy;
  await Promise.all([mailboxes.ready(), identities.ready(), settings.ready()]);
}

export const calls = (name: string) => net.asked.flatMap((asked) => asked.calls).filter((call) => call[0] === name);
