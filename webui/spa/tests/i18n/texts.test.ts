import { expect, test } from 'vitest';
import { formatDate, formatList, formatOctets, formatSpan, parts, preferredLanguage, setLanguage, t } from '@/i18n';

test('the first language we speak is taken, English where there is none', () => {
  expect(preferredLanguage(['pl', 'nl-BE', 'en'])).toBe('nl');
  expect(preferredLanguage(['DE-AT'])).toBe('de');
  expect(preferredLanguage(['ja', 'pl'])).toBe('en');
  expect(preferredLanguage([])).toBe('en');
});

test('values stand in their places', () => {
  expect(t('ui.remove', { what: 'anna@example.org' })).toBe('Remove anna@example.org');
});

test('the count chooses the form, and is written as the language writes numbers', async () => {
  expect(t('keys.palette_count', { count: 1 })).toBe('1 command');
  expect(t('keys.palette_count', { count: 12_345 })).toBe('12,345 commands');
  await setLanguage('nl');
  expect(t('keys.palette_count', { count: 12_345 })).toBe('12.345 opdrachten');
});

test('a text can be split at its places, for a link inside', () => {
  expect(parts('ui.remove')).toEqual([{ text: 'Remove ' }, { place: 'what' }]);
  expect(parts('ui.remove', { what: 'it' })).toEqual([{ text: 'Remove ' }, { text: 'it' }]);
});

test('what was never loaded is a mistake that a test stops at', () => {
  expect(() => t('app.no_such_text' as 'app.mail')).toThrow('not loaded');
});

test('a list shows the time today, day and month this year, else the whole date', () => {
  const now = new Date(2026, 10, 3, 18, 0);
  expect(formatDate(new Date(2026, 10, 3, 14, 3), 'list', now)).toBe('02:03 PM');
  expect(formatDate(new Date(2026, 10, 2, 23, 59), 'list', now)).toBe('Nov 2');
  expect(formatDate(new Date(2025, 10, 3), 'list', now)).toBe('Nov 3, 2025');
  expect(formatDate('no date')).toBe('');
});

test('sizes have the unit that keeps them short', () => {
  expect(formatOctets(812)).toBe('812 bytes');
  expect(formatOctets(4_230_000)).toBe('4.2 MB');
  expect(formatOctets(52_000_000_000)).toBe('52 GB');
});

test('lists and spans read as the language writes them', async () => {
  await setLanguage('nl');
  expect(formatList(['a', 'b', 'c'])).toBe('a, b en c');
  expect(formatSpan(30)).toBe('30 seconden');
  expect(formatSpan(86_400)).toBe('1 dag');
});
