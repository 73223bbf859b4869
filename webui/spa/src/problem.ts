/** What a request came to that did not succeed, and the words for it. */
import { formatSpan, t, type TextKey } from '@/i18n';
import { HttpError, JmapError, SetError } from '@/jmap/errors';

/** Something the server refused. Source: RFC 9457. */
export class Problem extends Error {
  readonly status: number;
  /** What went wrong in the server's words; empty where it said none. */
  readonly condition: string;
  /** The server's own English sentence. */
  readonly detail: string;
  /** By which the operator finds a failure in the log. */
  readonly incident: string;
  /** Why a password is refused, in one word; empty where it is about something else. */
  readonly fault: string;
  /** How many characters a password needs; 0 where nothing was said. */
  readonly least: number;
  /** Seconds after which it may be tried again; 0 where nothing was said. */
  readonly retryAfter: number;

  constructor(status: number, body: Record<string, unknown> = {}, retryAfter = 0) {
    super(`${status} ${String(body.condition ?? '')}`.trim());
    this.name = 'Problem';
    this.status = status;
    this.condition = String(body.condition ?? '');
    this.detail = String(body.detail ?? '');
    this.incident = String(body.incident ?? '');
    this.fault = String(body.fault ?? '');
    this.least = Number(body.least ?? 0);
    this.retryAfter = retryAfter;
  }

  /** Whether the server said `condition`. */
  static is(error: unknown, condition: string): error is Problem {
    return error instanceof Problem && error.condition === condition;
  }

  static async of(answer: Response): Promise<Problem> {
    const seconds = Number(answer.headers.get('retry-after') ?? 0);
    let body: Record<string, unknown> = {};
    if (answer.headers.get('content-type')?.includes('json')) {
      body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
    }
    return new Problem(answer.status, body, Number.isFinite(seconds) ? seconds : 0);
  }
}

/** The network did not carry the question or the answer; whether it was heard is not known. */
export class Offline extends Error {
  constructor() {
    super('the server was not reached');
    this.name = 'Offline';
  }
}

/** By the server's conditions, and by JMAP's words (RFC 8620 §3.6.2, §5.3). */
const SAID: Partial<Record<string, TextKey>> = {
  already_exists: 'app.error.already_exists',
  alreadyExists: 'app.error.already_exists',
  authentication_failed: 'app.error.authentication_failed',
  busy: 'app.error.busy',
  changed_meanwhile: 'app.error.changed_meanwhile',
  stateMismatch: 'app.error.changed_meanwhile',
  limit: 'app.error.limit',
  locked: 'app.error.locked',
  no_such_credential: 'app.error.no_such_credential',
  not_permitted: 'app.error.not_permitted',
  forbidden: 'app.error.not_permitted',
  notFound: 'app.error.not_found',
  offline: 'app.error.offline',
  over_quota: 'app.error.over_quota',
  overQuota: 'app.error.over_quota',
  storage_full: 'app.error.storage_full',
  serverUnavailable: 'app.error.busy',
  shutting_down: 'app.error.busy',
  too_large: 'app.error.too_large',
  tooLarge: 'app.error.too_large',
  too_many: 'app.error.limit',
  unavailable: 'app.error.busy',
  weak_password: 'app.error.weak_password',
};
const WAITS = ['try_later', 'rateLimit'];

/** Says in the reader's language what went wrong; never the server's or browser's own words. */
export function sayProblem(error: unknown): string {
  if (error instanceof Offline) return t('app.error.offline');
  const word = error instanceof JmapError ? error.type : error instanceof Problem ? error.condition : '';
  const status = error instanceof Problem || error instanceof HttpError ? error.status : 0;
  if (WAITS.includes(word) || status === 429) {
    return t('app.error.try_later', { span: formatSpan(secondsOf(error) || 30) });
  }
  if (error instanceof SetError && error.object['isServerFull'] === true) return t('app.error.storage_full');
  const key = SAID[word];
  if (key) return t(key);
  return t(status >= 500 || word === 'serverFail' ? 'app.error.server' : 'app.error.unknown');
}

function secondsOf(error: unknown): number {
  if (error instanceof Problem) return error.retryAfter;
  return error instanceof HttpError ? (error.retryAfter ?? 0) / 1000 : 0;
}

/** Returns what a person may copy for whoever runs the server; empty where there is nothing. */
export function referenceOf(error: unknown): string {
  if (error instanceof JmapError) return error.kind === 'offline' ? '' : error.reference;
  if (error instanceof Problem) return error.incident || `${error.status} ${error.condition}`.trim();
  return error instanceof Error && !(error instanceof Offline) ? error.name : '';
}
