/** What of a message is its text, and what hangs on it; pure (RFC 8621 §4.1.4). */
import type { BodyPart, EmailBodies } from '@/jmap/types';

export interface Body {
  /**
   * Foreign HTML as it came, each part by itself: for the sandboxed frame, and nowhere else. Joined,
   * an address that one part leaves open would swallow what the next one says.
   */
  html: readonly string[] | undefined;
  /** The message as plain text; where it is HTML only, undefined. */
  text: string | undefined;
  /** Whether its lines that end in a space go on, and whether that space is none (RFC 3676 §4). */
  flowed: boolean;
  delsp: boolean;
  /** Files to show below the text. */
  attachments: BodyPart[];
  /** Pictures that the HTML shows by their content id. */
  inline: BodyPart[];
  /** Whether characters could not be read. */
  hasEncodingProblem: boolean;
}

/** Puts the body of a message together. */
export function bodyOf(opened: EmailBodies): Body {
  const { textBody, htmlBody, bodyValues } = opened;
  const html = htmlBody.some((part) => part.type === 'text/html')
    ? htmlBody.map((part) => asHtml(part, bodyValues[part.partId ?? '']?.value)).filter((each) => each !== '')
    : undefined;
  const plain = textBody.filter((part) => part.type.startsWith('text/') && part.type !== 'text/html');
  const text = plain.map((part) => bodyValues[part.partId ?? '']?.value ?? '').join('\n');
  const shown = html?.join('\n') ?? '';
  const isShown = (part: BodyPart) => isNamed(part, shown);
  const media = [...htmlBody, ...textBody].filter((part) => !part.type.startsWith('text/'));
  const all = unique([...opened.attachments, ...media]);
  return {
    html,
    text: plain.length > 0 || html === undefined ? text : undefined,
    ...flowOf(plain),
    attachments: all.filter((part) => !isShown(part)),
    inline: all.filter(isShown),
    hasEncodingProblem: Object.values(bodyValues).some((value) => value.isEncodingProblem),
  };
}

const FLOWED = /;\s*format\s*=\s*"?flowed\b/i;
const DELSP = /;\s*delsp\s*=\s*"?yes\b/i;

/** How the lines of plain text go on; parts that differ are left as they are. */
function flowOf(parts: readonly BodyPart[]): { flowed: boolean; delsp: boolean } {
  const types = parts.map((part) => part['header:Content-Type:asRaw'] ?? '');
  const flowed = types.length > 0 && types.every((type) => FLOWED.test(type));
  return { flowed, delsp: flowed && types.every((type) => DELSP.test(type)) };
}

/** Whether the HTML shows a part by its content id (RFC 2392). */
function isNamed({ cid }: BodyPart, html: string): boolean {
  if (cid === null || cid === '') return false;
  return html.includes(`cid:${cid}`) || html.includes(`cid:${encodeURIComponent(cid)}`);
}

/** A part that is text among HTML is shown as text; its lines stay lines. */
function asHtml(part: BodyPart, value = ''): string {
  if (part.type === 'text/html') return value;
  if (!part.type.startsWith('text/')) return '';
  const escaped = value.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  return `<pre>${escaped}</pre>`;
}

function unique(parts: readonly BodyPart[]): BodyPart[] {
  return [...new Map(parts.map((part) => [part.blobId ?? part.partId, part])).values()];
}

/** Returns a character set that a TextDecoder knows; UTF-8 where it knows it not. */
export function charsetOf(named: string | null): string {
  try {
    return new TextDecoder(named ?? 'utf-8').encoding;
  } catch {
    return 'utf-8';
  }
}
