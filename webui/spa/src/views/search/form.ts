/** A search as a form, and the words and operators that say the same. */

export interface Form {
  words: string;
  from: string;
  to: string;
  subject: string;
  /** Words that must not be there. */
  without: string;
  /** Days, as `2026-03-04`; empty for none. */
  after: string;
  before: string;
  attachment: boolean;
  unread: boolean;
  starred: boolean;
}

const NAMES = {
  en: { from: 'from', to: 'to', subject: 'subject', after: 'after', before: 'before', attachment: 'has:attachment', unread: 'is:unread', starred: 'is:starred' },
  nl: { from: 'van', to: 'aan', subject: 'onderwerp', after: 'na', before: 'voor', attachment: 'heeft:bijlage', unread: 'is:ongelezen', starred: 'is:ster' },
} as const; // prettier-ignore

function quoted(value: string): string {
  const plain = value.trim().replaceAll('"', '');
  return /\s/.test(plain) ? `"${plain}"` : plain;
}

/** Writes the form as one types it, in English or Dutch operators. */
export function formQuery(form: Form, language: 'en' | 'nl'): string {
  const names = NAMES[language];
  const parts = [form.words.trim()];
  for (const field of ['from', 'to', 'subject', 'after', 'before'] as const) {
    if (form[field].trim()) parts.push(`${names[field]}:${quoted(form[field])}`);
  }
  for (const word of form.without.trim().split(/\s+/)) if (word) parts.push(`-${word}`);
  for (const flag of ['attachment', 'unread', 'starred'] as const) if (form[flag]) parts.push(names[flag]);
  return parts.filter(Boolean).join(' ');
}
