import { describe, expect, it } from 'vitest';
import type { ContactCard } from '@/jmap/types';
import { Contacts } from '@/state/contacts.svelte';
import { Recipients } from '@/state/recipients.svelte';
import { SettingsStore } from '@/state/settings.svelte';
import { plan, taken, withUids, type FileCard } from '@/state/taking';
import { methods, scripted } from '../support/scripted';

const file = (uid: string, full: string, ...emails: string[]): FileCard => ({
  uid,
  name: { full },
  ...(emails.length && { emails: Object.fromEntries(emails.map((address, at) => [`${at + 1}`, { address }])) }),
});
const own = (uid: string, full: string, ...emails: string[]): ContactCard => ({
  '@type': 'Card', version: '1.0', id: `C${uid}`, addressBookIds: { A1: true }, ...file(uid, full, ...emails),
}); // prettier-ignore
const always = (fate: 'merge' | 'apart' | 'skip') => () => fate;

describe('cards of a file', () => {
  it('have a uid each, and keep the one they came with', () => {
    let made = 0;
    const cards = withUids([{ uid: 'u' }, {}, { uid: '' }], () => `${(made += 1)}`);
    expect(cards.map((card) => card.uid)).toEqual(['u', 'urn:uuid:1', 'urn:uuid:2']);
  });

  it('are new where nobody has their uid, address or name', () => {
    const found = plan([file('1', 'Noor', 'noor@x.nl'), file('2', 'Eva')], [own('9', 'Noor', 'other@x.nl')]);
    expect(found.fresh.map((each) => each.cards[0].uid)).toEqual(['1', '2']);
    expect(taken(found, always('merge')).create).toHaveLength(2);
  });

  it('add to the card that has an address of theirs, whatever its capitals', () => {
    const mine = { ...own('9', 'Noor', 'noor@x.nl'), notes: { 1: { note: 'Mine' } } };
    const found = plan([file('1', 'N. de Vries', 'NOOR@x.nl', 'noor@work.nl')], [mine]);
    expect(found.alike).toHaveLength(1);
    expect(found.alike[0]).toMatchObject({ into: { id: 'C9' }, adds: ['noor@work.nl'] });
    const { create, update } = taken(found, always('merge'));
    expect(create).toEqual([]);
    expect(Object.keys(update.C9!)).toEqual(['emails']); // the name and the note stay as they are
    expect(Object.values(update.C9!.emails as object)).toEqual([{ address: 'noor@x.nl' }, { address: 'noor@work.nl' }]);
  });

  it('of whom all is known change nothing', () => {
    const card = { ...file('1', 'Noor', 'noor@x.nl'), phones: { 1: { number: '+31 6 12', contexts: { work: true } } } };
    const mine = { ...own('9', 'Noor', 'noor@x.nl'), phones: { a: { number: '+31-612' } } };
    const found = plan([card], [mine]);
    expect([found.fresh.length, found.alike.length, found.known.length]).toEqual([0, 0, 1]);
    expect(taken(found, always('merge'))).toEqual({ create: [], update: {} });
  });

  it('that are in the file twice become one', () => {
    const found = plan([file('1', 'Noor', 'a@x.nl'), file('2', 'Noor', 'a@x.nl', 'b@x.nl')], []);
    expect(found.alike[0]?.cards).toHaveLength(2);
    const { create } = taken(found, always('merge'));
    expect(create).toHaveLength(1);
    expect(create[0]).toMatchObject({ uid: '1', emails: { 1: { address: 'a@x.nl' }, '2': { address: 'b@x.nl' } } });
  });

  it('stay apart or out where their owner says so; a uid is of one card', () => {
    const found = plan([file('9', 'Noor', 'noor@x.nl', 'b@x.nl')], [own('9', 'Noor', 'noor@x.nl')]);
    expect(taken(found, always('skip'))).toEqual({ create: [], update: {} });
    const { create, update } = taken(found, always('apart'));
    expect(update).toEqual({});
    expect(create).toHaveLength(1);
    expect(create[0]?.uid).not.toBe('9');
  });

  it('without an address are told by their name', () => {
    const found = plan([{ ...file('1', 'Zoë'), phones: { 1: { number: '1' } } }], [own('9', 'zoe')]);
    expect(found.alike[0]?.adds).toEqual(['1']);
  });

  it('that are groups name the cards their members became', () => {
    const group = { ...file('g', 'Crew'), kind: 'group', members: { 1: true as const, 2: true as const } };
    const cards = [file('1', 'Noor', 'noor@x.nl'), file('2', 'Eva', 'eva@x.nl'), group];
    const { create } = taken(plan(cards, [own('9', 'Noor', 'noor@x.nl')]), always('merge'));
    expect(create.find((card) => card.kind === 'group')?.members).toEqual({ 9: true, 2: true });
  });
});

describe('taking cards over', () => {
  async function store(set: (body: Record<string, unknown>) => Record<string, unknown>) {
    const asked: Record<string, unknown>[] = [];
    const { client } = await scripted(
      methods({
        'AddressBook/get': () => ({ state: '1', list: [{ id: 'A1', isDefault: true }], notFound: [] }),
        'ContactCard/get': () => ({ state: '1', list: [own('9', 'Noor', 'noor@x.nl')], notFound: [] }),
        'ContactCard/set': (body) => {
          asked.push(body);
          return { oldState: '1', newState: '2', ...set(body) };
        },
      }),
    );
    return { contacts: new Contacts(client, new Recipients(new SettingsStore(client))), asked };
  }
  const made = (body: Record<string, unknown>) => ({
    created: Object.fromEntries(Object.keys(body.create as object).map((name) => [name, { id: `C-${name}` }])),
  });

  it('asks for a hundred at a time and tells how far it is', async () => {
    const { contacts, asked } = await store(made);
    const create = Array.from({ length: 150 }, (_, at) => file(`${at}`, `Person ${at}`));
    const shares: number[] = [];
    const update = { C9: { notes: { 1: { note: 'x' } } } };
    const told = await contacts.takeOver({ create, update }, (share) => shares.push(share));
    expect(told.refused).toBe(0);
    expect(asked.map((body) => [Object.keys(body.create as object).length, Object.keys(body.update as object)])).toEqual(
      [[100, []], [50, ['C9']]], // prettier-ignore
    );
    expect(shares.at(-1)).toBe(1);
    expect(contacts.all).toHaveLength(151);
    expect(contacts.forEmail('noor@x.nl')?.notes).toEqual({ 1: { note: 'x' } });
    expect(contacts.all.every((card) => card.addressBookIds.A1)).toBe(true);
  });

  it('counts what the server refuses, and keeps the rest', async () => {
    const { contacts } = await store((body) => {
      const [first, second] = Object.keys(body.create as object);
      return { created: { [first!]: { id: 'C1' } }, notCreated: { [second!]: { type: 'overQuota' } } };
    });
    const told = await contacts.takeOver({ create: [file('1', 'A'), file('2', 'B')], update: {} }, () => undefined);
    expect(told).toMatchObject({ refused: 1, why: { type: 'overQuota' } });
    expect(contacts.all).toHaveLength(2);
  });
});
