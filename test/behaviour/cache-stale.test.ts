// Stale answers: when they are given, when they never are, and what happens behind them (RFC 9111 §4.2.4, RFC 5861).
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { cacheStatusOf, fetchVia, inMemory, type OriginAnswer, onlyValueOf, originsOf, startCachingProxy } from '../support/cached.ts';
import type { Origin, Reply, ResponseToSend } from '../support/origin.ts';
import { policyOf } from '../support/policies.ts';
import { connectRaw } from '../support/raw-client.ts';
import { type TestProxy, testConfig } from '../support/start-proxy.ts';
import { valuesOf, type WireField } from '../support/strict-message.ts';
import { temporaryFile } from '../support/temp-files.ts';

const OLD: WireField = ['Age', '60'];
const TAG: WireField = ['ETag', '"one"'];

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startCachingProxy();
});
afterAll(() => proxy.close());

const originOf = originsOf('content');

/** A response that is stale as it comes, and stored since it can be validated. */
function stale(control: string): ResponseToSend {
  return { fields: [['Cache-Control', control], OLD, TAG] };
}

describe('stale-while-revalidate (RFC 5861 §3)', () => {
  it('answers at once, and has it validated behind the answer, with a record of its own', async () => {
    const held = Promise.withResolvers<void>();
    const origin = await originOf(stale('max-age=1, stale-while-revalidate=600'), async (reply) => {
      await held.promise;
      return reply.response({ status: 304, fields: [TAG, ['Cache-Control', 'max-age=3600']] });
    });
    await fetchVia(proxy, `${origin.url}/`);
    const before = proxy.flows.length;
    const response = await fetchVia(proxy, `${origin.url}/`, { fields: [['X-Mine', 'a']] });
    expect([response.status, response.body.toString(), cacheStatusOf(response)]).toEqual([
      200,
      'content',
      expect.stringMatching(/^hit;ttl=-\d+;detail=stale-while-revalidate$/),
    ]);
    expect(Number(onlyValueOf(response, 'age'))).toBeGreaterThanOrEqual(60);
    held.resolve();
    const [hit, behind] = [await proxy.flow(before), await proxy.flow(before + 1)];
    expect([hit.cache!.outcome, behind.cache!.outcome, behind.status]).toEqual(['hit', 'validated', 200]);
    expect(valuesOf(origin.requests[1]!.fields, 'if-none-match')).toEqual(['"one"']);
    expect(valuesOf(origin.requests[1]!.fields, 'x-mine')).toEqual(['a']);
    expect(cacheStatusOf(await fetchVia(proxy, `${origin.url}/`))).toBe('hit;ttl=3600');
  });

  it('validates once, however many ask meanwhile', async () => {
    const held = Promise.withResolvers<void>();
    const origin = await originOf(stale('max-age=1, stale-while-revalidate=600'), async (reply) => {
      await held.promise;
      return reply.response({ status: 304, fields: [TAG, ['Cache-Control', 'max-age=3600']] });
    });
    await fetchVia(proxy, `${origin.url}/`);
    const before = proxy.flows.length;
    const all = await Promise.all(Array.from({ length: 20 }, () => fetchVia(proxy, `${origin.url}/`)));
    expect(all.every((response) => cacheStatusOf(response)?.startsWith('hit'))).toBe(true);
    held.resolve();
    await proxy.flow(before + 20);
    expect(origin.requests).toHaveLength(2);
  });

  it('a new response takes over once it has come', async () => {
    const origin = await originOf(stale('max-age=1, stale-while-revalidate=600'), {
      fields: [['Cache-Control', 'max-age=3600']],
      body: 'changed',
    });
    await fetchVia(proxy, `${origin.url}/`);
    const before = proxy.flows.length;
    expect((await fetchVia(proxy, `${origin.url}/`, { fields: [['Range', 'bytes=0-1']] })).body.toString()).toBe('co');
    await proxy.flow(before + 1);
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('changed');
    expect(valuesOf(origin.requests[1]!.fields, 'range')).toEqual([]);
  });

  it('of a part that is stored, that part is validated, once, and not the rest of it fetched', async () => {
    const held = Promise.withResolvers<void>();
    const fields: WireField[] = [['Cache-Control', 'max-age=1, stale-while-revalidate=600'], OLD, TAG, ['Content-Range', 'bytes 0-3/1000']];
    const origin = await originOf({ status: 206, fields, body: 'part' }, async (reply) => {
      await held.promise;
      return reply.response({ status: 304, fields: [TAG, ['Cache-Control', 'max-age=3600']] });
    });
    const range = { fields: [['Range', 'bytes=0-3']] as const };
    await fetchVia(proxy, `${origin.url}/`, range);
    const before = proxy.flows.length;
    const all = await Promise.all(Array.from({ length: 10 }, () => fetchVia(proxy, `${origin.url}/`, range)));
    expect(new Set(all.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(['206 part']));
    held.resolve();
    await proxy.flow(before + 10);
    expect(origin.requests.map(({ fields: sent }) => valuesOf(sent, 'range'))).toEqual([['bytes=0-3'], ['bytes=0-3']]);
    expect(cacheStatusOf(await fetchVia(proxy, `${origin.url}/`, range))).toBe('hit;ttl=3600');
  });

  it('a validation that fails is told in its own record, and the stale response goes on answering', async () => {
    const origin = await originOf(stale('max-age=1, stale-while-revalidate=600'), (reply) => reply.reset());
    await fetchVia(proxy, `${origin.url}/`);
    for (let i = 0; i < 2; i += 1) {
      const before = proxy.flows.length;
      expect((await fetchVia(proxy, `${origin.url}/`)).status).toBe(200);
      expect(await proxy.flow(before + 1)).toMatchObject({ outcome: 'failed', status: 502 });
    }
  });

  it.each<[string, string, WireField[]]>([
    ['after its time', 'max-age=1, stale-while-revalidate=10', []],
    ['beside s-maxage', 's-maxage=1, stale-while-revalidate=600', []],
    ['beside must-revalidate', 'max-age=1, must-revalidate, stale-while-revalidate=600', []],
    ['for a client that wants none so old', 'max-age=1, stale-while-revalidate=600', [['Cache-Control', 'max-age=10']]],
    ['for a client that wants it validated', 'max-age=1, stale-while-revalidate=600', [['Cache-Control', 'no-cache']]],
  ])('is no answer %s', async (_, control, fields) => {
    const origin = await originOf(stale(control), { fields: [['Cache-Control', 'max-age=3600']], body: 'changed' });
    await fetchVia(proxy, `${origin.url}/`);
    expect((await fetchVia(proxy, `${origin.url}/`, { fields })).body.toString()).toBe('changed');
  });

  it('asks no origin for a client that takes only what is stored', async () => {
    const origin = await originOf(stale('max-age=1, stale-while-revalidate=600'));
    await fetchVia(proxy, `${origin.url}/`);
    const before = proxy.flows.length;
    expect((await fetchVia(proxy, `${origin.url}/`, { fields: [['Cache-Control', 'only-if-cached']] })).status).toBe(200);
    // Whoever asks next is the one behind whose answer it is validated.
    await fetchVia(proxy, `${origin.url}/`);
    await proxy.flow(before + 2);
    expect([origin.requests.length, valuesOf(origin.requests[1]!.fields, 'cache-control')]).toEqual([2, []]);
  });
});

describe('an origin that fails', () => {
  it.each([500, 502, 503, 504])('%i is replaced where stale-if-error says so (RFC 5861 §4)', async (status) => {
    const origin = await originOf(stale('max-age=1, stale-if-error=600'), { status, body: 'broken' });
    await fetchVia(proxy, `${origin.url}/`);
    const response = await fetchVia(proxy, `${origin.url}/`);
    expect([response.status, response.body.toString()]).toEqual([200, 'content']);
    expect(cacheStatusOf(response)).toMatch(new RegExp(`^fwd=stale;fwd-status=${status};ttl=-\\d+;detail=stale-if-error$`));
  });

  it.each([400, 404, 410, 501, 505])('%i is an answer', async (status) => {
    const origin = await originOf(stale('max-age=1, stale-if-error=600'), { status, body: 'really' });
    await fetchVia(proxy, `${origin.url}/`);
    expect((await fetchVia(proxy, `${origin.url}/`)).status).toBe(status);
  });

  it.each<[string, (reply: Reply) => unknown]>([
    ['a reset', (reply) => reply.reset()],
    ['a close without answer', (reply) => reply.end()],
    [
      'half a head',
      async (reply) => {
        await reply.raw('HTTP/1.1 200 OK\r\nX: ');
        reply.end();
      },
    ],
  ])('%s is replaced without a directive too (RFC 9111 §4.2.4)', async (_, answer) => {
    const origin = await originOf(stale('max-age=1'), answer);
    await fetchVia(proxy, `${origin.url}/`);
    const response = await fetchVia(proxy, `${origin.url}/`);
    expect([response.status, response.body.toString(), cacheStatusOf(response)]).toEqual([
      200,
      'content',
      expect.stringContaining('detail=origin-unreachable'),
    ]);
  });

  it('that is not there any more is replaced, and so is one whose name is gone', async () => {
    const origin = await originOf(stale('max-age=1'));
    const hostsFile = temporaryFile(onTestFinished, 'hosts', '127.0.0.1 gone.test\n');
    const resolver = { hostsFile, servers: ['127.0.0.1:1'], timeoutMs: 100 };
    const named = await startCachingProxy({}, { resolver });
    onTestFinished(() => named.close());
    const url = `http://gone.test:${origin.port}/`;
    await fetchVia(named, url);
    await origin.close();
    expect((await fetchVia(named, url)).body.toString()).toBe('content');
    writeFileSync(hostsFile, '127.0.0.1 other.test\n');
    await named.running.reload(testConfig({ viaName: 'sally', cache: inMemory(), resolver }));
    const response = await fetchVia(named, url);
    expect([response.status, response.body.toString()]).toEqual([200, 'content']);
  });

  it.each(['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=1'])('is told as it is under %s', async (directive) => {
    const origin = await originOf(stale(`max-age=1, ${directive}`), (reply) => reply.reset());
    await fetchVia(proxy, `${origin.url}/`);
    expect((await fetchVia(proxy, `${origin.url}/`)).status).toBe(502);
  });

  it.each<[string, WireField]>([['no-cache', ['Cache-Control', 'no-cache']]])(
    'is told as it is to a client that says %s',
    async (_, field) => {
      const origin = await originOf(stale('max-age=1'), (reply) => reply.reset());
      await fetchVia(proxy, `${origin.url}/`);
      expect((await fetchVia(proxy, `${origin.url}/`, { fields: [field] })).status).toBe(502);
    },
  );

  it('is told as it is once the response is older than max_stale, and where that is 0', async () => {
    for (const maxStale of ['30s', '0']) {
      const strict = await startCachingProxy({ max_stale: maxStale === '0' ? 0 : 30 });
      onTestFinished(() => strict.close());
      const origin = await originOf(stale('max-age=1'), (reply) => reply.reset());
      await fetchVia(strict, `${origin.url}/`);
      expect((await fetchVia(strict, `${origin.url}/`)).status).toBe(502);
    }
  });

  it('is told as it is where the response has never been fresh: it may be a page for one user', async () => {
    const origin = await originOf({ fields: [TAG] }, { status: 503, body: 'later' });
    await fetchVia(proxy, `${origin.url}/`);
    const other = await fetchVia(proxy, `${origin.url}/`, { fields: [['Cookie', 'u=another']] });
    expect([other.status, other.body.toString()]).toEqual([503, 'later']);
  });

  it('is told as it is after the response was invalidated (RFC 9111 §4.4)', async () => {
    const origin = await originOf({ fields: [['Cache-Control', 'max-age=3600'], TAG] }, { body: 'done' }, (reply) => reply.reset());
    await fetchVia(proxy, `${origin.url}/`);
    await fetchVia(proxy, `${origin.url}/`, { method: 'POST', body: 'x' });
    expect((await fetchVia(proxy, `${origin.url}/`)).status).toBe(502);
  });

  it('fails many at once: each gets the stale response', async () => {
    const origin = await originOf(stale('max-age=1'), (reply) => reply.reset());
    await fetchVia(proxy, `${origin.url}/`);
    const all = await Promise.all(Array.from({ length: 20 }, () => fetchVia(proxy, `${origin.url}/`)));
    expect(new Set(all.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(['200 content']));
  });
});

describe('what we refuse ourselves is no failure of the origin', () => {
  it('a rule that denies it now', async () => {
    const origin = await originOf(stale('max-age=1, stale-if-error=600'));
    const own = await startCachingProxy();
    onTestFinished(() => own.close());
    await fetchVia(own, `${origin.url}/`);
    await own.running.reload(testConfig({ viaName: 'sally', cache: inMemory(), policyFile: policyOf('default: deny\nrules: []\n') }));
    expect((await fetchVia(own, `${origin.url}/`)).status).toBe(403);
  });
});

describe('offline: no origin is asked', () => {
  async function goOffline(
    settings: Parameters<typeof inMemory>[0],
    ...answers: OriginAnswer[]
  ): Promise<{ readonly own: TestProxy; readonly url: string; readonly origin: Origin }> {
    const origin = await originOf(...answers);
    const own = await startCachingProxy();
    onTestFinished(() => own.close());
    await fetchVia(own, `${origin.url}/`);
    await own.running.reload(testConfig({ viaName: 'sally', cache: inMemory({ offline: true, ...settings }) }));
    return { own, url: `${origin.url}/`, origin };
  }

  it('what is fresh answers, and all else is 504, with a page that says why', async () => {
    const { own, url, origin } = await goOffline({}, { fields: [['Cache-Control', 'max-age=3600']] });
    expect((await fetchVia(own, url)).body.toString()).toBe('content');
    for (const asking of [{}, { method: 'POST', body: 'x' }, { method: 'HEAD' }, { method: 'OPTIONS' }]) {
      const response = await fetchVia(own, `${url}other`, asking);
      expect([response.status, cacheStatusOf(response)?.includes('hit')]).toEqual([504, false]);
    }
    expect((await fetchVia(own, `${url}other`)).body.toString()).toContain('offline');
    expect(origin.requests).toHaveLength(1);
  });

  it('--stale-ok is named where it would help, and nowhere else', async () => {
    const { own, url } = await goOffline({}, stale('max-age=1'));
    const helps = async (address: string, asking = {}) => (await fetchVia(own, address, asking)).body.toString().includes('--stale-ok');
    expect([await helps(url), await helps(`${url}other`), await helps(url, { method: 'POST', body: 'x' })]).toEqual([true, false, false]);
    const forbidden = await goOffline({}, stale('max-age=1, must-revalidate'));
    expect((await fetchVia(forbidden.own, forbidden.url)).body.toString()).not.toContain('--stale-ok');
  });

  it('neither CONNECT nor an upgrade gets through', async () => {
    const { own, origin } = await goOffline({}, { fields: [['Cache-Control', 'max-age=3600']] });
    using client = await connectRaw(own);
    await client.send(`CONNECT ${origin.authority} HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`);
    expect((await client.readResponse('GET')).status).toBe(504);
    const upgrade = await fetchVia(own, `${origin.url}/chat`, {
      fields: [
        ['Connection', 'Upgrade'],
        ['Upgrade', 'websocket'],
        ['Sec-WebSocket-Version', '13'],
        ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
      ],
    });
    expect([upgrade.status, origin.accepted]).toEqual([504, 1]);
  });

  it('what is stale answers under stale_ok, and says so', async () => {
    const { own, url } = await goOffline({ stale_ok: true }, stale('max-age=1'));
    const response = await fetchVia(own, url);
    expect([response.status, response.body.toString(), cacheStatusOf(response)]).toEqual([
      200,
      'content',
      expect.stringMatching(/^hit;ttl=-\d+;detail=stale$/),
    ]);
  });

  it.each(['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=1'])(
    'stale_ok does not go against %s (§4.2.4)',
    async (directive) => {
      const { own, url } = await goOffline({ stale_ok: true }, stale(`max-age=1, ${directive}`));
      const response = await fetchVia(own, url);
      expect(response.status).toBe(504);
      expect(response.body.toString().replace(/\s+/g, ' ')).toContain('may not be used stale: its origin forbids that');
    },
  );

  it.each(['max-age=0', 'no-cache', 'no-store', 'min-fresh=9999'])(
    'a request that says %s is answered with what is fresh',
    async (control) => {
      const { own, url } = await goOffline({}, { fields: [['Cache-Control', 'max-age=3600']] });
      expect((await fetchVia(own, url, { fields: [['Cache-Control', control]] })).status).toBe(200);
    },
  );

  it('without it what is stale is 504', async () => {
    const { own, url } = await goOffline({}, stale('max-age=1, stale-if-error=600'));
    expect((await fetchVia(own, url)).status).toBe(504);
  });
});

describe('stale_ok, with origins that can be asked', () => {
  it('answers with what is stale at once, and validates it behind the answer', async () => {
    const own = await startCachingProxy({ stale_ok: true });
    onTestFinished(() => own.close());
    const origin = await originOf(stale('max-age=1'), { fields: [['Cache-Control', 'max-age=3600']], body: 'changed' });
    await fetchVia(own, `${origin.url}/`);
    expect((await fetchVia(own, `${origin.url}/`)).body.toString()).toBe('content');
    await own.flow(2);
    expect((await fetchVia(own, `${origin.url}/`)).body.toString()).toBe('changed');
  });

  it.each<[string, WireField]>([
    ['no-cache', ['Cache-Control', 'no-cache']],
    ['max-age=0', ['Cache-Control', 'max-age=0']],
  ])('not for a client that says %s', async (_, field) => {
    const own = await startCachingProxy({ stale_ok: true });
    onTestFinished(() => own.close());
    const origin = await originOf(stale('max-age=1'), { fields: [['Cache-Control', 'max-age=3600']], body: 'changed' });
    await fetchVia(own, `${origin.url}/`);
    expect((await fetchVia(own, `${origin.url}/`, { fields: [field] })).body.toString()).toBe('changed');
  });
});

describe('only-if-cached (RFC 9111 §5.2.1.7)', () => {
  it('is answered from the store, and with 504 where nothing fits', async () => {
    const origin = await originOf({ fields: [['Cache-Control', 'max-age=3600']] });
    const fields: WireField[] = [['Cache-Control', 'only-if-cached']];
    const nothing = await fetchVia(proxy, `${origin.url}/`, { fields });
    expect([nothing.status, cacheStatusOf(nothing)]).toEqual([504, 'detail=only-if-cached']);
    expect(origin.accepted).toBe(0);
    await fetchVia(proxy, `${origin.url}/`);
    expect((await fetchVia(proxy, `${origin.url}/`, { fields })).status).toBe(200);
  });

  it('lets no stale response answer that would have to be validated', async () => {
    const origin = await originOf(stale('max-age=1'));
    await fetchVia(proxy, `${origin.url}/`);
    expect((await fetchVia(proxy, `${origin.url}/`, { fields: [['Cache-Control', 'only-if-cached']] })).status).toBe(504);
    const willing = { fields: [['Cache-Control', 'only-if-cached, max-stale']] as const };
    expect((await fetchVia(proxy, `${origin.url}/`, willing)).body.toString()).toBe('content');
    expect(origin.requests).toHaveLength(1);
  });
});
