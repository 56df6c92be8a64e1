import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { decide } from '../../../src/policy/decide.ts';
import { formatProblem, parsePolicy } from '../../../src/policy/parse.ts';
import type { Decision, Question } from '../../../src/policy/policy.ts';

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
    const asked = question('GET http://api.example/public/a?b');
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

describe('a question that breaks its promises is denied whatever the default', () => {
  const open = compile('version: 1\ndefault: allow\nconnect_ports: any\n');
  const sound = question('GET http://a.example/');
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

const COMPILED = compile(POLICY);

function decideOn(request: string): Decision {
  return decide(COMPILED, question(request));
}

function compile(text: string): ReturnType<typeof compilePolicy> {
  const parsed = parsePolicy(text, 'p.yaml');
  if ('problems' in parsed) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return compilePolicy(parsed.policy);
}

/** `GET http://host:port/path` or `CONNECT host:port`. */
function question(request: string): Question {
  const match = /^(\S+) (http:\/\/)?\[?([^[\]/]+?)\]?(?::(\d+))?(\/.*)?$/.exec(request);
  if (match === null) throw new Error(`not a request: ${request}`);
  const [, method, http, host, port, pathAndQuery] = match;
  const scheme = http === undefined ? 'tunnel' : 'http';
  return {
    method: method!,
    scheme,
    host: host!,
    port: Number(port ?? 80),
    pathAndQuery: pathAndQuery ?? null,
    clientAddress: '127.0.0.1',
    user: null,
  };
}
