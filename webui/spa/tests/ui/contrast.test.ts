import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const CSS = readFileSync(join(import.meta.dirname, '../../src/ui/tokens.css'), 'utf8');
const SCHEMES = ['light', 'dark'] as const;

type Tokens = Record<string, [light: string, dark: string]>;

/** Returns the colours that stand between a selector and the next closing brace. */
function tokensOf(css: string): Tokens {
  const pairs = css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g);
  return Object.fromEntries([...pairs].map(([, name, light, dark]) => [name!, [light!, dark!]]));
}

/** Source: WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(one: string, other: string): number {
  const [more, less] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (more! + 0.05) / (less! + 0.05);
}

const [normal, ...stronger] = CSS.split(/(?=--bg: )/).slice(1).map(tokensOf);
const THEMES: [string, Tokens][] = [
  ['normal', normal!],
  ...stronger.map((theme, at): [string, Tokens] => [`contrast ${at + 1}`, { ...normal!, ...theme }]),
];

test('high contrast is the same whether the device or the reader asks for it', () => {
  expect(stronger).toHaveLength(2);
  expect(stronger[0]).toEqual(stronger[1]);
});

describe.each(THEMES)('the theme %s', (_name, tokens) => {
  const TEXTS = ['text', 'muted', 'accent', 'danger', 'warn', 'ok'];

  test.each(SCHEMES)('has texts that can be read, %s', (scheme) => {
    const at = SCHEMES.indexOf(scheme);
    for (const ground of ['bg', 'surface', 'selected']) {
      for (const text of TEXTS) {
        const found = contrast(tokens[text]![at]!, tokens[ground]![at]!);
        expect(found, `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
      const border = contrast(tokens.border![at]!, tokens[ground]![at]!);
      expect(border, `border on ${ground}`).toBeGreaterThanOrEqual(3);
    }
    expect(contrast(tokens['on-accent']![at]!, tokens.accent![at]!)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(tokens.outside![at]!, tokens['outside-bg']![at]!)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(tokens.bg![at]!, tokens.text![at]!)).toBeGreaterThanOrEqual(7);
  });
});
