/**
 * Who is signed in, and the one way in which requests leave the app.
 *
 * `request` adds the session's token, and waits where the session is over: the dialog over the page
 * asks to sign in again, and the request goes on after it, so that nothing that was typed is lost.
 */
import { online } from '@/online.svelte';
import { Offline, Problem } from '@/problem';
import type { SessionInfo, Step } from './types';

/** `unknown` until the server was asked; `expired` while somebody was in and must sign in again. */
export type Status = 'unknown' | 'out' | 'in' | 'expired';

interface Waiter {
  go: () => void;
  stop: (error: Error) => void;
}

const SAFE = ['GET', 'HEAD', 'OPTIONS'];

class Session {
  #status = $state<Status>('unknown');
  #info = $state.raw<SessionInfo | undefined>();
  #farewell = $state('');
  #csrf = '';
  #waiting: Waiter[] = [];
  #wipes: (() => Promise<void> | void)[] = [];
  #asking: Promise<boolean> | undefined;
  #proof = $state<((proved: boolean) => void) | undefined>();

  get status(): Status {
    return this.#status;
  }

  /** What the server said of the session; kept while it is expired, for the dialog. */
  get info(): SessionInfo | undefined {
    return this.#info;
  }

  get address(): string {
    return this.#info?.address ?? '';
  }

  /** The token that goes with what changes something, for requests that are no `fetch`. */
  get csrf(): string {
    return this.#csrf;
  }

  /** Whether a dialog must ask who it is, for `prove`. */
  get isProving(): boolean {
    return this.#proof !== undefined;
  }

  /** Asks the server who is signed in; says whether anybody is. */
  check(): Promise<boolean> {
    this.#asking ??= this.#check().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #check(): Promise<boolean> {
    const answer = await send('/api/account/session');
    if (answer.status === 401) {
      if (this.#status === 'in') this.#status = 'expired';
      else if (this.#status === 'unknown') this.#status = 'out';
      return false;
    }
    if (!answer.ok) throw await Problem.of(answer);
    this.#open((await answer.json()) as SessionInfo);
    return true;
  }

  /** Goes on as who was here last, while the server is not reached; it has the word afterwards. */
  resume(info: SessionInfo): void {
    if (this.#status === 'unknown') this.#open(info);
  }

  #open(info: SessionInfo): void {
    if (this.#info && this.#info.address !== info.address) {
      location.assign('/'); // what is shown is another person's
      return;
    }
    this.#info = info;
    this.#farewell = '';
    this.#csrf = info.csrf;
    this.#status = 'in';
    for (const waiter of this.#waiting.splice(0)) waiter.go();
  }

  /** Takes the token of a step, which goes with the next. */
  took(step: Step): void {
    this.#csrf = step.csrf;
  }

  /** Adds what is to be wiped before somebody signs out: what this device keeps of the mail. */
  beforeLeaving(wipe: () => Promise<void> | void): void {
    this.#wipes.push(wipe);
  }

  /** Wipes what is kept here; the caller ends the session then. */
  async wipe(): Promise<void> {
    for (const wipe of this.#wipes) await wipe();
  }

  /** What the sign-in page says to who has just left. */
  get farewell(): string {
    return this.#farewell;
  }

  /** Goes to sign-in, and forgets who was here. */
  left(farewell = ''): void {
    this.#farewell = farewell;
    this.#info = undefined;
    this.#csrf = '';
    this.#status = 'out';
    for (const waiter of this.#waiting.splice(0)) waiter.stop(new Problem(401));
  }

  /**
   * Sends a request of the signed-in app, and waits for a new sign-in where the session is over.
   *
   * Throws Offline where the server was not reached; other answers are returned as they are.
   */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const token = this.#csrf;
    const answer = await this.send(path, init);
    if (answer.status !== 401 || this.#status === 'out') return answer;
    if (!(await this.check())) await this.#signedIn(init.signal ?? undefined);
    // The session stands as it was: then it is a secret in the request that is not right.
    else if (this.#csrf === token) return answer;
    return this.send(path, init);
  }

  /** Sends a request as it is, with the token; whatever comes is returned. */
  send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!SAFE.includes(init.method ?? 'GET') && this.#csrf) headers.set('x-csrf-token', this.#csrf);
    return send(path, { ...init, headers });
  }

  #signedIn(signal?: AbortSignal): Promise<void> {
    return new Promise((go, stop) => {
      const waiter = { go, stop };
      this.#waiting.push(waiter);
      signal?.addEventListener('abort', () => {
        this.#waiting = this.#waiting.filter((each) => each !== waiter);
        stop(new DOMException('not wanted any more', 'AbortError'));
      });
    });
  }

  /**
   * Has somebody prove who it is, unless that was done in the last five minutes.
   *
   * Returns false where the dialog was closed without it.
   */
  async prove(): Promise<boolean> {
    await this.check();
    if (this.#info?.fresh) return true;
    return new Promise((told) => {
      this.#proof?.(false);
      this.#proof = told;
    });
  }

  /** The dialog is done. */
  async proved(done: boolean): Promise<void> {
    const tell = this.#proof;
    this.#proof = undefined;
    if (done) await this.check();
    tell?.(done);
  }
}

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  try {
    const answer = await fetch(path, { credentials: 'same-origin', redirect: 'error', ...init });
    online.found(true);
    return answer;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    online.found(false);
    throw new Offline();
  }
}

export const session = new Session();
