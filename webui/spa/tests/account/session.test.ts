import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Offline } from '@/problem';

const INFO = {
  id: '00',
  address: 'anna@example.org',
  csrf: 'first',
  stay: false,
  fresh: true,
  provisional: false,
  factor_missing: false,
  expires_at: '2026-11-23T12:00:00Z',
};

type Asked = { path: string; init: RequestInit };

/** A server that answers by path; each question is noted. */
class Server {
  asked: Asked[] = [];
  info: typeof INFO | undefined = INFO;
  answers: ((asked: Asked) => Response)[] = [];

  fetch = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const asked = { path, init };
    this.asked.push(asked);
    if (path === '/api/account/session') {
      return this.info ? Response.json(this.info) : new Response(null, { status: 401 });
    }
    const answer = this.answers.shift();
    if (!answer) throw new TypeError('network');
    return answer(asked);
  };

  header(at: number, name: string): string | null {
    return new Headers(this.asked[at]!.init.headers).get(name);
  }
}

let server: Server;
let session: (typeof import('@/account/session.svelte'))['session'];

beforeEach(async () => {
  vi.resetModules();
  server = new Server();
  vi.stubGlobal('fetch', server.fetch);
  ({ session } = await import('@/account/session.svelte'));
});
afterEach(() => vi.unstubAllGlobals());

const ok = () => new Response('yes');
const refused = () => new Response(null, { status: 401 });

test('whoever has no session is out, without a dialog', async () => {
  server.info = undefined;
  expect(await session.check()).toBe(false);
  expect(session.status).toBe('out');
});

test('the token goes with what changes something, and with nothing else', async () => {
  await session.check();
  server.answers = [ok, ok];
  await session.request('/jmap', { method: 'POST' });
  await session.request('/jmap/session');
  expect(server.header(1, 'x-csrf-token')).toBe('first');
  expect(server.header(2, 'x-csrf-token')).toBeNull();
});

test('a cookie that was replaced this moment is asked for once and the request repeated', async () => {
  await session.check();
  server.info = { ...INFO, csrf: 'second' };
  server.answers = [refused, ok];
  const answer = await session.request('/jmap', { method: 'POST' });
  expect(await answer.text()).toBe('yes');
  expect(server.header(3, 'x-csrf-token')).toBe('second');
});

test('a wrong secret in a session that stands is not tried twice', async () => {
  await session.check();
  server.answers = [refused];
  const answer = await session.request('/api/account/password', { method: 'POST' });
  expect(answer.status).toBe(401);
  expect(server.asked).toHaveLength(3);
  expect(session.status).toBe('in');
});

test('requests wait while the session is over, and go on after the next sign-in', async () => {
  await session.check();
  server.info = undefined;
  server.answers = [refused, refused, ok, ok];
  const waiting = Promise.all([session.request('/a'), session.request('/b')]);
  await vi.waitFor(() => expect(session.status).toBe('expired'));
  expect(session.address).toBe('anna@example.org');
  server.info = { ...INFO, csrf: 'second' };
  await session.check();
  expect((await waiting).map((answer) => answer.status)).toEqual([200, 200]);
  expect(session.status).toBe('in');
});

test('a request that nobody wants any more waits for no sign-in', async () => {
  await session.check();
  server.info = undefined;
  server.answers = [refused];
  const wish = new AbortController();
  const waiting = session.request('/a', { signal: wish.signal });
  await vi.waitFor(() => expect(session.status).toBe('expired'));
  wish.abort();
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
});

test('a network that carries nothing is told apart from an answer', async () => {
  await session.check();
  const { Offline: Same } = await import('@/problem');
  await expect(session.request('/a')).rejects.toBeInstanceOf(Same);
  expect(new Offline().name).toBe('Offline');
});

test('a fresh session proves itself; another asks, and says whether it was done', async () => {
  expect(await session.prove()).toBe(true);
  server.info = { ...INFO, fresh: false };
  const proving = session.prove();
  await vi.waitFor(() => expect(session.isProving).toBe(true));
  await session.proved(false);
  expect(await proving).toBe(false);
  expect(session.isProving).toBe(false);
});
