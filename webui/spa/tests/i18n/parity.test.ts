import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GROUPS, LANGUAGES } from '@/i18n/areas';

const FOLDER = join(import.meta.dirname, '../../src/i18n');
const AREAS = readdirSync(FOLDER).filter((name) => statSync(join(FOLDER, name)).isDirectory());

type Text = string | Record<string, string>;

const textsOf = (area: string, language: string) =>
  JSON.parse(readFileSync(join(FOLDER, area, `${language}.json`), 'utf8')) as Record<string, Text>;
const placesOf = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
const formsOf = (text: Text) => (typeof text === 'string' ? [text] : Object.values(text));

test('every area belongs to one group, and each group names areas that exist', () => {
  expect(Object.values(GROUPS).flat().sort()).toEqual(AREAS.sort());
});

describe.each(AREAS)('the texts of %s', (area) => {
  const english = textsOf(area, 'en');

  test.each(LANGUAGES)('have the same keys and places in %s', (language) => {
    const texts = textsOf(area, language);
    expect(Object.keys(texts)).toEqual(Object.keys(english));
    for (const [name, text] of Object.entries(texts)) {
      expect(typeof text, name).toBe(typeof english[name]);
      const wanted = placesOf(formsOf(english[name]!).at(-1)!);
      for (const form of formsOf(text)) {
        expect(form.trim(), name).not.toBe('');
        // A form may leave the count out: "one letter".
        const places = placesOf(form);
        const allowed = typeof text === 'string' ? [wanted] : [wanted, wanted.filter((place) => place !== 'count')];
        expect(allowed, `${area}.${name} in ${language}`).toContainEqual(places);
      }
    }
  });

  test.each(LANGUAGES)('have every plural form that %s has', (language) => {
    const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const [name, text] of Object.entries(textsOf(area, language))) {
      if (typeof text === 'string') continue;
      // French and others have `many`, for millions; `other` says that well enough.
      const needed = categories.filter((category) => category !== 'many');
      expect(Object.keys(text), `${area}.${name}`).toEqual(expect.arrayContaining(needed));
    }
  });
});
