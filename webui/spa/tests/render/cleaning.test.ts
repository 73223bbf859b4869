/** What can be said of cleaning without a browser; the rest is in `tests/browser`. */
import { expect, test } from 'vitest';
import { isPlainMedia, isSafe, scopedSelectors } from '@/render/clean/css';
import { prefixed, prefixedClasses } from '@/render/clean/names';
import { isTrackingUrl, isUnseen } from '@/render/clean/trackers';
import { typedLink } from '@/render/editor/link';
import { byHost, loadPictures } from '@/render/pictures';

test.each([
  ['color', 'red'],
  ['background-color', 'rgba(0, 0, 0, 0.5)'],
  ['background-image', 'linear-gradient(red, rgb(0, 0, 0))'],
  ['margin-top', '4px'],
  ['font-family', '"Segoe UI", sans-serif'],
  ['width', 'calc(100% - 4px)'],
])('%s: %s stays', (property, value) => {
  expect(isSafe(property, value)).toBe(true);
});

test.each([
  ['background-image', 'url("https://x")'],
  ['background-image', 'image-set("https://x" 1x)'],
  ['background-image', 'linear-gradient(red, var(--x))'],
  ['background-image', 'URL(x)'],
  ['width', 'expression(alert(1))'],
  ['width', 'attr(title)'],
  ['color', 'env(x)'],
  ['color', 'initial'],
  ['color', 'red; position: fixed'],
  ['color', '\\72 ed'],
  ['font-family', '"</style>"'],
  ['height', '100vh'],
  ['min-height', 'calc(10px + 100dvh)'],
  ['width', '5vmax'],
  ['margin-top', '-40px'],
  ['margin-left', 'calc(-1 * 4px)'],
  ['text-indent', '-9999px'],
  ['position', 'fixed'],
  ['position', 'relative'],
  ['top', '0px'],
  ['z-index', '1'],
  ['transform', 'none'],
  ['content', '"x"'],
  ['cursor', 'pointer'],
  ['animation-name', 'x'],
  ['--x', 'red'],
  ['behavior', 'x'],
  ['color', ''],
])('%s: %s goes', (property, value) => {
  expect(isSafe(property, value)).toBe(false);
});

test.each([
  ['.a', '.s .m-a'],
  ['p.a#b > td, h1', '.s p.m-a#m-b > td, .s h1'],
  ['body', '.s'],
  ['html > body.x p', '.s.m-x p'],
  ['html body p', '.s p'],
  ['*', '.s *'],
  ['a:hover', '.s a:hover'],
  ['tr:nth-child(2n+1) td + td', '.s tr:nth-child(2n+1) td + td'],
  ['p body', ''],
  ['a[href]', ''],
  ['a:visited', ''],
  ['p::before', ''],
  [':has(b)', ''],
  [':root', ''],
  ['a\\:b', ''],
  ['a:not(.b), .c', '.s .m-c'],
  ['', ''],
])('the selector %s becomes %s', (list, wanted) => {
  expect(scopedSelectors(list, '.s')).toBe(wanted);
});

test('media queries stay where they only ask for sizes and kinds of screens', () => {
  for (const plain of ['screen', 'all and (max-width: 600px)', 'print']) expect(isPlainMedia(plain)).toBe(true);
  for (const other of ['(prefers-color-scheme: dark)', '(min-height: 4px)', '(scripting)', 'x{', '"a"']) {
    expect(isPlainMedia(other)).toBe(false);
  }
});

test('names are prefixed once, and ours are kept where they may', () => {
  expect(prefixed(prefixed('a'))).toBe('m-a');
  expect(prefixedClasses(' a  b:c m-d zegel-quote ', { own: false })).toBe('m-a m-d m-zegel-quote');
  expect(prefixedClasses('zegel-quote zegel-<', { own: true })).toBe('zegel-quote');
});

test.each([
  'https://x.list-manage.com/track/open.php?u=1',
  'https://u1.ct.sendgrid.net/wf/open?upn=1',
  'https://www.google-analytics.com/collect?v=1',
  'https://a.example/pixel.gif?id=1',
  'https://a.example/e2t/o/1',
  'https://www.facebook.com/tr?id=1',
])('%s only counts', (url) => {
  expect(isTrackingUrl(url)).toBe(true);
});

test.each(['https://a.example/open-day.png', 'https://a.example/pixel-art/1.png', 'https://a.example/track.jpg'])(
  '%s shows something',
  (url) => {
    expect(isTrackingUrl(url)).toBe(false);
  },
);

test.each([
  ['<img width="1" height="1">', true],
  ['<img width="0">', true],
  ['<img height="1px">', true],
  ['<img width="2" height="2">', true],
  ['<img width="1" height="20">', false],
  ['<img width="100%" height="1">', true],
  ['<img>', false],
  ['<img width="3" height="3">', false],
  ['<img style="display: none">', true],
  ['<img style="width: 1px; height: 1px">', true],
  ['<img style="max-height: 0px">', true],
  ['<img style="opacity: 0">', true],
  ['<div style="display: none"><p><img width="9"></p></div>', true],
  ['<div style="visibility: hidden"><img></div>', true],
  ['<div hidden=""><img></div>', true],
])('%s is unseen: %s', (html, unseen) => {
  const image = new DOMParser().parseFromString(html, 'text/html').querySelector('img')!;
  expect(isUnseen(image)).toBe(unseen);
});

test.each([
  ['a.example', 'https://a.example'],
  ['https://a.example/x', 'https://a.example/x'],
  ['anna@a.example', 'mailto:anna@a.example'],
  ['tel:+31', 'tel:+31'],
  ['javascript:alert(1)', null],
  ['data:text/html,x', null],
  ['words', null],
])('somebody who types %s means %s', (text, link) => {
  expect(typedLink(text)).toBe(link);
});

test('pictures are loaded a few at a time, and none after the end', async () => {
  const ending = new AbortController();
  const placed: string[] = [];
  let now = 0;
  let most = 0;
  const load = async (source: string) => {
    most = Math.max(most, (now += 1));
    await new Promise((resolve) => setTimeout(resolve, 1));
    now -= 1;
    if (source === '7') throw new Error('gone');
    return new Blob([source]);
  };
  const sources = Array.from({ length: 20 }, (_, at) => String(at));
  await loadPictures(sources, load, (source, blob) => placed.push(blob ? source : `no ${source}`), ending.signal);
  expect(placed).toHaveLength(20);
  expect(placed).toContain('no 7');
  expect(most).toBe(4);
  ending.abort();
  await loadPictures(['a'], load, (source) => placed.push(source), ending.signal);
  expect(placed).toHaveLength(20);
});

test('hosts are counted, the most first', () => {
  expect(byHost(['https://b.example/1', 'https://a.example/1', 'https://b.example/2', 'x'])).toEqual([
    { host: 'b.example', count: 2 },
    { host: 'a.example', count: 1 },
    { host: 'x', count: 1 },
  ]);
});
