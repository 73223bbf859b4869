/** Says whether a message speaks of an attachment that is not there. */
import type { Draft } from '@/state/compose.svelte';

/** By language; what stands in quoted lines does not count. */
const WORDS =
  /\b(?:attach(?:ed|ment|ments|ing)?|enclosed|bijlage[n]?|bijgevoegd|bijgesloten|toegevoegd bestand|anhang|anhänge|angehängt|anbei|beigefügt|beiliegend|pièces? jointes?|ci-joint(?:e|s|es)?|en annexe)(?![\p{L}])/iu;

/** Returns what its writer wrote: neither quotes nor the signature. */
export function ownWords(text: string): string {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line === '-- ' || /^-{2,}.*(?:original|forwarded|doorgestuurd|weitergeleitet|transféré)/i.test(line)) break;
    if (!line.startsWith('>')) lines.push(line);
  }
  return lines.join('\n');
}

export function promises(subject: string, text: string): boolean {
  const isAnswer = /^(?:re|aw|antw|sv|fwd?|wg|tr)\s*:/i.test(subject.trim());
  return WORDS.test(ownWords(text)) || (!isAnswer && WORDS.test(subject));
}

export function forgets(draft: Pick<Draft, 'attachments' | 'subject' | 'text'>): boolean {
  return draft.attachments.every((each) => each.cid !== undefined) && promises(draft.subject, draft.text);
}
