/**
 * The conversation's own code: fetched once there is a list to choose from, not before it.
 *
 * The first list is on the screen earlier so, and nobody waits for it later: it comes while the
 * browser has nothing to do.
 */
import type { default as Conversation } from './Conversation.svelte';

let fetched: Promise<{ default: typeof Conversation }> | undefined;

/** Returns the view of a conversation; a fetch that failed is made anew. */
export function reading(): Promise<{ default: typeof Conversation }> {
  fetched ??= import('./Conversation.svelte').catch((error: unknown) => {
    fetched = undefined;
    throw error;
  });
  return fetched;
}

/** Fetches it while nothing else is to be done. */
export function prepareReading(): void {
  const fetch = () => void reading().catch(() => undefined); // asked again when a letter is opened
  if ('requestIdleCallback' in window) window.requestIdleCallback(fetch, { timeout: 2_000 });
  else setTimeout(fetch, 300);
}
