import { describe, expect, it } from 'vitest';
import { asJmapError, errorOf, HttpError, OfflineError, RequestError, retryAfter, SetError } from '@/jmap/errors';
import { json } from '../support/scripted';

describe('an answer that is no success', () => {
  it('is what its problem details say', async () => {
    const said = { condition: 'over_quota', detail: 'the account is full' };
    const error = await errorOf(json(said, 507));
    expect(error).toBeInstanceOf(HttpError);
    expect(error).toMatchObject({ status: 507, type: 'over_quota', description: said.detail });
    expect(error.isPassing).toBe(false);
  });

  it('without any is its status', async () => {
    const error = await errorOf(new Response('<h1>Bad Gateway</h1>', { status: 502 }));
    expect(error).toMatchObject({ type: '502', description: '' });
    expect(error.isPassing).toBe(true);
  });

  it('of JMAP is an error of the request', async () => {
    const type = 'urn:ietf:params:jmap:error:limit';
    const error = await errorOf(json({ type, limit: 'maxSizeRequest' }, 400));
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ type: 'limit', limit: 'maxSizeRequest', isPassing: false });
  });

  it.each([
    [null, undefined],
    ['', undefined],
    ['30', 30_000],
    ['Thu, 01 Jan 1970 00:00:10 GMT', 10_000],
    ['Wed, 31 Dec 1969 23:00:00 GMT', 0],
    ['soon', undefined],
  ])('says by Retry-After %j to wait %j ms', (value, expected) => {
    expect(retryAfter(value, 0)).toBe(expected);
  });
});

describe('every error', () => {
  it.each([
    [new OfflineError(), 'offline'],
    [new HttpError(500, {}), 'http'],
    [new RequestError({ type: 'urn:ietf:params:jmap:error:notJSON' }), 'request'],
    [new SetError({ type: 'overQuota' }), 'set'],
    [asJmapError(new TypeError('x is not a function')), 'bug'],
  ])('has a text to copy: %s', (error, kind) => {
    expect(error.kind).toBe(kind);
    expect(error.reference).toMatch(new RegExp(`^${kind}/\\S+ \\d{4}-\\d\\d-\\d\\dT[\\d:]{8}Z$`));
  });

  it('of ours stays what it is', () => {
    const error = new OfflineError();
    expect(asJmapError(error)).toBe(error);
  });
});
