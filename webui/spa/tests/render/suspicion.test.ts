import { describe, expect, test } from 'vitest';
import { dmarcOf, domainOf, lookalikeOf, signsOf, type Facts } from '@/render/suspicion';

const FACTS: Facts = {
  from: { name: 'Anna de Vries', email: 'anna@partner.example' },
  results: ['mx.zegel.test; spf=pass smtp.mailfrom=partner.example; dkim=pass header.d=partner.example; dmarc=pass (p=reject) header.from=partner.example'],
  host: 'mx.zegel.test',
  contacts: [
    { name: 'Anna de Vries', email: 'anna@partner.example' },
    { name: 'Bo Jansen', email: 'bo.jansen@customer.example' },
  ],
  ownDomains: ['zegel.test'],
};
const kinds = (more: Partial<Facts>) => signsOf({ ...FACTS, ...more }).map((sign) => sign.kind);
const from = (name: string, email: string) => ({ from: { name, email } });

test('an ordinary letter has no signs', () => {
  expect(signsOf(FACTS)).toEqual([]);
});

describe('what our server found of DMARC', () => {
  test.each([
    ['mx.zegel.test; dmarc=fail (p=reject) header.from=bank.example', 'fail', 'bank.example'],
    ['mx.zegel.test;\r\n\tspf=fail smtp.mailfrom=x;\r\n\tdmarc=pass header.from=Bank.Example', 'pass', 'bank.example'],
    ['mx.zegel.test 1; dmarc = none', 'none', ''],
    ['MX.zegel.TEST; dmarc=fail reason="dmarc=pass; x" header.from=a.example', 'fail', 'a.example'],
    ['mx.zegel.test (a; dmarc=pass); (dmarc=pass) dmarc=temperror', 'temperror', ''],
  ])('%s', (field, result, domain) => {
    expect(dmarcOf([field], 'mx.zegel.test')).toEqual({ result, domain });
  });

  test('fields of others say nothing', () => {
    expect(dmarcOf(['evil.example; dmarc=pass'], 'mx.zegel.test')).toBeNull();
    expect(dmarcOf(['"mx.zegel.test;" x; dmarc=pass'], 'mx.zegel.test')).toBeNull();
    expect(dmarcOf(['(mx.zegel.test) evil.example; dmarc=pass'], 'mx.zegel.test')).toBeNull();
    expect(dmarcOf(['mx.zegel.test; none', 'mx.zegel.test; dmarc=pass'], 'mx.zegel.test')).toBeNull();
    expect(dmarcOf([], 'mx.zegel.test')).toBeNull();
  });

  test('without our name the topmost is ours', () => {
    expect(dmarcOf(['a.example; dmarc=fail', 'b.example; dmarc=pass'])?.result).toBe('fail');
  });

  test('a failure weighs more for somebody one knows', () => {
    const results = ['mx.zegel.test; dmarc=fail header.from=x'];
    expect(signsOf({ ...FACTS, results })[0]).toMatchObject({ kind: 'dmarc', weight: 'danger' });
    expect(signsOf({ ...FACTS, results, ...from('X Y', 'x@stranger.example') })[0]).toMatchObject({
      kind: 'dmarc',
      weight: 'warn',
      values: { domain: 'stranger.example' },
    });
  });
});

test.each([
  ['boss@zegel.test', 'x@evil.example', ['name'], 'danger'],
  ['Boss <boss@zegel.test>', 'x@evil.example', ['name'], 'danger'],
  ['boss＠zegel.test', 'x@evil.example', ['name'], 'danger'],
  ['boss (at) zegel.test', 'x@evil.example', ['name'], 'danger'],
  ['b\u200boss@zeg\u00adel.test', 'x@evil.example', ['name'], 'danger'],
  ['sales@partner.example', 'anna@partner.example', ['name'], 'warn'],
  ['anna@partner.example', 'anna@partner.example', [], ''],
  ['Anna@PARTNER.example', 'anna@partner.example', [], ''],
  ['Meet @ noon', 'x@stranger.example', [], ''],
])('the name %s with the address %s', (name, email, wanted, weight) => {
  const signs = signsOf({ ...FACTS, ...from(name, email) });
  expect(signs.map((sign) => sign.kind)).toEqual(wanted);
  expect(signs[0]?.weight ?? '').toBe(weight);
});

test.each([
  ['x@zege1.test', 'zegel.test'],
  ['x@zegel.test.evil.example', 'zegel.test'],
  ['anna@partnner.example', 'anna@partner.example'],
  ['bo.jansen@custorner.example', 'bo.jansen@customer.example'],
  ['bo.janssen@customer.example', 'bo.jansen@customer.example'],
  ['bo-jansen@customer.example', 'bo.jansen@customer.example'],
  ['somebody@customer.example', null],
  ['anna@partner.example', null],
  ['x@mail.zegel.test', null],
  ['x@stranger.example', null],
  ['nobody', null],
])('%s looks like %s', (email, known) => {
  expect(lookalikeOf(email, ['zegel.test', 'anna@partner.example', 'bo.jansen@customer.example'])).toBe(known);
});

test('a domain in letters of another script is disguised', () => {
  expect(kinds(from('X Y', 'x@bаnk.example'))).toContain('disguised');
  expect(kinds(from('X Y', 'x@münchen.example'))).toEqual([]);
});

test('a name one knows with another address is told', () => {
  expect(kinds(from('anna  DE vries', 'av@web.test'))).toEqual(['contact']);
  expect(kinds(from('Anna', 'av@web.test'))).toEqual([]);
  expect(kinds(from('Anna de Vries', 'anna.devries@zegel.test'))).toEqual([]);
});

test('an answer that would go elsewhere adds to other signs, and is none by itself', () => {
  const replyTo = { name: '', email: 'x@evil.example' };
  expect(kinds({ replyTo })).toEqual([]);
  expect(kinds({ replyTo, ...from('boss@zegel.test', 'y@web.test') })).toEqual(['name', 'reply']);
});

test('the heaviest comes first', () => {
  const signs = signsOf({
    ...FACTS,
    ...from('Anna de Vries', 'anna@partnner.example'),
    results: ['mx.zegel.test; dmarc=fail'],
  });
  expect(signs.map((sign) => sign.weight)).toEqual(['danger', 'warn']);
});

test('domains of addresses are written in one way', () => {
  expect(domainOf('a@MÜNCHEN.de')).toBe('xn--mnchen-3ya.de');
  expect(domainOf('"a@b"@c.example')).toBe('c.example');
  expect(domainOf('nobody')).toBe('');
});
