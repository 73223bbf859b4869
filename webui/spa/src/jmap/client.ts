/**
 * The JMAP client: calls that are made in one turn of the event loop leave in one request.
 *
 * A call is a promise of its answer. It may stand for a value in later calls of its group
 * (`query.ref('/ids')`, RFC 8620 §3.7). The calls of a group are always in one request, in order;
 * single calls fill up requests together. At most four requests are under way (WEBUI §2).
 *
 * A group may be given up by its signal: its request is aborted once nobody waits for any of it.
 */
import { aborted, isAbort, MethodError, OfflineError, OverError, RequestError } from './errors';
import { isReading, using, type Answers, type MethodName, type Reference, type Written } from './methods';
import { Session, type Capability, type Limits } from './session';
import { Slots, type Urgency } from './slots';
import { pause, sent, type Pause, type Transport } from './transport';
import type { Id, SessionObject } from './types';

const REQUESTS_AT_ONCE = 4;
/** A Date field has whole seconds, and an answer takes a while. */
const CLOCKS_AGREE_MS = 5_000;
const SESSION_PATH = '/jmap/session';

export interface How {
  signal?: AbortSignal | undefined;
  urgency?: Urgency;
  /** Whether doing it twice does no harm, though it changes something: then a loss is repeated. */
  isRepeatable?: boolean;
  /** Whether it leaves in a request of its own, so that giving it up aborts that. */
  isAlone?: boolean;
  /** Lets the request outlive the page; its body is at most 64 KB then. */
  keepalive?: boolean;
}

type Invocation = [name: string, body: Record<string, unknown>, id: string];

/** A call, which is a promise of its answer as well. */
export interface Call<Name extends MethodName> extends Promise<Answers<Name>> {
  /** Stands for a value of the answer in a later call of the same group. */
  ref(path: string): Reference;
}

interface Pending {
  name: MethodName;
  body: Record<string, unknown>;
  id: string;
  answer(body: Record<string, unknown>): void;
  also(name: string, body: Record<string, unknown>): void;
  fail(error: unknown): void;
}

/** Calls that go together. Make them all, then `send`, in one turn. */
export class Group {
  readonly calls: Pending[] = [];
  readonly how: How;
  /** What other methods did because of these calls, as in onSuccessUpdateEmail (RFC 8621 §7.5). */
  readonly implied: { name: string; body: Record<string, unknown> }[] = [];
  #next: () => string;
  isOver = false;

  constructor(next: () => string, how: How) {
    this.#next = next;
    this.how = how;
  }

  call<Name extends MethodName>(name: Name, body: Written<Name>): Call<Name> {
    const id = this.#next();
    const promise = new Promise<Answers<Name>>((answer, fail) => {
      this.calls.push({
        name,
        body: body as Record<string, unknown>,
        id,
        answer: (told) => answer(told as unknown as Answers<Name>),
        also: (other, told) => this.implied.push({ name: other, body: told }),
        fail,
      });
    });
    promise.catch(() => undefined); // whoever wants it sees it fail; nobody has to
    return Object.assign(promise, { ref: (path: string) => ({ resultOf: id, name, path }) });
  }

  fail(error: unknown): void {
    this.isOver = true;
    for (const call of this.calls) call.fail(error);
  }
}

export class JmapClient {
  /** Told of each exchange: whether the server was reached. */
  onReached: (reached: boolean) => void = () => undefined;
  /** Told when the server says that its session object is another by now (RFC 8620 §3.4). */
  onSessionChanged: () => void = () => undefined;
  #transport: Transport | undefined;
  #session: Session | undefined;
  #opening: Promise<void> | undefined;
  #first: Promise<unknown> | undefined;
  #slots = new Slots(REQUESTS_AT_ONCE);
  #queue: Group[] = [];
  #isFlushing = false;
  /** By how much the server's clock is ahead of this device's, in milliseconds. */
  #ahead = 0;
  #count = 0;
  #wait: Pause;
  #life = new AbortController();

  constructor(wait: Pause = pause) {
    this.#wait = wait;
  }

  /**
   * Uses `transport` from now on, and asks what the server can do. Calls may be made at once: they
   * wait for it, and for `first`, if something else has to come before. Throws as `call`.
   */
  open(transport: Transport, first?: Promise<unknown>): Promise<void> {
    this.#transport = transport;
    this.#life = new AbortController();
    this.#first = first;
    return this.ready();
  }

  /** Resolves once it is known what the server can do; asks again where that failed before. */
  async ready(): Promise<void> {
    if (this.#session) return;
    this.#opening ??= this.#begin().finally(() => (this.#opening = undefined));
    await this.#opening;
  }

  async #begin(): Promise<void> {
    await this.#first;
    await this.refresh();
  }

  /** Asks anew what the server can do. */
  async refresh(): Promise<void> {
    const answer = await this.fetch(SESSION_PATH, {}, { isRepeatable: true });
    this.#session = new Session((await answer.json()) as SessionObject);
  }

  /** Works with what the server said it can do an earlier time, for while it is not reached. */
  restore(object: SessionObject): void {
    this.#session = new Session(object);
  }

  /** Gives up whatever is under way; nothing can be asked any more until `open`. */
  close(): void {
    this.#life.abort();
    this.#session = undefined;
    this.#transport = undefined;
    for (const group of this.#queue.splice(0)) group.fail(new OverError());
  }

  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  get session(): Session {
    if (!this.#session) throw new OverError();
    return this.#session;
  }

  get transport(): Transport {
    if (!this.#transport) throw new OverError();
    return this.#transport;
  }

  get accountId(): Id {
    return this.session.accountId;
  }

  get limits(): Limits {
    return this.session.limits;
  }

  can(capability: Capability): boolean {
    return this.#session?.can(capability) ?? false;
  }

  /**
   * Calls one method.
   *
   * Throws OfflineError, HttpError, RequestError, MethodError, OverError; AbortError.
   */
  call<Name extends MethodName>(
    name: Name,
    body: Written<Name>,
    how: How = {},
  ): Promise<Answers<Name>> {
    const group = this.group(how);
    const call = group.call(name, body);
    this.send(group);
    return call;
  }

  /** Begins a group of calls that go in one request. */
  group(how: How = {}): Group {
    return new Group(() => `c${(this.#count += 1)}`, how);
  }

  /** Sends a group; its calls are answered or fail, each by itself. */
  send(group: Group): void {
    const { signal } = group.how;
    if (signal?.aborted) {
      group.fail(aborted());
      return;
    }
    signal?.addEventListener('abort', () => group.fail(aborted()), { once: true });
    this.#queue.push(group);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  /**
   * Sends an HTTP request as this client does: again after a pause where that helps.
   *
   * Throws OfflineError, HttpError, RequestError, OverError; AbortError.
   */
  async fetch(path: string, init: RequestInit, how: How = {}): Promise<Response> {
    const life = this.#life.signal;
    const signal = how.signal ? AbortSignal.any([how.signal, life]) : life;
    const retrying = { signal, isRepeatable: how.isRepeatable ?? false };
    try {
      const answer = await sent(this.transport, path, init, retrying, this.#wait);
      this.onReached(true);
      this.#compareClocks(answer);
      return answer;
    } catch (error) {
      if (isAbort(error)) throw life.aborted ? new OverError() : error;
      this.onReached(!(error instanceof Error && error.name === 'OfflineError'));
      throw error;
    }
  }

  /** What time it is on the server, in milliseconds as `Date.now()` has them. */
  now(): number {
    return Date.now() + this.#ahead;
  }

  #compareClocks(answer: Response): void {
    const told = Date.parse(answer.headers.get('date') ?? '');
    if (Number.isNaN(told)) return;
    const ahead = told - Date.now();
    this.#ahead = Math.abs(ahead) < CLOCKS_AGREE_MS ? 0 : ahead;
  }

  #flush(): void {
    const waiting = this.#queue.splice(0).filter((group) => !group.isOver);
    const shared = new Map<string, Group[]>();
    for (const group of waiting) {
      if (group.how.isAlone) {
        void this.#exchange([group]);
        continue;
      }
      // What is repeated after a loss never takes along what must not be.
      const kind = `${group.how.urgency ?? 'soon'} ${isRepeatable(group)} ${group.how.keepalive ?? false}`;
      shared.set(kind, [...(shared.get(kind) ?? []), group]);
    }
    for (const groups of shared.values()) {
      for (const some of this.#cut(groups)) void this.#exchange(some);
    }
  }

  /** Cuts groups into requests of as many calls as the server takes. */
  #cut(groups: Group[]): Group[][] {
    const most = this.#session?.limits.callsInRequest ?? 16;
    const requests: Group[][] = [];
    let room = 0;
    for (const group of groups) {
      if (group.calls.length > room || requests.length === 0) {
        requests.push([]);
        room = most;
      }
      requests.at(-1)?.push(group);
      room -= group.calls.length;
    }
    return requests;
  }

  async #exchange(groups: Group[]): Promise<void> {
    const wanted = new AbortController();
    for (const group of groups) {
      group.how.signal?.addEventListener(
        'abort',
        () => {
          if (groups.every((each) => each.isOver)) wanted.abort();
        },
        { once: true },
      );
    }
    try {
      const first = groups[0]?.how;
      if (!this.#session) await this.ready();
      await this.#slots.run(
        () => this.#ask(groups, wanted.signal),
        first?.urgency ?? 'soon',
        wanted.signal,
      );
    } catch (error) {
      for (const group of groups) group.fail(error);
    }
  }

  async #ask(groups: Group[], signal: AbortSignal): Promise<void> {
    const { accountId, apiPath, object } = this.session;
    const calls = groups.filter((group) => !group.isOver).flatMap((group) => group.calls);
    if (calls.length === 0) return;
    const methodCalls = calls.map(({ name, body, id }): Invocation => {
      return [name, name === 'Core/echo' ? body : { accountId, ...body }, id];
    });
    const body = JSON.stringify({ using: using(calls.map((call) => call.name)), methodCalls });
    const init: RequestInit = {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body,
    };
    if (groups[0]?.how.keepalive) init.keepalive = true;
    const how = { signal, isRepeatable: groups.every(isRepeatable) };
    const answer = await this.fetch(apiPath, init, how);
    const told = (await answer.json().catch(broken)) as {
      methodResponses: Invocation[];
      sessionState: string;
    };
    if (!Array.isArray(told.methodResponses)) throw new RequestError({ type: 'notResponse' });
    share(calls, told.methodResponses);
    if (told.sessionState !== object.state) this.onSessionChanged();
  }
}

/** An answer that broke off in the middle is one that never came. */
function broken(error: unknown): never {
  throw error instanceof TypeError ? new OfflineError() : error;
}

/** Gives each call its answer; a call's first answer is its own, others are what it implied. */
function share(calls: readonly Pending[], responses: readonly Invocation[]): void {
  const waiting = new Map(calls.map((call) => [call.id, call]));
  const byId = new Map(waiting);
  for (const [name, body, id] of responses) {
    const call = waiting.get(id);
    if (!call) {
      byId.get(id)?.also(name, body);
      continue;
    }
    waiting.delete(id);
    if (name === 'error') call.fail(methodError(call.name, body));
    else call.answer(body);
  }
  for (const call of waiting.values()) call.fail(new MethodError(call.name, 'noAnswer'));
}

function methodError(method: string, body: Record<string, unknown>): MethodError {
  const description = typeof body.description === 'string' ? body.description : '';
  return new MethodError(method, String(body.type ?? 'serverFail'), description);
}

function isRepeatable(group: Group): boolean {
  return group.how.isRepeatable ?? group.calls.every((call) => isReading(call.name));
}
