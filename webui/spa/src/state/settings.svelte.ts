/**
 * Settings that follow the account, sealed on the server: each is a name and a JSON value.
 *
 * What is set shows at once and is saved a moment later. What other devices set comes by push.
 */
import type { JmapClient } from '@/jmap/client';
import { asJmapError, JmapError } from '@/jmap/errors';
import type { Preference } from '@/jmap/types';
import { client } from './client';
import { Records } from './records.svelte';
import type { Sort } from './views';

export interface LabelSetting {
  keyword: string;
  name: string;
  colour: number;
}

export interface SavedSearch {
  id: string;
  name: string;
  text: string;
  scope: 'mailbox' | 'most' | 'everything';
  mailboxId?: string | undefined;
}

export interface Template {
  id: string;
  name: string;
  subject: string;
  html: string;
  text: string;
}

/** Whom one wrote to, by address in lower case: how often, and when last. */
export type Used = Record<string, { name: string; count: number; at: string }>;

/** Until when an email is put off, and from where. */
export interface Snoozed {
  until: string;
  from: string;
}

export interface Settings {
  timeZone: string;
  undoSeconds: number;
  /** After how many seconds an opened message is read; -1: never by itself. */
  readDelay: number;
  sort: Sort;
  conversation: boolean;
  /** In which form a new message begins. */
  composeRich: boolean;
  identityId: string;
  /** After archiving or deleting: the next message, the one before, or the list. */
  afterAction: 'next' | 'previous' | 'list';
  remoteImages: 'ask' | 'always' | 'never';
  /** Whose remote images are shown without asking, in lower case. */
  imageSenders: string[];
  receiptAnswers: 'ask' | 'never';
  labels: LabelSetting[];
  searches: SavedSearch[];
  templates: Template[];
  used: Used;
  /** Whom autocomplete does not offer again, in lower case. */
  forgotten: string[];
  /** By the email's id. */
  snoozed: Record<string, Snoozed>;
  snoozeMailbox: string;
}

export const DEFAULTS: Settings = {
  timeZone: '',
  undoSeconds: 10,
  readDelay: 0,
  sort: 'newest',
  conversation: true,
  composeRich: true,
  identityId: '',
  afterAction: 'next',
  remoteImages: 'ask',
  imageSenders: [],
  receiptAnswers: 'ask',
  labels: [],
  searches: [],
  templates: [],
  used: {},
  forgotten: [],
  snoozed: {},
  snoozeMailbox: '',
};

const SAVE_AFTER_MS = 300;
const TAKEN = ['alreadyExists', 'stateMismatch', 'notFound'];
type Name = keyof Settings;

export class SettingsStore extends Records<Preference> {
  /** What was set here and is not saved yet. */
  #unsaved = $state.raw<Partial<Settings>>({});
  #failure = $state.raw<JmapError | undefined>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> = Promise.resolve();
  #value = $derived.by(() => {
    const kept = Object.fromEntries(this.all.map(({ name, value }) => [name, value]));
    return { ...DEFAULTS, ...fitting(kept), ...this.#unsaved };
  });

  constructor(of: JmapClient) {
    super(of, 'Preference');
  }

  /** Every setting, with what was set here already. */
  get value(): Readonly<Settings> {
    return this.#value;
  }

  /** Why what was set last could not be saved. */
  get failure(): JmapError | undefined {
    return this.#failure;
  }

  get isSaved(): boolean {
    return Object.keys(this.#unsaved).length === 0;
  }

  /** Sets one at once and saves it a moment later; returns what sets it back. */
  set<Key extends Name>(name: Key, value: Settings[Key]): () => void {
    const before = this.#value[name];
    this.#unsaved = { ...this.#unsaved, [name]: value };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.save(), SAVE_AFTER_MS);
    return () => {
      this.set(name, before);
    };
  }

  /** Saves what was set; a failure stands in `failure`, and it is tried again with the next. */
  save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#saving = this.#saving.then(() => this.#save());
    return this.#saving;
  }

  async #save(): Promise<void> {
    if (this.isSaved || !this.client.can('preferences')) return;
    try {
      await this.ready();
      for (const [name, value] of Object.entries(this.#unsaved)) {
        await this.#put(name, value);
        this.#settle(name as Name, value);
      }
      this.#failure = undefined;
    } catch (error) {
      this.#failure = asJmapError(error);
    }
  }

  async #put(name: string, value: unknown, isAgain = false): Promise<void> {
    const found = this.all.find((each) => each.name === name);
    try {
      if (found) await this.update(found.id, { value });
      else await this.create({ name, value });
    } catch (error) {
      const isTaken = error instanceof JmapError && TAKEN.includes(error.type);
      if (!isTaken || isAgain) throw error;
      await this.changed(undefined); // another device was first: what is set last counts
      await this.#put(name, value, true);
    }
  }

  /** It is saved, unless it was set again meanwhile. */
  #settle(name: Name, value: unknown): void {
    if (this.#unsaved[name] !== value) return;
    const { [name]: _saved, ...left } = this.#unsaved;
    this.#unsaved = left;
  }

  override async ready(): Promise<void> {
    await this.client.ready();
    if (this.client.can('preferences')) await super.ready();
  }

  override clear(): void {
    clearTimeout(this.#timer);
    super.clear();
    this.#unsaved = {};
    this.#failure = undefined;
  }
}

/** Leaves out what is of another type than this app knows: an older or newer one wrote it. */
function fitting(kept: Record<string, unknown>): Partial<Settings> {
  const fits = Object.entries(kept).filter(([name, value]) => {
    const known = DEFAULTS[name as Name] as unknown;
    return typeof value === typeof known && Array.isArray(value) === Array.isArray(known) && value !== null;
  });
  return Object.fromEntries(fits) as Partial<Settings>;
}

export const settings = new SettingsStore(client);
