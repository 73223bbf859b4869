import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Actions } from '@/state/actions.svelte';
import { Emails } from '@/state/emails.svelte';
import { Jobs } from '@/state/jobs.svelte';
import { Lists } from '@/state/lists.svelte';
import { Mailboxes } from '@/state/mailboxes.svelte';
import { SettingsStore, type Snoozed } from '@/state/settings.svelte';
import { Snoozing } from '@/state/snoozing.svelte';
import type { Id } from '@/jmap/types';
import { methods, scripted, settled, type Script } from '../support/scripted';

const NOON = new Date('2026-05-20T12:00:00Z');

interface Where {
  /** In which mailbox each email is. */
  emails: Record<Id, Id>;
  snoozed: Record<Id, Snoozed>;
  hasMailbox?: boolean;
}

let net: Script;
let snoozing: Snoozing;
let settings: SettingsStore;

async function world({ emails: placed, snoozed, hasMailbox = true }: Where): Promise<void> {
  const boxes = [
    { id: 'F1', name: 'Inbox', role: 'inbox', parentId: null }, { id: 'F5', name: 'Work', role: null, parentId: null },
    ...(hasMailbox ? [{ id: 'F9', name: 'Snoozed', role: null, parentId: null }] : []),
  ]; // prettier-ignore
  const preferences = [
    { id: 'P1', name: 'snoozed', value: snoozed },
    ...(hasMailbox ? [{ id: 'P2', name: 'snoozeMailbox', value: 'F9' }] : []),
  ];
  const { client, net: made } = await scripted(
    methods({
      'Mailbox/get': () => ({ state: '1', list: boxes, notFound: [] }),
      'Mailbox/set': () => ({ created: { m: { id: 'F9' } } }),
      'Preference/get': () => ({ state: '1', list: preferences, notFound: [] }),
      'Preference/set': (body) => ({ oldState: '1', newState: '1', created: body.create ? { n1: { id: 'P7' } } : null }),
      'Email/query': () => ({ queryState: '1', position: 0, ids: Object.keys(placed).filter((id) => placed[id] === 'F9') }),
      'Email/get': (body) => ({
        state: '1', notFound: [],
        list: (body.ids as Id[]).filter((id) => id in placed).map((id) => ({
          id, threadId: `T${id}`, mailboxIds: { [placed[id] ?? '']: true }, keywords: { $seen: true },
        })),
      }),
      'Email/set': (body) => ({ oldState: '1', newState: '2', updated: body.update ?? null }),
    }),
  ); // prettier-ignore
  net = made;
  const emails = new Emails(client);
  const mailboxes = new Mailboxes(client);
  settings = new SettingsStore(client);
  const lists = new Lists({ client, emails, mailboxes });
  const actions = new Actions({ client, emails, mailboxes, lists, jobs: new Jobs(client) });
  snoozing = new Snoozing({ client, emails, mailboxes, settings, actions });
  await Promise.all([mailboxes.ready(), settings.ready()]);
}

const sets = () =>
  net.asked.flatMap((asked) => asked.calls).filter(([name]) => name === 'Email/set').map(([, body]) => body.update); // prettier-ignore

describe('mail that is put off', () => {
  const at = (hours: number, from = 'F1'): Snoozed => ({
    until: new Date(NOON.getTime() + hours * 3_600_000).toISOString(),
    from,
  });

  beforeEach(() =>
    world({
      emails: { M1: 'F9', M2: 'F9', M3: 'F5', M4: 'F9' },
      snoozed: { M1: at(-1, 'F5'), M2: at(2), M3: at(-1), M8: at(-30) },
    }),
  );

  it('comes back unread to where it was, when it is due', async () => {
    await snoozing.wake({ now: NOON });
    expect(sets()).toEqual([
      { M1: { 'mailboxIds/F9': null, 'mailboxIds/F5': true, 'keywords/$seen': null } },
    ]);
    // What was moved or destroyed by hand meanwhile is left alone, and forgotten.
    expect(Object.keys(settings.value.snoozed)).toEqual(['M2']);
    expect(snoozing.until('M2')).toEqual(new Date(NOON.getTime() + 7_200_000));
  });

  it('of which nobody knows until when comes back to the inbox', async () => {
    await snoozing.wake({ now: NOON, withOrphans: true });
    expect(Object.keys(sets()[0] as object)).toEqual(['M1', 'M4']);
    expect((sets()[0] as Record<Id, object>)['M4']).toMatchObject({ 'mailboxIds/F1': true });
  });

  it('is written down with where it was', async () => {
    await snoozing.note(new Map([['M5', ['F5']]]), NOON);
    expect(settings.value.snoozed['M5']).toEqual({ until: NOON.toISOString(), from: 'F5' });
    expect(settings.isSaved).toBe(true);
  });

  it('has a mailbox of its own, which is made once', async () => {
    expect(await snoozing.mailbox()).toBe('F9');
    await world({ emails: {}, snoozed: {}, hasMailbox: false });
    expect(await snoozing.mailbox()).toBe('F9');
    const made = net.asked.flatMap((asked) => asked.calls).filter(([name]) => name === 'Mailbox/set');
    expect(made).toHaveLength(1);
    expect(settings.value.snoozeMailbox).toBe('F9');
    await settled();
    settings.clear();
  });

  it('of which nobody knows comes back although something is due meanwhile', async () => {
    vi.useFakeTimers({ now: NOON });
    try {
      snoozing.start();
      await vi.advanceTimersByTimeAsync(100_000);
      const moved = sets().flatMap((update) => Object.keys(update as object));
      expect(moved).toContain('M1');
      expect(moved).toContain('M4');
    } finally {
      settings.clear();
      vi.useRealTimers();
    }
  });

  it('stays until the network is back', async () => {
    net.otherwise = () => Promise.reject(new TypeError('network'));
    await snoozing.wake({ now: NOON });
    expect(Object.keys(settings.value.snoozed)).toHaveLength(4);
  });
});
