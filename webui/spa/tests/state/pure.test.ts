import { describe, expect, it } from 'vitest';
import { cardMatches, cardName, duplicates, emailsOf, membersOf, merged } from '@/state/cards';
import { blindChange, changeOf, marked, moved, type Wish } from '@/state/changes';
import { keywordFor } from '@/state/labels.svelte';
import { flattened, matching, pathOf } from '@/state/mailbox-tree';
import { patched, token } from '@/state/patch';
import { MOST_USED, suggestions, withUse } from '@/state/ranking';
import { labelsOf, rowOf, securityOf } from '@/state/rows';
import { filterOf, keyOf, sortOf } from '@/state/views';
import type { ContactCard, ListEmail, Mailbox } from '@/jmap/types';

function mailbox(id: string, name: string, more: Partial<Mailbox> = {}): Mailbox {
  return {
    id, name, parentId: null, role: null, sortOrder: 10, totalEmails: 0, unreadEmails: 0, totalThreads: 0,
    unreadThreads: 0, myRights: {}, isSubscribed: true, ...more,
  }; // prettier-ignore
}

function email(id: string, more: Partial<ListEmail> = {}): ListEmail {
  return {
    id, blobId: `B${id}`, threadId: 'T1', mailboxIds: { F1: true }, keywords: {}, size: 1,
    receivedAt: '2026-01-01T00:00:00Z', from: [{ name: 'Anna', email: 'anna@x.nl' }], to: null,
    subject: 'Plan', preview: '', hasAttachment: false, 'header:Content-Type:asRaw': null, ...more,
  }; // prettier-ignore
}

describe('a patch', () => {
  it.each([
    [{ a: 1 }, { a: 2 }, { a: 2 }],
    [{ a: 1, b: 2 }, { a: null }, { b: 2 }],
    [{ keywords: { x: true } }, { 'keywords/$seen': true, 'keywords/x': null }, { keywords: { $seen: true } }],
    [{ k: {} }, { 'k/a~1b~0c': true }, { k: { 'a/b~c': true } }],
    [{}, { 'k/a': 1 }, { k: { a: 1 } }],
  ])('%j with %j is %j', (value, patch, expected) => {
    const before = structuredClone(value);
    expect(patched(value, patch)).toEqual(expected);
    expect(value).toEqual(before);
  }); // prettier-ignore

  it('has tokens that read back', () => {
    expect(token('a/b~c')).toBe('a~1b~0c');
  });
});

describe('what an action does to an email', () => {
  const places = { inbox: 'F1', archive: 'F2', junk: 'F3', trash: 'F4' };
  const cases: [string, Wish, Partial<ListEmail>, object | undefined][] = [
    ['archive', { kind: 'archive' }, {}, { 'mailboxIds/F1': null, 'mailboxIds/F2': true }],
    ['archive again', { kind: 'archive' }, { mailboxIds: { F2: true } }, undefined],
    ['archive out of one of two', { kind: 'archive', from: 'F1' }, { mailboxIds: { F1: true, F9: true } }, { 'mailboxIds/F1': null, 'mailboxIds/F2': true }],
    ['trash out of all', { kind: 'trash' }, { mailboxIds: { F1: true, F9: true } }, { 'mailboxIds/F1': null, 'mailboxIds/F9': null, 'mailboxIds/F4': true }],
    ['move', { kind: 'move', to: 'F9' }, {}, { 'mailboxIds/F1': null, 'mailboxIds/F9': true }],
    ['move where it is already', { kind: 'move', to: 'F9', from: 'F1' }, { mailboxIds: { F1: true, F9: true } }, { 'mailboxIds/F1': null }],
    ['copy', { kind: 'copy', to: 'F9' }, {}, { 'mailboxIds/F9': true }],
    ['junk', { kind: 'junk' }, {}, { 'mailboxIds/F1': null, 'mailboxIds/F3': true, 'keywords/$junk': true }],
    ['not junk', { kind: 'notJunk' }, { mailboxIds: { F3: true }, keywords: { $junk: true } }, { 'mailboxIds/F3': null, 'mailboxIds/F1': true, 'keywords/$junk': null, 'keywords/$notjunk': true }],
    ['read', { kind: 'read' }, {}, { 'keywords/$seen': true }],
    ['read what is read', { kind: 'read' }, { keywords: { $seen: true } }, undefined],
    ['unread', { kind: 'unread' }, { keywords: { $seen: true } }, { 'keywords/$seen': null }],
    ['star', { kind: 'star' }, {}, { 'keywords/$flagged': true }],
    ['label', { kind: 'label', keyword: 'a/b' }, {}, { 'keywords/a~1b': true }],
    ['unlabel', { kind: 'unlabel', keyword: 'x' }, { keywords: { x: true } }, { 'keywords/x': null }],
    ['mute', { kind: 'mute' }, {}, { 'keywords/$muted': true, 'mailboxIds/F1': null, 'mailboxIds/F2': true }],
    ['mute what is filed', { kind: 'mute' }, { mailboxIds: { F9: true } }, { 'keywords/$muted': true }],
  ]; // prettier-ignore

  it.each(cases)('%s', (_, wish, fields, patch) => {
    const before = email('M1', fields);
    const change = changeOf(before, wish, places);
    expect(change?.patch).toEqual(patch);
    if (change) expect(patched(patched(before, change.patch), change.undo)).toEqual(before);
  });

  it('is nothing where a mailbox is missing', () => {
    expect(changeOf(email('M1'), { kind: 'archive' }, {})).toBeUndefined();
  });

  it('to emails that are not known is undone as well', () => {
    const change = blindChange({ kind: 'unread' }, places, 'F1');
    expect(change).toEqual({ patch: { 'keywords/$seen': null }, undo: { 'keywords/$seen': true } });
    expect(blindChange({ kind: 'archive', from: 'F1' }, places, 'F1')?.undo).toEqual({
      'mailboxIds/F1': true,
      'mailboxIds/F2': null,
    });
  });

  it('changes nothing where nothing would change', () => {
    expect(moved({ mailboxIds: { F1: true } }, 'F1')).toBeUndefined();
    expect(marked({ keywords: {} }, { $seen: false })).toBeUndefined();
  });
});

describe('a tree of mailboxes', () => {
  const all = new Map(
    [
      mailbox('F9', 'Ablage'), mailbox('F4', 'Trash', { role: 'trash' }), mailbox('F1', 'Inbox', { role: 'inbox' }),
      mailbox('F2', 'Sent', { role: 'sent' }), mailbox('F10', 'Élan', { parentId: 'F9' }),
      mailbox('F11', 'Deep', { parentId: 'F10' }), mailbox('F12', 'Lost', { parentId: 'F77' }),
    ].map((each) => [each.id, each]),
  ); // prettier-ignore

  it('is in the order of roles, then of names', () => {
    const rows = flattened(all, new Set());
    expect(rows.map(({ mailbox: { name }, depth }) => `${depth} ${name}`)).toEqual([
      '1 Inbox', '1 Sent', '1 Trash', '1 Ablage', '2 Élan', '3 Deep', '1 Lost',
    ]); // prettier-ignore
    expect(rows[4]).toMatchObject({ path: ['Ablage', 'Élan'], hasChildren: true, isOpen: true, posInSet: 1, setSize: 1 });
  });

  it('leaves out what is closed', () => {
    const rows = flattened(all, new Set(['F9']));
    expect(rows.map(({ mailbox: { id } }) => id)).toEqual(['F1', 'F2', 'F4', 'F9', 'F12']);
    expect(rows[3]).toMatchObject({ hasChildren: true, isOpen: false });
  });

  it.each([
    ['elan', ['F10', 'F11']],
    ['abl deep', ['F11']],
    ['', ['F1', 'F2', 'F4', 'F9', 'F10', 'F11', 'F12']],
    ['nowhere', []],
  ])('is found by %j', (text, ids) => {
    expect(matching(flattened(all, new Set()), text).map((row) => row.mailbox.id)).toEqual(ids);
  });

  it('has paths, and a ring of parents ends', () => {
    expect(pathOf(all, 'F11')).toEqual(['Ablage', 'Élan', 'Deep']);
    const ring = new Map([['a', mailbox('a', 'A', { parentId: 'b' })], ['b', mailbox('b', 'B', { parentId: 'a' })]]); // prettier-ignore
    expect(pathOf(ring, 'a')).toEqual(['B', 'A']);
  });
});

describe('a row', () => {
  const boxes = new Map([
    mailbox('F1', 'Inbox', { role: 'inbox' }), mailbox('F2', 'Sent', { role: 'sent' }),
    mailbox('F4', 'Trash', { role: 'trash' }),
  ].map((each) => [each.id, each])); // prettier-ignore
  const around = (emails: ListEmail[], shown?: string) => ({
    email: (id: string) => emails.find((each) => each.id === id),
    thread: () => emails.map((each) => each.id),
    mailbox: (id: string) => boxes.get(id),
    shown,
  });

  it('says who wrote in the thread, each once', () => {
    const bob = [{ name: null, email: 'bob@x.nl' }];
    const anna = [{ name: 'Anna', email: 'ANNA@x.nl' }];
    const row = rowOf('M3', around([email('M1'), email('M2', { from: bob }), email('M3', { from: anna })], 'F1'));
    expect(row?.people.map((each) => each.email)).toEqual(['anna@x.nl', 'bob@x.nl']);
    expect(row?.count).toBe(3);
  });

  it('of sent mail says to whom', () => {
    const to = [{ name: null, email: 'bob@x.nl' }];
    const row = rowOf('M1', around([email('M1', { to, mailboxIds: { F2: true } })], 'F2'));
    expect(row).toMatchObject({ people: to, isOutgoing: true });
  });

  it('is unread where a message of it in this mailbox is', () => {
    const read = { $seen: true } as const;
    const sent = email('M1', { mailboxIds: { F2: true } });
    expect(rowOf('M2', around([sent, email('M2', { keywords: read })], 'F1'))?.isUnread).toBe(false);
    expect(rowOf('M2', around([email('M1'), email('M2', { keywords: read })], 'F1'))?.isUnread).toBe(true);
  });

  it('does not count what was thrown away', () => {
    const gone = email('M1', { mailboxIds: { F4: true } });
    expect(rowOf('M2', around([gone, email('M2')], 'F1'))?.count).toBe(1);
    expect(rowOf('M1', around([gone, email('M2')], 'F4'))?.count).toBe(2);
  });

  it('is none as long as its email is not known', () => {
    expect(rowOf('M9', around([], 'F1'))).toBeUndefined();
  });

  it.each([
    ['multipart/encrypted; protocol="application/pgp-encrypted"', 'encrypted'],
    ['application/pkcs7-mime; smime-type=enveloped-data', 'encrypted'],
    ['application/pkcs7-mime;\r\n smime-type=signed-data', 'signed'],
    [' multipart/signed; micalg=pgp-sha256', 'signed'],
    ['text/plain', undefined],
    [null, undefined],
  ])('of %j is %s', (type, expected) => {
    expect(securityOf(email('M1', { 'header:Content-Type:asRaw': type }))).toBe(expected);
  });

  it('has labels, which are no marks of programs', () => {
    const keywords = { $seen: true, $flagged: true, work: true, junk: true } as const;
    expect(labelsOf({ keywords })).toEqual(['work']);
  });
});

describe('a view', () => {
  it.each([
    [{}, null],
    [{ mailboxId: 'F1' }, { inMailbox: 'F1' }],
    [{ mailboxId: 'F1', chips: ['unread'] }, { operator: 'AND', conditions: [{ inMailbox: 'F1' }, { notKeyword: '$seen' }] }],
    [{ chips: ['attachment', 'starred'] }, { operator: 'AND', conditions: [{ hasKeyword: '$flagged' }, { hasAttachment: true }] }],
    [{ filter: { text: 'x' } }, { text: 'x' }],
  ] as const)('%j asks for %j', (view, filter) => expect(filterOf(view)).toEqual(filter)); // prettier-ignore

  it('is the same however it is written', () => {
    expect(keyOf({ mailboxId: 'F1', chips: ['starred', 'unread'] })).toBe(
      keyOf({ chips: ['unread', 'starred'], mailboxId: 'F1', sort: 'newest', collapse: true }),
    );
    expect(keyOf({ mailboxId: 'F1' })).not.toBe(keyOf({ mailboxId: 'F2' }));
    expect(sortOf({ sort: 'sender' })[0]).toEqual({ property: 'from', isAscending: true });
  });
});

describe('whom one writes to', () => {
  const now = Date.parse('2026-05-01T00:00:00Z');
  const used = {
    'anna@x.nl': { name: 'Anna de Vries', count: 2, at: '2026-04-30T00:00:00Z' },
    'andre@y.nl': { name: 'André', count: 20, at: '2025-01-01T00:00:00Z' },
    'bob@x.nl': { name: '', count: 1, at: '2026-04-30T00:00:00Z' },
  };
  const contacts = [{ name: 'Ans', email: 'Ans@Z.nl' }, { name: 'Bob Contact', email: 'bob@x.nl' }]; // prettier-ignore
  const emails = (text: string, more = {}) =>
    suggestions(text, used, contacts, [], { now, ...more }).map((each) => each.email);

  it.each([
    ['an', ['anna@x.nl', 'Ans@Z.nl', 'andre@y.nl']],
    ['vries', ['anna@x.nl']],
    ['andré', ['andre@y.nl']],
    ['x.nl', ['bob@x.nl', 'anna@x.nl'].sort()],
    ['bob c', ['bob@x.nl']],
    ['anna@x', ['anna@x.nl']],
    ['nna', []],
    ['', []],
  ])('is offered for %j: %j', (text, expected) => {
    expect(text === 'x.nl' ? emails(text).sort() : emails(text)).toEqual(expected);
  });

  it('is offered under the name of the address book', () => {
    expect(suggestions('bob', used, contacts, [], { now })[0]).toEqual({
      name: 'Bob Contact', email: 'bob@x.nl', isContact: true, count: 1,
    }); // prettier-ignore
  });

  it('is not offered where it stands already, or was forgotten', () => {
    expect(emails('an', { not: ['ANNA@x.nl'] })).not.toContain('anna@x.nl');
    expect(suggestions('anna', used, contacts, ['anna@x.nl'], { now })).toEqual([]);
  });

  it('is counted, and the least used goes', () => {
    const many = Object.fromEntries(
      Array.from({ length: MOST_USED }, (_, n) => [`u${n}@x.nl`, { name: '', count: 2, at: '2026-04-01T00:00:00Z' }]),
    );
    const old = { ...many, 'old@x.nl': { name: '', count: 1, at: '2020-01-01T00:00:00Z' } };
    const all = withUse(old, [{ name: 'New', email: 'NEW@x.nl' }], new Date(now));
    expect(Object.keys(all)).toHaveLength(MOST_USED);
    expect(all['new@x.nl']).toMatchObject({ name: 'New', count: 1 });
    expect(all['old@x.nl']).toBeUndefined();
    expect(withUse(used, [{ name: '', email: 'anna@x.nl' }], new Date(now))['anna@x.nl']).toMatchObject({
      name: 'Anna de Vries', count: 3,
    }); // prettier-ignore
  });
});

describe('a label', () => {
  it.each([
    ['Werk & Privé', [], 'werk-prive'],
    ['Werk', ['werk'], 'werk-2'],
    ['日本', [], 'label'],
    ['日本', ['label'], 'label-2'],
  ])('%j has the keyword of it', (name, taken, keyword) => {
    expect(keywordFor(name, taken)).toBe(keyword);
  });
});

describe('cards', () => {
  const card = (id: string, more: Partial<ContactCard> = {}): ContactCard => ({
    id, '@type': 'Card', version: '1.0', uid: `u${id}`, addressBookIds: { A1: true }, ...more,
  }); // prettier-ignore
  const mail = (...addresses: string[]) =>
    Object.fromEntries(addresses.map((address, n) => [`e${n}`, { address }]));

  it.each([
    [card('1', { name: { full: 'Anna' } }), 'Anna'],
    [card('1', { name: { components: [{ kind: 'surname', value: 'Vries' }, { kind: 'given', value: 'Anna' }] } }), 'Anna Vries'],
    [card('1', { organizations: { o: { name: 'Bureau' } } }), 'Bureau'],
    [card('1', { emails: mail('a@x.nl') }), 'a@x.nl'],
    [card('1'), ''],
  ])('have a name: %#', (given, name) => expect(cardName(given)).toBe(name)); // prettier-ignore

  it('give the preferred address first', () => {
    const emails = { a: { address: 'a@x.nl' }, b: { address: 'b@x.nl', pref: 1 } };
    expect(emailsOf(card('1', { emails }))).toEqual(['b@x.nl', 'a@x.nl']);
  });

  it('are found by whatever they say', () => {
    const anna = card('1', { name: { full: 'Anna Élise' }, emails: mail('a@x.nl'), notes: { n: { note: 'tennis' } } });
    expect(['elise', 'a@x anna', 'TENNIS'].every((text) => cardMatches(anna, text))).toBe(true);
    expect(cardMatches(anna, 'bob')).toBe(false);
  });

  it('that share an address or a name are doubles', () => {
    const all = [
      card('1', { emails: mail('a@x.nl') }), card('2', { emails: mail('A@x.nl', 'b@x.nl') }),
      card('3', { emails: mail('b@x.nl') }), card('4', { name: { full: 'Zoe' } }),
      card('5', { name: { full: 'zoé' } }), card('6', { kind: 'group', name: { full: 'Zoe' } }), card('7'),
    ]; // prettier-ignore
    expect(duplicates(all).map((set) => set.map(({ id }) => id))).toEqual([['1', '2', '3'], ['4', '5']]); // prettier-ignore
  });

  it('that become one lose nothing', () => {
    const first = card('1', { name: { full: 'Anna' }, emails: mail('a@x.nl') });
    const second = card('2', { name: { full: 'A.' }, emails: mail('b@x.nl', 'a@x.nl'), phones: { p: { number: '1' } }, 'x:other': [1] });
    expect(merged([first, second])).toEqual({
      '@type': 'Card', version: '1.0', uid: 'u1', addressBookIds: { A1: true }, name: { full: 'Anna' },
      emails: { e0: { address: 'a@x.nl' }, 'e0-2': { address: 'b@x.nl' } }, phones: { p: { number: '1' } },
      'x:other': [1],
    }); // prettier-ignore
  });

  it('in a group of groups are found once', () => {
    const all = [card('1'), card('2'), card('3', { kind: 'group', members: { u1: true, u4: true } }),
      card('4', { kind: 'group', members: { u2: true, u3: true, nobody: true } })]; // prettier-ignore
    expect(membersOf(all[2] as ContactCard, all).map(({ id }) => id)).toEqual(['1', '2']);
  });
});
