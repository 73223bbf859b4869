/** Fetches the pictures of a letter for its frame, a few at a time. */

/** At once; the others wait. */
const AT_ONCE = 4;
/** Of a letter; the rest stay as they are. */
const MOST = 400;

export type Load = (source: string, signal: AbortSignal) => Promise<Blob | null>;

/**
 * Loads `sources` and gives each to `place`: null for one that did not come. Resolves when all are
 * there; after `signal` none is given any more.
 */
export async function loadPictures(
  sources: readonly string[],
  load: Load,
  place: (source: string, blob: Blob | null) => void,
  signal: AbortSignal,
): Promise<void> {
  const waiting = sources.slice(0, MOST);
  const worker = async () => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      // A picture that cannot be had leaves a gap in the letter; whoever loads says why.
      const blob = await load(source, signal).catch(() => null);
      if (signal.aborted) return;
      place(source, blob);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Counts addresses by their host, the most first. */
export function byHost(addresses: readonly string[]): { host: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const address of addresses) {
    const host = URL.canParse(address) ? new URL(address).host : address;
    counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  return [...counts]
    .map(([host, count]) => ({ host, count }))
    .sort((one, other) => other.count - one.count || one.host.localeCompare(other.host));
}
