import { describe, expect, test } from 'vitest';
import { readRules, writeRules, type Rule } from '@/views/settings/filters/rules';

const rule = (more: Partial<Rule> = {}): Rule => ({
  name: 'News',
  on: true,
  every: true,
  tests: [{ field: 'from', how: 'contains', value: 'news@' }],
  doing: [{ kind: 'move', folder: 'Lists/News' }],
  stop: true,
  ...more,
});

describe('rules', () => {
  test('are read back as they were written', () => {
    const rules = [rule(), rule({ name: 'a "b" \\ c', every: false, on: false })];
    expect(readRules(writeRules(rules))).toEqual(rules);
  });

  test('are Sieve that needs what it uses', () => {
    const script = writeRules([
      rule({ doing: [{ kind: 'move', folder: 'Lists/News' }, { kind: 'read' }] }),
    ]);
    expect(script).toMatch(/^require \["fileinto", "imap4flags"\];\r\n/);
    expect(script).toContain('if address :all :contains "From" "news@" {');
    // A flag is set before the message is filed with it.
    expect(script.indexOf('addflag "\\\\Seen";')).toBeLessThan(script.indexOf('fileinto "Lists/News";'));
  });

  test.each([
    ['x" ; redirect "y@z.test', '"x\\" ; redirect \\"y@z.test"'],
    ['a\r\nstop;', '"a stop;"'],
    ['back\\slash', '"back\\\\slash"'],
  ])('quote %j', (value, quoted) => {
    const script = writeRules([rule({ tests: [{ field: 'subject', how: 'is', value }] })]);
    const lines = script.split('\r\n').filter((line) => !line.startsWith('#'));
    expect(lines.join('\n')).toContain(`header :is "Subject" ${quoted} {`);
  });

  test('that are off or look at nothing do nothing', () => {
    const lines = writeRules([rule({ on: false }), rule({ tests: [{ field: 'to', how: 'is', value: ' ' }] })]);
    expect(lines).not.toMatch(/^if /m);
  });

  test('send every message on, and keep a copy', () => {
    const all: Rule['tests'] = [{ field: 'any', how: 'is', value: '' }];
    const script = writeRules([rule({ tests: all, doing: [{ kind: 'redirect', address: 'n@else.test' }], stop: false })]);
    expect(script).toMatch(/^require \["copy"\];\r\n/);
    expect(script).toContain('if true {\r\n    redirect :copy "n@else.test";\r\n}');
  });

  test('are not seen in a script of somebody else', () => {
    expect(readRules('require "fileinto";\r\nkeep;')).toBeUndefined();
    expect(readRules('# zegel-rule {"broken\r\nkeep;')).toBeUndefined();
  });
});
