/**
 * Rules made by clicking, as a Sieve script that says what they say (RFC 5228).
 *
 * The rules themselves stand in the script's first lines as comments, for the next visit; what runs
 * is Sieve that any program can read. A script without them was written by hand.
 */
import { t } from '@/i18n';

export const RULES_NAME = 'Zegel rules';
const MARK = '# zegel-rule ';

export type TestField = 'any' | 'from' | 'to' | 'subject' | 'list' | 'body' | 'size';
export type How = 'contains' | 'not' | 'is' | 'over';

export interface Test {
  field: TestField;
  how: How;
  value: string;
}

export type Doing =
  | { kind: 'move'; folder: string }
  | { kind: 'label'; keyword: string }
  /** Sent on to an address that is allowed; a copy stays. */
  | { kind: 'redirect'; address: string }
  | { kind: 'read' | 'star' | 'discard' | 'keep' };

export interface Rule {
  name: string;
  on: boolean;
  /** Whether every test must hold; else any. */
  every: boolean;
  tests: Test[];
  doing: Doing[];
  /** Whether the rules below are left out then. */
  stop: boolean;
}

const HEADERS: Record<Exclude<TestField, 'any' | 'body' | 'size'>, string> = {
  from: 'address',
  to: 'address',
  subject: 'header',
  list: 'header',
};

/** Writes a text as Sieve quotes it (RFC 5228 §2.4.2). */
function quoted(text: string): string {
  return `"${text.replace(/[\r\n\0]+/g, ' ').replace(/[\\"]/g, (sign) => `\\${sign}`)}"`;
}

function testOf({ field, how, value }: Test): string {
  const match = how === 'is' ? ':is' : ':contains';
  let test: string;
  if (field === 'any') return 'true';
  if (field === 'size') test = `size :over ${Math.max(0, Math.round(Number(value) || 0))}K`;
  else if (field === 'body') test = `body :text ${match} ${quoted(value)}`;
  else if (field === 'from') test = `${HEADERS.from} :all ${match} "From" ${quoted(value)}`;
  else if (field === 'to') test = `${HEADERS.to} :all ${match} ["To", "Cc", "Bcc"] ${quoted(value)}`;
  else if (field === 'list') test = `${HEADERS.list} ${match} ["List-Id", "List-Post"] ${quoted(value)}`;
  else test = `${HEADERS.subject} ${match} "Subject" ${quoted(value)}`;
  return how === 'not' ? `not ${test}` : test;
}

function commandOf(doing: Doing): string {
  switch (doing.kind) {
    case 'move':
      return `fileinto ${quoted(doing.folder)};`;
    case 'label':
      return `addflag ${quoted(doing.keyword)};`;
    case 'redirect':
      return `redirect :copy ${quoted(doing.address)};`;
    case 'read':
      return 'addflag "\\\\Seen";';
    case 'star':
      return 'addflag "\\\\Flagged";';
    case 'discard':
      return 'discard;';
    case 'keep':
      return 'keep;';
  }
}

function blockOf(rule: Rule): string[] {
  const tests = rule.tests.filter(isTest);
  if (!rule.on || tests.length === 0) return [];
  // A mark must be set before the message is filed (RFC 5232 §5).
  const ordered = [...rule.doing].sort((a, b) => Number(isFiling(a)) - Number(isFiling(b)));
  const commands = ordered.map(commandOf);
  if (rule.stop) commands.push('stop;');
  const joined = tests.map(testOf).join(',\n    ');
  const test = tests.length === 1 ? joined : `${rule.every ? 'allof' : 'anyof'} (${joined})`;
  return [`if ${test} {`, ...commands.map((command) => `    ${command}`), '}'];
}

/** Whether a test looks at anything; every message is one, too. */
export const isTest = ({ field, value }: Test) => field === 'any' || value.trim() !== '';

const isFiling = ({ kind }: Doing) => kind === 'move' || kind === 'keep' || kind === 'discard';

/** Writes the script that does what the rules say. */
export function writeRules(rules: readonly Rule[]): string {
  const used = rules.filter((rule) => rule.on);
  const needed = [
    ...(used.some((rule) => rule.doing.some(({ kind }) => kind === 'move')) ? ['fileinto'] : []),
    ...(used.some((rule) => rule.doing.some(({ kind }) => kind === 'redirect')) ? ['copy'] : []),
    ...(used.some((rule) => rule.doing.some(({ kind }) => ['label', 'read', 'star'].includes(kind)))
      ? ['imap4flags']
      : []),
    ...(used.some((rule) => rule.tests.some(({ field }) => field === 'body')) ? ['body'] : []),
  ];
  const lines = rules.map((rule) => `${MARK}${JSON.stringify(rule)}`);
  if (needed.length) lines.unshift(`require [${needed.map((each) => `"${each}"`).join(', ')}];`);
  return `${[...lines, ...rules.flatMap(blockOf)].join('\r\n')}\r\n`;
}

/** Reads the rules of a script that `writeRules` wrote; undefined for any other. */
export function readRules(script: string): Rule[] | undefined {
  const lines = script.split(/\r?\n/).filter((line) => line.startsWith(MARK));
  if (lines.length === 0) return undefined;
  try {
    const found = lines.map((line) => JSON.parse(line.slice(MARK.length)) as Rule);
    return found.every((rule) => Array.isArray(rule.tests) && Array.isArray(rule.doing)) ? found : undefined;
  } catch {
    return undefined; // somebody changed the comment: the script stands as it is
  }
}

/** Says what a rule does in one line. */
export function sayRule(rule: Rule): string {
  const tests = rule.tests.map(({ field, how, value }) =>
    field === 'any'
      ? t('settings.field_any')
      : t('settings.rule_test', { field: t(`settings.field_${field}`), how: t(`settings.how_${how}`), value }),
  );
  const doing = rule.doing.map((each) => {
    if (each.kind === 'move') return t('settings.do_move_to', { folder: each.folder });
    if (each.kind === 'label') return t('settings.do_label_as', { label: each.keyword });
    if (each.kind === 'redirect') return t('settings.do_redirect_to', { address: each.address });
    return t(`settings.do_${each.kind}`);
  });
  const joined = tests.join(` ${t(rule.every ? 'settings.and' : 'settings.or')} `);
  return `${joined} → ${doing.join(', ')}`;
}
