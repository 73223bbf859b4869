import { describe, expect, it } from 'vitest';
import { forwardedText, quoted, quotedAnswer, signed, withoutSignature } from '@/state/compose/quote';
import { forward, forwardSubject, listAddress, replySubject, replyTo, type ReplyKind } from '@/state/compose/reply';
import type { Address } from '@/jmap/types';

const of = (...emails: string[]): Address[] => emails.map((email) => ({ name: null, email }));
const OWN = ['me@home.nl', 'alias@home.nl'];

function original(fields: Partial<Parameters<typeof replyTo>[0]> = {}) {
  return {
    from: of('anna@x.nl'), to: of('me@home.nl'), cc: null, bcc: null, replyTo: null, subject: 'Plan',
    messageId: ['m1@x.nl'], inReplyTo: null, references: null, ...fields,
  }; // prettier-ignore
}

type Case = [name: string, fields: Parameters<typeof original>[0], kind: ReplyKind, to: string[], cc: string[]];

const CASES: Case[] = [
  ['goes to who wrote', {}, 'sender', ['anna@x.nl'], []],
  ['goes to all who wrote', { from: of('anna@x.nl', 'bob@x.nl') }, 'sender', ['anna@x.nl', 'bob@x.nl'], []],
  ['goes where the writer wants it', { replyTo: of('team@x.nl') }, 'sender', ['team@x.nl'], []],
  ['to all leaves oneself out', { to: of('me@home.nl', 'bob@x.nl'), cc: of('cees@x.nl') }, 'all', ['anna@x.nl'], ['bob@x.nl', 'cees@x.nl']],
  ['to all leaves every own address out', { to: of('ALIAS@home.nl', 'bob@x.nl') }, 'all', ['anna@x.nl'], ['bob@x.nl']],
  ['to all names nobody twice', { to: of('bob@x.nl', 'anna@x.nl'), cc: of('Bob@x.nl', 'me@home.nl') }, 'all', ['anna@x.nl'], ['bob@x.nl']],
  ['to all never uses Bcc', { bcc: of('secret@x.nl') }, 'all', ['anna@x.nl'], []],
  ['to all with Reply-To keeps the writer out unless named', { replyTo: of('team@x.nl'), to: of('bob@x.nl') }, 'all', ['team@x.nl'], ['bob@x.nl']],
  ['of what one sent goes to those who got it', { from: of('me@home.nl'), to: of('bob@x.nl') }, 'sender', ['bob@x.nl'], []],
  ['to all of what one sent keeps the copies', { from: of('alias@home.nl'), to: of('bob@x.nl'), cc: of('cees@x.nl', 'bob@x.nl') }, 'all', ['bob@x.nl'], ['cees@x.nl']],
  ['of a note to oneself goes to oneself', { from: of('me@home.nl'), to: of('me@home.nl') }, 'all', ['me@home.nl'], []],
  ['of one’s own without recipients goes to oneself', { from: of('me@home.nl'), to: null }, 'sender', ['me@home.nl'], []],
  ['to the list goes to the list', { 'header:List-Post:asURLs': ['mailto:list@x.nl?subject=x'] }, 'list', ['list@x.nl'], []],
  ['to the list where there is none goes to the writer', { 'header:List-Post:asURLs': ['https://x.nl/post'] }, 'list', ['anna@x.nl'], []],
  ['of what has no writer goes to nobody', { from: null }, 'sender', [], []],
]; // prettier-ignore

describe('an answer', () => {
  it.each(CASES)('%s', (_, fields, kind, to, cc) => {
    const answer = replyTo(original(fields), kind, OWN);
    expect(answer.to.map((each) => each.email)).toEqual(to);
    expect(answer.cc.map((each) => each.email)).toEqual(cc);
  });

  it('comes from the address that was written to', () => {
    expect(replyTo(original({ to: of('Alias@Home.nl') }), 'sender', OWN).from).toBe('alias@home.nl');
    expect(replyTo(original({ to: of('list@x.nl') }), 'sender', OWN).from).toBeUndefined();
  });

  it('keeps names', () => {
    const from = [{ name: 'Anna', email: 'anna@x.nl' }];
    expect(replyTo(original({ from }), 'sender', OWN).to).toEqual(from);
  });
});

describe('the subject', () => {
  it.each([
    ['Plan', 'Re: Plan'],
    ['Re: Plan', 'Re: Plan'],
    ['RE: re: Plan', 'Re: Plan'],
    ['Re[2]: Plan', 'Re: Plan'],
    ['Antw: Plan', 'Re: Plan'],
    ['AW: Plan', 'Re: Plan'],
    ['Reorganisation: the plan', 'Re: Reorganisation: the plan'],
    ['Fwd: Plan', 'Re: Fwd: Plan'],
    ['', 'Re:'],
    [null, 'Re:'],
  ])('of %j is answered as %j', (subject, expected) => {
    expect(replySubject(subject)).toBe(expected);
  });

  it.each([
    ['Plan', 'Fwd: Plan'],
    ['FW: Plan', 'Fwd: Plan'],
    ['Doorst: Fwd: Plan', 'Fwd: Plan'],
    ['Re: Plan', 'Fwd: Re: Plan'],
    [null, 'Fwd:'],
  ])('of %j is passed on as %j', (subject, expected) => {
    expect(forwardSubject(subject)).toBe(expected);
  });
});

describe('the thread', () => {
  it.each([
    ['begins', {}, ['m1@x.nl'], ['m1@x.nl']],
    ['goes on', { references: ['a@x', 'b@x'] }, ['m1@x.nl'], ['a@x', 'b@x', 'm1@x.nl']],
    ['goes on from In-Reply-To alone', { inReplyTo: ['a@x'] }, ['m1@x.nl'], ['a@x', 'm1@x.nl']],
    ['does not trust several In-Reply-To', { inReplyTo: ['a@x', 'b@x'] }, ['m1@x.nl'], ['m1@x.nl']],
    ['names itself once', { references: ['a@x', 'm1@x.nl'] }, ['m1@x.nl'], ['a@x', 'm1@x.nl']],
    ['of what has no id is none', { messageId: null }, null, null],
  ])('%s', (_, fields, inReplyTo, references) => {
    expect(replyTo(original(fields), 'sender', OWN)).toMatchObject({ inReplyTo, references });
  });

  it('keeps the first and the newest of many', () => {
    const many = Array.from({ length: 100 }, (_, n) => `r${n}@x`);
    const { references } = replyTo(original({ references: many }), 'sender', OWN);
    expect(references).toHaveLength(40);
    expect(references?.[0]).toBe('r0@x');
    expect(references?.slice(-2)).toEqual(['r99@x', 'm1@x.nl']);
  });

  it('of what is passed on answers nothing', () => {
    const answer = forward(original({ references: ['a@x'] }), OWN);
    expect(answer).toMatchObject({ to: [], cc: [], inReplyTo: null, references: ['a@x', 'm1@x.nl'] });
  });

  it('of a list is found by its address', () => {
    expect(listAddress({ 'header:List-Post:asURLs': ['mailto:a%2Bb@x.nl'] })?.email).toBe('a+b@x.nl');
    expect(listAddress({ 'header:List-Post:asURLs': ['mailto:%zz@x.nl'] })?.email).toBe('%zz@x.nl');
    expect(listAddress({})).toBeUndefined();
  });
});

describe('quoted text', () => {
  it.each([
    ['one\ntwo', '> one\n> two'],
    ['one\r\n\r\ntwo\r\n', '> one\n>\n> two'],
    ['> old\n>> older\nnew', '>> old\n>>> older\n> new'],
    ['text\n-- \nAnna\n06 12345678', '> text'],
    ['a\n-- \nb\n-- \nc', '> a\n> -- \n> b'],
    ['\n\ntext\n\n', '> text'],
    ['', '>'],
  ])('%j', (text, expected) => expect(quoted(text)).toBe(expected));

  it('stands below who wrote it', () => {
    expect(quotedAnswer('hello', 'Anna wrote:', 'Me')).toBe('\n\nAnna wrote:\n> hello\n\n-- \nMe\n');
  });

  it('that is passed on stands whole below its header', () => {
    const header = [['From', 'anna@x.nl'], ['Cc', '']] as const; // prettier-ignore
    expect(forwardedText('a\r\nb', 'Forwarded', header)).toBe(
      '\n\n---------- Forwarded ----------\nFrom: anna@x.nl\n\na\nb',
    );
  });

  it('has no signature where there is none', () => {
    expect(signed('  ')).toBe('');
    expect(withoutSignature('x\n--\nnot one')).toBe('x\n--\nnot one');
  });
});
