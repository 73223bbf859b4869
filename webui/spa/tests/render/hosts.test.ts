import { describe, expect, test } from 'vitest';
import { asciiHost, imitates, isDisguised, isOneOff, isSameSite, shownHost, siteOf, skeleton } from '@/render/hosts';

test.each([
  // RFC 3492 §7.1 and names in use.
  ['xn--80ak6aa92e.com', 'аррӏе.com'],
  ['xn--mnchen-3ya.de', 'münchen.de'],
  ['xn--bcher-kva.example', 'bücher.example'],
  ['xn--ihqwcrb4cv8a8dqg056pqjye.example', '他们为什么不说中文.example'],
  ['xn--egbpdaj6bu4bxfgehfvwxn.example', 'ليهمابتكلموشعربي؟.example'],
  ['xn--d1abbgf6aiiy.xn--p1ai', 'президент.рф'],
  ['plain.example', 'plain.example'],
  ['xn--.example', 'xn--.example'],
  ['xn--99999999999999.example', 'xn--99999999999999.example'],
])('%s is shown as %s', (host, shown) => {
  expect(shownHost(host)).toBe(shown);
});

test.each(['аррӏе.com', 'www.pаypal.com', 'gοοgle.com', 'xn--80ak6aa92e.com', 'bаnk.example'])(
  '%s is disguised',
  (host) => {
    expect(isDisguised(host)).toBe(true);
  },
);

test.each(['münchen.de', 'bücher.example', 'президент.рф', 'example.com', 'xn--mnchen-3ya.de', '例え.jp', 'яндекс.com'])(
  '%s is what it seems',
  (host) => {
    expect(isDisguised(host)).toBe(false);
  },
);

describe('looking like another', () => {
  test.each([
    ['paypa1.com', 'paypal.com'],
    ['rnicrosoft.com', 'microsoft.com'],
    ['g00gle.com', 'google.com'],
    ['examp1e.nl', 'example.nl'],
    ['ехаmple.nl', 'example.nl'],
    ['exampel.nl', 'example.nl'],
    ['examplee.nl', 'example.nl'],
    ['exmple.nl', 'example.nl'],
    ['example.nl.evil.test', 'example.nl'],
    ['example-nl.evil.test', 'example.nl'],
    ['login.examp1e.nl', 'example.nl'],
    ['ex-ample.nl', 'example.nl'],
  ])('%s imitates %s', (host, known) => {
    expect(imitates(host, known)).toBe(true);
  });

  test.each([
    ['example.nl', 'example.nl'],
    ['mail.example.nl', 'example.nl'],
    ['example.nl', 'mail.example.nl'],
    ['EXAMPLE.nl', 'example.nl'],
    ['other.nl', 'example.nl'],
    ['abc.nl', 'abd.nl'],
    ['one.example.nl', 'two.example.nl'],
    ['', 'example.nl'],
  ])('%s does not imitate %s', (host, known) => {
    expect(imitates(host, known)).toBe(false);
  });
});

test('one letter more, less, changed or swapped is one off', () => {
  for (const other of ['abcd', 'abxde', 'abcdef', 'bacde', 'abced', 'xbcde']) {
    expect(isOneOff('abcde', other), other).toBe(true);
  }
  for (const other of ['abcde', 'abc', 'axcxe', 'cbade', 'edcba']) {
    expect(isOneOff('abcde', other), other).toBe(false);
  }
});

test.each([
  ['www.example.com', 'example.com'],
  ['a.b.example.co.uk', 'example.co.uk'],
  ['example.co.uk', 'example.co.uk'],
  ['a.example.nl', 'example.nl'],
  ['co.uk', 'co.uk'],
])('%s belongs to %s', (host, site) => {
  expect(siteOf(host)).toBe(site);
});

test('sites are compared without regard to how they are written', () => {
  expect(isSameSite('WWW.München.de', 'xn--mnchen-3ya.de')).toBe(true);
  expect(isSameSite('a.example', 'b.example')).toBe(false);
  expect(asciiHost('Example.NL.')).toBe('example.nl');
  expect(skeleton('PAYPAL.com')).toBe(skeleton('paypa1.com'));
});
