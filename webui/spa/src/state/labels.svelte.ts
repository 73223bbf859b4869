/**
 * Labels: keywords with a name and a colour.
 *
 * The server knows keywords only, and only on emails; names and colours are a setting. A keyword
 * that another program set shows under its own name.
 */
import type { ListEmail } from '@/jmap/types';
import { labelsOf } from './rows';
import { settings, type LabelSetting, type SettingsStore } from './settings.svelte';

export type Label = LabelSetting;
export const COLOURS = 8;
const LONGEST = 60;

/** Returns a keyword for a name: letters, digits and hyphens (RFC 8621 §4.1.1). */
export function keywordFor(name: string, taken: readonly string[]): string {
  const plain = name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  const base = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, LONGEST) || 'label';
  let keyword = base;
  for (let n = 2; taken.includes(keyword); n += 1) keyword = `${base}-${n}`;
  return keyword;
}

export class Labels {
  #settings: SettingsStore;

  constructor(kept: SettingsStore) {
    this.#settings = kept;
  }

  get all(): readonly Label[] {
    return this.#settings.value.labels;
  }

  get(keyword: string): Label {
    const found = this.all.find((each) => each.keyword === keyword);
    return found ?? { keyword, name: keyword.replaceAll(/[-_]+/g, ' '), colour: 0 };
  }

  byName(name: string): Label | undefined {
    const sought = name.toLowerCase();
    return this.all.find((each) => each.name.toLowerCase() === sought || each.keyword === sought);
  }

  of(email: Pick<ListEmail, 'keywords'>): Label[] {
    return labelsOf(email).map((keyword) => this.get(keyword));
  }

  create(name: string, colour = this.all.length % COLOURS): Label {
    const label = { keyword: keywordFor(name, this.all.map((each) => each.keyword)), name, colour }; // prettier-ignore
    this.#settings.set('labels', [...this.all, label]);
    return label;
  }

  /** Gives a label another name or colour; returns what sets it back. */
  change(keyword: string, to: Partial<Pick<Label, 'name' | 'colour'>>): () => void {
    const all = this.all.some((each) => each.keyword === keyword)
      ? this.all
      : [...this.all, this.get(keyword)];
    return this.#settings.set(
      'labels',
      all.map((each) => (each.keyword === keyword ? { ...each, ...to } : each)),
    );
  }

  /** Forgets a label; emails keep the keyword. Returns what brings it back. */
  remove(keyword: string): () => void {
    return this.#settings.set('labels', this.all.filter((each) => each.keyword !== keyword)); // prettier-ignore
  }
}

export const labels = new Labels(settings);
