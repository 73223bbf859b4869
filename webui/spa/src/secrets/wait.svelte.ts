/** How long somebody has to wait before the next attempt, counted down on the page. */
import { Problem } from '@/problem';

const DEFAULT_SECONDS = 30;

export class Wait {
  #left = $state(0);
  #whole = $state(0);
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Seconds that are left; 0 when one may try. */
  get left(): number {
    return this.#left;
  }

  /** Seconds that the whole wait takes. */
  get whole(): number {
    return this.#whole;
  }

  /** Begins where the server said that it is too early; says whether it did. */
  takes(error: unknown): boolean {
    if (!Problem.is(error, 'try_later')) return false;
    this.stop();
    this.#whole = this.#left = error.retryAfter || DEFAULT_SECONDS;
    this.#timer = setInterval(() => {
      this.#left -= 1;
      if (this.#left <= 0) this.stop();
    }, 1000);
    return true;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#left = 0;
  }
}
