/** Whom one writes to: what autocomplete offers, and what it is made to forget (WEBUI §3). */
import type { Address } from '@/jmap/types';
import { suggestions, withUse, type Candidate, type Suggestion } from './ranking';
import { settings, type SettingsStore } from './settings.svelte';

export type { Suggestion } from './ranking';

export class Recipients {
  /** Names and addresses of the address book; `contacts` gives them once it is loaded. */
  contacts: () => readonly Candidate[] = () => [];
  #settings: SettingsStore;

  constructor(kept: SettingsStore) {
    this.#settings = kept;
  }

  /** Returns what may be meant; `not` are those that stand there already. */
  suggest(text: string, { limit = 8, not = [] as readonly string[] } = {}): Suggestion[] {
    const { used, forgotten } = this.#settings.value;
    return suggestions(text, used, this.contacts(), forgotten, { limit, not });
  }

  /** Says that these were written to. */
  used(addresses: readonly Address[]): void {
    const { used, forgotten } = this.#settings.value;
    const uses = addresses.map(({ name, email }) => ({ name: name ?? '', email }));
    this.#settings.set('used', withUse(used, uses, new Date()));
    const again = new Set(uses.map(({ email }) => email.toLowerCase()));
    if (forgotten.some((each) => again.has(each))) {
      this.#settings.set('forgotten', forgotten.filter((each) => !again.has(each))); // prettier-ignore
    }
  }

  /** Never offers an address again, unless it is written to; returns what takes that back. */
  forget(email: string): () => void {
    const key = email.toLowerCase();
    const { used, forgotten } = this.#settings.value;
    const { [key]: _gone, ...left } = used;
    this.#settings.set('used', left);
    this.#settings.set('forgotten', [...forgotten.filter((each) => each !== key), key]);
    return () => {
      this.#settings.set('used', used);
      this.#settings.set('forgotten', forgotten);
    };
  }

  /** Says whether one wrote to an address before, or has it in the address book. */
  isKnown(email: string): boolean {
    const key = email.toLowerCase();
    if (key in this.#settings.value.used) return true;
    return this.contacts().some((each) => each.email.toLowerCase() === key);
  }

  /** Everybody one wrote to or knows, to compare an address with. */
  get known(): Candidate[] {
    const { used } = this.#settings.value;
    return [...Object.entries(used).map(([email, { name }]) => ({ name, email })), ...this.contacts()];
  }
}

export const recipients = new Recipients(settings);
