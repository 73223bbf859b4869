/**
 * Mail that comes back at a time.
 *
 * The server wakes no mail, so what is put off lies in a mailbox of its own, and a setting of the
 * account says until when. Whichever page of its owner is open brings back what is due, unread, to
 * where it was; what became due while none was open comes back when one opens. Mail of which the
 * setting knows nothing is brought back too: nothing stays there for ever.
 */
import type { JmapClient } from '@/jmap/client';
import { JmapError } from '@/jmap/errors';
import type { Id, ListEmail } from '@/jmap/types';
import { t } from '@/i18n';
import { actions, type Actions } from './actions.svelte';
import { both, marked, moved, type Change } from './changes';
import { client } from './client';
import { emails, type Emails } from './emails.svelte';
import { followers } from './followers';
import { mailboxes, type Mailboxes } from './mailboxes.svelte';
import { settings, type SettingsStore, type Snoozed } from './settings.svelte';

const LONGEST_MS = 60 * 60 * 1000; // then it looks again: clocks are set, machines sleep
const GRACE_MS = 90_000;
const AGAIN_MS = 30_000; // after what the network or the server did not let happen
const AT_ONCE = 500;

interface Under {
  client: JmapClient;
  emails: Emails;
  mailboxes: Mailboxes;
  settings: SettingsStore;
  actions: Actions;
}

export class Snoozing {
  #under: Under;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #orphanTimer: ReturnType<typeof setTimeout> | undefined;
  #working: Promise<void> = Promise.resolve();

  constructor(under: Under) {
    this.#under = under;
    followers.add({
      types: ['Preference'],
      changed: async () => this.#plan(),
      clear: () => {
        clearTimeout(this.#timer);
        clearTimeout(this.#orphanTimer);
      },
    });
  }

  /** Begins to bring back what is due. */
  start(): void {
    void this.wake();
    // Another page may be about to write down what it has just put off.
    this.#orphanTimer = setTimeout(() => void this.wake({ withOrphans: true }), GRACE_MS);
  }

  /** When an email comes back; undefined where it was not put off. */
  until(id: Id): Date | undefined {
    const found = this.#under.settings.value.snoozed[id];
    return found && new Date(found.until);
  }

  /** Returns the mailbox for what is put off; it is made where there is none. Throws as a call. */
  async mailbox(): Promise<Id> {
    const { mailboxes: boxes, settings: kept } = this.#under;
    await Promise.all([boxes.ready(), kept.ready()]);
    const known = boxes.get(kept.value.snoozeMailbox);
    if (known) return known.id;
    const name = t('state.snoozed');
    const same = boxes.all.find((each) => each.name === name && each.parentId === null);
    const id = same?.id ?? (await boxes.create(name));
    kept.set('snoozeMailbox', id);
    return id;
  }

  /** Writes down until when emails are put off, and where each was. */
  async note(places: ReadonlyMap<Id, readonly Id[]>, until: Date): Promise<void> {
    const { settings: kept } = this.#under;
    const added = [...places].map(([id, [from = '']]): [Id, Snoozed] => {
      return [id, { until: until.toISOString(), from }];
    });
    kept.set('snoozed', { ...kept.value.snoozed, ...Object.fromEntries(added) });
    await kept.save();
    this.#plan();
  }

  /** Brings back what is due; with orphans, what nobody knows of as well. */
  wake({ withOrphans = false, now = new Date() } = {}): Promise<void> {
    this.#working = this.#working.then(() => this.#wake(now, withOrphans));
    return this.#working;
  }

  async #wake(now: Date, withOrphans: boolean): Promise<void> {
    const { emails: known, mailboxes: boxes, settings: kept } = this.#under;
    let soonest = 0;
    try {
      await boxes.ready();
      const place = boxes.get(kept.value.snoozeMailbox)?.id;
      const { snoozed } = kept.value;
      const due = Object.keys(snoozed).filter((id) => Date.parse(snoozed[id]?.until ?? '') <= now.getTime());
      const orphans = withOrphans && place !== undefined ? await this.#orphans(place) : [];
      const ids = [...due, ...orphans];
      if (ids.length === 0) return;
      await known.load(ids);
      const back = ids.map((id) => known.get(id)).filter((email) => email !== undefined);
      await this.#bringBack(back, place);
      const left = Object.entries(kept.value.snoozed).filter(([id]) => !due.includes(id));
      if (due.length > 0) kept.set('snoozed', Object.fromEntries(left));
    } catch (error) {
      if (!(error instanceof JmapError)) throw error;
      soonest = AGAIN_MS;
    } finally {
      this.#plan(soonest);
    }
  }

  /** Emails that somebody moved meanwhile stay where they are. */
  async #bringBack(found: readonly ListEmail[], place: Id | undefined): Promise<void> {
    const { mailboxes: boxes, settings: kept, actions: doing } = this.#under;
    const inbox = boxes.byRole('inbox')?.id;
    const changes = new Map<Id, Change>();
    for (const email of found) {
      if (place === undefined || !(place in email.mailboxIds)) continue;
      const from = kept.value.snoozed[email.id]?.from ?? '';
      const to = boxes.get(from)?.id ?? inbox;
      const change = to && both(moved(email, to, place), marked(email, { $seen: false }));
      if (change) changes.set(email.id, change);
    }
    if (changes.size > 0) await doing.carryOut('undo', changes);
  }

  async #orphans(place: Id): Promise<Id[]> {
    const { client: of, settings: kept } = this.#under;
    const { ids } = await of.call('Email/query', { filter: { inMailbox: place }, limit: AT_ONCE });
    return ids.filter((id) => !(id in kept.value.snoozed));
  }

  /** Wakes when the next is due, in `soonest` milliseconds at the earliest. */
  #plan(soonest = 0): void {
    clearTimeout(this.#timer);
    const times = Object.values(this.#under.settings.value.snoozed).map(({ until }) => Date.parse(until));
    const next = Math.min(...times) - Date.now();
    const wait = Math.min(LONGEST_MS, Math.max(soonest, Number.isFinite(next) ? next : LONGEST_MS));
    this.#timer = setTimeout(() => void this.wake(), wait);
  }
}

export const snoozing = new Snoozing({ client, emails, mailboxes, settings, actions });
