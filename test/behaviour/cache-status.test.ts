// What every answer says of the cache, and what the access log does (RFC 9211).
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ACCESS_LOG_DEFAULTS } from '../../src/observe/access-log.ts';
import { LOG_FORMATS } from '../../src/observe/log-formats.ts';
import { type Asking, cacheStatusOf, fetchVia, type OriginAnswer, originsOf, requestFor, startCachingProxy } from '../support/cached.ts';
import type { Origin } from '../support/origin.ts';
import { policyOf } from '../support/policies.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf, type WireField } from '../support/strict-message.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const FRESH: WireField = ['Cache-Control', 'max-age=3600'];
const TAG: WireField = ['ETag', '"one"'];
const STALE: readonly WireField[] = [['Cache-Control', 'max-age=1'], ['Age', '60'], TAG];

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startCachingProxy();
});
afterAll(() => proxy.close());

const originOf = originsOf('0123456789');

function asking(name: string, value: string): Asking {
  return { fields: [[name, value]] };
}

interface Row {
  readonly answers: readonly OriginAnswer[];
  readonly requests: readonly Asking[];
  /** Of the last answer. */
  readonly status: string;
  /** `cache`, `cache_why` and `stored` of the last line of the log. */
  readonly log: readonly [string, string | null, string | null];
  readonly result: string;
}

const GET: Asking = {};
const ROWS: Readonly<Record<string, Row>> = {
  'a miss that is stored': {
    answers: [{ fields: [FRESH] }],
    requests: [GET],
    status: 'fwd=uri-miss;ttl=3600;stored',
    log: ['forwarded', 'uri-miss', 'stored-explicit'],
    result: 'TCP_MISS/200',
  },
  'a miss that is not stored': {
    answers: [{ fields: [['Cache-Control', 'no-store']] }],
    requests: [GET],
    status: 'fwd=uri-miss;detail=no-store',
    log: ['forwarded', 'uri-miss', 'no-store'],
    result: 'TCP_MISS/200',
  },
  'a hit': {
    answers: [{ fields: [FRESH] }],
    requests: [GET, GET],
    status: 'hit;ttl=3600',
    log: ['hit', 'fresh', null],
    result: 'TCP_HIT/200',
  },
  'a hit by a condition': {
    answers: [{ fields: [FRESH, TAG] }],
    requests: [GET, asking('If-None-Match', '"one"')],
    status: 'hit;ttl=3600',
    log: ['hit', 'fresh', null],
    result: 'TCP_INM_HIT/304',
  },
  'a stale hit that the client takes': {
    answers: [{ fields: STALE }],
    requests: [GET, asking('Cache-Control', 'max-stale')],
    status: 'hit;ttl=-59;detail=max-stale',
    log: ['hit', 'max-stale', null],
    result: 'TCP_HIT/200',
  },
  'a validation': {
    answers: [{ fields: STALE }, { status: 304, fields: [FRESH, TAG] }],
    requests: [GET, GET],
    status: 'fwd=stale;fwd-status=304;ttl=3600',
    log: ['validated', 'stale', null],
    result: 'TCP_REFRESH_UNMODIFIED/200',
  },
  'a validation that brings another response': {
    answers: [{ fields: STALE }, { fields: [FRESH] }],
    requests: [GET, GET],
    status: 'fwd=stale;ttl=3600;stored',
    log: ['forwarded', 'stale', 'stored-explicit'],
    result: 'TCP_REFRESH_MODIFIED/200',
  },
  'a validation that the client asks for': {
    answers: [{ fields: [FRESH, TAG] }, { status: 304, fields: [FRESH, TAG] }],
    requests: [GET, asking('Cache-Control', 'no-cache')],
    status: 'fwd=request;fwd-status=304;ttl=3600;detail=request-no-cache',
    log: ['validated', 'request-no-cache', null],
    result: 'TCP_REFRESH_UNMODIFIED/200',
  },
  'a stale answer in place of an error': {
    answers: [{ fields: STALE }, { status: 503 }],
    requests: [GET, GET],
    status: 'fwd=stale;fwd-status=503;ttl=-59;detail=stale-if-error',
    log: ['stale', 'stale', null],
    result: 'TCP_REFRESH_FAIL_OLD/200',
  },
  'a stale answer in place of none': {
    answers: [{ fields: STALE }, (reply) => reply.reset()],
    requests: [GET, GET],
    status: 'fwd=stale;ttl=-59;detail=origin-unreachable',
    log: ['stale', 'stale', null],
    result: 'TCP_REFRESH_FAIL_OLD/200',
  },
  'another variant': {
    answers: [{ fields: [FRESH, ['Vary', 'X-Kind']] }],
    requests: [GET, asking('X-Kind', 'a')],
    status: 'fwd=vary-miss;ttl=3600;stored',
    log: ['forwarded', 'vary-miss', 'stored-explicit'],
    result: 'TCP_MISS/200',
  },
  'a method that is not answered from the cache': {
    answers: [{}],
    requests: [{ method: 'POST', body: 'x' }],
    status: 'fwd=method',
    log: ['forwarded', 'method', null],
    result: 'TCP_MISS/200',
  },
  'a request that is not to be stored': {
    answers: [{ fields: [FRESH] }],
    requests: [asking('Cache-Control', 'no-store')],
    status: 'fwd=request;detail=request-no-store',
    log: ['forwarded', 'request-no-store', 'request-no-store'],
    result: 'TCP_MISS/200',
  },
  'a part that has to be completed': {
    answers: [
      { status: 206, fields: [FRESH, TAG, ['Content-Range', 'bytes 0-3/10']], body: '0123' },
      { status: 206, fields: [FRESH, TAG, ['Content-Range', 'bytes 4-9/10']], body: '456789' },
    ],
    requests: [asking('Range', 'bytes=0-3'), GET],
    status: 'fwd=partial;fwd-status=206;ttl=3600;stored',
    log: ['forwarded', 'partial', 'stored-explicit'],
    result: 'TCP_MISS/200',
  },
  'nothing stored for a client that takes nothing else': {
    answers: [{}],
    requests: [asking('Cache-Control', 'only-if-cached')],
    status: 'detail=only-if-cached',
    log: ['none', 'only-if-cached', null],
    result: 'NONE_NONE/504',
  },
  'an origin that fails with nothing stored': {
    answers: [(reply) => reply.reset()],
    requests: [GET],
    status: 'fwd=uri-miss',
    log: ['forwarded', 'uri-miss', null],
    result: 'TCP_MISS/502',
  },
};

describe.each(Object.entries(ROWS))('%s', (_, { answers, requests, status, log, result }) => {
  it('is what Cache-Status says, and the log', async () => {
    const origin = await originOf(...answers);
    let said: string | undefined;
    for (const request of requests) said = cacheStatusOf(await fetchVia(proxy, `${origin.url}/`, request));
    // A second may have gone by.
    expect(said?.replace('ttl=3599', 'ttl=3600').replace('ttl=-60', 'ttl=-59')).toBe(status);
    const { json, squid } = await linesOf(proxy, origin);
    expect([json['cache'], json['cache_why'], json['stored']]).toEqual(log);
    expect(json['result']).toBe(result.split('/')[0]);
    expect(squid).toContain(` ${result} `);
  });
});

describe('Cache-Status (RFC 9211 §2)', () => {
  it('keeps the members of caches on the way, and ours is the last of them, made anew for each answer', async () => {
    const origin = await originOf({ fields: [FRESH, ['Cache-Status', 'edge;hit;ttl=5'], ['Cache-Status', 'shield;fwd=uri-miss']] });
    const miss = await fetchVia(proxy, `${origin.url}/`);
    const hit = await fetchVia(proxy, `${origin.url}/`);
    const theirs = ['edge;hit;ttl=5', 'shield;fwd=uri-miss'];
    expect(valuesOf(miss.fields, 'cache-status')).toEqual([...theirs, 'sally;fwd=uri-miss;ttl=3600;stored']);
    expect(valuesOf(hit.fields, 'cache-status')).toEqual([...theirs, expect.stringMatching(/^sally;hit;ttl=3(600|599)$/)]);
  });

  it('says when the response came by the request of somebody else', async () => {
    const held = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const origin = await originOf(async (reply) => {
      asked.resolve();
      await held.promise;
      return reply.response({ fields: [FRESH], body: 'content' });
    });
    const first = fetchVia(proxy, `${origin.url}/`);
    await asked.promise;
    const other = await connectRaw(proxy);
    onTestFinished(() => other.destroy());
    await other.send(requestFor(`${origin.url}/`));
    await fetchVia(proxy, `${origin.url}/other`, { fields: [['Cache-Control', 'only-if-cached']] });
    held.resolve();
    expect(cacheStatusOf(await first)).toBe('fwd=uri-miss;ttl=3600;stored');
    expect(cacheStatusOf(await other.readResponse())).toBe('fwd=uri-miss;ttl=3600;collapsed');
    const { json, squid } = await linesOf(proxy, origin);
    expect([json['collapsed'], json['outcome'], json['upstream']]).toEqual([true, 'reused', null]);
    expect(squid).toContain(' TCP_CF_HIT/200 ');
  });

  it('says bypass where a rule keeps the cache out', async () => {
    const own = await startCachingProxy({}, { policyFile: policyOf('default: deny\nrules:\n  - { allow: any, cache: bypass }\n') });
    onTestFinished(() => own.close());
    const origin = await originOf({ fields: [FRESH] });
    for (let i = 0; i < 2; i += 1) expect(cacheStatusOf(await fetchVia(own, `${origin.url}/`))).toMatch(/^fwd=bypass/);
    expect(origin.requests).toHaveLength(2);
  });

  it('is not there where there is no cache, and not on what a rule refuses', async () => {
    const origin = await originOf({ fields: [FRESH] });
    const without = await startTestProxy();
    onTestFinished(() => without.close());
    expect(valuesOf((await fetchVia(without, `${origin.url}/`)).fields, 'cache-status')).toEqual([]);
    const denying = await startCachingProxy({}, { policyFile: policyOf('default: deny\nrules: []\n') });
    onTestFinished(() => denying.close());
    const denied = await fetchVia(denying, `${origin.url}/`);
    expect([denied.status, valuesOf(denied.fields, 'cache-status')]).toEqual([403, []]);
  });

  it('never shows the key, which may hold who asks', async () => {
    const own = await startCachingProxy(
      {},
      { policyFile: policyOf('default: deny\nrules:\n  - { allow: any, cache: { partition: user } }\n') },
    );
    onTestFinished(() => own.close());
    const origin = await originOf({ fields: [FRESH] });
    for (let i = 0; i < 2; i += 1) expect(cacheStatusOf(await fetchVia(own, `${origin.url}/`))).not.toContain('key');
  });
});

describe('a client that leaves', () => {
  it.each<[string, readonly WireField[], string]>([
    ['in the middle of a hit', [FRESH], 'TCP_HIT_ABORTED'],
    ['in the middle of a miss', [['Cache-Control', 'no-store']], 'TCP_MISS_ABORTED'],
  ])('%s is told so in the log', async (_, fields, result) => {
    const origin = await originOf({ fields, body: Buffer.alloc(7 * 2 ** 20) });
    await fetchVia(proxy, `${origin.url}/`);
    const before = proxy.flows.length;
    using client = await connectRaw(proxy);
    client.pause();
    await client.send(requestFor(`${origin.url}/`));
    // It begins to come, and there is no room for all of it.
    await fetchVia(proxy, `${origin.url}/other`, { fields: [['Cache-Control', 'only-if-cached']] });
    client.reset();
    await proxy.flow(before + 1);
    const flow = proxy.flows.slice(before).find(({ target }) => !target.endsWith('/other'))!;
    expect([flow.outcome, LOG_FORMATS.squid(flow)]).toEqual(['aborted', expect.stringContaining(` ${result}/200 `)]);
  });
});

/** The lines of the last exchange with an origin, as the log has them. */
async function linesOf(
  from: TestProxy,
  { authority }: Origin,
): Promise<{ readonly json: Record<string, unknown>; readonly squid: string }> {
  // What ends is told of once the turn is over.
  await new Promise(setImmediate);
  const flow = from.flows.findLast(({ target }) => target.includes(authority) && !target.endsWith('/other'))!;
  return { json: JSON.parse(LOG_FORMATS.json(flow)) as Record<string, unknown>, squid: LOG_FORMATS.squid(flow) };
}

it('the log itself has them', async () => {
  const folder = temporaryFolder(onTestFinished);
  const file = path.join(folder, 'access.log');
  const own = await startCachingProxy({}, { accessLog: { ...ACCESS_LOG_DEFAULTS, file } });
  const origin = await originOf({ fields: [FRESH] });
  for (let i = 0; i < 2; i += 1) await fetchVia(own, `${origin.url}/`);
  await own.flow(1);
  await own.close();
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject([
    { outcome: 'forwarded', cache: 'forwarded', cache_why: 'uri-miss', stored: 'stored-explicit', upstream: origin.authority },
    { outcome: 'reused', cache: 'hit', cache_why: 'fresh', stored: null, upstream: null, result: 'TCP_HIT' },
  ]);
});
