/**
 * A search as it is typed → what the server is asked (RFC 8621 §4.4.1); pure.
 *
 *     from:anna to:me has:attachment before:2026-01-01 "phrase" -word
 *
 * Operators have English and Dutch names (WEBUI §3). What is not understood is told and left out.
 */
import type { Filter, FilterCondition, Id, Mailbox } from '@/jmap/types';
import { dayOf, spanBefore, utc } from './dates';
import { tokens, type Token } from './tokens';

export const OPERATORS = [
  'from', 'to', 'cc', 'bcc', 'subject', 'body', 'has', 'filename', 'in', 'label', 'before', 'after',
  'older', 'newer', 'is', 'larger', 'smaller', 'list',
] as const; // prettier-ignore
export type Operator = (typeof OPERATORS)[number];

/** Every name of an operator; the first of a language is the one that is offered. */
export const NAMES: Record<'en' | 'nl', Record<Operator, readonly string[]>> = {
  en: {
    from: ['from'], to: ['to'], cc: ['cc'], bcc: ['bcc'], subject: ['subject'], body: ['body', 'text'],
    has: ['has'], filename: ['filename', 'file'], in: ['in', 'folder'], label: ['label', 'keyword'],
    before: ['before'], after: ['after', 'since'], older: ['older'], newer: ['newer'], is: ['is'],
    larger: ['larger', 'bigger'], smaller: ['smaller'], list: ['list'],
  },
  nl: {
    from: ['van'], to: ['aan'], cc: ['cc'], bcc: ['bcc'], subject: ['onderwerp'], body: ['inhoud', 'tekst'],
    has: ['heeft', 'met'], filename: ['bestandsnaam', 'bestand'], in: ['in', 'map'], label: ['label'],
    before: ['voor'], after: ['na', 'sinds'], older: ['ouder'], newer: ['nieuwer'], is: ['is'],
    larger: ['groter'], smaller: ['kleiner'], list: ['lijst'],
  },
}; // prettier-ignore

type Flag = 'unread' | 'read' | 'starred' | 'unstarred' | 'encrypted' | 'signed' | 'answered' | 'draft' | 'muted';

/** Values of `is:`, in English and Dutch. */
const FLAGS: Record<string, Flag> = {
  unread: 'unread', ongelezen: 'unread', read: 'read', gelezen: 'read', starred: 'starred',
  flagged: 'starred', ster: 'starred', unstarred: 'unstarred', encrypted: 'encrypted',
  versleuteld: 'encrypted', signed: 'signed', ondertekend: 'signed', answered: 'answered',
  replied: 'answered', beantwoord: 'answered', draft: 'draft', concept: 'draft', muted: 'muted',
  gedempt: 'muted',
}; // prettier-ignore
const ATTACHED = ['attachment', 'attachments', 'bijlage', 'bijlagen'];
const STARS = ['star', 'ster'];
const ME = ['me', 'mij', 'ik'];

const FLAG_FILTERS: Record<Flag, Filter> = {
  unread: { notKeyword: '$seen' },
  read: { hasKeyword: '$seen' },
  starred: { hasKeyword: '$flagged' },
  unstarred: { notKeyword: '$flagged' },
  answered: { hasKeyword: '$answered' },
  draft: { hasKeyword: '$draft' },
  muted: { hasKeyword: '$muted' },
  encrypted: either(
    { header: ['Content-Type', 'multipart/encrypted'] },
    { header: ['Content-Type', 'enveloped-data'] },
  ),
  signed: either(
    { header: ['Content-Type', 'multipart/signed'] },
    { header: ['Content-Type', 'signed-data'] },
  ),
};

/** What a search may refer to. */
export interface Known {
  mailboxes: readonly Pick<Mailbox, 'id' | 'name' | 'role'>[];
  /** Paths by id, as in `Work/Plans`. */
  pathOf: (id: Id) => readonly string[];
  /** Keywords by a label's name. */
  labelOf: (name: string) => string | undefined;
  /** One's own addresses, for `from:me`. */
  own: readonly string[];
  now: Date;
}

/** One part of a search, as a chip shows it. */
export interface Term {
  /** Undefined for free text. */
  operator: Operator | undefined;
  value: string;
  isNot: boolean;
  start: number;
  end: number;
}

export interface Problem {
  term: Term;
  /** `unknown`: no such mailbox, flag or label; `date`, `size`: it is none; `empty`: a value lacks. */
  kind: 'unknown' | 'date' | 'size' | 'empty';
}

export interface Query {
  /** Undefined where nothing is asked for. */
  filter: Filter | undefined;
  terms: Term[];
  problems: Problem[];
  /** Words that snippets mark. */
  words: string[];
  /** Mailboxes that `in:` names, so that the scope does not narrow them. */
  mailboxIds: Id[];
}

const BY_NAME = new Map<string, Operator>(
  (['en', 'nl'] as const).flatMap((language) =>
    OPERATORS.flatMap((operator) =>
      NAMES[language][operator].map((name): [string, Operator] => [name, operator]),
    ),
  ),
);
const ALL_NAMES = new Set(BY_NAME.keys());

/** Reads a search. */
export function parseQuery(text: string, known: Known): Query {
  const query: Query = { filter: undefined, terms: [], problems: [], words: [], mailboxIds: [] };
  const conditions: Filter[] = [];
  for (const token of tokens(text, ALL_NAMES)) {
    const operator = BY_NAME.get(token.name);
    const { value, isNot, start, end } = token;
    const term = { operator, value, isNot, start, end };
    query.terms.push(term);
    const found = conditionOf(operator, token, known, query);
    if (typeof found === 'string') query.problems.push({ term, kind: found });
    else conditions.push(isNot ? { operator: 'NOT', conditions: [found] } : found);
  }
  const [first] = conditions;
  query.filter = conditions.length > 1 ? { operator: 'AND', conditions } : first;
  return query;
}

type Read = Filter | Problem['kind'];

function conditionOf(operator: Operator | undefined, token: Token, known: Known, query: Query): Read {
  const { value } = token;
  if (operator === undefined) return worded('text', token, query);
  if (value.trim() === '') return 'empty';
  switch (operator) {
    case 'from':
    case 'to':
    case 'cc':
    case 'bcc':
      return ofPerson(operator, token, known);
    case 'subject':
    case 'body':
      return worded(operator, token, query);
    case 'filename':
      return { operator: 'AND', conditions: [{ hasAttachment: true }, { text: quoted(value) }] };
    case 'list':
      return { header: ['List-Id', value] };
    case 'in':
      return inMailbox(value, known, query);
    case 'label':
      return { hasKeyword: known.labelOf(value) ?? value.toLowerCase() };
    case 'has':
      return having(value, known);
    case 'is':
      return flagged(value);
    case 'before':
    case 'after':
    case 'older':
    case 'newer':
      return dated(operator, value, known.now);
    case 'larger':
    case 'smaller':
      return sized(operator, value);
  }
}

/** Words are looked for each by itself; a phrase as it stands. */
function worded(property: 'text' | 'subject' | 'body', { value, isPhrase, isNot }: Token, query: Query): Read {
  if (!value.trim()) return 'empty';
  if (!isNot) query.words.push(value);
  return { [property]: isPhrase || /["']/.test(value) ? quoted(value) : value };
}

function ofPerson(property: 'from' | 'to' | 'cc' | 'bcc', token: Token, { own }: Known): Read {
  const { value, isPhrase } = token;
  if (ME.includes(value.toLowerCase()) && own.length > 0) {
    return either(...own.map((email) => ({ [property]: quoted(email) })));
  }
  return { [property]: isPhrase || value.includes('@') ? quoted(value) : value };
}

const ROLES: Record<string, string> = {
  inbox: 'inbox', in: 'inbox', postvak: 'inbox', 'postvak in': 'inbox', drafts: 'drafts', draft: 'drafts',
  concepten: 'drafts', sent: 'sent', verzonden: 'sent', archive: 'archive', archief: 'archive',
  junk: 'junk', spam: 'junk', ongewenst: 'junk', trash: 'trash', prullenbak: 'trash',
}; // prettier-ignore

function inMailbox(value: string, { mailboxes, pathOf }: Known, query: Query): Read {
  const sought = value.toLowerCase();
  const role = ROLES[sought];
  const found =
    mailboxes.find((each) => pathOf(each.id).join('/').toLowerCase() === sought) ??
    mailboxes.find((each) => each.name.toLowerCase() === sought) ??
    mailboxes.find((each) => role !== undefined && each.role === role) ??
    mailboxes.find((each) => each.name.toLowerCase().startsWith(sought));
  if (!found) return 'unknown';
  query.mailboxIds.push(found.id);
  return { inMailbox: found.id };
}

function having(value: string, { labelOf }: Known): Read {
  const word = value.toLowerCase();
  if (ATTACHED.includes(word)) return { hasAttachment: true };
  if (STARS.includes(word)) return FLAG_FILTERS.starred;
  const keyword = labelOf(value);
  return keyword === undefined ? 'unknown' : { hasKeyword: keyword };
}

function flagged(value: string): Read {
  const flag = FLAGS[value.toLowerCase()];
  return flag === undefined ? 'unknown' : FLAG_FILTERS[flag];
}

function dated(operator: 'before' | 'after' | 'older' | 'newer', value: string, now: Date): Read {
  const isSpan = operator === 'older' || operator === 'newer';
  const at = (isSpan ? spanBefore(value, now) : undefined) ?? dayOf(value, now);
  if (!at) return 'date';
  const isBefore = operator === 'before' || operator === 'older';
  return isBefore ? { before: utc(at) } : { after: utc(at) };
}

const UNITS: Record<string, number> = { '': 1024, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Sizes are in KB where no unit is said. */
function sized(operator: 'larger' | 'smaller', value: string): Read {
  const said = /^(\d+(?:[.,]\d+)?)\s*([bkmg]?)b?$/i.exec(value.trim());
  if (!said) return 'size';
  const octets = Math.round(Number(said[1]?.replace(',', '.')) * (UNITS[said[2]?.toLowerCase() ?? ''] ?? 1));
  return operator === 'larger' ? { minSize: octets } : { maxSize: octets };
}

/** The server takes what stands in quotes as it stands, and knows the backslash. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function either(...conditions: FilterCondition[]): Filter {
  const [first = {}] = conditions;
  return conditions.length > 1 ? { operator: 'OR', conditions } : first;
}

export type Scope = 'mailbox' | 'most' | 'everything';

/** Narrows a search to where it looks; what `in:` says goes before. */
export function scoped(
  { filter, mailboxIds }: Query,
  scope: Scope,
  mailboxes: readonly Pick<Mailbox, 'id' | 'role'>[],
  mailboxId?: Id,
): Filter | undefined {
  if (mailboxIds.length > 0 || scope === 'everything') return filter;
  const aside = mailboxes.filter(({ role }) => role === 'junk' || role === 'trash');
  const where: Filter =
    scope === 'mailbox' && mailboxId !== undefined
      ? { inMailbox: mailboxId }
      : { inMailboxOtherThan: aside.map(({ id }) => id) };
  if (scope === 'most' && aside.length === 0) return filter;
  return filter ? { operator: 'AND', conditions: [where, filter] } : where;
}

/** Writes a part of a search as it is typed. */
export function written(operator: Operator | undefined, value: string, language: 'en' | 'nl' = 'en'): string {
  const said = /[\s"]/.test(value) ? `"${value.replaceAll('"', '')}"` : value;
  return operator === undefined ? said : `${NAMES[language][operator][0] ?? operator}:${said}`;
}
