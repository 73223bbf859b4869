import { describe, expect, it } from 'vitest';
import { parseQuery, scoped, written, type Known } from '@/state/search/parse';
import { dayOf, spanBefore, utc } from '@/state/search/dates';
import { piecesOf } from '@/state/search/snippet';

const NOW = new Date(2026, 4, 20, 12, 0, 0);
const MAILBOXES = [
  { id: 'F1', name: 'Inbox', role: 'inbox' },
  { id: 'F2', name: 'Trash', role: 'trash' },
  { id: 'F3', name: 'Junk', role: 'junk' },
  { id: 'F4', name: 'Work', role: null },
  { id: 'F5', name: 'Plans', role: null },
];
const KNOWN: Known = {
  mailboxes: MAILBOXES,
  pathOf: (id) => (id === 'F5' ? ['Work', 'Plans'] : [MAILBOXES.find((each) => each.id === id)?.name ?? '']),
  labelOf: (name) => (name.toLowerCase() === 'belangrijk' ? 'important-1' : undefined),
  own: ['me@home.nl', 'alias@home.nl'],
  now: NOW,
};
const at = (year: number, month: number, day: number) => utc(new Date(year, month - 1, day));

describe('a search becomes a filter', () => {
  it.each([
    ['hello', { text: 'hello' }],
    ['"hello there"', { text: '"hello there"' }],
    ['“hello there”', { text: '"hello there"' }],
    ['"hello', { text: '"hello"' }],
    ["it's", { text: '"it\'s"' }],
    ['from:anna', { from: 'anna' }],
    ['van:anna', { from: 'anna' }],
    ['FROM:anna', { from: 'anna' }],
    ['from:"Anna de Vries"', { from: '"Anna de Vries"' }],
    ['from:anna@x.nl', { from: '"anna@x.nl"' }],
    ['to:bob', { to: 'bob' }],
    ['aan:bob', { to: 'bob' }],
    ['cc:bob', { cc: 'bob' }],
    ['bcc:bob', { bcc: 'bob' }],
    ['from:me', { operator: 'OR', conditions: [{ from: '"me@home.nl"' }, { from: '"alias@home.nl"' }] }],
    ['subject:plan', { subject: 'plan' }],
    ['onderwerp:plan', { subject: 'plan' }],
    ['body:plan', { body: 'plan' }],
    ['inhoud:plan', { body: 'plan' }],
    ['has:attachment', { hasAttachment: true }],
    ['heeft:bijlage', { hasAttachment: true }],
    ['has:star', { hasKeyword: '$flagged' }],
    ['filename:plan.pdf', { operator: 'AND', conditions: [{ hasAttachment: true }, { text: '"plan.pdf"' }] }],
    ['bestandsnaam:plan.pdf', { operator: 'AND', conditions: [{ hasAttachment: true }, { text: '"plan.pdf"' }] }],
    ['in:inbox', { inMailbox: 'F1' }],
    ['in:Work/Plans', { inMailbox: 'F5' }],
    ['map:plans', { inMailbox: 'F5' }],
    ['in:prullenbak', { inMailbox: 'F2' }],
    ['in:wor', { inMailbox: 'F4' }],
    ['label:Belangrijk', { hasKeyword: 'important-1' }],
    ['label:other', { hasKeyword: 'other' }],
    ['is:unread', { notKeyword: '$seen' }],
    ['is:ongelezen', { notKeyword: '$seen' }],
    ['is:starred', { hasKeyword: '$flagged' }],
    ['is:ster', { hasKeyword: '$flagged' }],
    ['is:encrypted', { operator: 'OR', conditions: [{ header: ['Content-Type', 'multipart/encrypted'] }, { header: ['Content-Type', 'enveloped-data'] }] }],
    ['list:devel.x.nl', { header: ['List-Id', 'devel.x.nl'] }],
    ['lijst:devel', { header: ['List-Id', 'devel'] }],
    ['before:2026-01-31', { before: at(2026, 1, 31) }],
    ['voor:31-1-2026', { before: at(2026, 1, 31) }],
    ['after:2026', { after: at(2026, 1, 1) }],
    ['na:2026-02', { after: at(2026, 2, 1) }],
    ['after:yesterday', { after: at(2026, 5, 19) }],
    ['na:vandaag', { after: at(2026, 5, 20) }],
    ['older:7d', { before: utc(new Date(2026, 4, 13, 12)) }],
    ['ouder:1j', { before: utc(new Date(2025, 4, 20, 12)) }],
    ['newer:2w', { after: utc(new Date(2026, 4, 6, 12)) }],
    ['larger:5M', { minSize: 5 * 1024 * 1024 }],
    ['groter:1,5MB', { minSize: 1.5 * 1024 * 1024 }],
    ['larger:100', { minSize: 100 * 1024 }],
    ['smaller:10kb', { maxSize: 10 * 1024 }],
    ['-spam', { operator: 'NOT', conditions: [{ text: 'spam' }] }],
    ['-from:anna', { operator: 'NOT', conditions: [{ from: 'anna' }] }],
    ['-"bad words"', { operator: 'NOT', conditions: [{ text: '"bad words"' }] }],
    ['-is:unread', { operator: 'NOT', conditions: [{ notKeyword: '$seen' }] }],
    ['http://x.nl', { text: 'http://x.nl' }],
    ['10:30', { text: '10:30' }],
    ['a-b', { text: 'a-b' }],
    ['anna plan', { operator: 'AND', conditions: [{ text: 'anna' }, { text: 'plan' }] }],
    ['from:anna has:attachment -draft', { operator: 'AND', conditions: [{ from: 'anna' }, { hasAttachment: true }, { operator: 'NOT', conditions: [{ text: 'draft' }] }] }],
  ])('%s', (text, filter) => {
    const query = parseQuery(text, KNOWN);
    expect(query.filter).toEqual(filter);
    expect(query.problems).toEqual([]);
  }); // prettier-ignore

  it.each([
    ['', []],
    ['   ', []],
    ['-', []],
    ['in:nowhere', ['unknown']],
    ['is:pink', ['unknown']],
    ['has:nothing', ['unknown']],
    ['before:soon', ['date']],
    ['before:2026-02-31', ['date']],
    ['larger:big', ['size']],
    ['from:', ['empty']],
    ['from:""', ['empty']],
  ])('nothing of %j', (text, kinds) => {
    const query = parseQuery(text, KNOWN);
    expect(query.filter).toBeUndefined();
    expect(query.problems.map(({ kind }) => kind)).toEqual(kinds);
  });

  it('leaves out what is not understood, and asks for the rest', () => {
    const query = parseQuery('plan in:nowhere', KNOWN);
    expect(query.filter).toEqual({ text: 'plan' });
    expect(query.problems[0]?.term).toMatchObject({ operator: 'in', value: 'nowhere' });
  });

  it('says where each part stands, and what is to be marked', () => {
    const text = 'plan -draft subject:"next week"';
    const { terms, words } = parseQuery(text, KNOWN);
    expect(terms.map(({ start, end }) => text.slice(start, end))).toEqual(['plan', '-draft', 'subject:"next week"']);
    expect(words).toEqual(['plan', 'next week']);
  });

  it('never throws, whatever is typed', () => {
    const letters = ['a', ':', '"', '-', ' ', 'from', 'in', '\\', '“', "'", '1', '<', '\n'];
    let seed = 3;
    for (let n = 0; n < 2000; n += 1) {
      let text = '';
      for (let m = 0; m < 12; m += 1) {
        seed = (seed * 48_271) % 2_147_483_647;
        text += letters[seed % letters.length] ?? '';
      }
      expect(() => parseQuery(text, KNOWN)).not.toThrow();
    }
  });
});

describe('where a search looks', () => {
  const query = parseQuery('plan', KNOWN);
  it.each([
    ['everything', 'everything', undefined, { text: 'plan' }],
    ['all but Junk and Trash', 'most', undefined, { operator: 'AND', conditions: [{ inMailboxOtherThan: ['F2', 'F3'] }, { text: 'plan' }] }],
    ['this mailbox', 'mailbox', 'F4', { operator: 'AND', conditions: [{ inMailbox: 'F4' }, { text: 'plan' }] }],
  ] as const)('is %s', (_, scope, mailboxId, filter) => {
    expect(scoped(query, scope, MAILBOXES, mailboxId)).toEqual(filter);
  }); // prettier-ignore

  it('is what it says itself, where it does', () => {
    const said = parseQuery('plan in:trash', KNOWN);
    expect(scoped(said, 'most', MAILBOXES)).toEqual(said.filter);
  });
});

describe('a part of a search', () => {
  it.each([
    ['from', 'Anna de Vries', 'en', 'from:"Anna de Vries"'],
    ['from', 'anna', 'nl', 'van:anna'],
    [undefined, 'a "b" c', 'en', '"a b c"'],
  ] as const)('%s %s is written in %s as %s', (operator, value, language, text) => {
    expect(written(operator, value, language)).toBe(text);
    expect(parseQuery(text, KNOWN).terms).toMatchObject([{ operator, value: value.replaceAll('"', '') }]);
  });
});

describe('days and spans', () => {
  it.each([
    ['2026-03-04', new Date(2026, 2, 4)],
    ['4/3/2026', new Date(2026, 2, 4)],
    ['4.3.2026', new Date(2026, 2, 4)],
    ['2026-13-01', undefined],
    ['31-02-2026', undefined],
    ['0001-01-01', undefined],
    ['2d', new Date(2026, 4, 18)],
    ['gisteren', new Date(2026, 4, 19)],
    ['', undefined],
  ])('%j', (text, expected) => expect(dayOf(text, NOW)).toEqual(expected));

  it.each([
    ['12h', new Date(2026, 4, 20, 0)],
    ['3m', new Date(2026, 1, 20, 12)],
    ['2 w', new Date(2026, 4, 6, 12)],
    ['5x', undefined],
    ['d', undefined],
  ])('%j ago', (text, expected) => expect(spanBefore(text, NOW)).toEqual(expected));
});

describe('a snippet', () => {
  it.each([
    [null, []],
    ['plain', [{ text: 'plain', isHit: false }]],
    ['a <mark>b</mark> c', [{ text: 'a ', isHit: false }, { text: 'b', isHit: true }, { text: ' c', isHit: false }]],
    ['&lt;b&gt; &amp;amp; &quot;&#x27;', [{ text: '<b> &amp; "\'', isHit: false }]],
    ['<mark>a</mark><mark>b</mark>', [{ text: 'a', isHit: true }, { text: 'b', isHit: true }]],
    ['<mark>open', [{ text: '<mark>open', isHit: false }]],
    ['&unknown;', [{ text: '&unknown;', isHit: false }]],
  ])('%j', (snippet, pieces) => expect(piecesOf(snippet)).toEqual(pieces)); // prettier-ignore
});
