import { describe, expect, it } from 'vitest';
import { HttpError, MethodError, OfflineError, OverError, RequestError } from '@/jmap/errors';
import { JmapClient } from '@/jmap/client';
import { ACCOUNT, json, methods, scripted, Script, SESSION, settled } from '../support/scripted';

const echo = methods({ 'Core/echo': (body) => body, 'Mailbox/get': () => ({ list: [], state: '1' }) });
const busy = (type: string, limit = '') => () =>
  json({ type: `urn:ietf:params:jmap:error:${type}`, limit, detail: 'no' }, 400);

describe('calls', () => {
  it('of one turn leave in one request, in order', async () => {
    const { client, net } = await scripted(echo);
    const both = [client.call('Core/echo', { n: 1 }), client.call('Core/echo', { n: 2 })];
    expect(await Promise.all(both)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(net.asked).toHaveLength(1);
    expect(net.asked[0]?.calls.map(([name, body]) => [name, body])).toEqual([
      ['Core/echo', { n: 1 }],
      ['Core/echo', { n: 2 }],
    ]);
  });

  it('of another turn leave in another request', async () => {
    const { client, net } = await scripted(echo);
    const first = client.call('Core/echo', {});
    await settled();
    await Promise.all([first, client.call('Core/echo', {})]);
    expect(net.asked).toHaveLength(2);
  });

  it('name their account and the capabilities that they use, and are JSON', async () => {
    const { client, net } = await scripted(echo);
    await client.call('Mailbox/get', { ids: null });
    const [asked] = net.asked;
    expect(asked?.path).toBe('/jmap');
    expect(new Headers(asked?.init.headers).get('content-type')).toBe('application/json');
    expect(JSON.parse(String(asked?.init.body))).toMatchObject({
      using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail'],
      methodCalls: [['Mailbox/get', { accountId: ACCOUNT, ids: null }, 'c1']],
    });
  });

  it('stand for values of their answers within a group', async () => {
    const { client, net } = await scripted(echo);
    const group = client.group();
    const query = group.call('Email/query', { position: 0 });
    void group.call('Email/get', { '#ids': query.ref('/ids'), properties: ['id'] });
    client.send(group);
    await settled();
    expect(net.asked[0]?.calls[1]?.[1]).toMatchObject({
      '#ids': { resultOf: net.asked[0]?.calls[0]?.[2], name: 'Email/query', path: '/ids' },
    });
  });

  it('are cut into requests of as many as the server takes, and groups stay whole', async () => {
    const { client, net } = await scripted(echo);
    const groups = [3, 3, 3, 1].map((count) => {
      const group = client.group();
      for (let n = 0; n < count; n += 1) void group.call('Core/echo', {});
      client.send(group);
      return group;
    });
    await settled();
    expect(groups).toHaveLength(4);
    expect(net.asked.map((asked) => asked.calls.length)).toEqual([6, 4]);
  });

  it('fail each by itself', async () => {
    const refuse = methods({
      'Core/echo': (body) => body,
      'Thread/get': () => ({ type: 'serverFail', description: 'by the incident 0a1b2c3d' }),
    });
    const { client } = await scripted(refuse);
    const good = client.call('Core/echo', { n: 1 });
    const bad = client.call('Thread/get', { ids: [] });
    expect(await good).toEqual({ n: 1 });
    const error = await bad.catch((each: unknown) => each);
    expect(error).toBeInstanceOf(MethodError);
    expect(error).toMatchObject({ type: 'serverFail', method: 'Thread/get' });
    expect((error as MethodError).reference).toMatch(/^Thread\/get method\/serverFail 0a1b2c3d 2/);
  });

  it('without an answer fail', async () => {
    const { client } = await scripted(() => json({ methodResponses: [], sessionState: 's1' }));
    await expect(client.call('Core/echo', {})).rejects.toMatchObject({ type: 'noAnswer' });
  });

  it('keep what other methods did because of them', async () => {
    const { client } = await scripted(({ calls }) => {
      const id = calls[0]?.[2] ?? '';
      const implied = ['Email/set', { newState: '9' }, id];
      return json({
        sessionState: SESSION.state,
        methodResponses: [['EmailSubmission/set', { newState: '3' }, id], implied],
      });
    });
    const group = client.group();
    const call = group.call('EmailSubmission/set', {});
    client.send(group);
    expect(await call).toMatchObject({ newState: '3' });
    expect(group.implied).toEqual([{ name: 'Email/set', body: { newState: '9' } }]);
  });
});

describe('requests', () => {
  it('are at most four at a time', async () => {
    const waiting: (() => void)[] = [];
    const { client, net } = await scripted(
      (asked) =>
        new Promise<Response>((resolve) => {
          waiting.push(() => resolve(echo(asked) as Response));
        }),
    );
    const calls = Array.from({ length: 6 }, () => client.call('Core/echo', {}, { isAlone: true }));
    await settled();
    expect(net.asked).toHaveLength(4);
    waiting.shift()?.();
    await settled();
    expect(net.asked).toHaveLength(5);
    while (waiting.length > 0) {
      waiting.shift()?.();
      await settled();
    }
    await Promise.all(calls);
    expect(net.asked).toHaveLength(6);
  });

  it('that are wanted soon go before those that are wanted later', async () => {
    const waiting: (() => void)[] = [];
    const { client, net } = await scripted(
      (asked) =>
        new Promise<Response>((resolve) => {
          waiting.push(() => resolve(echo(asked) as Response));
        }),
    );
    for (let n = 0; n < 4; n += 1) void client.call('Core/echo', {}, { isAlone: true });
    void client.call('Core/echo', { n: 'later' }, { isAlone: true, urgency: 'later' });
    void client.call('Core/echo', { n: 'soon' }, { isAlone: true });
    await settled();
    waiting.shift()?.();
    await settled();
    expect(net.asked[4]?.calls[0]?.[1]).toEqual({ n: 'soon' });
  });

  it('are asked again when the network lost them, if that does no harm', async () => {
    const { client, net } = await scripted(echo);
    net.then(() => Promise.reject(new TypeError('network')));
    expect(await client.call('Core/echo', { n: 1 })).toEqual({ n: 1 });
    expect(net.asked).toHaveLength(2);
  });

  it('that change something are never sent twice after a loss', async () => {
    const { client, net } = await scripted(echo);
    net.then(() => Promise.reject(new TypeError('network')));
    const lost = client.call('Email/set', { create: {} });
    await expect(lost).rejects.toBeInstanceOf(OfflineError);
    expect(net.asked).toHaveLength(1);
  });

  it('that change something do not travel with what is repeated', async () => {
    const { client, net } = await scripted(echo);
    void client.call('Core/echo', {});
    void client.call('Email/set', {});
    await settled();
    expect(net.asked).toHaveLength(2);
  });

  it.each([
    ['429', () => json({ condition: 'try_later' }, 429, { 'retry-after': '30' })],
    ['too many at once', busy('limit', 'maxConcurrentRequests')],
  ])('that were refused (%s) are sent again, whatever they do', async (_, refuse) => {
    const waits: number[] = [];
    const net = new Script();
    net.otherwise = methods({ 'Email/set': () => ({ newState: '2' }) });
    const client = new JmapClient(async (milliseconds) => void waits.push(milliseconds));
    await client.open(net);
    net.then(refuse);
    expect(await client.call('Email/set', {})).toEqual({ newState: '2' });
    expect(net.asked).toHaveLength(2);
    expect(waits).toHaveLength(1);
  });

  it('wait as long as the server says', async () => {
    const waits: number[] = [];
    const net = new Script();
    net.otherwise = echo;
    const client = new JmapClient(async (milliseconds) => void waits.push(milliseconds));
    await client.open(net);
    net.then(() => json({ condition: 'busy' }, 503, { 'retry-after': '7' }));
    await client.call('Core/echo', {});
    expect(waits).toEqual([7000]);
  });

  it('that change something are not repeated after a 503, which may come in the middle', async () => {
    const { client, net } = await scripted(echo);
    net.then(() => json({ condition: 'busy' }, 503));
    await expect(client.call('Email/set', {})).rejects.toMatchObject({ status: 503, type: 'busy' });
    expect(net.asked).toHaveLength(1);
  });

  it('end after four attempts', async () => {
    const { client, net } = await scripted(() => Promise.reject(new TypeError('network')));
    await expect(client.call('Core/echo', {})).rejects.toBeInstanceOf(OfflineError);
    expect(net.asked).toHaveLength(4);
  });

  it('that are no requests fail with what the server said', async () => {
    const { client } = await scripted(busy('notRequest'));
    const error = await client.call('Core/echo', {}).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ type: 'notRequest', kind: 'request' });
  });

  it('that fail with a bug carry its incident', async () => {
    const { client } = await scripted(() => json({ detail: 'finds out by the incident ffee0011' }, 500));
    const error = (await client.call('Core/echo', {}).catch((each: unknown) => each)) as HttpError;
    expect(error).toBeInstanceOf(HttpError);
    expect(error.reference).toContain('ffee0011');
  });

  it('tell whether the server was reached', async () => {
    const { client, net } = await scripted(echo);
    const told: boolean[] = [];
    client.onReached = (reached) => told.push(reached);
    await client.call('Core/echo', {});
    net.otherwise = () => Promise.reject(new TypeError('network'));
    await client.call('Core/echo', {}).catch(() => undefined);
    expect(told).toEqual([true, false]);
  });

  it('tell that the session object changed', async () => {
    const { client } = await scripted(() => json({ methodResponses: [], sessionState: 'other' }));
    let told = 0;
    client.onSessionChanged = () => (told += 1);
    await client.call('Core/echo', {}).catch(() => undefined);
    expect(told).toBe(1);
  });
});

describe('giving up', () => {
  it('before it is sent sends nothing', async () => {
    const { client, net } = await scripted(echo);
    const stop = new AbortController();
    const call = client.call('Core/echo', {}, { signal: stop.signal });
    stop.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await settled();
    expect(net.asked).toHaveLength(0);
  });

  it('aborts the request once nobody waits for any of it', async () => {
    const { client, net } = await scripted(() => new Promise<Response>(() => undefined));
    const stops = [new AbortController(), new AbortController()];
    const calls = stops.map(({ signal }) => client.call('Core/echo', {}, { signal }));
    await settled();
    stops[0]?.abort();
    await expect(calls[0]).rejects.toMatchObject({ name: 'AbortError' });
    expect(net.asked[0]?.init.signal?.aborted).toBe(false);
    stops[1]?.abort();
    await expect(calls[1]).rejects.toMatchObject({ name: 'AbortError' });
    expect(net.asked[0]?.init.signal?.aborted).toBe(true);
  });

  it('leaves the others of the same request their answers', async () => {
    let answer: () => void = () => undefined;
    const { client } = await scripted(
      (asked) =>
        new Promise<Response>((resolve) => {
          answer = () => resolve(echo(asked) as Response);
        }),
    );
    const stop = new AbortController();
    const gone = client.call('Core/echo', { n: 1 }, { signal: stop.signal });
    const kept = client.call('Core/echo', { n: 2 });
    await settled();
    stop.abort();
    answer();
    await expect(gone).rejects.toMatchObject({ name: 'AbortError' });
    expect(await kept).toEqual({ n: 2 });
  });

  it('of a waiting request frees its place in the line', async () => {
    const { client, net } = await scripted(() => new Promise<Response>(() => undefined));
    for (let n = 0; n < 4; n += 1) void client.call('Core/echo', {}, { isAlone: true });
    const stop = new AbortController();
    const call = client.call('Core/echo', {}, { isAlone: true, signal: stop.signal });
    await settled();
    stop.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect(net.asked).toHaveLength(4);
  });

  it('everything ends whatever is under way, and says that the session is over', async () => {
    const { client } = await scripted(() => new Promise<Response>(() => undefined));
    const call = client.call('Core/echo', {});
    await settled();
    client.close();
    await expect(call).rejects.toBeInstanceOf(OverError);
    await expect(client.call('Core/echo', {})).rejects.toBeInstanceOf(OverError);
  });
});

describe('an expired session', () => {
  it('holds requests until somebody signed in again', async () => {
    const net = new Script();
    net.otherwise = echo;
    let signIn: () => void = () => undefined;
    const signedIn = new Promise<void>((go) => (signIn = go));
    let isOver = true;
    const client = new JmapClient(async () => undefined);
    await client.open({
      csrf: 'token',
      check: async () => true,
      // What the app's own transport does with a 401: nothing here sees one.
      request: async (path, init) => {
        if (isOver && path === '/jmap') await signedIn;
        return net.request(path, init);
      },
    });
    const call = client.call('Core/echo', { n: 1 });
    await settled();
    expect(net.asked).toHaveLength(0);
    isOver = false;
    signIn();
    expect(await call).toEqual({ n: 1 });
  });
});
