/** Searches that were made, and those that are kept under a name. */
import { followers } from './followers';
import { kept } from './keeper';
import { settings, type SavedSearch, type SettingsStore } from './settings.svelte';

export type { SavedSearch } from './settings.svelte';

const RECENT = 12;

export class Searches {
  #settings: SettingsStore;
  #recent = $state.raw<readonly string[]>([]);

  constructor(of: SettingsStore) {
    this.#settings = of;
    followers.add({ types: [], changed: async () => undefined, clear: () => (this.#recent = []) });
  }

  /** What was searched for on this device, the last first; gone with the page, unless it is trusted. */
  get recent(): readonly string[] {
    return this.#recent;
  }

  /** Notes that a search was made. */
  used(text: string): void {
    const plain = text.trim();
    if (!plain) return;
    this.#note([plain, ...this.#recent.filter((each) => each !== plain)].slice(0, RECENT));
  }

  forget(text: string): void {
    this.#note(this.#recent.filter((each) => each !== text));
  }

  clearRecent(): void {
    this.#note([]);
  }

  /** Takes up what a trusted device kept. */
  async restore(): Promise<void> {
    this.#recent = (await kept.get<string[]>('records', 'searches')) ?? this.#recent;
  }

  #note(recent: readonly string[]): void {
    this.#recent = recent;
    kept.put('records', 'searches', recent);
  }

  get saved(): readonly SavedSearch[] {
    return this.#settings.value.searches;
  }

  save(search: Omit<SavedSearch, 'id'>): SavedSearch {
    const made = { ...search, id: crypto.randomUUID() };
    this.#settings.set('searches', [...this.saved, made]);
    return made;
  }

  /** Changes a saved search; returns what sets it back. */
  change(id: string, to: Partial<Omit<SavedSearch, 'id'>>): () => void {
    const all = this.saved.map((each) => (each.id === id ? { ...each, ...to } : each));
    return this.#settings.set('searches', all);
  }

  /** Takes a saved search away; returns what brings it back. */
  remove(id: string): () => void {
    return this.#settings.set('searches', this.saved.filter((each) => each.id !== id)); // prettier-ignore
  }
}

export const searches = new Searches(settings);
