/**
 * Whom somebody is likely to write to: by own use alone, never by what others do; pure.
 *
 * A use counts half as much after 30 days. What was forgotten is not offered until it is written to
 * again.
 */
import { domainOf } from './compose/addresses';
import type { Used } from './settings.svelte';

export interface Candidate {
  name: string;
  email: string;
}

export interface Suggestion extends Candidate {
  /** Whether it is in the address book. */
  isContact: boolean;
  /** How often it was written to. */
  count: number;
}

const HALF_LIFE_DAYS = 30;
export const MOST_USED = 500;

/** Returns what `text` may mean, the likeliest first. */
export function suggestions(
  text: string,
  used: Used,
  contacts: readonly Candidate[],
  forgotten: readonly string[],
  { limit = 8, now = Date.now(), not = [] as readonly string[] } = {},
): Suggestion[] {
  const words = plain(text).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const hidden = new Set([...forgotten, ...not].map((each) => each.toLowerCase()));
  const all = new Map<string, Suggestion>();
  for (const { name, email } of contacts) {
    all.set(email.toLowerCase(), { name, email, isContact: true, count: 0 });
  }
  for (const [email, { name, count }] of Object.entries(used)) {
    const known = all.get(email);
    all.set(email, { name: known?.name || name, email: known?.email ?? email, isContact: Boolean(known), count });
  }
  return [...all]
    .filter(([key, each]) => !hidden.has(key) && fits(each, words))
    .map(([key, each]) => ({ each, weight: weight(each, used[key], words, now) }))
    .sort((a, b) => b.weight - a.weight || a.each.email.localeCompare(b.each.email))
    .slice(0, limit)
    .map(({ each }) => each);
}

/** Every word begins a word of the name, the address, or one of their parts. */
function fits({ name, email }: Candidate, words: readonly string[]): boolean {
  const parts = plain(`${name} ${email} ${domainOf(email)}`).split(/[\s.@_,;()<>"'-]+/);
  const wholes = [plain(email), domainOf(plain(email)), ...parts];
  return words.every((word) => wholes.some((each) => each.startsWith(word)));
}

function weight(each: Suggestion, use: Used[string] | undefined, words: readonly string[], now: number) {
  const recent = use ? use.count * halved(Math.max(0, now - Date.parse(use.at))) : 0;
  const isBeginning = plain(each.email).startsWith(words[0] ?? '') ? 0.2 : 0;
  return recent + isBeginning + (each.isContact ? 0.1 : 0);
}

/** Returns what is left of the weight of a use after some milliseconds. */
function halved(milliseconds: number): number {
  return 0.5 ** (milliseconds / 86_400_000 / HALF_LIFE_DAYS);
}

/** Counts a use; the least used go where there are too many. */
export function withUse(used: Used, uses: readonly Candidate[], at: Date): Used {
  const all = { ...used };
  for (const { name, email } of uses) {
    const key = email.toLowerCase();
    const before = all[key];
    all[key] = { name: name || (before?.name ?? ''), count: (before?.count ?? 0) + 1, at: at.toISOString() };
  }
  const now = at.getTime();
  const worth = ({ count, at: last }: Used[string]) =>
    last === at.toISOString() ? Infinity : count * halved(now - Date.parse(last));
  const entries = Object.entries(all);
  if (entries.length <= MOST_USED) return all;
  const ordered = entries.map((entry) => ({ entry, worth: worth(entry[1]) }));
  ordered.sort((a, b) => (a.worth === b.worth ? 0 : b.worth - a.worth));
  return Object.fromEntries(ordered.slice(0, MOST_USED).map(({ entry }) => entry));
}

function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().trim();
}
