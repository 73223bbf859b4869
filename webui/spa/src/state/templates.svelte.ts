/** Texts to begin with, kept with the account. */
import { settings, type SettingsStore, type Template } from './settings.svelte';

export type { Template } from './settings.svelte';

export class Templates {
  #settings: SettingsStore;

  constructor(kept: SettingsStore) {
    this.#settings = kept;
  }

  get all(): readonly Template[] {
    return this.#settings.value.templates;
  }

  create(template: Omit<Template, 'id'>): Template {
    const made = { ...template, id: crypto.randomUUID() };
    this.#settings.set('templates', [...this.all, made]);
    return made;
  }

  /** Changes one; returns what sets it back. */
  update(id: string, to: Partial<Omit<Template, 'id'>>): () => void {
    const all = this.all.map((each) => (each.id === id ? { ...each, ...to } : each));
    return this.#settings.set('templates', all);
  }

  /** Takes one away; returns what brings it back. */
  remove(id: string): () => void {
    return this.#settings.set('templates', this.all.filter((each) => each.id !== id)); // prettier-ignore
  }
}

export const templates = new Templates(settings);
