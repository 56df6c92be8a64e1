import { describe, expect, test } from 'vitest';
import { parseAuthority } from '../../../src/http/authority.ts';
import { parseDays, timeWindow } from '../../../src/match/time-window.ts';
import { timeZone } from '../../../src/match/time-zone.ts';
import { type Authorization, type AuthorizeRequest, createAuthorize } from '../../../src/policy/authorize.ts';
import type { CompiledPolicy } from '../../../src/policy/compile.ts';
import type { Rule } from '../../../src/policy/policy.ts';
import * as q from '../../support/questions.ts';

const GET: AuthorizeRequest = {
  method: 'GET',
  scheme: 'http',
  authority: parseAuthority('a.test', 80),
  pathAndQuery: '/',
  fields: [],
  contentLength: 0,
  upgrade: null,
  clientAddress: '127.0.0.1',
  listener: 'http',
  identity: 'nobody',
  hello: null,
};
const INSIDE = q.address('10.0.0.0/8', 'fd00::/8');
const ALLOW = q.rule('allow', q.anything, { name: 'rest' });

describe('the address of a name', () => {
  test('is not asked for where no rule can come to need it, and there is no promise', () => {
    const unasked = () => expect.unreachable('resolved');
    const rules = [q.rule('allow', q.host('a.test')), q.rule('deny', INSIDE)];
    const { decision, addresses, contentLimit } = now(createAuthorize(q.compiled('deny', rules), unasked, noClock).request(GET));
    expect(decision).toMatchObject({ action: 'allow', awaits: 'nothing', question: { host: 'a.test', port: 80, address: null } });
    expect([addresses, contentLimit]).toEqual([null, null]);
  });

  test('that is known at once needs no promise, and one that is not brings one', async () => {
    const policy = q.compiled('deny', [q.rule('deny', INSIDE), ALLOW]);
    expect(now(createAuthorize(policy, () => ['192.0.2.1'], noClock).request(GET)).addresses).toEqual(['192.0.2.1']);
    const later = createAuthorize(policy, async () => ['192.0.2.1'], noClock).request(GET);
    expect(later).toBeInstanceOf(Promise);
    expect((await later).addresses).toEqual(['192.0.2.1']);
  });

  test('is the host itself where that is an address', () => {
    const policy = q.compiled('deny', [q.rule('deny', INSIDE), ALLOW]);
    for (const [host, action] of [
      ['10.1.2.3', 'deny'],
      ['0x0a010203', 'deny'],
      ['[::ffff:10.1.2.3]', 'deny'],
      ['[fd00::1]', 'deny'],
      ['192.0.2.1', 'allow'],
      ['[2001:db8::1]', 'allow'],
    ] as const) {
      const authorize = createAuthorize(policy, () => expect.unreachable('resolved'), noClock);
      const { decision, addresses } = now(authorize.request({ ...GET, authority: parseAuthority(host, 80) }));
      expect([host, decision.action, decision.awaits, addresses]).toEqual([host, action, 'nothing', null]);
    }
  });

  test.each<[string, readonly Rule[], readonly string[], string, readonly string[]]>([
    [
      'denied: the others may be dialled',
      [q.rule('deny', INSIDE), ALLOW],
      ['10.0.0.1', '192.0.2.1', '192.0.2.2'],
      'rest',
      ['192.0.2.1', '192.0.2.2'],
    ],
    ['denied, all: none may be', [q.rule('deny', INSIDE, { name: 'inside' }), ALLOW], ['10.0.0.1', 'fd00::1'], 'inside', []],
    ['allowed by name of their block', [q.rule('allow', INSIDE, { name: 'inside' })], ['192.0.2.1', '10.0.0.1'], 'inside', ['10.0.0.1']],
    [
      'allowed by two rules: those of the first address that may pass',
      [q.rule('allow', q.address('192.0.2.0/24'), { name: 'one' }), q.rule('allow', q.anything, { name: 'other' })],
      ['198.51.100.1', '192.0.2.1', '198.51.100.2'],
      'other',
      ['198.51.100.1', '198.51.100.2'],
    ],
    ['with a zone', [q.rule('deny', q.address('fe80::/10')), ALLOW], ['fe80::1%eth0', '192.0.2.1'], 'rest', ['192.0.2.1']],
    ['IPv4-mapped', [q.rule('deny', INSIDE), ALLOW], ['::ffff:10.0.0.1', '::ffff:192.0.2.1'], 'rest', ['::ffff:192.0.2.1']],
    ['that are none', [q.rule('deny', INSIDE), ALLOW], ['nonsense', '192.0.2.1'], 'rest', ['192.0.2.1']],
    ['in a list', [q.rule('deny', q.inList('nets', q.addressList('192.0.2.1'))), ALLOW], ['192.0.2.1', '192.0.2.2'], 'rest', ['192.0.2.2']],
  ])('%s', (_what, rules, resolved, by, permitted) => {
    const { decision, addresses } = now(createAuthorize(q.compiled('deny', rules), () => resolved, noClock).request(GET));
    expect([decision.rule?.name, decision.awaits, addresses]).toEqual([by, 'nothing', permitted]);
    expect(decision.action).toBe(permitted.length === 0 ? 'deny' : 'allow');
  });

  test('none of which may pass: the denial of the first is the decision', () => {
    const rules = [
      q.rule('deny', q.address('10.0.0.0/8'), { name: 'IPv4' }),
      q.rule('deny', q.address('fd00::/8'), { name: 'IPv6' }),
      ALLOW,
    ];
    const { decision } = now(createAuthorize(q.compiled('deny', rules), () => ['fd00::1', '10.0.0.1'], noClock).request(GET));
    expect(decision).toMatchObject({ action: 'deny', rule: { name: 'IPv6' }, question: { address: 'fd00::1' } });
  });

  test('that cannot be found out is no verdict: what resolving throws is thrown', async () => {
    const policy = q.compiled('allow', [q.rule('deny', INSIDE)]);
    const failure = new Error('no such name');
    const throwing = () => {
      throw failure;
    };
    expect(() => createAuthorize(policy, throwing, noClock).request(GET)).toThrow(failure);
    await expect(createAuthorize(policy, () => Promise.reject(failure), noClock).request(GET)).rejects.toBe(failure);
  });

  test('is not asked for of a request that has to say who asks first', () => {
    const rules = [q.rule('allow', q.all(q.user('alice'), q.not(INSIDE)))];
    const authorize = createAuthorize(q.compiled('deny', rules), () => expect.unreachable('resolved'), noClock);
    expect(now(authorize.request({ ...GET, identity: 'unasked' })).decision.awaits).toBe('identity');
  });

  test('is asked for of a CONNECT as well', () => {
    const rules = [q.rule('deny', INSIDE), q.rule('tunnel', q.anything)];
    const connect = {
      ...GET,
      method: 'CONNECT',
      scheme: 'tunnel',
      authority: parseAuthority('a.test:443', null),
      pathAndQuery: null,
    } as const;
    const { decision, addresses } = now(createAuthorize(q.compiled('deny', rules), () => ['192.0.2.1'], noClock).request(connect));
    expect([decision.action, addresses]).toEqual(['tunnel', ['192.0.2.1']]);
  });
});

describe('addresses that a later judgement would tell apart are not dialled for one another', () => {
  const resolved = ['192.0.2.1', '10.0.0.1', '192.0.2.2'];
  const permittedFirst = ['192.0.2.1', '192.0.2.2'];

  test('where the type of the answer matters for one of them', () => {
    const rules = [q.rule('deny', q.all(INSIDE, q.responseType('image/*'))), ALLOW];
    const authorize = createAuthorize(q.compiled('deny', rules), () => resolved, noClock);
    expect(now(authorize.request(GET))).toMatchObject({ decision: { action: 'allow', awaits: 'nothing' }, addresses: permittedFirst });
  });

  test('where the answer matters for all, and differently', () => {
    const rules = [q.rule('deny', q.all(INSIDE, q.responseType('image/*'))), q.rule('deny', q.responseType('video/*')), ALLOW];
    const authorize = createAuthorize(q.compiled('deny', rules), () => resolved, noClock);
    const { decision, addresses } = now(authorize.request(GET));
    expect([decision.awaits, addresses]).toEqual(['response', permittedFirst]);
    const image = authorize.response(decision, { contentTypes: ['image/png'], contentLength: 5 });
    expect(image.decision.action).toBe('allow');
  });

  test('where the path matters for one of them', () => {
    const rules = [q.rule('deny', q.all(INSIDE, q.path('/secret'))), q.rule('deny', q.address('203.0.113.0/24')), ALLOW];
    const authorize = createAuthorize(q.compiled('deny', rules), () => resolved, noClock);
    const { decision, addresses } = now(authorize.request({ ...GET, pathAndQuery: '/a/../b' }));
    expect([decision.normalisedPath, addresses]).toEqual([null, permittedFirst]);
  });

  test('where the size of the content matters for one of them', () => {
    const rules = [q.rule('deny', q.all(INSIDE, q.requestSize(q.over(10)))), ALLOW];
    const authorize = createAuthorize(q.compiled('deny', rules), () => resolved, noClock);
    expect(now(authorize.request({ ...GET, contentLength: null }))).toMatchObject({ addresses: permittedFirst, contentLimit: null });
    const inside = createAuthorize(q.compiled('deny', rules), () => ['10.0.0.1'], noClock);
    expect(now(inside.request({ ...GET, contentLength: null }))).toMatchObject({ addresses: ['10.0.0.1'], contentLimit: { maxBytes: 10 } });
  });
});

describe('content of unknown length', () => {
  const POST = { ...GET, method: 'POST', contentLength: null } as const;

  test.each<[string, readonly Rule[], number | null]>([
    ['no rule about it', [ALLOW], null],
    ['over a bound', [q.rule('deny', q.requestSize(q.over(100))), ALLOW], 100],
    ['allowed under a bound', [q.rule('allow', q.requestSize(q.under(100)))], 99],
    ['over the smaller of two', [q.rule('deny', q.requestSize(q.over(500))), q.rule('deny', q.requestSize(q.over(100))), ALLOW], 100],
    ['allowed before it is denied', [q.rule('allow', q.requestSize(q.under(200))), q.rule('deny', q.requestSize(q.over(100)))], 199],
    ['turned round', [q.rule('allow', q.not(q.requestSize(q.over(100))))], 100],
    ['of another host', [q.rule('deny', q.all(q.host('b.test'), q.requestSize(q.over(100)))), ALLOW], null],
    ['allowed over a bound, too', [q.rule('allow', q.requestSize(q.over(100))), ALLOW], null],
  ])('may come up to where a rule denies it: %s', (_what, rules, maxBytes) => {
    const authorization = request(q.compiled('deny', rules), POST);
    expect(authorization.decision.action).toBe('allow');
    expect(authorization.contentLimit?.maxBytes ?? null).toBe(maxBytes);
    if (maxBytes === null) return;
    expect(authorization.contentLimit?.denial).toMatchObject({ action: 'deny', question: { contentLength: maxBytes + 1 } });
    const announced = (contentLength: number) => request(q.compiled('deny', rules), { ...POST, contentLength }).decision.action;
    expect([announced(maxBytes), announced(maxBytes + 1)]).toEqual(['allow', 'deny']);
  });

  test.each<[string, Rule]>([
    ['denied under a bound', q.rule('deny', q.requestSize(q.under(100)))],
    ['allowed only over a bound', q.rule('allow', q.requestSize(q.over(100)))],
  ])('counts as none until there is some: %s', (_what, only) => {
    const policy = q.compiled('deny', [only]);
    expect(request(policy, POST)).toMatchObject({ decision: { action: 'deny' }, contentLimit: null });
  });

  test('announced, has no limit but the verdict', () => {
    const policy = q.compiled('allow', [q.rule('deny', q.requestSize(q.over(100)))]);
    expect(request(policy, { ...POST, contentLength: 100 })).toMatchObject({ decision: { action: 'allow' }, contentLimit: null });
    expect(request(policy, { ...POST, contentLength: 101 })).toMatchObject({ decision: { action: 'deny' }, contentLimit: null });
  });

  test('has to say at once who sends it, where much of it would need that', () => {
    const policy = q.compiled('allow', [q.rule('deny', q.all(q.requestSize(q.over(100)), q.not(q.user('alice'))))]);
    expect(request(policy, { ...POST, identity: 'unasked' }).decision).toMatchObject({ action: 'deny', awaits: 'identity' });
    expect(request(policy, { ...POST, identity: q.identity('alice') }).contentLimit).toBeNull();
    expect(request(policy, POST).contentLimit?.maxBytes).toBe(100);
  });

  test('has its name resolved at once, where much of it would need that', () => {
    const policy = q.compiled('allow', [q.rule('deny', q.all(q.requestSize(q.over(100)), INSIDE))]);
    expect(request(policy, POST, ['10.0.0.1'])).toMatchObject({ addresses: ['10.0.0.1'], contentLimit: { maxBytes: 100 } });
    expect(request(policy, POST, ['192.0.2.1'])).toMatchObject({ addresses: ['192.0.2.1'], contentLimit: null });
    expect(request(policy, { ...POST, contentLength: 5 })).toMatchObject({ addresses: null, contentLimit: null });
  });

  test('goes to the path that was judged for much of it', () => {
    const inside = q.all(q.requestSize(q.over(100)), q.not(q.path('/up/*')));
    const policy = q.compiled('allow', [q.rule('deny', inside)]);
    const sent = (pathAndQuery: string) => {
      const { decision, contentLimit } = request(policy, { ...POST, pathAndQuery });
      return [decision.normalisedPath, contentLimit?.maxBytes ?? null];
    };
    expect(sent('/x/../%75p/y')).toEqual(['/up/y', null]);
    expect(sent('/up/../%78')).toEqual(['/x', 100]);
  });

  test('counts as much, where much of it would make the answer matter', () => {
    const policy = q.compiled('allow', [q.rule('deny', q.all(q.requestSize(q.over(100)), q.responseType('text/html')))]);
    const authorize = createAuthorize(policy, () => [], noClock);
    const { decision } = now(authorize.request(POST));
    expect(decision).toMatchObject({ action: 'allow', awaits: 'response' });
    expect(authorize.response(decision, { contentTypes: ['text/html'], contentLength: 0 }).decision.action).toBe('deny');
  });
});

describe('the response', () => {
  const rules = [q.rule('deny', q.responseType('image/*'), { name: 'images' }), q.rule('deny', q.responseSize(q.over(1000))), ALLOW];
  const authorize = createAuthorize(q.compiled('deny', rules), () => [], noClock);
  const { decision } = now(authorize.request(GET));

  test('is waited for, and judged with what was asked', () => {
    expect(decision).toMatchObject({ action: 'allow', awaits: 'response', rule: { name: 'rest' } });
    const html = authorize.response(decision, { contentTypes: ['text/html'], contentLength: 1000 });
    expect(html).toMatchObject({ decision: { action: 'allow', awaits: 'nothing', question: { host: 'a.test' } }, contentLimit: null });
    const image = authorize.response(decision, { contentTypes: ['image/png'], contentLength: 1 });
    expect(image.decision).toMatchObject({ action: 'deny', rule: { name: 'images' } });
    expect(authorize.response(decision, { contentTypes: ['text/html'], contentLength: 1001 }).decision.action).toBe('deny');
  });

  test('of unknown length may come up to where a rule denies it', () => {
    const open = authorize.response(decision, { contentTypes: [], contentLength: null });
    expect(open).toMatchObject({ decision: { action: 'allow' }, contentLimit: { maxBytes: 1000, denial: { action: 'deny' } } });
    expect(authorize.response(decision, { contentTypes: ['image/png'], contentLength: null })).toMatchObject({
      decision: { action: 'deny' },
      contentLimit: null,
    });
  });
});

describe('what a tunnel begins with', () => {
  const CONNECT = {
    ...GET,
    method: 'CONNECT',
    scheme: 'tunnel',
    authority: parseAuthority('a.test:443', null),
    pathAndQuery: null,
  } as const;
  const TLS = { protocol: 'tls', serverName: 'a.test' } as const;
  const rules = [q.rule('deny', q.sniAgrees(false), { name: 'other' }), q.rule('deny', INSIDE), q.rule('intercept', q.anything)];
  const authorize = createAuthorize(q.compiled('deny', rules), () => ['10.0.0.1', '192.0.2.1'], noClock);

  test('is judged when it is known, about the address that was permitted', () => {
    const { decision, addresses } = now(authorize.request(CONNECT));
    expect(decision).toMatchObject({ action: 'intercept', awaits: 'hello', question: { address: '192.0.2.1', hello: null } });
    expect(addresses).toEqual(['192.0.2.1']);
    expect(authorize.greeting(decision, TLS).decision).toMatchObject({ action: 'intercept', awaits: 'nothing', question: { hello: TLS } });
    const fronted = authorize.greeting(decision, { ...TLS, serverName: 'b.test' });
    expect(fronted.decision).toMatchObject({ action: 'deny', rule: { name: 'other' } });
    expect(authorize.greeting(decision, { protocol: 'other', serverName: null }).decision.action).toBe('deny');
  });

  test('is known of the requests inside', () => {
    const inside = { ...GET, scheme: 'https', authority: parseAuthority('192.0.2.1', 443) } as const;
    expect(now(authorize.request({ ...inside, hello: { ...TLS, serverName: null } })).decision.action).toBe('allow');
    expect(now(authorize.request({ ...inside, hello: TLS })).decision).toMatchObject({ action: 'deny', rule: { name: 'other' } });
  });
});

describe('the time', () => {
  const sundays = q.time(timeWindow(timeZone('UTC'), [parseDays('sun')], [], null, null));

  test('is looked at once a request, and only where a rule asks for it', () => {
    let looks = 0;
    const clock = () => {
      looks += 1;
      return Date.parse('2026-11-22T12:00:00Z');
    };
    expect(now(createAuthorize(q.compiled('deny', [ALLOW]), () => [], clock).request(GET)).decision.action).toBe('allow');
    expect(looks).toBe(0);
    const onSundays = [q.rule('allow', sundays), q.rule('allow', q.not(q.not(sundays)))];
    expect(now(createAuthorize(q.compiled('deny', onSundays), () => [], clock).request(GET)).decision.action).toBe('allow');
    expect(looks).toBe(1);
  });

  test('of a response is that of its request, so that a clock that steps changes nothing in between', () => {
    let time = Date.parse('2026-11-22T23:59:59Z');
    const policy = q.compiled('deny', [q.rule('allow', q.all(sundays, q.responseType('text/html')))]);
    const authorize = createAuthorize(
      policy,
      () => [],
      () => time,
    );
    const { decision } = now(authorize.request(GET));
    time += 5_000;
    expect(authorize.response(decision, { contentTypes: ['text/html'], contentLength: 1 }).decision.action).toBe('allow');
    expect(now(authorize.request(GET)).decision.action).toBe('deny');
  });
});

function request(policy: CompiledPolicy, asked: AuthorizeRequest, resolved: readonly string[] = []): Authorization {
  return now(createAuthorize(policy, () => resolved, noClock).request(asked));
}

function now(authorization: Authorization | Promise<Authorization>): Authorization {
  if (authorization instanceof Promise) throw new Error('a promise where none is needed');
  return authorization;
}

function noClock(): number {
  throw new Error('nobody asked for the time');
}
