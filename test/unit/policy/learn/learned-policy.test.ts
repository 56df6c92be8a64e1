// What promises hold for every log is in test/property/learned-policies.test.ts; here is what the text looks like.
import { describe, expect, test } from 'vitest';
import { learnedPolicy } from '../../../../src/policy/learn/learned-policy.ts';
import { ObservedTraffic } from '../../../../src/policy/learn/observed-traffic.ts';
import { parseRecorded } from '../../../../src/policy/recorded.ts';

interface Seen {
  readonly request: string;
  readonly times?: number;
  readonly members?: Readonly<Record<string, unknown>>;
}

function learned(...all: readonly Seen[]): string {
  const traffic = new ObservedTraffic();
  for (const { request, times = 2, members } of all) {
    const [method, target] = request.split(' ');
    const line = {
      time: '2026-11-22T10:00:00Z',
      listener: 'lan',
      client: '10.1.2.3',
      user: null,
      method,
      target,
      status: 200,
      outcome: 'forwarded',
    };
    const recorded = parseRecorded(
      JSON.stringify({ ...line, decision: 'allow', route: 'direct', upstream: '93.184.216.34:80', ...members }),
    );
    if (typeof recorded === 'string') throw new Error(`${request}: ${recorded}`);
    for (let i = 0; i < times; i += 1) traffic.add(recorded);
  }
  return learnedPolicy(traffic);
}

const denied = { decision: 'deny', outcome: 'denied', upstream: null, route: null, rule_at: 'old.yaml:7' };

test('hosts, methods and paths become a rule with its count and a test', () => {
  expect(
    learned(
      { request: 'CONNECT registry.npmjs.org:443', times: 1200 },
      { request: 'GET http://deb.debian.org/debian/pool/c/curl_7.88.1.deb?token=secret', times: 3 },
    ),
  ).toBe(`\
# Learned from 1,203 requests, 2026-11-22. Nothing passes but what a rule names.
# Read it before you use it: it allows what was seen, and nobody knows yet whether all of that should be.

version: 1
default: deny
connect_ports: [443]

rules:
  # 3 requests.
  - name: deb.debian.org over http
    allow:
      host: deb.debian.org
      port: 80
      scheme: http
      method: GET
      path: /debian/pool/c/curl_*.deb

  # 1,200 requests.
  - name: registry.npmjs.org
    allow:
      host: registry.npmjs.org
      port: 443

tests:
  - request: GET http://deb.debian.org/debian/pool/c/curl_7.88.1.deb
    expect: allow
    rule: deb.debian.org over http
  - request: CONNECT registry.npmjs.org:443
    expect: allow
    rule: registry.npmjs.org
`);
});

test('several hosts of one owner become all of its hosts, two stay two', () => {
  const text = learned(
    ...['a.one.example', 'b.one.example', 'one.example', 'a.two.example', 'b.two.example'].map((host) => ({
      request: `CONNECT ${host}:443`,
    })),
  );
  expect(text).toContain(
    '  # 6 requests to 3 hosts: a.one.example 2, b.one.example 2, one.example 2.\n  - name: one.example\n    allow:\n      host: .one.example\n',
  );
  expect(text).toContain('  - name: two.example\n    allow:\n      host: [a.two.example, b.two.example]\n');
});

test('hosts below a public suffix have different owners, private suffixes too', () => {
  const text = learned(
    ...['a.github.io', 'b.github.io', 'c.github.io', 'a.co.uk', 'b.co.uk', 'c.co.uk'].map((host) => ({ request: `CONNECT ${host}:443` })),
  );
  expect(text).not.toMatch(/host: \./);
  expect(text.match(/^ {2}- name: /gm)).toHaveLength(6);
});

test('hosts of one owner are not put together when one of them was denied', () => {
  const text = learned(...['a.one.example', 'b.one.example', 'c.one.example'].map((host) => ({ request: `CONNECT ${host}:443` })), {
    request: 'CONNECT ads.one.example:443',
    members: denied,
  });
  expect(text).toContain('host: [a.one.example, b.one.example, c.one.example]');
  expect(text).toContain('  # Was denied by old.yaml:7: 2 requests.\n  # - name: ads.one.example\n');
});

test('all hosts of an owner are tunnels alone where a plain request was seen below it, so that no rule for that stands in vain', () => {
  const text = learned(...['a.one.example', 'b.one.example', 'one.example'].map((host) => ({ request: `CONNECT ${host}:443` })), {
    request: 'M-SEARCH https://x.y.one.example/',
    times: 1,
  });
  expect(text).toContain('      host: .one.example\n      port: 443\n      method: CONNECT\n');
  expect(text).toContain('  # - name: x.y.one.example over https\n');
});

test('the test of a rule is a request that no rule before it takes', () => {
  const text = learned(
    ...['b.one.example', 'c.one.example', 'one.example'].map((host) => ({ request: `CONNECT ${host}:443` })),
    ...[443, 80].map((port) => ({ request: `CONNECT a.one.example:${port}` })),
  );
  expect(text).toContain('      host: .one.example\n      port: 443\n');
  expect(text).toContain('      host: a.one.example\n      port: [80, 443]\n');
  expect(text).toContain('  - request: CONNECT a.one.example:80\n    expect: allow\n    rule: a.one.example\n');
});

test('another port than 443 opens tunnels alone, and stands in connect_ports', () => {
  const text = learned({ request: 'CONNECT git.example.com:8443' });
  expect(text).toContain('connect_ports: [443, 8443]');
  expect(text).toContain('      port: 8443\n      method: CONNECT\n');
});

test('methods go with the paths that they were seen with', () => {
  const text = learned(
    { request: 'GET http://a.example/read' },
    { request: 'POST http://a.example/write' },
    { request: 'GET http://a.example/write' },
  );
  expect(text).toContain('  - name: "a.example over http: GET"\n');
  expect(text).toContain('      method: [GET, POST]\n      path: /write\n');
});

test('many paths become few', () => {
  const text = learned(
    ...Array.from({ length: 400 }, (_, i) => ({
      request: `GET http://a.example/docs/${String.fromCharCode(97 + (i % 26))}x/${'abcdefghij'[i % 10]}${'klmnopqrst'[Math.floor(i / 10) % 10]}`,
    })),
  );
  expect(text).toContain('      path: /docs/*\n');
});

test.each<[string, Seen, string]>([
  ['a single hit', { request: 'CONNECT once.example:443', times: 1 }, 'Seen only once: 1 request.'],
  ['a single POST', { request: 'POST http://once.example/form', times: 1 }, 'A POST that was seen only once: 1 request.'],
  ['an address', { request: 'CONNECT [2606:2800:220:1::1]:443' }, 'An address in place of a name: 2 requests.'],
  [
    'what failed',
    { request: 'CONNECT dead.example:443', members: { outcome: 'failed', upstream: null } },
    'Failed every time: 2 requests.',
  ],
  ['what was denied', { request: 'GET http://bad.example/', members: denied }, 'Was denied by old.yaml:7: 2 requests.'],
  [
    'what the guard refused',
    { request: 'GET http://bad.example/', members: { outcome: 'failed', upstream: null, refused_addresses: [{}] } },
    'Was denied by the address guard: 2 requests.',
  ],
  [
    'a private address',
    { request: 'GET http://in.example/', members: { upstream: '10.20.0.5:80' } },
    '10.20.0.5 is not public, so it needs allow_private: 2 requests.',
  ],
  [
    'a doubtful port',
    { request: 'CONNECT once.example:8443', times: 1 },
    'Seen only once: 1 request. It needs port 8443 in connect_ports.',
  ],
])('%s is written as a comment', (_what, seen, reason) => {
  const text = learned(seen);
  expect(text).toContain(`  # ${reason}\n  # - name: `);
  expect(text).toContain('\nrules: []\n');
  expect(text).not.toContain('tests:');
});

test('a private address is none to a client on this machine, as it is without a proxy', () => {
  expect(learned({ request: 'GET http://in.example/', members: { upstream: '10.20.0.5:80', client: '127.0.0.1' } })).toContain(
    '\n  - name: in.example over http\n',
  );
});

test('what failed now and then is no doubt', () => {
  const text = learned(
    { request: 'CONNECT a.example:443' },
    { request: 'CONNECT a.example:443', members: { outcome: 'failed', upstream: null } },
  );
  expect(text).not.toContain('Doubtful');
});

test('a rule that allows what was denied says so', () => {
  const text = learned({ request: 'GET http://a.example/u/1' }, { request: 'GET http://a.example/u/2', times: 3, members: denied });
  expect(text).toContain('  # Mind: it also allows GET http://a.example/u/2, which was denied 3 times.\n');
});

test('what no rule can be written for is told', () => {
  const text = learned({ request: 'GET http://a.example/a%2Fb' }, { request: 'get http://a.example/' });
  expect(text).toContain('  #   2 x GET to a.example: the path has an encoded slash (%2F)\n');
  expect(text).toContain('  #   2 x get to a.example: the method is an unusual one\n');
});

test('nothing from the log leaves its comment', () => {
  const text = learned({ request: 'CONNECT bad.example:443', members: { ...denied, rule_at: 'x\n  - allow: any\u2028\u0085# ' } });
  expect(
    text
      .split(/[\n\u2028\u0085]/)
      .filter((line) => line.includes('allow: any'))
      .every((line) => line.startsWith('  # ')),
  ).toBe(true);
});

describe('tunnels that were opened', () => {
  const opened = { interception: 'opened', upstream: null, route: null };

  test('are opened again, for the requests inside', () => {
    const text = learned(
      { request: 'CONNECT docs.example.org:443', members: opened },
      { request: 'GET https://docs.example.org/handbook/a' },
      { request: 'CONNECT plain.example.net:443' },
    );
    expect(text).toContain(`\
  - name: docs.example.org over https
    allow:
      host: docs.example.org
      port: 443
      scheme: https
      method: GET
      path: /handbook/a
`);
    expect(text).toContain(`\
  - name: docs.example.org
    intercept:
      host: docs.example.org
      port: 443
      method: CONNECT
`);
    expect(text).toContain('expect: intercept\n    rule: docs.example.org');
    expect(text).toContain('  - name: plain.example.net\n    allow:\n');
  });

  test('are not when some of the same owner passed as they were', () => {
    const text = learned(
      { request: 'CONNECT docs.example.org:443', members: opened },
      { request: 'GET https://docs.example.org/handbook/a' },
      { request: 'CONNECT www.example.org:443', members: { interception: 'passed' } },
    );
    expect(text).not.toContain('intercept');
  });

  test('are doubtful where nothing that is sure was seen inside', () => {
    const text = learned(
      { request: 'CONNECT docs.example.org:443', members: opened },
      { request: 'POST https://docs.example.org/handbook/a', times: 1 },
    );
    expect(text).toContain('# What was seen inside is doubtful, or nothing was: 2 requests.');
    expect(text).toContain('rules: []');
  });
});
