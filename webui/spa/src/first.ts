/**
 * What comes first: what somebody looks at. All that it does not need is fetched once it is there.
 *
 * A browser has six connections to a server (RFC 9112 §9.4 says why it has few), and what is asked for
 * early stands in front of what is waited for.
 */
const LONGEST_MS = 2_000;

export class First {
  #isThere!: () => void;
  readonly #there = new Promise<void>((there) => (this.#isThere = there));
  #longest: ReturnType<typeof setTimeout> | undefined;

  /** Says that the first view shows what it is for, or why it cannot; resolves `there` once it is painted. */
  shown(): void {
    requestAnimationFrame(() => setTimeout(this.#isThere));
  }

  /** Resolves when the first view was painted, or has taken too long. */
  there(): Promise<void> {
    this.#longest ??= setTimeout(this.#isThere, LONGEST_MS);
    return this.#there;
  }
}

export const first = new First();
