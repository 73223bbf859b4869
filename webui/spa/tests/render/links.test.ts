import { describe, expect, test } from 'vitest';
import { cleanLink, doubtsOf, namedHost, shownSite } from '@/render/links';

const href = (raw: string, text = '') => cleanLink(raw, text)?.href ?? null;

test.each([
  'javascript:alert(1)',
  ' java\nscript:alert(1)',
  'JAVASCRIPT:alert(1)',
  'vbscript:x',
  'data:text/html,x',
  'file:///etc/passwd',
  'blob:https://a.example/1',
  'about:blank',
  'view-source:https://a.example',
  'page.html',
  '/api/account',
  '?x',
  '',
  'https://',
  `https://a.example/${'x'.repeat(9000)}`,
])('%s is no link of ours', (raw) => {
  expect(cleanLink(raw)).toBeNull();
});

test.each([
  ['https://a.example/x', 'https://a.example/x'],
  [' HTTPS://A.example ', 'https://a.example/'],
  ['//a.example/x', 'https://a.example/x'],
  ['www.a.example/x', 'http://www.a.example/x'],
  ['mailto:anna@a.example?subject=x', 'mailto:anna@a.example?subject=x'],
  ['tel:+31201234567', 'tel:+31201234567'],
])('%s is followed as %s', (raw, to) => {
  expect(href(raw)).toBe(to);
});

describe('what follows the reader', () => {
  test.each([
    ['https://a.example/?utm_source=x&id=1&utm_medium=y', 'https://a.example/?id=1', 2],
    ['https://a.example/?fbclid=1#end', 'https://a.example/#end', 1],
    ['https://a.example/?a=b+c%20d&gclid=1', 'https://a.example/?a=b+c%20d', 1],
    ['https://a.example/?mc_eid=1&mc_cid=2&mkt_tok=3&_hsenc=4', 'https://a.example/', 4],
    ['https://a.example/?UTM_Source=1', 'https://a.example/', 1],
    ['https://a.example/?id=7&color=red', 'https://a.example/?id=7&color=red', 0],
    ['https://a.example/?utmost=1&clip=2&mc=3', 'https://a.example/?utmost=1&clip=2&mc=3', 0],
  ])('%s', (raw, to, stripped) => {
    expect(cleanLink(raw)).toEqual({ href: to, stripped, unwrapped: 0 });
  });

  test('links to leave a list keep what they need', () => {
    expect(href('https://a.example/unsubscribe?mc_eid=1')).toBe('https://a.example/unsubscribe?mc_eid=1');
    expect(href('https://a.example/x?mc_eid=1', 'Uitschrijven')).toBe('https://a.example/x?mc_eid=1');
    expect(href('https://a.example/x?mc_eid=1', 'Read more')).toBe('https://a.example/x');
  });
});

test.each([
  ['https://www.google.com/url?q=https%3A%2F%2Fa.example%2Fx&sa=D', 'https://a.example/x'],
  ['https://www.google.nl/url?sa=t&url=https%3A%2F%2Fa.example%2F', 'https://a.example/'],
  ['https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fa.example%2F%3Fid%3D1&data=05', 'https://a.example/?id=1'],
  ['https://urldefense.proofpoint.com/v2/url?u=https-3A__a.example_x-3Fid-3D1&d=DwMF', 'https://a.example/x?id=1'],
  ['https://urldefense.com/v3/__https://a.example/x*y__;Iw!!abc$', 'https://a.example/x#y'],
  ['https://urldefense.com/v3/__https:/a.example/x__;!!abc$', 'https://a.example/x'],
  ['https://l.facebook.com/l.php?u=https%3A%2F%2Fa.example%2F&h=1', 'https://a.example/'],
  ['https://www.youtube.com/redirect?q=https%3A%2F%2Fa.example%2F', 'https://a.example/'],
  ['https://slack-redir.net/link?url=https%3A%2F%2Fa.example%2F', 'https://a.example/'],
  [
    `https://mandrillapp.com/track/click/1/a.example?p=${btoa(JSON.stringify({ p: JSON.stringify({ url: 'https://a.example/m' }) }))}`,
    'https://a.example/m',
  ],
])('%s leads to %s without asking', (raw, to) => {
  expect(cleanLink(raw)).toMatchObject({ href: to, unwrapped: 1 });
});

test('redirectors in redirectors are opened up, but not without end', () => {
  let raw = 'https://a.example/?utm_id=1';
  for (let n = 0; n < 3; n += 1) raw = `https://www.google.com/url?q=${encodeURIComponent(raw)}`;
  expect(cleanLink(raw)).toEqual({ href: 'https://a.example/', stripped: 1, unwrapped: 3 });
  for (let n = 0; n < 5; n += 1) raw = `https://www.google.com/url?q=${encodeURIComponent(raw)}`;
  expect(cleanLink(raw)?.unwrapped).toBe(5);
});

test('a redirector that leads to no web page stays what it is', () => {
  for (const to of ['javascript:alert(1)', 'data:text/html,x', 'file:///x', '']) {
    const raw = `https://www.google.com/url?q=${encodeURIComponent(to)}`;
    expect(cleanLink(raw)?.unwrapped).toBe(0);
  }
});

test.each([
  ['https://www.bank.example/', 'www.bank.example'],
  ['www.bank.example', 'www.bank.example'],
  ['bank.example', 'bank.example'],
  ['BANK.example/login', 'bank.example'],
  ['anna@bank.example', 'bank.example'],
  ['b\u00adank.exam\u200bple', 'bank.example'],
  ['münchen.de', 'münchen.de'],
  ['Click here', ''],
  ['report.pdf', ''],
  ['main.py', ''],
  ['Read more about bank.example today', ''],
  ['Go to https://www.bank.example/login today', 'www.bank.example'],
  ['see www.bank.example.', 'www.bank.example'],
  ['\u202ewww.bank.example', 'www.bank.example'],
  ['3.14', ''],
  ['', ''],
])('the text %s names %s', (text, host) => {
  expect(namedHost(text)).toBe(host);
});

test.each([
  ['https://outside.example/', 'https://www.bank.test/', ['elsewhere']],
  ['https://bank.test.outside.example/', 'bank.test', ['elsewhere']],
  ['https://login.bank.test/x', 'www.bank.test', []],
  ['https://bank.test/x', 'Click here', []],
  ['https://bank.test/x', '\u202emoc.elgoog', ['elsewhere', 'disguised']],
  ['https://outside.example/x', 'Log in at www.bank.test', ['elsewhere']],
  ['https://bank.test@outside.example/', 'Log in', ['userinfo']],
  ['http://127.0.0.1/', 'x', ['number']],
  ['http://[::1]/', 'x', ['number']],
  ['http://2130706433/', 'x', ['number']],
  ['https://xn--80ak6aa92e.com/', 'Apple', ['disguised']],
  ['https://xn--mnchen-3ya.de/', 'münchen.de', []],
  ['mailto:x@outside.example', 'x@bank.test', ['elsewhere']],
  ['mailto:x@bank.test', 'x@bank.test', []],
  ['mailto:%', 'x@bank.test', ['elsewhere']],
  ['tel:+31', 'bank.test', []],
  ['nonsense', '', ['elsewhere']],
])('%s under the text %s', (to, text, doubts) => {
  expect(doubtsOf(to, text)).toEqual(doubts);
});

test('the site of a link is shown in its own script and in plain letters', () => {
  expect(shownSite('https://xn--mnchen-3ya.de:8443/x')).toBe('münchen.de:8443 (xn--mnchen-3ya.de:8443)');
  expect(shownSite('https://a.example/x')).toBe('a.example');
  expect(shownSite('mailto:a@b.example')).toBe('a@b.example');
});

test('text made to be slow to read is not', () => {
  const from = performance.now();
  for (const part of ['a.', '-', 'a@', '.', '\u200b', 'a/']) {
    namedHost(part.repeat(50_000));
    cleanLink(`https://a.example/?${part.repeat(4_000)}`);
  }
  expect(performance.now() - from).toBeLessThan(2000);
});
