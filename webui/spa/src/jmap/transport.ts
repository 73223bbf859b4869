/**
 * How requests leave: one at a time each, again after a pause where that helps.
 *
 * A transport knows of sign-in and of the session's token; nothing else here does. Where a session
 * is over, the transport holds the request until somebody signed in again.
 */
import { aborted, errorOf, HttpError, isAbort, JmapError, OfflineError } from './errors';

export interface Transport {
  /** Sends a request with the session's token; holds it while somebody has to sign in again. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The token that goes with what changes something, for requests that are no `fetch`. */
  readonly csrf: string;
  /** Asks whether the session stands; has somebody sign in where it does not. */
  check(): Promise<boolean>;
}

/** Waits; rejects with an AbortError once the answer is not wanted any more. */
export type Pause = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

export interface Retrying {
  signal?: AbortSignal | undefined;
  /** Whether it does no harm to do it twice: then a lost answer is asked for again. */
  isRepeatable: boolean;
  /** How often it is tried at most. */
  attempts?: number;
}

const ATTEMPTS = 4;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;

export const pause: Pause = (milliseconds, signal) =>
  new Promise((go, stop) => {
    if (signal?.aborted) {
      stop(aborted());
      return;
    }
    const over = () => {
      clearTimeout(timer);
      stop(aborted());
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', over);
      go();
    }, milliseconds);
    signal?.addEventListener('abort', over, { once: true });
  });

/** Returns how long to wait before attempt `n` (from 1): twice as long each time, a little apart. */
export function backOff(n: number, random: () => number = Math.random): number {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (n - 1)) * (0.75 + random() / 2);
}

/**
 * Sends a request until it is answered, and returns the answer where it is a success.
 *
 * Refused is what the server did not do: 429 is asked again in any case, and 503 where doing it
 * twice does no harm, for the server may have been in the middle of it.
 *
 * Throws OfflineError, HttpError, RequestError; AbortError.
 */
export async function sent(
  transport: Pick<Transport, 'request'>,
  path: string,
  init: RequestInit,
  how: Retrying,
  wait: Pause = pause,
): Promise<Response> {
  for (let n = 1; ; n += 1) {
    const failed = await attempt(transport, path, init, how.signal);
    if (failed instanceof Response) return failed;
    if (n >= (how.attempts ?? ATTEMPTS) || !mayRepeat(failed, how.isRepeatable)) throw failed;
    const told = failed instanceof HttpError ? failed.retryAfter : undefined;
    await wait(Math.min(told ?? backOff(n), 2 * LONGEST_PAUSE), how.signal);
  }
}

async function attempt(
  transport: Pick<Transport, 'request'>,
  path: string,
  init: RequestInit,
  signal: AbortSignal | undefined,
): Promise<Response | JmapError> {
  try {
    const answer = await transport.request(path, signal ? { ...init, signal } : init);
    return answer.ok ? answer : await errorOf(answer);
  } catch (error) {
    if (isAbort(error) || signal?.aborted) throw aborted();
    return new OfflineError();
  }
}

function mayRepeat(error: JmapError, isRepeatable: boolean): boolean {
  if (!error.isPassing) return false;
  const isRefused = error.kind === 'request' || (error instanceof HttpError && error.status === 429);
  return isRefused || isRepeatable;
}
