/** A few requests at a time: whoever comes later waits, and what somebody looks at goes first. */
import { aborted } from './errors';

/** `soon` is what somebody waits for; `later` is what may be wanted next. */
export type Urgency = 'soon' | 'later';

interface Waiter {
  urgency: Urgency;
  go: () => void;
}

export class Slots {
  #free: number;
  #waiting: Waiter[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Runs `work` once there is a place. Rejects with an AbortError where it is aborted before. */
  async run<Result>(
    work: () => Promise<Result>,
    urgency: Urgency = 'soon',
    signal?: AbortSignal,
  ): Promise<Result> {
    await this.#enter(urgency, signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #enter(urgency: Urgency, signal?: AbortSignal): Promise<void> | void {
    if (signal?.aborted) throw aborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        urgency,
        go: () => {
          signal?.removeEventListener('abort', over);
          resolve();
        },
      };
      const over = () => {
        this.#waiting = this.#waiting.filter((each) => each !== waiter);
        reject(aborted());
      };
      signal?.addEventListener('abort', over, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #leave(): void {
    const soon = this.#waiting.findIndex((each) => each.urgency === 'soon');
    const [next] = this.#waiting.splice(Math.max(soon, 0), 1);
    if (next) next.go();
    else this.#free += 1;
  }
}
