// What a client gets of what is stored, and what the origin is asked about it (RFC 9111 §4).
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { cacheStatusOf, fetchVia, onlyValueOf, originsOf, requestFor, startCachingProxy } from '../support/cached.ts';
import { type Origin, type RequestHandler, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import type { TestProxy } from '../support/start-proxy.ts';
import { valuesOf, type WireField } from '../support/strict-message.ts';

const FRESH: WireField = ['Cache-Control', 'max-age=3600'];
const STALE: WireField = ['Cache-Control', 'max-age=1'];
const OLD: WireField = ['Age', '60'];
const TAG: WireField = ['ETag', '"one"'];
const DATE = new Date(Date.now() - 5_000).toUTCString();
const MODIFIED: WireField = ['Last-Modified', 'Sat, 21 Nov 2026 10:00:00 GMT'];

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startCachingProxy();
});
afterAll(() => proxy.close());

const originOf = originsOf('content');

async function startFor(handler: RequestHandler): Promise<Origin> {
  const origin = await startOrigin(handler);
  onTestFinished(() => origin.close());
  return origin;
}

describe('a fresh response', () => {
  it('answers without the origin, whole and with its fields; Age is exactly one, Date is kept (§4, §5.1)', async () => {
    const fields: WireField[] = [FRESH, ['Date', DATE], OLD, ['X-Odd', 'a'], ['x-odd', 'b'], ['Connection', 'X-Hop'], ['X-Hop', '1']];
    const origin = await originOf({ fields });
    await fetchVia(proxy, `${origin.url}/`);
    const hit = await fetchVia(proxy, `${origin.url}/`);
    expect(origin.requests).toHaveLength(1);
    expect([hit.status, hit.reason, hit.body.toString(), onlyValueOf(hit, 'date')]).toEqual([200, 'OK', 'content', DATE]);
    expect(Number(onlyValueOf(hit, 'age'))).toBeGreaterThanOrEqual(60);
    expect([valuesOf(hit.fields, 'x-odd'), valuesOf(hit.fields, 'x-hop')]).toEqual([['a', 'b'], []]);
    expect(onlyValueOf(hit, 'content-length')).toBe('7');
  });

  it('gets a Date where its origin sent none, and keeps it (RFC 9110 §6.6.1)', async () => {
    const origin = await originOf({ fields: [FRESH] });
    const miss = await fetchVia(proxy, `${origin.url}/`);
    const hit = await fetchVia(proxy, `${origin.url}/`);
    expect(onlyValueOf(miss, 'date')).toBeDefined();
    expect(onlyValueOf(hit, 'date')).toBe(onlyValueOf(miss, 'date'));
  });

  it('is validated once the clock was set back behind its receipt, and then as fresh as it says (RFC 9111 §4.2.3)', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const origin = await originOf({ fields: [FRESH, TAG] }, { status: 304, fields: [TAG] });
    const other = await originOf({ fields: [FRESH] }, { fields: [FRESH], body: 'in time' });
    const wrong = await startCachingProxy();
    onTestFinished(() => wrong.close());
    const inTime = Date.now();
    vi.setSystemTime(inTime + 365 * 86_400_000);
    await fetchVia(wrong, `${origin.url}/`);
    await fetchVia(wrong, `${other.url}/`);
    expect(cacheStatusOf(await fetchVia(wrong, `${origin.url}/`))).toMatch(/^hit;ttl=/);
    vi.setSystemTime(inTime);
    expect(cacheStatusOf(await fetchVia(wrong, `${origin.url}/`))).toBe('fwd=stale;fwd-status=304;ttl=3600;detail=clock-set-back');
    expect(cacheStatusOf(await fetchVia(wrong, `${origin.url}/`))).toBe('hit;ttl=3600');
    // What replaces it is not the older one for its time of receipt.
    await fetchVia(wrong, `${other.url}/`);
    const hit = await fetchVia(wrong, `${other.url}/`);
    expect([hit.body.toString(), cacheStatusOf(hit)]).toEqual(['in time', 'hit;ttl=3600']);
  });

  it.each<[string, WireField, number]>([
    ['If-None-Match that lists its entity tag', ['If-None-Match', 'W/"other", W/"one"'], 304],
    ['If-None-Match of any', ['If-None-Match', '*'], 304],
    ['If-None-Match of another', ['If-None-Match', '"other"'], 200],
    ['If-Modified-Since the day it was', ['If-Modified-Since', MODIFIED[1]], 304],
    ['If-Modified-Since the day before', ['If-Modified-Since', 'Fri, 20 Nov 2026 10:00:00 GMT'], 200],
  ])('answers %s (RFC 9110 §13.2.2)', async (_, condition, expected) => {
    const origin = await originOf({ fields: [FRESH, TAG, MODIFIED, ['Content-Type', 'text/plain']] });
    await fetchVia(proxy, `${origin.url}/`);
    const hit = await fetchVia(proxy, `${origin.url}/`, { fields: [condition] });
    expect([hit.status, origin.requests.length]).toEqual([expected, 1]);
    if (expected !== 304) return;
    expect([onlyValueOf(hit, 'etag'), onlyValueOf(hit, 'cache-control'), onlyValueOf(hit, 'content-type')]).toEqual([
      '"one"',
      FRESH[1],
      undefined,
    ]);
    expect(onlyValueOf(hit, 'age')).toMatch(/^\d+$/);
  });

  it('answers HEAD, with the length and no content (§4)', async () => {
    const origin = await originOf({ fields: [FRESH], chunked: true });
    await fetchVia(proxy, `${origin.url}/`);
    using client = await connectRaw(proxy);
    await client.send(requestFor(`${origin.url}/`, { method: 'HEAD' }) + requestFor(`${origin.url}/`));
    const head = await client.readResponse('HEAD');
    const hit = await client.readResponse();
    expect([head.status, onlyValueOf(head, 'content-length'), head.body.length, hit.body.toString()]).toEqual([200, '7', 0, 'content']);
    expect(origin.requests).toHaveLength(1);
  });

  it('is what GET brought, never what HEAD brought (§2)', async () => {
    const origin = await originOf({ fields: [FRESH] });
    await fetchVia(proxy, `${origin.url}/`, { method: 'HEAD' });
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('content');
    expect(origin.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });

  it('answers many on one connection, pipelined, each with all of it', async () => {
    const origin = await originOf({ fields: [FRESH] });
    await fetchVia(proxy, `${origin.url}/`);
    using client = await connectRaw(proxy);
    await client.send(requestFor(`${origin.url}/`).repeat(20));
    for (let i = 0; i < 20; i += 1) expect((await client.readResponse()).body.toString()).toBe('content');
    expect(origin.requests).toHaveLength(1);
  });
});

describe('a stale response', () => {
  it('is validated by its own validators, with the fields of the request (§4.3.1)', async () => {
    const origin = await originOf({ fields: [STALE, OLD, TAG, MODIFIED, ['Vary', 'X-Kind']] }, { status: 304, fields: [TAG] });
    await fetchVia(proxy, `${origin.url}/`, { fields: [['X-Kind', 'a']] });
    const second = await fetchVia(proxy, `${origin.url}/`, {
      fields: [
        ['X-Kind', 'a'],
        ['If-None-Match', '"other"'],
      ],
    });
    const [, validation] = origin.requests;
    expect([second.status, second.body.toString()]).toEqual([200, 'content']);
    expect(['if-none-match', 'if-modified-since', 'x-kind'].map((name) => valuesOf(validation!.fields, name))).toEqual([
      ['"one"'],
      [MODIFIED[1]],
      ['a'],
    ]);
  });

  it('answers with the fields of the 304 in place of its own, then and from then on (§3.2, §4.3.4)', async () => {
    const stored: WireField[] = [STALE, OLD, TAG, ['X-Kept', 'old'], ['X-New', 'old'], ['Content-Type', 'text/plain']];
    const confirmed: WireField[] = [FRESH, TAG, ['X-New', 'new'], ['Content-Length', '7'], ['Keep-Alive', 'x']];
    const origin = await originOf({ fields: stored }, { status: 304, fields: confirmed });
    await fetchVia(proxy, `${origin.url}/`);
    for (const expected of ['fwd=stale;fwd-status=304;ttl=3600', 'hit;ttl=3600']) {
      const response = await fetchVia(proxy, `${origin.url}/`);
      expect([response.status, response.body.toString(), onlyValueOf(response, 'age')]).toEqual([200, 'content', '0']);
      expect(['x-kept', 'x-new', 'content-type', 'keep-alive'].map((name) => onlyValueOf(response, name))).toEqual([
        'old',
        'new',
        'text/plain',
        undefined,
      ]);
      expect(cacheStatusOf(response)).toBe(expected);
    }
    expect(origin.requests).toHaveLength(2);
  });

  it('gives what a 304 names as private to whoever asked, and to nobody else, not even as it was before (§5.2.2.7)', async () => {
    const cookie = (value: string): WireField => ['Set-Cookie', `sid=${value}`];
    const origin = await originOf(
      { fields: [STALE, OLD, TAG, ['X-For', 'all']] },
      { status: 304, fields: [TAG, ['Cache-Control', 'max-age=3600, private="Set-Cookie, X-For"'], cookie('own'), ['X-For', 'one']] },
    );
    await fetchVia(proxy, `${origin.url}/`);
    const [asked, other] = [await fetchVia(proxy, `${origin.url}/`), await fetchVia(proxy, `${origin.url}/`)];
    const told = [asked, other].map((response) => [response.status, onlyValueOf(response, 'set-cookie'), onlyValueOf(response, 'x-for')]);
    expect(told).toEqual([
      [200, 'sid=own', 'one'],
      [200, undefined, undefined],
    ]);
    expect(origin.requests).toHaveLength(2);
  });

  it('is replaced by a full response, which answers (§4.3.3)', async () => {
    const origin = await originOf({ fields: [STALE, OLD, TAG] }, { fields: [FRESH, ['ETag', '"two"']], body: 'changed' });
    await fetchVia(proxy, `${origin.url}/`);
    for (let i = 0; i < 2; i += 1) expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('changed');
    expect(origin.requests).toHaveLength(2);
  });

  it('has the condition of the client evaluated on what came of it (§4.3.2)', async () => {
    const origin = await originOf(
      { fields: [STALE, OLD, TAG] },
      { status: 304, fields: [TAG, OLD] },
      { fields: [FRESH, ['ETag', '"two"']], body: 'changed' },
    );
    await fetchVia(proxy, `${origin.url}/`);
    const confirmed = await fetchVia(proxy, `${origin.url}/`, { fields: [['If-None-Match', '"one"']] });
    const changed = await fetchVia(proxy, `${origin.url}/`, { fields: [['If-None-Match', '"two"']] });
    const after = await fetchVia(proxy, `${origin.url}/`);
    expect([confirmed.status, changed.status, after.body.toString(), origin.requests.length]).toEqual([304, 304, 'changed', 3]);
    expect(valuesOf(origin.requests[2]!.fields, 'if-none-match')).toEqual(['"one"']);
  });

  it('says how old it is, to a condition that it meets as it comes (§5.1)', async () => {
    const origin = await originOf({ fields: [STALE, OLD, TAG] }, { fields: [FRESH, ['Age', '30'], ['ETag', '"two"']] });
    await fetchVia(proxy, `${origin.url}/`);
    const response = await fetchVia(proxy, `${origin.url}/`, { fields: [['If-None-Match', '"two"']] });
    expect([response.status, onlyValueOf(response, 'age')]).toEqual([304, expect.stringMatching(/^3\d$/)]);
  });

  it('lets a condition of the client pass where nothing is stored', async () => {
    const origin = await originOf({ status: 304, fields: [TAG] });
    const response = await fetchVia(proxy, `${origin.url}/`, { fields: [['If-None-Match', '"one"']] });
    expect([response.status, valuesOf(origin.requests[0]!.fields, 'if-none-match')]).toEqual([304, ['"one"']]);
    expect(cacheStatusOf(response)).toContain('fwd=uri-miss');
  });

  it('is validated at every use under no-cache, and content is not sent again (§5.2.2.4)', async () => {
    const fields: WireField[] = [['Cache-Control', 'no-cache, max-age=60'], TAG];
    const origin = await originOf({ fields }, { status: 304, fields });
    for (let i = 0; i < 3; i += 1) expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('content');
    expect(origin.requests.map(({ fields: sent }) => valuesOf(sent, 'if-none-match').length)).toEqual([0, 1, 1]);
  });
});

describe('HEAD that reaches the origin (§4.3.5)', () => {
  it.each<[string, WireField[], boolean]>([
    ['freshens what it agrees with', [FRESH, TAG], true],
    ['makes stale what has another entity tag by now', [FRESH, ['ETag', '"two"']], false],
    ['makes stale what has another length by now', [FRESH, TAG, ['Content-Length', '8']], false],
  ])('%s', async (_, fields, isFreshened) => {
    const origin = await originOf({ fields: [STALE, OLD, TAG] }, { fields }, { fields: [FRESH], body: 'changed' });
    await fetchVia(proxy, `${origin.url}/`);
    await fetchVia(proxy, `${origin.url}/`, { method: 'HEAD' });
    const after = await fetchVia(proxy, `${origin.url}/`);
    expect([after.body.toString(), origin.requests.map(({ method }) => method)]).toEqual(
      isFreshened ? ['content', ['GET', 'HEAD']] : ['changed', ['GET', 'HEAD', 'GET']],
    );
  });
});

describe('a method that is not safe (§4.4)', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'FROBNICATE'])(
    '%s invalidates what is stored, before its answer reaches the client',
    async (method) => {
      const origin = await originOf({ fields: [FRESH] }, { status: 200, body: 'done' }, { fields: [FRESH], body: 'changed' });
      await fetchVia(proxy, `${origin.url}/`);
      using client = await connectRaw(proxy);
      // The GET comes right behind it, on the same connection.
      await client.send(requestFor(`${origin.url}/`, { method, body: 'x' }) + requestFor(`${origin.url}/`));
      expect((await client.readResponse()).body.toString()).toBe('done');
      expect((await client.readResponse()).body.toString()).toBe('changed');
    },
  );

  it.each([400, 404, 500, 503])('leaves it where it is answered %i', async (status) => {
    const origin = await originOf({ fields: [FRESH] }, { status });
    await fetchVia(proxy, `${origin.url}/`);
    await fetchVia(proxy, `${origin.url}/`, { method: 'POST', body: 'x' });
    expect(cacheStatusOf(await fetchVia(proxy, `${origin.url}/`))).toMatch(/^hit/);
  });

  it('invalidates every variant, and what Location and Content-Location of the same origin name', async () => {
    const origin = await startFor((request, reply) =>
      reply.response(
        request.method === 'GET'
          ? { fields: [FRESH, ['Vary', 'X-Kind']], body: 'content' }
          : {
              status: 201,
              fields: [
                ['Location', '/made'],
                ['Content-Location', '/list'],
              ],
            },
      ),
    );
    const variants = ['a', 'b'].map((kind) => ({ fields: [['X-Kind', kind]] as const }));
    const urls = ['/', '/made', '/list', '/other'].map((path) => origin.url + path);
    for (const url of urls) for (const variant of variants) await fetchVia(proxy, url, variant);
    await fetchVia(proxy, urls[0]!, { method: 'POST', body: 'x' });
    const after: string[] = [];
    for (const url of urls)
      for (const variant of variants) after.push(cacheStatusOf(await fetchVia(proxy, url, variant))?.split(';')[0] ?? '');
    expect(after).toEqual([...Array(6).fill('fwd=stale'), 'hit', 'hit']);
  });

  it('leaves what Location of another origin names', async () => {
    const other = await originOf({ fields: [FRESH] });
    const origin = await originOf({ status: 201, fields: [['Location', `${other.url}/`]] });
    await fetchVia(proxy, `${other.url}/`);
    await fetchVia(proxy, `${origin.url}/`, { method: 'POST', body: 'x' });
    expect(cacheStatusOf(await fetchVia(proxy, `${other.url}/`))).toMatch(/^hit/);
  });

  it.each<[string, WireField[]]>([
    ['that others could have waited for', []],
    ['of its own', [['Authorization', 'Basic eDp5']]],
  ])('outdates a response %s that is still on its way', async (_, fields) => {
    const isHeld = Promise.withResolvers<void>();
    const isAsked = Promise.withResolvers<void>();
    let gets = 0;
    const origin = await startFor(async (request, reply) => {
      if (request.method !== 'GET') return reply.response({ body: 'done' });
      gets += 1;
      if (gets > 1) return reply.response({ fields: [FRESH, ['Cache-Control', 'public']], body: 'changed' });
      isAsked.resolve();
      await isHeld.promise;
      return reply.response({ fields: [FRESH, ['Cache-Control', 'public']], body: 'content' });
    });
    const early = fetchVia(proxy, `${origin.url}/`, { fields });
    await isAsked.promise;
    await fetchVia(proxy, `${origin.url}/`, { method: 'PUT', body: 'x' });
    // Whoever asks after the answer to PUT is not answered with what was asked for before it.
    expect((await fetchVia(proxy, `${origin.url}/`, { fields })).body.toString()).toBe('changed');
    isHeld.resolve();
    expect((await early).body.toString()).toBe('content');
    expect((await fetchVia(proxy, `${origin.url}/`, { fields })).body.toString()).toBe('changed');
  });

  it('outdates a validation that is still on its way', async () => {
    const isHeld = Promise.withResolvers<void>();
    const isAsked = Promise.withResolvers<void>();
    let gets = 0;
    const origin = await startFor(async (request, reply) => {
      if (request.method !== 'GET') return reply.response({ body: 'done' });
      gets += 1;
      if (gets === 1) return reply.response({ fields: [STALE, OLD, TAG], body: 'content' });
      if (gets > 2) return reply.response({ fields: [FRESH, ['ETag', '"two"']], body: 'changed' });
      isAsked.resolve();
      await isHeld.promise;
      return reply.response({ status: 304, fields: [FRESH, TAG] });
    });
    await fetchVia(proxy, `${origin.url}/`);
    const early = fetchVia(proxy, `${origin.url}/`);
    await isAsked.promise;
    await fetchVia(proxy, `${origin.url}/`, { method: 'DELETE' });
    isHeld.resolve();
    expect((await early).body.toString()).toBe('content');
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('changed');
  });
});
