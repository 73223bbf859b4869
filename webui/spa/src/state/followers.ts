/**
 * Who is told what changed on the server, and who forgets when somebody signs out.
 *
 * A store that is still asking what changed is not asked again in between, but once more after it.
 */
import { isAbort, JmapError } from '@/jmap/errors';

export interface Follower {
  /** Data types that it shows. */
  readonly types: readonly string[];
  /** Told that one of them changed; asks the server what. `state` is undefined after a gap. */
  changed(states: Readonly<Record<string, string>> | undefined): Promise<void>;
  /** Forgets everything: whoever was signed in is not any more. */
  clear(): void;
}

class Turn {
  readonly follower: Follower;
  #isRunning = false;
  #next: { states: Record<string, string> | undefined } | undefined;

  constructor(follower: Follower) {
    this.follower = follower;
  }

  async tell(states: Record<string, string> | undefined): Promise<void> {
    this.#next = { states };
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#next) {
        const { states: told } = this.#next;
        this.#next = undefined;
        await this.follower.changed(told);
      }
    } finally {
      this.#isRunning = false;
      this.#next = undefined;
    }
  }
}

export class Followers {
  #turns: Turn[] = [];

  add(follower: Follower): void {
    this.#turns.push(new Turn(follower));
  }

  /**
   * Tells whoever shows one of these types; undefined: anything may have changed.
   *
   * What the server refused or the network lost is asked for with the next change.
   */
  async tell(states?: Record<string, string>): Promise<void> {
    const concerned = this.#turns.filter(
      ({ follower }) => !states || follower.types.some((type) => type in states),
    );
    const results = await Promise.allSettled(concerned.map((turn) => turn.tell(states)));
    for (const result of results) {
      if (result.status === 'rejected' && !isExpected(result.reason)) throw result.reason;
    }
  }

  clear(): void {
    for (const { follower } of this.#turns) follower.clear();
  }
}

function isExpected(reason: unknown): boolean {
  return reason instanceof JmapError || isAbort(reason);
}

export const followers = new Followers();
