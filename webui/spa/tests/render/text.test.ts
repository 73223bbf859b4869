import { describe, expect, test } from 'vitest';
import { pieces, readText, type Block } from '@/render/text/plain';

function told(blocks: readonly Block[]): unknown {
  return blocks.map((block) =>
    block.kind === 'quote'
      ? { quote: told(block.blocks), folded: block.folded }
      : { [block.kind]: block.lines.map((line) => line.map((piece) => piece.text).join('')) },
  );
}

describe('format=flowed (RFC 3676)', () => {
  test('lines that end in a space go on', () => {
    expect(told(readText('One \ntwo\nthree\n', { flowed: true }))).toEqual([{ words: ['One two', 'three'] }]);
  });
  test('with delsp the space is not of the text', () => {
    expect(told(readText('日本 \n語\n', { flowed: true, delsp: true }))).toEqual([{ words: ['日本語'] }]);
  });
  test('a stuffed space is taken out, a quote does not flow into what is not quoted', () => {
    expect(told(readText(' >not a quote\n From here\n> quoted \nmine\n', { flowed: true }))).toEqual([
      { words: ['>not a quote', 'From here'] },
      { quote: [{ words: ['quoted '] }], folded: false },
      { words: ['mine'] },
    ]);
  });
  test('the mark of a signature does not flow', () => {
    expect(told(readText('Bye \n-- \nAnna\n', { flowed: true }))).toEqual([
      { words: ['Bye '] },
      { signature: ['-- ', 'Anna'] },
    ]);
  });
});

describe('quotes', () => {
  test('lie in each other as their marks say', () => {
    expect(told(readText('a\n> b\n>> c\n> > d\n> e\nf'))).toEqual([
      { words: ['a'] },
      { quote: [{ words: ['b'] }, { quote: [{ words: ['c', 'd'] }], folded: false }, { words: ['e'] }], folded: false },
      { words: ['f'] },
    ]);
  });
  test('below an answer are folded, short ones between are not', () => {
    const [, first, , last] = readText('Hi\n> a\nyes\n> b\n> c\n-- \nAnna');
    expect(first).toMatchObject({ kind: 'quote', folded: false });
    expect(last).toMatchObject({ kind: 'quote', folded: true, count: 2 });
  });
  test('of a letter that is nothing else are open', () => {
    expect(readText('> all\n> of it')[0]).toMatchObject({ folded: false });
  });
  test('as deep as anybody likes are read', () => {
    expect(JSON.stringify(readText(`${'>'.repeat(5000)} deep`)).length).toBeLessThan(5000);
  });
});

test.each([
  ['see https://a.example/x.', ['https://a.example/x']],
  ['(https://a.example/x_(y))', ['https://a.example/x_(y)']],
  ['<https://a.example/x>', ['https://a.example/x']],
  ['www.a.example, and more', ['http://www.a.example/']],
  ['write to anna@a.example!', ['mailto:anna@a.example']],
  ['mailto:anna@a.example?subject=x', ['mailto:anna@a.example?subject=x']],
  ['https://a.example/?utm_source=x&id=1', ['https://a.example/?id=1']],
  ['javascript:alert(1) data:text/html,x', []],
  ['<a href="javascript:alert(1)">x</a>', []],
  ['https://a.example https://b.example', ['https://a.example/', 'https://b.example/']],
  ['no links', []],
])('the links of %s', (line, hrefs) => {
  const found = pieces(line);
  expect(found.flatMap((piece) => ('href' in piece ? [piece.href] : []))).toEqual(hrefs);
  expect(found.map((piece) => piece.text).join('')).toBe(line);
});

test('a link whose host is disguised is doubtful', () => {
  const [link] = pieces('https://xn--80ak6aa92e.com/');
  expect(link).toMatchObject({ doubts: ['disguised'] });
});

test('a long line is read in time', () => {
  const from = performance.now();
  for (const part of ['a', 'a.', 'a@', 'https://', '(', '> ', '.']) readText(part.repeat(100_000));
  expect(performance.now() - from).toBeLessThan(4000);
});
