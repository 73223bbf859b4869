/** A draft's text without markup; what the text of the editor's own drafts is, `tests/browser` sees. */
import { expect, test } from 'vitest';
import { plainText } from '@/render/editor/plain';

const textOf = (html: string) => plainText(new DOMParser().parseFromString(html, 'text/html').body);

test.each([
  ['<div>one</div><div>two</div>', 'one\ntwo\n'],
  ['<div>one</div><div><br></div><div>two</div>', 'one\n\ntwo\n'],
  ['<div>one<br>two<br></div>', 'one\ntwo\n'],
  ['<p>one</p><p>two</p>', 'one\n\ntwo\n'],
  ['one <b>bold</b>  \n and more', 'one bold and more\n'],
  ['<div>a&nbsp; b</div>', 'a  b\n'],
  ['<pre>a\n  b</pre>', 'a\n  b\n'],
  ['<div style="white-space: pre-wrap">a\n  b</div>', 'a\n  b\n'],
  ['<blockquote>one<br>two<blockquote>three</blockquote></blockquote>', '> one\n> two\n> > three\n'],
  ['<div>a</div><blockquote><p>b</p><p>c</p></blockquote><div>d</div>', 'a\n> b\n>\n> c\n\nd\n'],
  ['<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>', '- a\n- b\n  - c\n'],
  ['<ol start="3"><li>a<br>more</li><li>b</li></ol>', '3. a\n   more\n4. b\n'],
  ['<a href="https://a.example/">https://a.example</a>', 'https://a.example\n'],
  ['<a href="https://a.example/x">here</a>', 'here <https://a.example/x>\n'],
  ['<a href="mailto:a@b.example">a@b.example</a>', 'a@b.example\n'],
  ['<a href="#x">there</a>', 'there\n'],
  ['<img alt="A cat"><img>', '[A cat]\n'],
  ['<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>', 'a b\nc\n'],
  ['a<hr>b', `a\n${'-'.repeat(40)}\nb\n`],
  ['<h1>Title</h1>words', 'Title\n\nwords\n'],
  ['<div>Hi</div><div class="zegel-signature"><p>Anna</p></div>', 'Hi\n-- \nAnna\n'],
  ['<div>&gt; not a quote &lt;b&gt;</div>', '> not a quote <b>\n'],
  ['\u200b<div>\u200bx</div>', 'x\n'],
  ['', '\n'],
])('%s', (html, text) => {
  expect(textOf(html)).toBe(text);
});

test('a long list is written in time', () => {
  const from = performance.now();
  textOf(`<ol>${'<li>x</li>'.repeat(3000)}</ol>`);
  expect(performance.now() - from).toBeLessThan(3000);
});
