import { describe, expect, test } from 'vitest';
import type { Consent, ConsentText } from '@/account/types';
import { canAgree, canRefuse, isNewer, stand } from '@/views/privacy/consents';

const text = (version = '1'): ConsentText => ({
  number: 1,
  version,
  language: 'en',
  body: 'Once a month.',
  sha256: '00',
});
const consent = (more: Partial<Consent> = {}): Consent => ({
  purpose: 'news',
  stand: 'nothing',
  since: null,
  agreed: null,
  question: text(),
  as_customer: false,
  ...more,
});
const given = consent({ stand: 'given', since: '2026-02-01T12:00:00Z', agreed: text() });

describe('a consent', () => {
  test('says its day and the version of its text', () => {
    expect(stand(given)).toMatch(/1 February 2026|Feb.*2026/);
    expect(stand(given)).toContain('version 1');
  });

  test.each([
    ['nothing was answered', consent(), true, false],
    ['a customer never answered', consent({ as_customer: true }), true, true],
    ['it was given', given, false, true],
    ['it waits for its letter', consent({ stand: 'waits', since: given.since }), true, true],
    ['it was taken back', consent({ stand: 'withdrawn', since: given.since }), true, false],
    ['a newer text is asked', { ...given, question: text('2') }, true, true],
    ['it is not asked any more', { ...given, question: null }, false, true],
  ])('where %s', (_, one, agree, refuse) => {
    expect([canAgree(one), canRefuse(one)]).toEqual([agree, refuse]);
  });

  test('is newer only where another version is asked than was agreed to', () => {
    expect(isNewer(given)).toBe(false);
    expect(isNewer({ ...given, question: { ...text('1'), language: 'nl' } })).toBe(false);
    expect(isNewer({ ...given, question: text('2') })).toBe(true);
  });
});
