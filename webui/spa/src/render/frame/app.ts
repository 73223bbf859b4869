/** The app, as a frame sees it: the window around it, and the token in the frame's own address. */
import { isSent, type Key } from '../protocol';

export interface App<To> {
  send(message: To): void;
}

/** Listens to the app; returns what is to be told to it. Without a token nobody is listened to. */
export function connect<From, To>(receive: (message: From) => void): App<To> {
  const token = location.hash.slice(1);
  addEventListener('message', (event) => {
    if (token && event.source === parent && isSent<From>(event.data, token)) receive(event.data);
  });
  // The app's origin cannot be told from an opaque one; only pages of ours may frame us
  // (`frame-ancestors`), and nothing that is sent is more than the app itself gave.
  return { send: (message) => parent.postMessage({ ...message, token }, '*') };
}

/** Returns a key as it is told to the app. */
export function told(event: KeyboardEvent): Key {
  const { key, code, ctrlKey, altKey, shiftKey, metaKey, repeat } = event;
  return { key, code, ctrlKey, altKey, shiftKey, metaKey, repeat };
}

/** Keys with Ctrl or ⌘ that are the app's: send, save, next panel, palette, Cc and Bcc. */
const COMBINED = /^(?:Enter|s|\.|k)$/i;
const COMBINED_SHIFT = /^[cb]$/i;

/** Says whether a key with Ctrl or ⌘ is the app's; what it means to the browser is then stopped. */
export function isAppCombination(event: KeyboardEvent): boolean {
  if (event.altKey || !(event.ctrlKey || event.metaKey)) return false;
  return event.shiftKey ? COMBINED_SHIFT.test(event.key) : COMBINED.test(event.key);
}
