import { describe, expect, it } from 'vitest';
import { domainOf, formatAddress, isAddress, parseAddresses, unique } from '@/state/compose/addresses';
import { parseMailto } from '@/state/compose/mailto';

describe('an address', () => {
  it.each([
    'anna@example.org',
    'a.b+c_d@sub.example.org',
    "o'brien@example.ie",
    'jürgen@exämple.de',
    '"with space"@example.org',
    'postmaster@[192.0.2.1]',
    'x@a-b.nl',
  ])('is %s', (text) => expect(isAddress(text)).toBe(true));

  it.each([
    '', 'anna', 'anna@', '@example.org', 'anna@localhost', 'a b@example.org', 'anna@example..org',
    '.anna@example.org', 'anna@-example.org', 'anna@example.org>', 'a@b@example.org',
    `${'x'.repeat(250)}@example.org`,
  ])('is not %j', (text) => expect(isAddress(text)).toBe(false)); // prettier-ignore

  it('has a domain', () => {
    expect(domainOf('"a@b"@Example.ORG')).toBe('example.org');
  });
});

describe('a list that is typed or pasted', () => {
  const one = (email: string, name: string | null = null) => ({ name, email });
  it.each([
    ['anna@example.org', [one('anna@example.org')], ''],
    ['anna@example.org, bob@example.org', [one('anna@example.org'), one('bob@example.org')], ''],
    ['anna@example.org; bob@example.org\ncees@example.org', [one('anna@example.org'), one('bob@example.org'), one('cees@example.org')], ''],
    ['Anna de Vries <anna@example.org>', [one('anna@example.org', 'Anna de Vries')], ''],
    ['"Vries, Anna de" <anna@example.org>, bob', [one('anna@example.org', 'Vries, Anna de')], 'bob'],
    ["'Anna' <anna@example.org>", [one('anna@example.org', 'Anna')], ''],
    ['anna@example.org <anna@example.org>', [one('anna@example.org')], ''],
    ['"An \\"de\\" na" <anna@example.org>', [one('anna@example.org', 'An "de" na')], ''],
    ['mailto:anna@example.org', [one('anna@example.org')], ''],
    ['Anna <anna@>, , ;', [], 'Anna <anna@>'],
    ['', [], ''],
  ])('%j', (text, addresses, rest) => {
    expect(parseAddresses(text)).toEqual({ addresses, rest });
  }); // prettier-ignore

  it.each([
    one('anna@example.org', 'Anna de Vries'),
    one('anna@example.org', 'Vries, Anna "de"'),
    one('anna@example.org'),
  ])('is read as it is written: %j', (address) => {
    expect(parseAddresses(formatAddress(address)).addresses).toEqual([address]);
  });

  it('has each once, whatever the case', () => {
    const all = [one('a@x.nl'), one('A@X.nl', 'A'), one('b@x.nl'), one('me@x.nl')];
    expect(unique(all, ['ME@x.nl'])).toEqual([one('a@x.nl'), one('b@x.nl')]);
  });
});

describe('a mailto link', () => {
  it.each([
    ['mailto:anna@example.org', { to: ['anna@example.org'] }],
    ['mailto:anna@example.org,bob@example.org?subject=Hello%20there', { to: ['anna@example.org', 'bob@example.org'], subject: 'Hello there' }],
    ['mailto:?to=anna%40example.org&cc=bob@example.org&bcc=c@example.org', { to: ['anna@example.org'], cc: ['bob@example.org'], bcc: ['c@example.org'] }],
    ['mailto:a@example.org?body=one%0D%0Atwo&Subject=x%0d%0aBcc:%20evil@example.org', { to: ['a@example.org'], text: 'one\ntwo', subject: 'x Bcc: evil@example.org' }],
    ['mailto:a@example.org?attach=/etc/passwd&from=evil@example.org', { to: ['a@example.org'] }],
    ['mailto:not%an%address', {}],
  ])('%s', (url, expected) => {
    const { to, cc, bcc, subject, text } = parseMailto(url);
    const emails = (each: { email: string }[]) => each.map(({ email }) => email);
    expect({ to: emails(to), cc: emails(cc), bcc: emails(bcc), subject, text }).toEqual({
      to: [], cc: [], bcc: [], subject: '', text: '', ...expected,
    });
  }); // prettier-ignore
});
