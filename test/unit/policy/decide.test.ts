import { describe, expect, test } from 'vitest';
import type { Condition } from '../../../src/match/condition.ts';
import type { Question } from '../../../src/match/question.ts';
import { decide } from '../../../src/policy/decide.ts';
import type { Action, Decision } from '../../../src/policy/policy.ts';
import * as q from '../../support/questions.ts';

const POLICY = `version: 1
default: deny
connect_ports: [443, 8443]
rules:
  - { name: one bad host, deny: { host: bad.good.example } }
  - { name: good, allow: { host: .good.example, port: [80, 443] } }
  - { name: star, allow: { host: "*.star.example" } }
  - { name: no writing, deny: { host: api.example, method: [POST, PUT] } }
  - { name: public files, allow: { host: api.example, method: GET, path: /public/* } }
  - { name: secret, deny: { host: [api.example, files.example], path: /secret/* } }
  - { name: files, allow: { host: files.example } }
  - { name: address, allow: { host: ["127.0.0.1", "::1"] } }
  - { name: health, allow: { path: /health } }
`;

describe('decides', () => {
  test.each([
    ['GET http://good.example/', 'allow', 'good'],
    ['GET http://a.b.good.example/', 'allow', 'good'],
    ['GET http://bad.good.example/', 'deny', 'one bad host'],
    ['GET http://x.bad.good.example/', 'allow', 'good'],
    ['GET http://good.example:8080/', 'deny', null],
    ['CONNECT good.example:443', 'allow', 'good'],
    ['GET http://notgood.example/', 'deny', null],
    ['GET http://a.star.example/', 'allow', 'star'],
    ['GET http://star.example/', 'deny', null],
    ['GET http://a.b.star.example/', 'deny', null],
    ['POST http://api.example/public/a', 'deny', 'no writing'],
    ['post http://api.example/public/a', 'deny', null],
    ['GET http://api.example/public/a?b', 'allow', 'public files'],
    ['GET http://api.example/secret/a', 'deny', 'secret'],
    ['GET http://api.example/public/../secret/a', 'deny', 'secret'],
    ['GET http://api.example/public/%2e%2E/secret/a', 'deny', 'secret'],
    ['GET http://files.example/a', 'allow', 'files'],
    ['CONNECT files.example:443', 'allow', 'files'],
    ['CONNECT api.example:443', 'deny', null],
    ['GET http://127.0.0.1/', 'allow', 'address'],
    ['GET http://[::1]/', 'allow', 'address'],
    ['GET http://any.example/health?deep', 'allow', 'health'],
    ['GET http://any.example/healthy', 'deny', null],
  ])('%s: %s by %s', (request, action, name) => {
    const decision = decideOn(request);
    expect([decision.action, decision.rule?.name ?? null]).toEqual([action, name]);
    expect(decision.decidedBy).toBe(name === null ? 'default' : 'rule');
  });

  test('a port that CONNECT may not name before any rule', () => {
    const decision = decideOn('CONNECT good.example:80');
    expect(decision).toMatchObject({ action: 'deny', decidedBy: 'connect-ports', rule: null, position: { line: 3, column: 1 } });
  });

  test('with the place of what decided', () => {
    expect(decideOn('GET http://good.example/').position).toEqual({ file: 'p.yaml', line: 6, column: 5 });
    expect(decideOn('GET http://other.example/').position).toEqual({ file: 'p.yaml', line: 2, column: 1 });
  });
});

describe('a path', () => {
  test.each([
    ['GET http://api.example/public//a/./b?x=//', '/public/a/b?x=//'],
    ['GET http://files.example/%7ea', '/~a'],
    ['GET http://other.example/a/../b', '/b'],
    ['POST http://api.example/a/../b', null],
    ['GET http://good.example/a/../b', null],
    ['CONNECT files.example:443', null],
  ])('of %s is sent as %j', (request, path) => {
    expect(decideOn(request).normalisedPath).toBe(path);
  });

  test('in normal form is handed on as the same string', () => {
    const asked = q.questionFor('GET http://api.example/public/a?b');
    expect(decide(COMPILED, asked).normalisedPath).toBe(asked.pathAndQuery);
  });

  test.each([
    ['GET http://api.example/public/a%2fb', 'public files'],
    ['GET http://files.example/a%00', 'secret'],
    ['GET http://other.example/a%5c', 'health'],
  ])('of %s is not usable for rule %s, and denied', (request, name) => {
    expect(decideOn(request)).toMatchObject({ action: 'deny', decidedBy: 'unusable-path', rule: { name }, normalisedPath: null });
  });

  test.each([
    ['GET http://good.example/a%2fb', 'allow', 'good'],
    ['POST http://api.example/a%2fb', 'deny', 'no writing'],
  ])('of %s is not looked at, since no path rule comes into play: %s by %s', (request, action, name) => {
    expect(decideOn(request)).toMatchObject({ action, decidedBy: 'rule', rule: { name } });
  });
});

describe('what is not known yet', () => {
  const unasked = { identity: 'unasked' } as const;
  const html = { contentTypes: ['text/html'], contentLength: 5 };

  test.each<[string, readonly (readonly [Action, Condition])[], Partial<Question>, Partial<Decision> & { readonly by?: number | null }]>([
    ['who asks, for a rule that allows', [['allow', q.user('*')]], unasked, { action: 'deny', awaits: 'identity', by: 0 }],
    [
      'who asks, for a rule that denies, before the default that allows',
      [
        ['deny', q.user('mallory')],
        ['allow', q.anything],
      ],
      unasked,
      { action: 'deny', awaits: 'identity', by: 0 },
    ],
    ['who asks, but nobody may pass', [['deny', q.user('mallory')]], unasked, { action: 'deny', awaits: 'nothing', decidedBy: 'default' }],
    [
      'who asks, behind the rule that decides',
      [
        ['allow', q.host('a.test')],
        ['deny', q.user('mallory')],
      ],
      unasked,
      { action: 'allow', awaits: 'nothing', by: 0 },
    ],
    [
      'who asks, of another host',
      [['allow', q.all(q.host('b.test'), q.user('*'))]],
      unasked,
      { action: 'deny', awaits: 'nothing', by: null },
    ],
    ['who asks, for the sake of a note', [['report', q.user('*')]], unasked, { action: 'deny', awaits: 'nothing', reported: [] }],
    ['who asks, in a rule turned round', [['allow', q.not(q.user('mallory'))]], unasked, { action: 'deny', awaits: 'identity', by: 0 }],
    ['the address, for a rule that allows', [['allow', q.address('10.0.0.0/8')]], {}, { action: 'deny', awaits: 'address' }],
    ['the address, turned round', [['allow', q.not(q.address('10.0.0.0/8'))]], {}, { action: 'deny', awaits: 'address' }],
    [
      'the address, in a list, before a rule that allows',
      [
        ['deny', q.inList('nets', q.addressList('10.0.0.1'))],
        ['allow', q.anything],
      ],
      {},
      { action: 'deny', awaits: 'address' },
    ],
    ['the address, but nobody may pass', [['deny', q.address('10.0.0.0/8')]], {}, { action: 'deny', awaits: 'nothing' }],
    [
      'the address, for the sake of a note',
      [
        ['report', q.address('10.0.0.0/8')],
        ['allow', q.anything],
      ],
      {},
      { action: 'deny', awaits: 'address' },
    ],
    [
      'the address, known and elsewhere',
      [
        ['deny', q.address('10.0.0.0/8')],
        ['allow', q.anything],
      ],
      { address: '192.0.2.1' },
      { action: 'allow', awaits: 'nothing', by: 1 },
    ],
    ['who asks before the address', [['allow', q.all(q.user('*'), q.address('::/0'))]], unasked, { action: 'deny', awaits: 'identity' }],
    [
      'the response, before a rule that allows',
      [
        ['deny', q.responseType('image/*')],
        ['allow', q.anything],
      ],
      {},
      { action: 'allow', awaits: 'response', by: 1 },
    ],
    [
      'the response, under the terms of the rule that may let it pass',
      [['allow', q.responseType('text/html')]],
      {},
      { action: 'allow', awaits: 'response', by: 0 },
    ],
    ['the response, but nobody may pass', [['deny', q.responseType('image/*')]], {}, { action: 'deny', awaits: 'nothing', by: null }],
    [
      'the response, known and html',
      [
        ['deny', q.responseType('image/*')],
        ['allow', q.anything],
      ],
      { response: html },
      { action: 'allow', awaits: 'nothing', by: 1 },
    ],
    [
      'the response, which is of two types',
      [
        ['deny', q.responseType('image/*')],
        ['allow', q.anything],
      ],
      { response: { ...html, contentTypes: ['text/html', 'image/png'] } },
      { action: 'deny', decidedBy: 'unusable-type', by: 0 },
    ],
    [
      'the address before the response',
      [
        ['deny', q.responseType('image/*')],
        ['deny', q.address('10.0.0.0/8')],
        ['allow', q.anything],
      ],
      {},
      { action: 'deny', awaits: 'address' },
    ],
  ])('%s', (_what, rules, members, { by, ...expected }) => {
    const { rule, ...decision } = decideAmong(rules, q.question(members));
    expect(decision).toMatchObject(expected);
    if (by !== undefined) expect(rule?.name ?? null).toBe(by === null ? null : `rule ${by}`);
  });

  test.each<[string, readonly (readonly [Action, Condition])[], Partial<Question>, Partial<Decision> & { readonly by?: number | null }]>([
    [
      'before a rule that lets pass',
      [
        ['deny', q.sniAgrees(false)],
        ['allow', q.anything],
      ],
      {},
      { action: 'allow', awaits: 'hello', by: 1 },
    ],
    ['under the terms of the rule that may let it pass', [['tunnel', q.sni('a.test')]], {}, { action: 'tunnel', awaits: 'hello', by: 0 }],
    ['but nobody may pass', [['deny', q.sni('b.test')]], {}, { action: 'deny', awaits: 'nothing', by: null }],
    ['of another host', [['allow', q.all(q.host('b.test'), q.sni('b.test'))]], {}, { action: 'deny', awaits: 'nothing' }],
    [
      'for the sake of a note',
      [
        ['report', q.sniAgrees(false)],
        ['allow', q.anything],
      ],
      {},
      { action: 'allow', awaits: 'hello', reported: [] },
    ],
    ['after who asks', [['allow', q.all(q.user('*'), q.sni('a.test'))]], unasked, { action: 'deny', awaits: 'identity' }],
    ['after the address', [['allow', q.all(q.address('::/0'), q.sni('a.test'))]], {}, { action: 'deny', awaits: 'address' }],
    [
      'which may rule out a rule that cannot be read',
      [
        ['deny', q.all(q.sni('b.test'), q.field({ a: ['1'] }))],
        ['allow', q.anything],
      ],
      { fields: q.fieldsOf(['a', '1'], ['A', '2']) },
      { action: 'allow', awaits: 'hello', by: 1 },
    ],
    [
      'known',
      [
        ['deny', q.sniAgrees(false)],
        ['intercept', q.anything],
      ],
      { hello: { protocol: 'tls', serverName: 'a.test' } },
      { action: 'intercept', awaits: 'nothing', by: 1 },
    ],
    [
      'known, and another name',
      [
        ['deny', q.sniAgrees(false)],
        ['intercept', q.anything],
      ],
      { hello: { protocol: 'tls', serverName: 'b.test' } },
      { action: 'deny', awaits: 'nothing', by: 0 },
    ],
  ])('what the client says first in its tunnel, %s', (_what, rules, members, { by, ...expected }) => {
    const { rule, ...decision } = decideAmong(rules, q.connectQuestion(members));
    expect(decision).toMatchObject(expected);
    if (by !== undefined) expect(rule?.name ?? null).toBe(by === null ? null : `rule ${by}`);
  });

  test('turned round, what is hidden in a tunnel lets nothing pass', () => {
    const hidden = [
      q.path('/secret/*'),
      q.query({ a: ['1'] }),
      q.field({ cookie: ['*'] }),
      q.requestSize(q.over(1)),
      q.upgrade('websocket'),
    ];
    for (const condition of [...hidden, q.responseType('image/*'), q.responseSize(q.over(1))]) {
      for (const action of ['allow', 'tunnel', 'intercept'] as const) {
        const rules = [[action, q.all(q.host('a.test'), q.not(condition))]] as const;
        expect(decideAmong(rules, q.connectQuestion())).toMatchObject({ action: 'deny', decidedBy: 'default', awaits: 'nothing' });
      }
    }
  });
});

describe('what can be read in two ways is denied by the first rule that asks for it', () => {
  test.each<[string, Condition, Partial<Question>, Decision['decidedBy']]>([
    ['a path', q.path('/a'), { pathAndQuery: '/a%2fb' }, 'unusable-path'],
    ['a query', q.query({ a: ['1'] }), { pathAndQuery: '/?a=1&a=2' }, 'unusable-query'],
    ['a field', q.field({ a: ['1'] }), { fields: q.fieldsOf(['a', '1'], ['A', '2']) }, 'unusable-field'],
    ['a URL, by a list', q.inList('ads', q.requestList('/a', 9)), { pathAndQuery: '/123456789' }, 'unusable-url'],
    ['the normal form of a URL', q.inList('ads', q.requestList('/a', 9)), { pathAndQuery: '/12345678%7f' }, 'unusable-url'],
    ['the type of an answer', q.responseType('image/*'), { response: { contentTypes: ['a', 'b'], contentLength: 0 } }, 'unusable-type'],
  ])('%s, whatever its action', (_what, condition, members, decidedBy) => {
    for (const action of ['allow', 'deny', 'tunnel', 'intercept'] as const) {
      for (const asked of [condition, q.not(condition), q.all(q.host('a.test'), q.group('g', condition))]) {
        const decision = decideAmong(
          [
            [action, asked],
            ['allow', q.anything],
          ],
          q.question(members),
        );
        expect(decision).toMatchObject({ action: 'deny', decidedBy, awaits: 'nothing', normalisedPath: null, rule: { name: 'rule 0' } });
      }
    }
  });

  test('but a rule that fails in anything else leaves it alone', () => {
    const rules = [
      ['deny', q.all(q.host('b.test'), q.path('/a'))],
      ['allow', q.anything],
    ] as const;
    expect(decideAmong(rules, q.question({ pathAndQuery: '/a%2fb' }))).toMatchObject({ action: 'allow', rule: { name: 'rule 1' } });
  });

  test('and a rule that waits for who asks waits', () => {
    const rules = [['allow', q.all(q.user('alice'), q.path('/a'))]] as const;
    const asked = q.question({ pathAndQuery: '/a%2fb', identity: 'unasked' });
    expect(decideAmong(rules, asked)).toMatchObject({ action: 'deny', awaits: 'identity' });
    expect(decideAmong(rules, { ...asked, identity: 'nobody' })).toMatchObject({ action: 'deny', decidedBy: 'default' });
    expect(decideAmong(rules, { ...asked, identity: q.identity('alice') })).toMatchObject({ decidedBy: 'unusable-path' });
  });
});

describe('a rule that only reports', () => {
  test('is noted, and the next ones are tried', () => {
    const rules = [
      ['report', q.host('.test')],
      ['report', q.host('b.test')],
      ['report', q.method('GET')],
      ['allow', q.anything],
      ['report', q.anything],
    ] as const;
    const decision = decideAmong(rules, q.question());
    expect(decision).toMatchObject({ action: 'allow', decidedBy: 'rule', rule: { name: 'rule 3' } });
    expect(decision.reported.map(({ name }) => name)).toEqual(['rule 0', 'rule 2']);
  });

  test('would deny what it cannot read, and notes that', () => {
    const rules = [
      ['report', q.path('/a')],
      ['allow', q.anything],
    ] as const;
    const decision = decideAmong(rules, q.question({ pathAndQuery: '/%2f' }));
    expect(decision).toMatchObject({ action: 'allow', decidedBy: 'rule', reported: [{ name: 'rule 0' }], normalisedPath: null });
  });
});

describe('tunnel and intercept', () => {
  test.each(['allow', 'tunnel', 'intercept'] as const)('%s is what becomes of a CONNECT, and allow of a request', (action) => {
    expect(decideAmong([[action, q.anything]], q.connectQuestion()).action).toBe(action);
    expect(decideAmong([[action, q.anything]], q.question()).action).toBe('allow');
  });
});

describe('who asks is found out at the CONNECT of a tunnel that is opened', () => {
  const OPEN = ['intercept', q.all(q.host('a.test'), q.scheme('tunnel'))] as const;
  type Rules = readonly (readonly [Action, Condition])[];

  test.each<[string, Rules]>([
    ['a rule behind it asks', [OPEN, ['allow', q.user('alice')]]],
    ['a rule before it asks, of requests inside alone', [['deny', q.all(q.user('mallory'), q.scheme('https'))], OPEN]],
    ['a rule asks by path and user', [['allow', q.all(q.host('a.test'), q.path('/x'), q.member('eng'))], OPEN]],
    [
      'the tunnel may yet be opened',
      [
        ['intercept', q.sni('a.test')],
        ['allow', q.all(q.claim({ a: ['*'] }), q.method('GET'))],
      ],
    ],
    [
      'its address is not known yet',
      [
        ['intercept', q.address('192.0.2.0/24')],
        ['allow', q.all(q.user('*'), q.method('GET'))],
      ],
    ],
    ['a rule in between takes some requests', [OPEN, ['allow', q.all(q.host('a.test'), q.method('GET'))], ['deny', q.user('mallory')]]],
  ])('when %s', (_what, rules) => {
    const decision = decideAmong(rules, q.connectQuestion({ identity: 'unasked' }));
    expect(decision).toMatchObject({ action: 'deny', awaits: 'identity', decidedBy: 'identity-needed' });
    expect(decision.position).toBe(decision.rule?.position);
    for (const identity of ['nobody', q.identity('alice')] as const)
      expect(decideAmong(rules, q.connectQuestion({ identity })).awaits).not.toBe('identity');
  });

  test.each<[string, Rules]>([
    ['nobody asks who it is', [OPEN, ['allow', q.method('GET')]]],
    ['only a note asks', [OPEN, ['report', q.user('mallory')]]],
    ['what asks is about another host', [OPEN, ['allow', q.all(q.host('b.test'), q.user('alice'))]]],
    ['what asks is about tunnels to elsewhere', [OPEN, ['allow', q.all(q.port(8080), q.user('alice'))]]],
    ['what asks is about tunnels alone, and comes behind', [OPEN, ['allow', q.all(q.scheme('tunnel'), q.user('alice'))]]],
    [
      'a rule before takes every request inside',
      [
        ['intercept', q.host('a.test')],
        ['allow', q.user('alice')],
      ],
    ],
    ['two rules take them, by scheme', [OPEN, ['allow', q.scheme('https', 'http')], ['deny', q.user('mallory')]]],
    ['it comes from elsewhere', [OPEN, ['allow', q.all(q.client('10.0.0.0/8'), q.user('alice'))]]],
  ])('not when %s', (_what, rules) => {
    expect(decideAmong(rules, q.connectQuestion({ identity: 'unasked' }))).toMatchObject({ action: 'intercept', awaits: 'nothing' });
  });

  test('and not of one that is not opened', () => {
    const rules = [
      ['tunnel', q.host('a.test')],
      ['intercept', q.scheme('tunnel')],
      ['allow', q.user('alice')],
    ] as const;
    expect(decideAmong(rules, q.connectQuestion({ identity: 'unasked' }))).toMatchObject({ action: 'tunnel', awaits: 'nothing' });
  });
});

test('a rule is found by each key that it is filed under, and tried in order', () => {
  const rules = [
    ['deny', q.any(q.user('mallory'), q.client('192.0.2.0/24'))],
    ['allow', q.all(q.method('GET'), q.member('eng'))],
    ['deny', q.port(25)],
    ['allow', q.any(q.host('a.test'), q.port(8080))],
    ['allow', q.client('10.0.0.0/8')],
  ] as const;
  const deciding = (members: Partial<Question>) => decideAmong(rules, q.question({ host: 'b.test', ...members })).rule?.name ?? 'default';
  expect(deciding({})).toBe('default');
  expect(deciding({ identity: q.identity('mallory', { groups: ['eng'] }) })).toBe('rule 0');
  expect(deciding({ clientAddress: '192.0.2.9', host: 'a.test' })).toBe('rule 0');
  expect(deciding({ identity: q.identity('alice', { groups: ['hr', 'eng'] }) })).toBe('rule 1');
  expect(deciding({ port: 25, host: 'a.test' })).toBe('rule 2');
  expect(deciding({ port: 8080 })).toBe('rule 3');
  expect(deciding({ host: 'a.test', port: 8080 })).toBe('rule 3');
  expect(deciding({ clientAddress: '::ffff:10.9.9.9' })).toBe('rule 4');
});

describe('a question that breaks its promises is denied whatever the default', () => {
  const open = q.compiledYaml('version: 1\ndefault: allow\nconnect_ports: any\n');
  const sound = q.question({ host: 'a.example' });
  const odd: readonly (readonly [string, Partial<Record<keyof Question, unknown>>])[] = [
    ['no host', { host: '' }],
    ['a host in upper case', { host: 'A.example' }],
    ['a host with a trailing dot', { host: 'a.example.' }],
    ['a host with an empty label', { host: 'a..example' }],
    ['a host beyond ASCII', { host: 'ä.example' }],
    ['a host with a port', { host: 'a.example:80' }],
    ['a bracketed address', { host: '[::1]' }],
    ['an address in another spelling', { host: '0:0::1' }],
    ['an IPv4-mapped address', { host: '::ffff:127.0.0.1' }],
    ['a number for a host', { host: '2130706433' }],
    ['a hexadecimal host', { host: '0x7f.1' }],
    ['a host of 254 characters', { host: `${'a.'.repeat(126)}aa` }],
    ['no port', { port: Number.NaN }],
    ['port 0', { port: 0 }],
    ['port 65536', { port: 65536 }],
    ['half a port', { port: 80.5 }],
    ['a port as text', { port: '80' }],
    ['no method', { method: '' }],
    ['another scheme', { scheme: 'ftp' }],
    ['no path where there should be one', { pathAndQuery: null }],
    ['a path inside a tunnel', { scheme: 'tunnel' }],
    ['fields that are none', { fields: undefined }],
    ['content of a negative length', { contentLength: -1 }],
    ['content of no length', { contentLength: Number.NaN }],
    ['an upgrade to nothing', { upgrade: undefined }],
    ['a client without address', { clientAddress: undefined }],
    ['no listener', { listener: null }],
    ['nobody in particular', { identity: null }],
    ['an identity without a name', { identity: { groups: [], claims: null } }],
    ['an identity without groups', { identity: { user: 'alice', claims: null } }],
    ['claims that are none', { identity: { user: 'alice', groups: [], claims: undefined } }],
    ['an address that is none', { address: 'a.example' }],
    ['an address with a zone', { address: 'fe80::1%eth0' }],
    ['an answer without types', { response: { contentLength: 0 } }],
    ['an answer without length', { response: { contentTypes: [] } }],
    ['no moment', { nowMs: Number.NaN }],
    ['a moment that no clock shows', { nowMs: 8.64e15 }],
    ['nothing at all', { host: undefined, port: undefined, method: undefined, scheme: undefined, pathAndQuery: undefined }],
  ];

  test.each(odd)('%s', (_name, members) => {
    expect(decide(open, { ...sound, ...members } as Question)).toMatchObject({ action: 'deny', decidedBy: 'unusable-question' });
  });

  test.each([['a_b.example'], ['xn--bcher-kva.example'], ['localhost'], ['a.1b'], ['10.0.0.1'], ['2001:db8::1']])(
    'but not the host %s',
    (host) => {
      expect(decide(open, { ...sound, host }).action).toBe('allow');
    },
  );
});

const COMPILED = q.compiledYaml(POLICY);

function decideOn(request: string): Decision {
  return decide(COMPILED, q.questionFor(request));
}

/** Among these rules, and a default that denies. */
function decideAmong(rules: readonly (readonly [Action, Condition])[], asked: Question): Decision {
  const named = rules.map(([action, condition], index) => q.rule(action, condition, { name: `rule ${index}` }));
  return decide(q.compiled('deny', named), asked);
}
