/**
 * What the app and its two frames tell each other.
 *
 * A frame has an opaque origin, so neither side can check the other's. Each looks at who sent a
 * message (`event.source`) and at the token that the app put into the frame's address: a page that
 * took the frame's place would be the same window, but could not know it.
 */
import type { Counts } from './clean/clean';
import type { DoubtfulLink } from './links';

export type { Counts } from './clean/clean';
export type { Doubt, DoubtfulLink } from './links';

/** A frame is never higher; it scrolls by itself beyond (WEBUI §4). */
export const MOST_PIXELS = 20_000;

export const PICTURE_TYPES = /^image\/(?:png|jpe?g|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon)$/i;

/** A key that was pressed in a frame and is the app's to act upon. */
export interface Key {
  key: string;
  code: string;
  ctrlKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  metaKey: boolean;
  repeat: boolean;
}

/** What a letter's page has that the app may want to tell or to load. */
export interface Report extends Counts {
  /** Content-IDs of pictures that came with the letter, each once. */
  inline: string[];
  /** Addresses of pictures that lie elsewhere, each once; none of them is loaded by itself. */
  remote: string[];
}

export interface Look {
  /** Whether the app is dark. A letter lies on a light sheet all the same. */
  dark: boolean;
  /** Whether the letter's colours are turned into ones that go with a dark app. */
  adapt: boolean;
  language: string;
}

/** To the frame of a letter. */
export type ToMessage =
  | { kind: 'show'; number: number; html: readonly string[]; look: Look }
  | { kind: 'look'; look: Look }
  | { kind: 'picture'; source: string; blob: Blob | null };

/** From the frame of a letter. */
export type FromMessage =
  | { kind: 'ready' }
  | { kind: 'shown'; number: number; report: Report }
  | { kind: 'height'; height: number }
  | { kind: 'key'; key: Key }
  | { kind: 'ask'; link: DoubtfulLink }
  | { kind: 'mailto'; href: string }
  | { kind: 'scroll'; top: number };

/** What the cursor stands in, for the buttons of a toolbar. */
export interface Format {
  bold: boolean;
  italic: boolean;
  underline: boolean;
  strike: boolean;
  list: 'bullets' | 'numbers' | null;
  quote: boolean;
  /** The address of the link around the cursor. */
  link: string | null;
  canUndo: boolean;
  canRedo: boolean;
}

export type Command =
  | 'bold'
  | 'italic'
  | 'underline'
  | 'strike'
  | 'bullets'
  | 'numbers'
  | 'indent'
  | 'outdent'
  | 'quote'
  | 'unquote'
  | 'unlink'
  | 'plain'
  | 'undo'
  | 'redo';

/** A letter that is answered or forwarded, as it is quoted. */
export interface Quote {
  /** The line above it: "On 3 November Anna wrote:". */
  intro: string;
  /** Its HTML, part by part, or its text where it has none. */
  html?: readonly string[] | string | undefined;
  text?: string | undefined;
  /** Whether it is set in from the margin, as answers are; what is forwarded is not. */
  indent: boolean;
}

/** What an editor begins with. */
export type Draft =
  | { html: string }
  | {
      /** A signature in HTML of our own making; empty for none. */
      signature: string;
      quote: Quote | null;
      /** Where the cursor and the signature stand with regard to the quote. */
      below?: boolean;
    };

export interface EditorLook {
  dark: boolean;
  /** What the field is called, for who does not see it. */
  label: string;
  placeholder: string;
  /** The language whose spelling is checked. */
  language: string;
}

/** What was written, as it is sent. */
export interface Written {
  html: string;
  /** The same without markup. */
  text: string;
  /** Content-IDs of the pictures in it: they go along as inline parts. */
  inline: string[];
  /** Whether anything was written besides signature and quote. */
  empty: boolean;
}

/** To the frame of an editor. */
export type ToEditor =
  | { kind: 'open'; draft: Draft; look: EditorLook }
  | { kind: 'look'; look: EditorLook }
  | { kind: 'run'; command: Command }
  | { kind: 'link'; href: string; text: string }
  | { kind: 'insert'; html: string }
  | { kind: 'insertText'; text: string }
  | { kind: 'signature'; html: string }
  | { kind: 'insertPicture'; blob: Blob; id: string; alt: string }
  | { kind: 'picture'; source: string; blob: Blob | null }
  | { kind: 'focus'; at: 'start' | 'here' }
  | { kind: 'read'; request: number };

/** From the frame of an editor. */
export type FromEditor =
  | { kind: 'ready' }
  | { kind: 'opened'; inline: string[]; remote: string[] }
  | { kind: 'changed'; empty: boolean }
  | { kind: 'format'; format: Format }
  | { kind: 'files'; files: File[]; from: 'paste' | 'drop' }
  | { kind: 'height'; height: number }
  | { kind: 'key'; key: Key }
  | { kind: 'focus'; on: boolean }
  | { kind: 'written'; request: number; written: Written };

/** A message as it is on the way. */
export type Sent<Message> = Message & { token: string };

/** Says whether something that was received is a message with our token. */
export function isSent<Message>(data: unknown, token: string): data is Sent<Message> {
  if (typeof data !== 'object' || data === null || !('token' in data) || !('kind' in data)) return false;
  return data.token === token && typeof data.kind === 'string';
}
