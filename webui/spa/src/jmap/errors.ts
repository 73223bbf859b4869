/**
 * What can go wrong between the app and the server, each with a text that may be copied for
 * whoever runs the server.
 *
 * Source: RFC 8620 §3.6 (requests and methods), §5.3 (objects in a set); RFC 9457 (problem details).
 */
import type { SetErrorObject } from './types';

/**
 * At which level something failed: `over` where the client was closed meanwhile, `unsupported` what
 * this server does not offer, `bug` what the app did wrong itself.
 */
export type ErrorKind =
  'offline' | 'http' | 'request' | 'method' | 'set' | 'over' | 'unsupported' | 'bug';

const INCIDENT = /incident ([0-9a-f]{8})/;

export abstract class JmapError extends Error {
  abstract readonly kind: ErrorKind;
  /** The protocol's word, as in `overQuota`; the server's condition, or a status. */
  readonly type: string;
  /** The server's own English sentence; empty where it said none. */
  readonly description: string;
  /** When it was noticed. */
  readonly at = new Date();

  constructor(type: string, description = '') {
    super(description ? `${type}: ${description}` : type);
    this.name = new.target.name;
    this.type = type;
    this.description = description;
  }

  /** A text to copy: by its incident the operator finds a failure in the log. */
  get reference(): string {
    const incident = INCIDENT.exec(this.description)?.[1];
    const when = this.at.toISOString().slice(0, 19);
    return `${this.kind}/${this.type}${incident ? ` ${incident}` : ''} ${when}Z`;
  }

  /** Whether the same may succeed later without anybody changing anything. */
  get isPassing(): boolean {
    return false;
  }
}

/** The network did not carry the question or its answer; what changes may have been done. */
export class OfflineError extends JmapError {
  readonly kind = 'offline';

  constructor() {
    super('offline', 'the server was not reached');
  }

  override get isPassing(): boolean {
    return true;
  }
}

/** The server refused the whole exchange. */
export class HttpError extends JmapError {
  readonly kind = 'http';
  readonly status: number;
  /** After how many milliseconds it may be tried again; undefined where nothing was said. */
  readonly retryAfter: number | undefined;

  constructor(status: number, body: Record<string, unknown>, retryAfter?: number) {
    super(text(body.condition) || String(status), text(body.detail));
    this.status = status;
    this.retryAfter = retryAfter;
  }

  override get isPassing(): boolean {
    return this.status === 429 || this.status === 503 || this.status === 502 || this.status === 504;
  }
}

/** The server does not take the request: not JSON, no request, too much of it. */
export class RequestError extends JmapError {
  readonly kind = 'request';
  /** Which limit, as in `maxConcurrentRequests`; empty where it is another error. */
  readonly limit: string;

  constructor(body: Record<string, unknown>) {
    super(text(body.type).replace('urn:ietf:params:jmap:error:', ''), text(body.detail));
    this.limit = text(body.limit);
  }

  override get isPassing(): boolean {
    return this.limit === 'maxConcurrentRequests' || this.limit === 'maxConcurrentUpload';
  }
}

/** One method call failed; nothing of it took place. */
export class MethodError extends JmapError {
  readonly kind = 'method';
  readonly method: string;

  constructor(method: string, type: string, description = '') {
    super(type, description);
    this.method = method;
  }

  override get reference(): string {
    return `${this.method} ${super.reference}`;
  }

  override get isPassing(): boolean {
    return this.type === 'serverUnavailable';
  }
}

/** One object of a set was refused. */
export class SetError extends JmapError {
  readonly kind = 'set';
  readonly object: SetErrorObject;

  constructor(object: SetErrorObject) {
    super(object.type, object.description ?? '');
    this.object = object;
  }

  /** The properties that are at fault. */
  get properties(): string[] {
    return this.object.properties ?? [];
  }

  override get isPassing(): boolean {
    return this.type === 'rateLimit';
  }
}

/** The server does not offer what was asked for. */
export class UnsupportedError extends JmapError {
  readonly kind = 'unsupported';

  constructor(what: string) {
    super('unsupported', what);
  }
}

/** The client was closed: whoever was signed in is not any more. */
export class OverError extends JmapError {
  readonly kind = 'over';

  constructor() {
    super('over', 'the session is over');
  }
}

/** Something in the app itself went wrong. */
export class BugError extends JmapError {
  readonly kind = 'bug';

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.name : 'unknown');
    this.cause = cause;
  }
}

/** Returns the error of an answer that is no success. */
export async function errorOf(answer: Response): Promise<HttpError | RequestError> {
  let body: Record<string, unknown> = {};
  if (answer.headers.get('content-type')?.includes('json')) {
    body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  }
  if (text(body.type).startsWith('urn:ietf:params:jmap:error:')) return new RequestError(body);
  return new HttpError(answer.status, body, retryAfter(answer.headers.get('retry-after')));
}

/** Reads `Retry-After`, in milliseconds (RFC 9110 §10.2.3). */
export function retryAfter(value: string | null, now = Date.now()): number | undefined {
  if (value === null || !value.trim()) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** Says whether `error` is only that somebody no longer wants the answer. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** Returns what is thrown where an answer is not wanted any more. */
export function aborted(): DOMException {
  return new DOMException('not wanted any more', 'AbortError');
}

/** Returns `error` as one of ours; whatever else was thrown is a fault of the app. */
export function asJmapError(error: unknown): JmapError {
  return error instanceof JmapError ? error : new BugError(error);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
