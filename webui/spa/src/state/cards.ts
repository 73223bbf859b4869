/** What a card says, for lists and search; pure (RFC 9553). */
import type { ContactCard, Id } from '@/jmap/types';

/** What names somebody; a card out of a file has no more in common with those that are kept. */
export type Said = Pick<ContactCard, 'name' | 'emails' | 'organizations' | 'kind'>;

export interface CardPatch {
  name?: string;
  emails?: string[];
}

/** Returns what a card is called: its name, else its organisation, else its first address. */
export function cardName(card: Said): string {
  const { full, components = [] } = card.name ?? {};
  if (full) return full;
  const order = ['title', 'given', 'given2', 'surname', 'surname2', 'generation'];
  const parts = order.flatMap((kind) => components.filter((each) => each.kind === kind));
  const joined = parts.map((each) => each.value).join(' ').trim(); // prettier-ignore
  return joined || organisation(card) || emailsOf(card)[0] || '';
}

export function organisation(card: Said): string {
  return Object.values(card.organizations ?? {})[0]?.name ?? '';
}

/** Returns a card's addresses, the preferred first (RFC 9553 §1.5.4). */
export function emailsOf(card: Said): string[] {
  return Object.values(card.emails ?? {})
    .toSorted((a, b) => (a.pref ?? 101) - (b.pref ?? 101))
    .map((each) => each.address);
}

export function isGroup(card: Said): boolean {
  return card.kind === 'group';
}

/** Says whether every word occurs in what a card says. */
export function cardMatches(card: ContactCard, text: string): boolean {
  const words = plain(text).split(/\s+/).filter(Boolean);
  const notes = Object.values(card.notes ?? {}).map((each) => each.note);
  const phones = Object.values(card.phones ?? {}).map((each) => each.number);
  const nicknames = Object.values(card.nicknames ?? {}).map((each) => each.name);
  const all = [cardName(card), organisation(card), ...emailsOf(card), ...phones, ...nicknames, ...notes];
  const whole = plain(all.join('\n'));
  return words.every((word) => whole.includes(word));
}

/** Returns the cards that are in a group, by their uids; groups within it are opened once. */
export function membersOf(group: ContactCard, all: readonly ContactCard[]): ContactCard[] {
  const byUid = new Map(all.map((card) => [card.uid, card]));
  const found = new Map<Id, ContactCard>();
  const seen = new Set<string>();
  const add = (card: ContactCard) => {
    for (const uid of Object.keys(card.members ?? {})) {
      const member = byUid.get(uid);
      if (!member || seen.has(uid)) continue;
      seen.add(uid);
      if (isGroup(member)) add(member);
      else found.set(member.id, member);
    }
  };
  add(group);
  return [...found.values()];
}

/** Returns cards that share an address with another, in groups of two and more. */
export function duplicates(cards: readonly ContactCard[]): ContactCard[][] {
  const root = new Map<Id, Id>();
  const find = (id: Id): Id => {
    const up = root.get(id) ?? id;
    return up === id ? id : find(up);
  };
  const byKey = new Map<string, Id>();
  for (const card of cards) {
    if (isGroup(card)) continue;
    const name = plain(cardName(card));
    const keys = [...emailsOf(card).map((each) => `@${each.toLowerCase()}`), ...(name ? [name] : [])];
    for (const key of keys) {
      const other = byKey.get(key);
      if (other === undefined) byKey.set(key, card.id);
      else root.set(find(card.id), find(other));
    }
  }
  const sets = new Map<Id, ContactCard[]>();
  for (const card of cards) {
    if (!isGroup(card)) sets.set(find(card.id), [...(sets.get(find(card.id)) ?? []), card]);
  }
  return [...sets.values()].filter((set) => set.length > 1);
}

/** Returns one card of several: what the first does not say is taken from the others. */
export function merged(cards: readonly [ContactCard, ...ContactCard[]]): Record<string, unknown> {
  const [first, ...others] = cards;
  const whole: Record<string, unknown> = { ...first };
  for (const card of others) {
    for (const [name, value] of Object.entries(card)) {
      if (KEPT.has(name)) continue;
      if (whole[name] === undefined) whole[name] = value;
      else if (isTable(whole[name]) && isTable(value)) whole[name] = together(whole[name], value);
    }
  }
  for (const name of ['id', 'created', 'updated']) delete whole[name];
  return whole;
}

const KEPT = new Set(['id', 'uid', '@type', 'version', 'kind', 'name', 'created', 'updated', 'prodId']);

type Table = Record<string, unknown>;

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Adds the entries that say something new, under keys of their own. */
function together(a: Table, b: Table): Table {
  const whole = { ...a };
  const said = new Set(Object.values(a).map(saying));
  for (const [key, value] of Object.entries(b)) {
    if (value === true) whole[key] = true;
    else if (!said.has(saying(value))) whole[free(whole, key)] = value;
  }
  return whole;
}

/** What an entry says, whatever it is said for: one address at home and at work is one address. */
function saying(entry: unknown): string {
  if (!isTable(entry)) return JSON.stringify(entry).toLowerCase();
  const { address, number, uri, note } = entry;
  if (typeof number === 'string') return number.replace(/[\s().-]/g, '');
  const text = [address, uri, note].find((each) => typeof each === 'string');
  return (text ?? JSON.stringify(entry)).toLowerCase().trim();
}

function free(table: Table, key: string): string {
  let name = key;
  for (let n = 2; name in table; n += 1) name = `${key}-${n}`;
  return name;
}

/** Returns a text as names are compared: without accents and capitals. */
export function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().trim();
}
