/** The texts that are loaded, and the language they are in. */
import loaders from 'virtual:texts';
import { LANGUAGES, type Group, type Language } from './areas';
import type { TextKey } from './keys';

export type Values = Record<string, string | number>;
type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
type Table = Record<string, string | Plural>;

const PLACE = /\{(\w+)\}/g;

let current = $state<Language>('en');
let zone = $state<string | undefined>(undefined);
let table = $state.raw<Table>({});
const groups = new Set<Group>();
const rules = new Map<Language, Intl.PluralRules>();

/** The language that is shown, and the time zone in which times are (the browser's by itself). */
export const language = {
  get current(): Language {
    return current;
  },
  get timeZone(): string | undefined {
    return zone;
  },
  /** The language with the region of whoever reads: dates differ where the words do not. */
  get locale(): string {
    const own = navigator.languages.find((each) => each.startsWith(`${current}-`));
    return own ?? (current === 'en' ? 'en-GB' : current);
  },
  set timeZone(name: string | undefined) {
    zone = name;
  },
};

/** Returns the first language of a list that we speak; English where we speak none. */
export function preferredLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split('-')[0] as Language;
    if (LANGUAGES.includes(primary)) return primary;
  }
  return 'en';
}

async function fetched(group: Group, tongue: Language): Promise<Table> {
  const load = loaders[`${group}/${tongue}`];
  if (!load) throw new Error(`there are no texts ${group}/${tongue}`);
  return (await load()).default as Table;
}

/** Loads a group of texts in the language that is shown; it stays loaded. */
export async function loadTexts(group: Group): Promise<void> {
  if (groups.has(group)) return;
  const tongue = current;
  const more = await fetched(group, tongue);
  if (tongue !== current) return loadTexts(group);
  groups.add(group);
  table = { ...table, ...more };
}

/** Shows another language: loads what is shown now in it, then changes all at once. */
export async function setLanguage(tongue: Language): Promise<void> {
  const tables = await Promise.all([...groups].map((group) => fetched(group, tongue)));
  current = tongue;
  table = Object.assign({}, ...tables) as Table;
  if (typeof document !== 'undefined') document.documentElement.lang = tongue;
}

/** Returns the text as it is written for `values`: its plural form is chosen by `count`. */
function written(key: TextKey, values: Values): string {
  const text = table[key];
  if (text === undefined) {
    // A group that is not loaded is our mistake: tests stop at it, people see the key.
    if (import.meta.env.MODE === 'test') throw new Error(`the text ${key} is not loaded`);
    return key;
  }
  if (typeof text === 'string') return text;
  let rule = rules.get(current);
  if (!rule) rules.set(current, (rule = new Intl.PluralRules(current)));
  return text[rule.select(Number(values.count))] ?? text.other;
}

function shown(name: string, value: string | number): string {
  return typeof value === 'number' && name === 'count'
    ? new Intl.NumberFormat(current).format(value)
    : String(value);
}

/**
 * Says `key`, with `values` in the places of its braces.
 *
 * `count` chooses the plural form, and is written as the language writes numbers.
 */
export function t(key: TextKey, values: Values = {}): string {
  return written(key, values).replace(PLACE, (place, name: string) => {
    const value = values[name];
    return value === undefined ? place : shown(name, value);
  });
}

/**
 * Splits a text at its places, for texts with a link or a button inside.
 *
 * Returns words and the names of places in turn: `{ text }` or `{ place }`.
 */
export function parts(key: TextKey, values: Values = {}): ({ text: string } | { place: string })[] {
  const found: ({ text: string } | { place: string })[] = [];
  const text = written(key, values);
  let end = 0;
  for (const match of text.matchAll(PLACE)) {
    const name = match[1]!;
    const value = values[name];
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    found.push(value === undefined ? { place: name } : { text: shown(name, value) });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}
