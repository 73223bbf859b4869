import { afterEach, beforeEach, expect, test } from 'vitest';
import { href, navigate, parse, router } from '@/router';

let stop: () => void;

beforeEach(() => {
  history.replaceState(null, '', '/');
  stop = router.start();
});
afterEach(() => stop());

const arrived = () => new Promise((done) => addEventListener('popstate', done, { once: true }));

test('addresses are written with their parts escaped, as far as they are given', () => {
  expect(href('mail')).toBe('/mail');
  expect(href('mail', { mailbox: 'a/b', thread: 'T 1' })).toBe('/mail/a%2Fb/T%201');
  expect(href('mail', { thread: 'T1' })).toBe('/mail');
  expect(href('search', {}, { q: 'from:anna "x"', in: undefined })).toBe('/search?q=from%3Aanna+%22x%22');
  expect(href('home')).toBe('/');
});

test('what is written can be read, and what is nowhere is nothing', () => {
  const route = parse(new URL('/mail/a%2Fb/T1?x=1#y', 'https://a.test'))!;
  expect(route.name).toBe('mail');
  expect(route.params).toEqual({ mailbox: 'a/b', thread: 'T1' });
  expect([route.query.get('x'), route.hash]).toEqual(['1', 'y']);
  expect(parse(new URL('/', 'https://a.test'))?.name).toBe('home');
  expect(parse(new URL('/mail/', 'https://a.test'))?.params).toEqual({});
  for (const path of ['/nothing', '/mail/a/b/c', '/mail/%E0%A4%A', '/invitation/x']) {
    expect(parse(new URL(path, 'https://a.test')), path).toBeUndefined();
  }
});

test('Back finds what was saved with the entry, and the query as it was', async () => {
  navigate('search', {}, { q: 'anna' });
  router.save('scroll', 420);
  navigate('search', { thread: 'T1' }, { q: 'anna' });
  expect(router.saved('scroll')).toBeUndefined();
  const back = arrived();
  router.back();
  await back;
  expect(router.route?.query.get('q')).toBe('anna');
  expect(router.saved('scroll')).toBe(420);
});

test('a query is refined in its place', () => {
  navigate('search', {}, { q: 'a' });
  const { entry } = router;
  router.refine({ q: 'ab', scope: 'all' });
  expect(location.search).toBe('?q=ab&scope=all');
  router.refine({ scope: undefined });
  expect(location.search).toBe('?q=ab');
  expect(router.entry).toBe(entry);
});

function click(html: (link: HTMLAnchorElement) => void, event: MouseEventInit = {}): boolean {
  const link = document.createElement('a');
  html(link);
  document.body.append(link);
  // jsdom follows no link; only whether ours took it is of matter.
  const away = (late: Event) => late.preventDefault();
  addEventListener('click', away);
  const pressed = new MouseEvent('click', { bubbles: true, cancelable: true, ...event });
  const before = router.entry;
  link.dispatchEvent(pressed);
  removeEventListener('click', away);
  link.remove();
  return router.entry !== before;
}

test('plain clicks on our links are followed here, others are the browser’s', () => {
  expect(click((link) => (link.href = '/contacts'))).toBe(true);
  expect(router.route?.name).toBe('contacts');
  expect(click((link) => (link.href = '/mail'), { ctrlKey: true })).toBe(false);
  expect(click((link) => (link.href = '/mail'), { button: 1 })).toBe(false);
  expect(click((link) => (link.href = 'https://else.test/mail'))).toBe(false);
  expect(click((link) => (link.href = '/robots.txt'))).toBe(false);
  const blank = (link: HTMLAnchorElement) => Object.assign(link, { href: '/mail', target: '_blank' });
  expect(click(blank)).toBe(false);
  const file = (link: HTMLAnchorElement) => Object.assign(link, { href: '/mail', download: 'x' });
  expect(click(file)).toBe(false);
});

test('nobody is sent to another site', () => {
  expect(() => router.navigate('//else.test/')).toThrow(TypeError);
});
