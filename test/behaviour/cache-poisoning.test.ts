// What one client does never decides what another gets, and what is stored is for those who could have fetched it (RFC 9111 §7).
import { chmodSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AUTH_DEFAULTS } from '../../src/auth/options.ts';
import { cacheStatusOf, fetchVia, inMemory, onlyValueOf, requestFor, startCachingProxy } from '../support/cached.ts';
import { type Origin, type RequestHandler, startOrigin } from '../support/origin.ts';
import { hostsOf, policyOf } from '../support/policies.ts';
import { connectRaw, type FinalResponse } from '../support/raw-client.ts';
import { type TestConfig, type TestProxy, testConfig } from '../support/start-proxy.ts';
import { valuesOf, type WireField } from '../support/strict-message.ts';
import { temporaryFile } from '../support/temp-files.ts';

const FRESH: WireField = ['Cache-Control', 'max-age=3600'];

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startCachingProxy();
});
afterAll(() => proxy.close());

async function startFor(handler: RequestHandler, host?: string): Promise<Origin> {
  const origin = await startOrigin(handler, host === undefined ? {} : { host });
  onTestFinished(() => origin.close());
  return origin;
}

/** Says what it was asked, and how often it has been asked by then. */
function startEcho(fields: readonly WireField[] = [FRESH], host?: string): Promise<Origin> {
  let asked = 0;
  return startFor((request, reply) => {
    asked += 1;
    return reply.response({ fields, body: `${asked} ${request.target} ${valuesOf(request.fields, 'host')[0]}` });
  }, host);
}

async function start(policy: string | null, config: TestConfig = {}): Promise<TestProxy> {
  const own = await startCachingProxy({}, { ...(policy === null ? {} : { policyFile: policyOf(policy) }), ...config });
  onTestFinished(() => own.close());
  return own;
}

async function sendVia(to: TestProxy, text: string): Promise<FinalResponse> {
  using client = await connectRaw(to);
  await client.send(text);
  return await client.readResponse();
}

function isHit(response: FinalResponse): boolean {
  return cacheStatusOf(response)?.startsWith('hit') === true;
}

describe('the key is the target, and nothing else', () => {
  it('Host does not choose what is stored, nor what is answered', async () => {
    const origin = await startEcho();
    const other = await startEcho();
    await sendVia(proxy, `GET ${origin.url}/ HTTP/1.1\r\nHost: ${other.authority}\r\n\r\n`);
    const own = await fetchVia(proxy, `${other.url}/`);
    expect([isHit(own), own.body.toString()]).toEqual([false, `1 / ${other.authority}`]);
    const same = await fetchVia(proxy, `${origin.url}/`);
    expect([isHit(same), same.body.toString()]).toEqual([true, `1 / ${origin.authority}`]);
  });

  it.each([
    ['another query', '/a?x=1', '/a?x=2'],
    ['no query', '/a?x=1', '/a'],
    ['an empty query', '/a?', '/a'],
    ['parameters in another order', '/a?x=1&y=2', '/a?y=2&x=1'],
    ['another case of the path', '/A', '/a'],
    ['other percent-encoding', '/a%2Fb', '/a/b'],
    ['another case of percent-encoding', '/a%2fb', '/a%2Fb'],
    ['a dot segment', '/a/./b', '/a/b'],
    ['a slash more', '/a//b', '/a/b'],
    ['a delimiter', '/account;x.css', '/account'],
    ['an encoded question mark', '/a%3Fx', '/a?x'],
    ['a blank that a rule could have added', '/a%20user=alice', '/a'],
  ])('%s is another resource', async (_, stored, asked) => {
    const origin = await startEcho();
    await fetchVia(proxy, origin.url + stored);
    const response = await fetchVia(proxy, origin.url + asked);
    expect([isHit(response), response.body.toString().split(' ')[1]]).toEqual([false, asked]);
    expect((await fetchVia(proxy, origin.url + stored)).body.toString().split(' ')[1]).toBe(stored);
  });

  it('a fragment never gets so far', async () => {
    const origin = await startEcho();
    expect((await sendVia(proxy, `GET ${origin.url}/a#b HTTP/1.1\r\nHost: x\r\n\r\n`)).status).toBe(400);
  });

  it('the case of a host and its default port are nothing to it', async () => {
    const own = await start(null, { resolver: { hostsFile: hostsOf('poison.test') } });
    const origin = await startEcho();
    await fetchVia(own, `http://poison.test:${origin.port}/`);
    for (const host of ['POISON.test', 'poison.test.'])
      expect(isHit(await sendVia(own, `GET http://${host}:${origin.port}/ HTTP/1.1\r\nHost: x\r\n\r\n`))).toBe(true);
  });

  it('another port, and another host at the same address, are another resource', async () => {
    const own = await start(null, { resolver: { hostsFile: hostsOf('poison.test', 'victim.test') } });
    const [origin, other] = [await startEcho(), await startEcho()];
    await fetchVia(own, `http://poison.test:${origin.port}/`);
    expect(isHit(await fetchVia(own, `http://poison.test:${other.port}/`))).toBe(false);
    expect(isHit(await fetchVia(own, `http://victim.test:${origin.port}/`))).toBe(false);
  });
});

describe('what nobody named in Vary does not decide', () => {
  it('of several who ask, the first is answered as the others: its own fields reach the origin, not the others (CPDoS)', async () => {
    // An origin that mirrors what a cache does not key is its own danger; what it calls an error is not kept without a lifetime.
    const origin = await startFor((request, reply) =>
      valuesOf(request.fields, 'x-odd').length > 0
        ? reply.response({ status: 400, body: 'odd' })
        : reply.response({ fields: [FRESH], body: 'fine' }),
    );
    expect((await fetchVia(proxy, `${origin.url}/`, { fields: [['X-Odd', '1']] })).status).toBe(400);
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('fine');
  });

  it('X-Forwarded-Host and its kin do not reach the origin from a client that says them', async () => {
    const origin = await startFor((request, reply) =>
      reply.response({ fields: [FRESH], body: valuesOf(request.fields, 'x-forwarded-for').join() }),
    );
    await fetchVia(proxy, `${origin.url}/`, { fields: [['X-Forwarded-For', 'evil']] });
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('');
  });

  it('a field that Connection keeps from the origin counts as absent for Vary, too: it chose nothing (RFC 9110 §7.6.1)', async () => {
    const origin = await startFor((request, reply) =>
      reply.response({ fields: [FRESH, ['Vary', 'User-Agent']], body: `for ${valuesOf(request.fields, 'user-agent')[0] ?? 'nobody'}` }),
    );
    const agent: WireField = ['User-Agent', 'victim'];
    const hiding = await fetchVia(proxy, `${origin.url}/`, { fields: [agent, ['Connection', 'User-Agent']] });
    const victim = await fetchVia(proxy, `${origin.url}/`, { fields: [agent] });
    expect([hiding.body.toString(), victim.body.toString()]).toEqual(['for nobody', 'for victim']);
    expect(isHit(await fetchVia(proxy, `${origin.url}/`))).toBe(true);
    expect(isHit(await fetchVia(proxy, `${origin.url}/`, { fields: [agent, ['Connection', 'user-agent, x']] }))).toBe(true);
  });

  it('a GET with content is neither answered from the store nor stored (fat GET)', async () => {
    const origin = await startFor((request, reply) => reply.response({ fields: [FRESH], body: `got ${request.body}` }));
    await fetchVia(proxy, `${origin.url}/`, { body: 'evil' });
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('got ');
    expect((await fetchVia(proxy, `${origin.url}/`, { body: 'other' })).body.toString()).toBe('got other');
  });

  it('a method in a field does not make a GET of it (X-HTTP-Method-Override)', async () => {
    const origin = await startFor((request, reply) => reply.response({ fields: [FRESH], body: request.method }));
    await fetchVia(proxy, `${origin.url}/`, { method: 'POST', fields: [['X-HTTP-Method-Override', 'GET']], body: 'x' });
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('GET');
  });
});

describe('what is for one client alone', () => {
  it.each<[string, WireField[], WireField[]]>([
    ['private', [], [['Cache-Control', 'private, max-age=3600']]],
    ['private in any case and on a second line', [], [FRESH, ['cache-control', 'PRIVATE']]],
    ['no-store beside max-age', [], [['Cache-Control', 'max-age=3600, no-store']]],
    ['an answer to Authorization', [['Authorization', 'Basic eDp5']], [FRESH]],
    [
      'a cookie without a lifetime',
      [],
      [
        ['Set-Cookie', 'id=1'],
        ['Last-Modified', 'Sat, 01 Jan 2000 00:00:00 GMT'],
      ],
    ],
    ['Vary: * on a second line', [], [FRESH, ['Vary', 'Accept'], ['Vary', 'X, *']]],
  ])('%s is not stored', async (_, asked, answered) => {
    const origin = await startEcho(answered);
    await fetchVia(proxy, `${origin.url}/`, { fields: asked });
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toMatch(/^2 /);
  });

  it('Authorization of one client does not open what is stored for another: public says that it is for all (RFC 9111 §3.5)', async () => {
    const origin = await startEcho([['Cache-Control', 'public, max-age=3600']]);
    await fetchVia(proxy, `${origin.url}/`, { fields: [['Authorization', 'Basic eDp5']] });
    expect(isHit(await fetchVia(proxy, `${origin.url}/`))).toBe(true);
  });

  it('what a field list of private or no-cache names is not given to others (§5.2.2.4, §5.2.2.7)', async () => {
    const origin = await startEcho([
      ['Cache-Control', 'max-age=3600, private="X-Secret"'],
      ['X-Secret', 'a'],
      ['X-Open', 'b'],
    ]);
    expect(onlyValueOf(await fetchVia(proxy, `${origin.url}/`), 'x-secret')).toBe('a');
    const hit = await fetchVia(proxy, `${origin.url}/`);
    expect([isHit(hit), onlyValueOf(hit, 'x-secret'), onlyValueOf(hit, 'x-open')]).toEqual([true, undefined, 'b']);
  });

  it('credentials for a proxy are in nothing that is stored (RFC 9110 §11.7)', async () => {
    const origin = await startEcho([
      FRESH,
      ['Proxy-Authenticate', 'Basic realm="x"'],
      ['Proxy-Authentication-Info', 'x'],
      ['Proxy-Status', 'x'],
    ]);
    for (let i = 0; i < 2; i += 1) {
      const { fields } = await fetchVia(proxy, `${origin.url}/`);
      expect(['proxy-authenticate', 'proxy-authentication-info'].flatMap((name) => valuesOf(fields, name))).toEqual([]);
    }
  });
});

describe('what we say ourselves is never stored', () => {
  it('a page for an origin that cannot be reached', async () => {
    let asked = 0;
    const origin = await startFor((_, reply) => {
      asked += 1;
      return asked === 1 ? reply.reset() : reply.response({ fields: [FRESH], body: 'fine' });
    });
    const page = await fetchVia(proxy, `${origin.url}/`);
    expect([page.status, onlyValueOf(page, 'cache-control')]).toEqual([502, 'no-store']);
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('fine');
  });

  it('a 407 of an origin is none of its business', async () => {
    let asked = 0;
    const origin = await startFor((_, reply) => {
      asked += 1;
      return reply.response(asked === 1 ? { status: 407, fields: [FRESH], body: 'phish' } : { fields: [FRESH], body: 'fine' });
    });
    expect((await fetchVia(proxy, `${origin.url}/`)).status).toBe(502);
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('fine');
  });

  it('a denial by a rule about the request: whoever may, gets the resource', async () => {
    const own = await start('default: allow\nrules:\n  - { deny: { method: HEAD } }\n');
    const origin = await startEcho();
    expect((await fetchVia(own, `${origin.url}/`, { method: 'HEAD' })).status).toBe(403);
    expect((await fetchVia(own, `${origin.url}/`)).body.toString()).toMatch(/^1 /);
  });

  it('malformed answers', async () => {
    let asked = 0;
    const origin = await startFor((_, reply) => {
      asked += 1;
      if (asked > 1) return reply.response({ fields: [FRESH], body: 'fine' });
      return reply.raw('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx');
    });
    expect((await fetchVia(proxy, `${origin.url}/`)).status).toBe(502);
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('fine');
  });

  it('octets behind an answer do not become part of what is stored', async () => {
    const origin = await startFor((_, reply) =>
      reply.raw('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nfineHTTP/1.1 200 OK\r\n\r\nevil'),
    );
    for (let i = 0; i < 2; i += 1) expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('fine');
    expect((await fetchVia(proxy, `${origin.url}/other`)).body.toString()).toBe('fine');
  });
});

/** An address of this machine that is not loopback: a client that uses it is a client on another machine to the proxy. */
const OUTSIDE = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

describe.skipIf(OUTSIDE === undefined)(
  'what came from an address that the guard keeps from a client (SECURITY: no detour through the cache)',
  () => {
    const EVERYWHERE: TestConfig = { listen: [{ kind: 'tcp', host: '0.0.0.0', port: 0 }] };

    it('is not served to it, and does answer those who may be connected there', async () => {
      const own = await start(null, EVERYWHERE);
      const origin = await startEcho();
      await fetchVia(own, `${origin.url}/`);
      const refused = await fetchVia({ host: OUTSIDE!, port: own.port }, `${origin.url}/`);
      expect([refused.status, isHit(refused), refused.body.includes('127.0.0.1:')]).toEqual([502, false, true]);
      expect(refused.head).toContain('destination_ip_prohibited');
      expect(isHit(await fetchVia(own, `${origin.url}/`))).toBe(true);
    });

    it('is not served to it stale either', async () => {
      const own = await start(null, EVERYWHERE);
      const origin = await startEcho([
        ['Cache-Control', 'max-age=1, stale-if-error=600, stale-while-revalidate=600'],
        ['Age', '60'],
        ['ETag', '"1"'],
      ]);
      await fetchVia(own, `${origin.url}/`);
      const refused = await fetchVia({ host: OUTSIDE!, port: own.port }, `${origin.url}/`);
      expect([refused.status, origin.requests.length]).toEqual([502, 1]);
    });

    it('is not served to it while it is on its way to somebody else', async () => {
      const own = await start(null, EVERYWHERE);
      const held = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      const origin = await startFor(async (_, reply) => {
        asked.resolve();
        await held.promise;
        return reply.response({ fields: [FRESH], body: 'secret' });
      });
      const first = fetchVia(own, `${origin.url}/`);
      await asked.promise;
      using outside = await connectRaw({ host: OUTSIDE!, port: own.port });
      await outside.send(requestFor(`${origin.url}/`));
      await fetchVia(own, `${origin.url}/other`, { fields: [['Cache-Control', 'only-if-cached']] });
      held.resolve();
      expect((await first).body.toString()).toBe('secret');
      expect((await outside.readResponse()).status).toBe(502);
    });

    it('is served to it where a rule excepts the address for that host', async () => {
      const own = await start('default: deny\nrules:\n  - { allow: { host: 127.0.0.1 }, allow_private: [127.0.0.0/8] }\n', EVERYWHERE);
      const origin = await startEcho();
      await fetchVia(own, `${origin.url}/`);
      expect(isHit(await fetchVia({ host: OUTSIDE!, port: own.port }, `${origin.url}/`))).toBe(true);
    });
  },
);

describe('a stored response passes the policy as any other', () => {
  it.each([
    ['its type', 'response_type: image/*'],
    ['its size', 'response_size: over 5B'],
  ])('a rule about %s denies it', async (_, condition) => {
    const own = await start(null);
    const origin = await startEcho([FRESH, ['Content-Type', 'image/png']]);
    await fetchVia(own, `${origin.url}/`);
    await own.running.reload(
      testConfig({ viaName: 'sally', cache: inMemory(), policyFile: policyOf(`default: allow\nrules:\n  - { deny: { ${condition} } }\n`) }),
    );
    const denied = await fetchVia(own, `${origin.url}/`);
    expect([denied.status, origin.requests.length]).toEqual([403, 1]);
  });

  it('a new rule denies it at once, and one that is gone gives it back', async () => {
    const own = await start(null);
    const origin = await startEcho();
    await fetchVia(own, `${origin.url}/`);
    const reload = (policy: string): Promise<void> =>
      own.running.reload(testConfig({ viaName: 'sally', cache: inMemory(), policyFile: policyOf(policy) }));
    await reload('default: allow\nrules:\n  - { deny: { host: 127.0.0.1 } }\n');
    expect((await fetchVia(own, `${origin.url}/`)).status).toBe(403);
    await reload('default: allow\nrules: []\n');
    expect(isHit(await fetchVia(own, `${origin.url}/`))).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  it('a denied answer on its way is let go of, and others who may have it get it', async () => {
    const policy = 'default: allow\nrules:\n  - { deny: { response_type: image/*, path: /secret } }\n';
    const own = await start(policy);
    const origin = await startEcho([FRESH, ['Content-Type', 'image/png']]);
    for (let i = 0; i < 3; i += 1) expect((await fetchVia(own, `${origin.url}/secret`)).status).toBe(403);
    expect((await fetchVia(own, `${origin.url}/open`)).status).toBe(200);
    // What was short enough has been stored all the same, and the connection is free again.
    expect([origin.requests.length, origin.accepted]).toEqual([2, 1]);
  });

  it('limits of its rule count it, and cut it off', async () => {
    const own = await start('default: deny\nrules:\n  - { name: Little, allow: any, limits: { per_day: 1500B, per: client } }\n');
    const origin = await startFor((_, reply) => reply.response({ fields: [FRESH], body: 'x'.repeat(1_000) }));
    const first = await fetchVia(own, `${origin.url}/`);
    expect(first.status).toBe(200);
    using client = await connectRaw(own);
    await client.send(requestFor(`${origin.url}/`));
    expect((await client.closed).hadReset).toBe(true);
    expect((await fetchVia(own, `${origin.url}/`)).status).toBe(429);
    expect(origin.requests).toHaveLength(1);
  });

  it('rates of its rule hold it', async () => {
    const own = await start(null);
    const body = Buffer.alloc(200 * 1024, 'x');
    const origin = await startFor((_, reply) => reply.response({ fields: [FRESH], body }));
    await fetchVia(own, `${origin.url}/`);
    const policyFile = policyOf('default: deny\nrules:\n  - { name: Slow, allow: any, limits: { download: 100KiB/s, per: client } }\n');
    await own.running.reload(testConfig({ viaName: 'sally', cache: inMemory(), policyFile }));
    const startedMs = performance.now();
    const hit = await fetchVia(own, `${origin.url}/`);
    expect([isHit(hit), hit.body.equals(body)]).toEqual([true, true]);
    expect(performance.now() - startedMs).toBeGreaterThan(700);
  });
});

describe('cache of a rule', () => {
  const rule = (settings: string): string => `default: deny\nrules:\n  - { allow: any, cache: ${settings} }\n`;

  it('bypass neither stores nor answers', async () => {
    const own = await start(rule('bypass'));
    const origin = await startEcho();
    for (let i = 1; i < 3; i += 1) expect((await fetchVia(own, `${origin.url}/`)).body.toString()).toMatch(new RegExp(`^${i} `));
  });

  it('ttl makes fresh what says nothing, and not what says no-store', async () => {
    const own = await start(rule('{ ttl: 1h }'));
    const silent = await startEcho([]);
    const closed = await startEcho([['Cache-Control', 'no-store']]);
    for (const [origin, hit] of [
      [silent, true],
      [closed, false],
    ] as const) {
      await fetchVia(own, `${origin.url}/`);
      expect(isHit(await fetchVia(own, `${origin.url}/`))).toBe(hit);
    }
  });

  it('force stores that too, for the requests of this rule alone', async () => {
    const own = await start(
      'default: allow\nrules:\n  - { allow: { method: GET, client: 127.0.0.1, path: /a }, cache: { ttl: 1h, force: true } }\n',
    );
    const origin = await startEcho([['Cache-Control', 'private']]);
    await fetchVia(own, `${origin.url}/a`);
    expect(isHit(await fetchVia(own, `${origin.url}/a`))).toBe(true);
    await own.running.reload(testConfig({ viaName: 'sally', cache: inMemory() }));
    const plain = await fetchVia(own, `${origin.url}/a`);
    expect([isHit(plain), plain.body.toString()]).toEqual([false, expect.stringMatching(/^2 /)]);
  });

  it('what is forced for one rule is not shared with another while it is on its way', async () => {
    const users = await startAsking('default: allow\nrules:\n  - { allow: { user: alice }, cache: { ttl: 1h, force: true } }\n');
    const held = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    let count = 0;
    const origin = await startFor(async (_, reply) => {
      count += 1;
      const mine = count;
      asked.resolve();
      if (mine === 1) await held.promise;
      return reply.response({ fields: [['Cache-Control', 'private']], body: `for ${mine}` });
    });
    const alice = fetchVia(users, `${origin.url}/`, { fields: [as('alice')] });
    await asked.promise;
    const bob = await fetchVia(users, `${origin.url}/`, { fields: [as('bob')] });
    held.resolve();
    expect([(await alice).body.toString(), bob.body.toString()]).toEqual(['for 1', 'for 2']);
  });

  it('ignore_query answers whatever the query, or without what it names', async () => {
    const own = await start(rule('{ ignore_query: [utm] }'));
    const origin = await startEcho();
    await fetchVia(own, `${origin.url}/a?x=1&utm=2`);
    expect(isHit(await fetchVia(own, `${origin.url}/a?utm=3&x=1`))).toBe(true);
    expect(isHit(await fetchVia(own, `${origin.url}/a?x=2&utm=2`))).toBe(false);
    // What reaches the origin is what the client asked for.
    expect(origin.requests.map(({ target }) => target)).toEqual(['/a?x=1&utm=2', '/a?x=2&utm=2']);
  });

  it('partition by user keeps users apart, and nobody too', async () => {
    const users = await startAsking(rule('{ partition: user }'));
    const origin = await startEcho();
    const bodies: string[] = [];
    for (const user of ['alice', 'bob', 'alice', 'bob']) {
      bodies.push((await fetchVia(users, `${origin.url}/`, { fields: [as(user)] })).body.toString().split(' ')[0]!);
    }
    expect(bodies).toEqual(['1', '2', '1', '2']);
  });

  it('partition by user: what one user changes is invalidated for that user, by its Location too (§4.4)', async () => {
    const users = await startAsking(rule('{ partition: user }'));
    const origin = await startFor((request, reply) =>
      reply.response(request.method === 'POST' ? { status: 201, fields: [['Location', '/made']] } : { fields: [FRESH], body: 'content' }),
    );
    const [alice, bob] = [{ fields: [as('alice')] }, { fields: [as('bob')] }];
    for (const asking of [alice, bob]) await fetchVia(users, `${origin.url}/made`, asking);
    await fetchVia(users, `${origin.url}/list`, { method: 'POST', body: 'x', ...alice });
    expect(isHit(await fetchVia(users, `${origin.url}/made`, alice))).toBe(false);
    expect(isHit(await fetchVia(users, `${origin.url}/made`, bob))).toBe(true);
  });

  it.each(['{ ignore_query: true }', '{ partition: user }'])(
    '%s of a rule about GET alone: an unsafe request invalidates (§4.4)',
    async (terms) => {
      const own = await start(`default: allow\nrules:\n  - { allow: { method: GET, client: 127.0.0.1 }, cache: ${terms} }\n`);
      const origin = await startEcho();
      await fetchVia(own, `${origin.url}/a?b`);
      await fetchVia(own, `${origin.url}/a?b`, { method: 'POST', body: 'x' });
      expect(isHit(await fetchVia(own, `${origin.url}/a?b`))).toBe(false);
    },
  );
});

function as(user: string): WireField {
  return ['Proxy-Authorization', `Basic ${Buffer.from(`${user}:s3cret`).toString('base64')}`];
}

/** alice and bob, both with the password `s3cret`. */
function startAsking(policy: string): Promise<TestProxy> {
  const hash = '$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG';
  const htpasswdFile = temporaryFile(onTestFinished, 'users', `alice:${hash}\nbob:${hash}\n`);
  chmodSync(htpasswdFile, 0o600);
  return start(policy, { auth: { ...AUTH_DEFAULTS, htpasswdFile } });
}
