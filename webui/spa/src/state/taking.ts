/** Cards out of a file beside those that are there: what is new, what adds to a card; pure. */
import type { ContactCard, Id } from '@/jmap/types';
import { cardName, emailsOf, isGroup, merged, plain } from './cards';

/** A card as a file has it: without an id and an address book. */
export type FileCard = Pick<ContactCard, 'uid' | 'name' | 'organizations' | 'emails' | 'phones' | 'kind' | 'members'>;

export type Fate = 'merge' | 'apart' | 'skip';

/** One person of the file: a card, or several that are of one person. */
export interface Person {
  cards: [FileCard, ...FileCard[]];
  /** The own card of the same person. */
  into?: ContactCard;
  /** What the own card, or the first, gets: addresses and numbers. */
  adds: string[];
  /** Whether anything is left that the own card does not say. */
  isKnown: boolean;
}

export interface Plan {
  /** Whom nobody knows yet. */
  fresh: Person[];
  /** Who is here already, or is in the file twice: to be looked at. */
  alike: Person[];
  /** Of whom everything is here already. */
  known: Person[];
}

export interface Taken {
  create: FileCard[];
  update: Record<Id, Record<string, unknown>>;
}

/** Gives each card a uid, so that a second try finds what the first one made. */
export function withUids(cards: readonly Record<string, unknown>[], uid: () => string): FileCard[] {
  return cards.map((card) => ({ ...card, uid: (card.uid as string | undefined) || `urn:uuid:${uid()}` }) as FileCard);
}

/** Finds each card's person: the same uid, an address in common, or the name where there is no address. */
export function plan(cards: readonly FileCard[], own: readonly ContactCard[]): Plan {
  const known = new Map<string, { own: ContactCard } | { person: Person }>();
  for (const card of own) for (const key of keysOf(card)) known.set(key, { own: card });
  const persons: Person[] = [];
  const byOwn = new Map<Id, Person>();
  for (const card of cards) {
    const found = keysOf(card).map((key) => known.get(key)).find(Boolean);
    let person = found && ('person' in found ? found.person : byOwn.get(found.own.id));
    if (person) person.cards.push(card);
    else {
      person = { cards: [card], adds: [], isKnown: false };
      if (found && 'own' in found) {
        person.into = found.own;
        byOwn.set(found.own.id, person);
      }
      persons.push(person);
    }
    for (const key of keysOf(card)) if (!known.has(key)) known.set(key, { person });
  }
  for (const person of persons) look(person);
  const isAlike = (person: Person) => !person.isKnown && (person.into !== undefined || person.cards.length > 1);
  return {
    known: persons.filter((person) => person.isKnown),
    alike: persons.filter(isAlike),
    fresh: persons.filter((person) => !person.isKnown && !isAlike(person)),
  };
}

/** Returns what becomes of a plan, as its owner decided about those who are alike. */
export function taken({ fresh, alike, known }: Plan, fateOf: (person: Person) => Fate): Taken {
  const result: Taken = { create: [], update: {} };
  const renamed = new Map<string, string>(); // of members: cards that went into another
  const rename = (person: Person, uid: string) => {
    for (const card of person.cards) if (card.uid !== uid) renamed.set(card.uid, uid);
  };
  for (const person of fresh) result.create.push(person.cards[0]);
  for (const person of known) if (person.into) rename(person, person.into.uid);
  for (const person of alike) {
    const fate = fateOf(person);
    if (fate === 'apart') result.create.push(...person.cards.map((card, at) => alone(card, person, at)));
    if (fate !== 'merge') continue;
    rename(person, person.into?.uid ?? person.cards[0].uid);
    if (person.into) result.update[person.into.id] = changes(person.into, person.cards);
    else result.create.push(together(person.cards) as unknown as FileCard);
  }
  const members = (card: Record<string, unknown>) => {
    if (!card.members) return card;
    const names = Object.keys(card.members as object).map((uid) => [renamed.get(uid) ?? uid, true]);
    return { ...card, members: Object.fromEntries(names) as Record<string, true> };
  };
  result.create = result.create.map((card) => members(card) as FileCard);
  for (const [id, patch] of Object.entries(result.update)) result.update[id] = members(patch);
  return result;
}

function keysOf(card: FileCard): string[] {
  const emails = emailsOf(card).map((each) => `@${each.toLowerCase()}`);
  const name = plain(cardName(card));
  const kind = isGroup(card) ? 'group' : 'one';
  const named = emails.length === 0 && name ? [`${kind} ${name}`] : [];
  return [`uid ${card.uid}`, ...emails, ...named];
}

function together(cards: readonly FileCard[]): Record<string, unknown> {
  return merged(cards as unknown as [ContactCard, ...ContactCard[]]);
}

/** Returns the members of a card that the others of its person change. */
function changes(own: ContactCard, cards: readonly FileCard[]): Record<string, unknown> {
  const whole = together([own, ...cards]);
  return Object.fromEntries(
    Object.entries(whole).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(own[name])),
  );
}

function look(person: Person): void {
  const first = person.into ?? person.cards[0];
  const whole = together(person.into ? [person.into, ...person.cards] : person.cards);
  const before = said(first);
  person.adds = said(whole as unknown as FileCard).filter((each) => !before.includes(each));
  person.isKnown = person.into !== undefined && Object.keys(changes(person.into, person.cards)).length === 0;
}

function said(card: FileCard): string[] {
  return [...emailsOf(card), ...Object.values(card.phones ?? {}).map((each) => each.number)];
}

/** A card of its own cannot keep a uid that another has. */
function alone(card: FileCard, person: Person, at: number): FileCard {
  const others = [person.into?.uid, ...person.cards.slice(0, at).map((each) => each.uid)];
  return others.includes(card.uid) ? { ...card, uid: `urn:uuid:${crypto.randomUUID()}` } : card;
}
