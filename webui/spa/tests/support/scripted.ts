/** Answers at the network's edge: what a server would say, written down. */
import { JmapClient } from '@/jmap/client';
import type { Transport } from '@/jmap/transport';

export type Invocation = [name: string, body: Record<string, unknown>, id: string];
export interface Asked {
  path: string;
  init: RequestInit;
  calls: Invocation[];
}

export const ACCOUNT = 'A1';

export const SESSION = {
  capabilities: {
    'urn:ietf:params:jmap:core': {
      maxSizeUpload: 1000,
      maxConcurrentUpload: 4,
      maxSizeRequest: 10_000_000,
      maxConcurrentRequests: 8,
      maxCallsInRequest: 8,
      maxObjectsInGet: 3,
      maxObjectsInSet: 3,
      collationAlgorithms: [],
    },
  },
  accounts: {
    [ACCOUNT]: {
      name: 'anna@example.org',
      accountCapabilities: {
        'urn:ietf:params:jmap:mail': { maxSizeAttachmentsPerEmail: 5000 },
        'urn:ietf:params:jmap:submission': { maxDelayedSend: 3600 },
        'urn:zegel:params:jmap:preferences': {},
      },
    },
  },
  primaryAccounts: { 'urn:ietf:params:jmap:mail': ACCOUNT },
  username: 'anna@example.org',
  apiUrl: 'https://mail.example.org/jmap',
  downloadUrl: 'https://mail.example.org/jmap/download/{accountId}/{blobId}/{name}?type={type}',
  uploadUrl: 'https://mail.example.org/jmap/upload/{accountId}',
  eventSourceUrl:
    'https://mail.example.org/jmap/events?types={types}&closeafter={closeafter}&ping={ping}',
  state: 's1',
};

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': type, ...headers },
  });
}

export type Reply = (asked: Asked) => Response | Promise<Response>;
type MethodReply = (body: Record<string, unknown>, call: Invocation) => Record<string, unknown>;

/** Answers method calls by name; what is not scripted is an error, as an unknown method is. */
export function methods(replies: Record<string, MethodReply>): Reply {
  return ({ calls }) =>
    json({
      sessionState: SESSION.state,
      methodResponses: calls.map((call) => {
        const reply = replies[call[0]];
        if (!reply) return ['error', { type: 'unknownMethod' }, call[2]];
        const body = reply(call[1], call);
        return body.type === undefined || body.list ? [call[0], body, call[2]] : ['error', body, call[2]];
      }),
    });
}

/** A network of which every answer is written down, and every question is kept. */
export class Script implements Transport {
  readonly asked: Asked[] = [];
  readonly csrf = 'token';
  checks = 0;
  /** What its clock says; else nothing is told of it. */
  time: Date | undefined;
  #replies: Reply[] = [];
  /** Answers whatever has no reply of its own. */
  otherwise: Reply = () => json({ detail: 'nothing is scripted' }, 500);

  /** Answers the next request. */
  then(...replies: Reply[]): this {
    this.#replies.push(...replies);
    return this;
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    if (path === '/jmap/session') return json(SESSION);
    const body = typeof init.body === 'string' ? (JSON.parse(init.body) as unknown) : {};
    const calls = (body as { methodCalls?: Invocation[] }).methodCalls ?? [];
    const asked = { path, init, calls };
    this.asked.push(asked);
    if (init.signal?.aborted) throw new DOMException('aborted', 'AbortError');
    return new Promise((resolve, reject) => {
      init.signal?.addEventListener('abort', () => {
        reject(new DOMException('aborted', 'AbortError'));
      });
      const reply = this.#replies.shift() ?? this.otherwise;
      Promise.resolve()
        .then(() => reply(asked))
        .then((answer) => {
          if (this.time) answer.headers.set('date', this.time.toUTCString());
          return answer;
        })
        .then(resolve, reject);
    });
  }

  async check(): Promise<boolean> {
    this.checks += 1;
    return true;
  }
}

/** Returns a client that is open, and the network under it; its pauses are over at once. */
export async function scripted(otherwise?: Reply): Promise<{ client: JmapClient; net: Script }> {
  const net = new Script();
  if (otherwise) net.otherwise = otherwise;
  const client = new JmapClient(async () => undefined);
  await client.open(net);
  return { client, net };
}

/** Waits until everything that needs no clock has happened. */
export async function settled(): Promise<void> {
  for (let n = 0; n < 20; n += 1) await Promise.resolve();
  await new Promise((go) => setTimeout(go, 0));
}
