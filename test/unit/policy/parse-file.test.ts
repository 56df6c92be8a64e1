import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parseFile } from '../../../src/policy/parse-file.ts';
import type { ParsedFile, ParsedRule } from '../../../src/policy/parsed-file.ts';

test('a file with every key of the language has no problems', async () => {
  const { parsed, problems } = parseFile(await readFile('test/unit/policy/every-key.yaml', 'utf8'), 'p.yaml', 'main');
  expect(problems).toEqual([]);
  expect(parsed?.items.map((item) => (item.kind === 'rule' ? item.rule.action : item.path))).toEqual([
    ...['deny', 'shared/registries.yaml', 'deny', 'deny', 'allow', 'allow', 'report', 'allow', 'allow', 'tunnel', 'intercept'],
  ]);
});

describe('reads a rule with', () => {
  test('all that is said to the person who is refused', () => {
    const { rule } = ruleOf(`deny: any
    message: Not here.
    owner: IT <it@corp.example>
    request_access: https://corp.example/ask
    status: 451`);
    expect(rule.denial).toEqual({
      status: 451,
      message: 'Not here.',
      owner: 'IT <it@corp.example>',
      requestAccess: 'https://corp.example/ask',
    });
  });

  test.each(['deny', 'report'])('%s, and 403 when nothing is said', (action) => {
    expect(ruleOf(`${action}: any`).rule).toMatchObject({
      action,
      denial: { status: 403, message: null, owner: null, requestAccess: null },
    });
  });

  test.each(['allow', 'tunnel', 'intercept'])('%s, which has no denial and may have limits', (action) => {
    expect(ruleOf(`${action}: any\n    limits: { concurrent: 4 }`).rule).toMatchObject({ action, denial: null, limits: { concurrent: 4 } });
  });

  test('limits in their units', () => {
    const { rule } = ruleOf(`name: a
    allow: any
    limits: { requests: 10/s, concurrent: 4, download: 1MiB/s, upload: 256KiB/s, per_day: 2GiB, per: client }`);
    expect(rule.limits).toEqual({
      per: 'client',
      requestsPerSecond: 10,
      concurrent: 4,
      downloadBytesPerSecond: 1_048_576,
      uploadBytesPerSecond: 262_144,
      bytesPerDay: 2_147_483_648,
    });
  });

  test.each([
    ['bypass', { bypass: true }],
    ['{ bypass: true }', { bypass: true }],
    ['{ ttl: 1.5h }', { ttlSeconds: 5_400 }],
    ['{ ttl: 30d, force: true }', { ttlSeconds: 2_592_000, force: true }],
    ['{ ignore_query: true }', { ignoreQuery: true }],
    ['{ ignore_query: utm_source }', { ignoreQuery: ['utm_source'] }],
    ['{ ignore_query: ["a[b]", "%61"] }', { ignoreQuery: ['a[b]', '%61'] }],
    ['{ partition: user }', { partition: 'user' }],
  ])('cache: %s', (cache, said) => {
    const expected = { bypass: false, ttlSeconds: null, force: false, ignoreQuery: false, partition: null, ...said };
    for (const action of ['allow', 'intercept']) expect(ruleOf(`${action}: any\n    cache: ${cache}`).rule.cache).toEqual(expected);
    expect(ruleOf('allow: any').rule.cache).toBeNull();
  });

  test.each([
    ['', { onPinned: 'refuse', passthroughSeconds: 3_600, isRequired: false }],
    ['\n    on_pinned: refuse\n    inspect: required', { onPinned: 'refuse', passthroughSeconds: 3_600, isRequired: true }],
    ['\n    on_pinned: passthrough', { onPinned: 'passthrough', passthroughSeconds: 3_600, isRequired: false }],
    ['\n    on_pinned: passthrough\n    passthrough_for: 2d', { onPinned: 'passthrough', passthroughSeconds: 172_800, isRequired: false }],
  ])('what becomes of pinned clients: %j', (keys, interception) => {
    expect(ruleOf(`intercept: any${keys}`).rule).toMatchObject({ interception, acceptCertificate: null });
    for (const action of ['allow', 'tunnel', 'deny']) expect(ruleOf(`${action}: any`).rule.interception).toBeNull();
  });

  test.each([
    ['expired', ['expired']],
    ['[wrong_name, untrusted]', ['wrong_name', 'untrusted']],
    [`sha256:${'0a'.repeat(32)}`, [`sha256:${'0a'.repeat(32)}`]],
    [`"SHA256:${Array.from({ length: 32 }, () => 'AB').join(':')}"`, [`sha256:${'ab'.repeat(32)}`]],
  ])('what a certificate is forgiven: %s', (faults, expected) => {
    for (const action of ['allow', 'intercept']) {
      const { rule, acceptPosition } = ruleOf(`${action}: any\n    dangerously_accept_certificate: ${faults}`);
      expect([rule.acceptCertificate, acceptPosition.line]).toEqual([expected, 5]);
    }
  });

  test('limits that count for the user when nothing else is said', () => {
    expect(ruleOf('allow: any\n    limits: { requests: 1/s }').rule.limits).toMatchObject({
      per: 'user',
      requestsPerSecond: 1,
      bytesPerDay: null,
    });
  });

  test('the place of what may be a problem only when files are joined', () => {
    const rule = ruleOf('allow: { in: a }\n    allow_private: true\n    limits: { concurrent: 1 }');
    expect(rule).toMatchObject({ allowPrivatePosition: { line: 5, column: 5 }, limitsPosition: { line: 6, column: 5 } });
  });
});

test('reads names for groups and lists, with their places', () => {
  const parsed = fileOf(`groups:
  office: { client: 10.0.0.0/8 }
  Größe-1.b_c: any
lists:
  ads: { file: lists/ads.txt, format: hosts, subdomains: true }
  nets: { file: /etc/nets, format: cidr, may_be_empty: true }
`);
  expect(parsed.groups).toMatchObject([
    { name: 'office', condition: { kind: 'client' }, position: { line: 4, column: 3 } },
    { name: 'Größe-1.b_c' },
  ]);
  expect(parsed.lists).toEqual([
    {
      name: 'ads',
      position: { file: 'p.yaml', line: 7, column: 3 },
      source: { path: 'lists/ads.txt', format: 'hosts', subdomains: true, mayBeEmpty: false },
    },
    {
      name: 'nets',
      position: { file: 'p.yaml', line: 8, column: 3 },
      source: { path: '/etc/nets', format: 'cidr', subdomains: false, mayBeEmpty: true },
    },
  ]);
});

describe('reads a test of', () => {
  test('a request with everything', () => {
    expect(
      testOf(`request: POST http://Mirror.example:8080/pool/x?a=b
    client: "::ffff:10.1.2.3"
    listener: lan
    user: alice
    groups: [eng]
    claims: { repository: org/app, roles: [a, b], realm: { name: c } }
    at: 2026-11-23T09:00:00+01:00
    resolves_to: [10.0.0.1, "2001:DB8::1"]
    fields: { User-Agent: curl/8, Accept: [a, b] }
    size: 3MiB
    upgrade: websocket
    response: { type: image/png, size: 1KiB }
    expect: allow
    rule: Artifacts`),
    ).toEqual({
      rulePosition: { file: 'p.yaml', line: 17, column: 5 },
      test: {
        position: { file: 'p.yaml', line: 4, column: 5 },
        addresses: ['10.0.0.1', '2001:db8::1'],
        expectedAction: 'allow',
        expectedRule: 'Artifacts',
        question: {
          method: 'POST',
          scheme: 'http',
          host: 'mirror.example',
          port: 8080,
          pathAndQuery: '/pool/x?a=b',
          fields: [
            { name: 'User-Agent', value: 'curl/8' },
            { name: 'Accept', value: 'a' },
            { name: 'Accept', value: 'b' },
          ],
          contentLength: 3_145_728,
          upgrade: 'websocket',
          clientAddress: '10.1.2.3',
          listener: 'lan',
          identity: { user: 'alice', groups: ['eng'], claims: { repository: 'org/app', roles: ['a', 'b'], realm: { name: 'c' } } },
          address: null,
          hello: null,
          response: { contentTypes: ['image/png'], contentLength: 1_024 },
          nowMs: Date.parse('2026-11-23T08:00:00Z'),
        },
      },
    });
  });

  test('a request with nothing but what it needs', () => {
    expect(testOf('request: GET https://bücher.example\n    expect: deny')).toMatchObject({
      test: {
        addresses: [],
        expectedRule: null,
        question: {
          ...{ ...PLAIN, scheme: 'https', host: 'xn--bcher-kva.example', port: 443, pathAndQuery: '/', nowMs: Number.NaN },
          hello: { protocol: 'tls', serverName: 'xn--bcher-kva.example' },
        },
      },
    });
  });

  test('a CONNECT, in which nobody sees a path', () => {
    const { question } = testOf('request: CONNECT a.example:443\n    expect: tunnel').test;
    expect(question).toMatchObject({ method: 'CONNECT', scheme: 'tunnel', host: 'a.example', port: 443, pathAndQuery: null });
  });

  test.each([
    ['CONNECT a.example:443', '', { protocol: 'tls', serverName: 'a.example' }],
    ['CONNECT 192.0.2.1:443', '', { protocol: 'tls', serverName: null }],
    ['CONNECT a.example:443', 'sni: B.Example', { protocol: 'tls', serverName: 'b.example' }],
    ['CONNECT a.example:443', 'sni: none', { protocol: 'tls', serverName: null }],
    ['CONNECT a.example:443', 'tunnel_protocol: other', { protocol: 'other', serverName: null }],
    ['GET https://a.example/', 'sni: b.example', { protocol: 'tls', serverName: 'b.example' }],
    ['GET http://a.example/', '', null],
    // Inside of a tunnel in which nobody began TLS.
    ['GET http://a.example/', 'tunnel_protocol: http', { protocol: 'http', serverName: null }],
  ])('%s that begins with what is said first: %s', (request, key, hello) => {
    expect(testOf(`request: ${request}\n    expect: deny\n    ${key}`).test.question.hello).toEqual(hello);
  });

  test('a client that has not said who it is, when a challenge is expected', () => {
    expect(testOf('request: GET http://a.example/\n    expect: challenge').test.question.identity).toBe('unasked');
  });
});

describe('says what is wrong in', () => {
  test.each([
    ['rules:\n  - { deny: any, status: 200 }', "4:26: status: expected a status from 400 to 599; found '200'"],
    ['rules:\n  - { deny: any, status: 407 }', '4:26: status: 407 asks for credentials; to be asked for, a rule names a user or a group'],
    [
      'rules:\n  - { deny: any, request_access: "ftp://a" }',
      "4:34: request_access: expected an http, https or mailto URL such as https://corp.example/ask; found 'ftp://a'",
    ],
    [
      'rules:\n  - { deny: any, request_access: "https://u:p@a/" }',
      '4:34: request_access: the URL has user information in it, which everybody who is denied would read',
    ],
    ['rules:\n  - { deny: any, owner: " " }', '4:25: owner: the text is blank'],
    ['rules:\n  - { deny: any, limits: { concurrent: 1 } }', '4:18: limits: not beside deny; a rule that denies lets nothing pass'],
    ['rules:\n  - { tunnel: any, status: 403 }', '4:20: status: not beside tunnel; it is what a request that is refused is answered with'],
    ['rules:\n  - { report: any, tunnel: any }', '4:20: a rule has either report or tunnel, not both; make it two rules'],
    ['rules:\n  - { allow: any, name: default }', "4:25: name: 'default' stands for what no rule decides; choose another name"],
    [
      'rules:\n  - { allow: any, limits: {} }',
      '4:19: limits: names no limit; the keys are requests, concurrent, download, upload, per_day, per',
    ],
    [
      'rules:\n  - { allow: any, limits: { per: user } }',
      '4:19: limits: names no limit; the keys are requests, concurrent, download, upload, per_day, per',
    ],
    ['rules:\n  - { allow: any, limits: { per_day: 1GiB } }', "4:29: per_day: the rule needs a 'name', under which the octets are counted"],
    ['rules:\n  - { allow: any, limits: { requests: 10 } }', "4:39: requests: expected a rate such as 10/s; found '10'"],
    ['rules:\n  - { allow: any, limits: { requests: 0/s } }', '4:39: requests: expected a whole number from 1 to 1000000; found "0"'],
    ['rules:\n  - { allow: any, limits: { download: 1MiB } }', "4:39: download: expected a rate such as 1MiB/s; found '1MiB'"],
    ['rules:\n  - { allow: any, limits: { upload: 0/s } }', '4:37: upload: 0 lets nothing pass; deny it with a rule instead'],
    ['rules:\n  - { allow: any, limits: { concurrent: 1, per: ip } }', "4:49: per: expected user, client or all; found 'ip'"],
    ['rules:\n  - { deny: any, cache: bypass }', '4:18: cache: not beside deny; no answer that could be stored is seen under it'],
    ['rules:\n  - { tunnel: any, cache: bypass }', '4:20: cache: not beside tunnel; no answer that could be stored is seen under it'],
    [
      'rules:\n  - { allow: any, cache: off }',
      "4:26: cache: expected bypass, or a mapping with the keys ttl, force, ignore_query, bypass, partition; found 'off'",
    ],
    ['rules:\n  - { allow: any, cache: {} }', '4:19: cache: changes nothing; the keys are ttl, force, ignore_query, bypass, partition'],
    ['rules:\n  - { allow: any, cache: { tll: 1h } }', "4:28: unknown key 'tll' in cache; did you mean 'ttl'?"],
    [
      'rules:\n  - { allow: any, cache: { ttl: 60 } }',
      '4:33: ttl: expected a period with its unit, such as 90s, 10m, 1h or 30d; found "60"',
    ],
    ['rules:\n  - { allow: any, cache: { ttl: 0s } }', "4:33: ttl: 0 keeps nothing; write 'cache: bypass' instead"],
    [
      'rules:\n  - { allow: any, cache: { force: true } }',
      "4:28: force: only beside ttl; what is stored against the origin's word needs a",
    ],
    ['rules:\n  - { allow: any, cache: { bypass: true, ttl: 1h } }', '4:42: ttl: not beside bypass, with which nothing is stored or'],
    ['rules:\n  - { allow: any, cache: { ignore_query: "a=b" } }', '4:42: ignore_query: expected the name of a parameter as it stands in'],
    ['rules:\n  - { allow: any, cache: { partition: group } }', "4:39: partition: expected user; found 'group'"],
    ['rules:\n  - { allow: any, on_pinned: refuse }', '4:19: on_pinned: not beside allow; it does not open TLS'],
    ['rules:\n  - { tunnel: any, inspect: required }', "4:20: inspect: not beside tunnel; it does not open TLS; 'intercept' does"],
    [
      'rules:\n  - { tunnel: any, dangerously_accept_certificate: expired }',
      '4:20: dangerously_accept_certificate: not beside tunnel; no certificate of an origin is looked at under it',
    ],
    [
      'rules:\n  - { intercept: any, on_pinned: passthrough, inspect: required }',
      "4:23: on_pinned: not passthrough beside 'inspect: required', under which nothing passes unopened",
    ],
    ['rules:\n  - { intercept: any, on_pinned: pass }', "4:34: on_pinned: expected refuse or passthrough; found 'pass'"],
    ['rules:\n  - { intercept: any, inspect: optional }', "4:32: inspect: expected required; found 'optional'"],
    [
      'rules:\n  - { intercept: any, passthrough_for: 1h }',
      "4:23: passthrough_for: only beside 'on_pinned: passthrough'; it is how long that holds",
    ],
    [
      'rules:\n  - { intercept: any, on_pinned: passthrough, passthrough_for: 0s }',
      "4:64: passthrough_for: 0 lets nothing pass; write 'on_pinned: refuse' instead",
    ],
    [
      'rules:\n  - { intercept: { host: a }, dangerously_accept_certificate: expird }',
      "4:63: dangerously_accept_certificate: expected expired, wrong_name, untrusted, or the fingerprint of one certificate as sha256:HEX; found 'expird'; did you mean 'expired'?",
    ],
    [
      'rules:\n  - { allow: { host: a }, dangerously_accept_certificate: "sha256:abc" }',
      "4:59: dangerously_accept_certificate: a SHA-256 fingerprint has 64 hexadecimal digits; found 'sha256:abc'",
    ],
    ['rules:\n  - { deny: { sni: 192.0.2.1 } }', "4:20: sni: '192.0.2.1' is an address, and TLS names no server by its address"],
    ['rules:\n  - { deny: { sni_agrees: no } }', "4:27: sni_agrees: expected true or false; found 'no'"],
    ['rules:\n  - { deny: { tunnel_protocol: ssh } }', "4:32: tunnel_protocol: expected tls, http or other; found 'ssh'"],
    ['tests:\n  - { request: GET http://a/, expect: allow, sni: b }', '4:46: sni: there is no TLS in http; leave it out'],
    [
      'tests:\n  - { request: CONNECT a:443, expect: allow, sni: 192.0.2.1 }',
      "4:51: sni: '192.0.2.1' is an address, and TLS names no server by its address",
    ],
    [
      'tests:\n  - { request: CONNECT a:443, expect: allow, tunnel_protocol: other, sni: b }',
      '4:70: sni: only TLS names a server; leave it out',
    ],
    [
      'tests:\n  - { request: GET https://a/, expect: allow, tunnel_protocol: http }',
      '4:47: tunnel_protocol: a request by https comes in TLS; leave it out',
    ],
    ['rules:\n  - { include: a.yaml, name: b }', '4:24: name: not beside include; the rules of the file say for themselves what they do'],
    ['rules:\n  - include: https://a.example/b.yaml', "4:14: include: 'https://a.example/b.yaml' is a URL; name a file of this machine"],
    ['rules:\n  - include:', '4:5: include: expected the path of a file, relative to this one; found nothing'],
    ['include: a.yaml', "3:1: unknown key 'include' in a policy; the keys are"],
    ['groups: [a]', '3:9: groups is a mapping in which each key is the name of a group; found a list'],
    ['groups: { "a b": any }', "3:11: the name of a group is made of letters, digits, '.', '_' and '-', 100 at most; found 'a b'"],
    ['groups: { a: }', "3:11: group a: expected what to match, such as { host: example.com }, or 'any' for everything"],
    ['groups: { a: { hots: b } }', "3:16: unknown key 'hots' in group a; did you mean 'host'?"],
    ['lists: { a: { format: cidr } }', "3:10: list a: needs 'file'"],
    ['lists: { a: { file: b } }', "3:10: list a: needs 'format'"],
    ['lists: { a: { file: b, format: csv } }', "3:32: format: expected domains, hosts, adblock, rpz or cidr; found 'csv'"],
    [
      'lists: { a: { file: b, format: cidr, subdomains: true } }',
      '3:38: subdomains: only beside the formats domains and hosts; cidr says itself what it covers',
    ],
    ['lists: { a: { file: b, format: domains, may_be_empty: yes } }', "3:55: may_be_empty: expected true or false; found 'yes'"],
    ['lists: { a: b.txt }', "3:13: list a is a mapping with the keys file, format, subdomains, may_be_empty; found 'b.txt'"],
    ['tests: { }', '3:1: tests: expected a list, each test on a line of its own that begins with "- "; found a mapping'],
    ['tests:\n  - { expect: allow }', "4:5: a test needs 'request', such as GET http://example.com/"],
    ['tests:\n  - { request: GET http://a/ }', "4:5: a test needs 'expect': allow, deny, tunnel, intercept or challenge"],
    [
      'tests:\n  - { request: GET http://a/, expect: alow }',
      "4:39: expect: expected allow, deny, tunnel, intercept or challenge; found 'alow'; did you mean 'allow'?",
    ],
    [
      'tests:\n  - { request: http://a/, expect: allow }',
      "4:16: request: expected a method and a URL, such as GET http://example.com/, or CONNECT example.com:443; found 'http://a/'",
    ],
    ['tests:\n  - { request: GET /a, expect: allow }', "4:16: request: '/a' names no host; write the whole URL"],
    ['tests:\n  - { request: CONNECT a.example, expect: allow }', '4:16: request: "a.example" names no port; write host:port.'],
    ['tests:\n  - { request: GET ftp://a/, expect: allow }', '4:16: request: The scheme "ftp:" is not served here; use http: or https:.'],
    [
      'tests:\n  - { request: GET http://a/, expect: allow, client: me }',
      "4:54: client: expected an address such as 192.0.2.1 or 2001:db8::1; found 'me'",
    ],
    [
      'tests:\n  - { request: GET http://a/, expect: allow, at: 2026-11-23T09:00 }',
      "4:50: at: expected a moment such as 2026-11-23T09:00:00+01:00, with its distance to UTC or Z; found '2026-11-23T09:00'",
    ],
    ['tests:\n  - { request: GET http://a/, expect: allow, groups: eng }', "4:46: groups: only beside 'user'; somebody has to be in them"],
    [
      'tests:\n  - { request: GET http://a/, expect: allow, fields: { "a b": c } }',
      "4:56: fields: 'a b' is not a field name (RFC 9110 section 5.1)",
    ],
    [
      'tests:\n  - { request: GET http://a/, expect: allow, size: big }',
      '4:52: size: expected a size, such as 32KiB, 1MB or 4096 (octets); found "big"',
    ],
    [
      'tests:\n  - { request: GET http://a/, expect: allow, response: { status: 200 } }',
      "4:58: unknown key 'status' in response; the keys are type, size",
    ],
  ])('%s', (text, expected) => {
    const [problem, ...others] = problemsOf(`version: 1\ndefault: deny\n${text}\n`, 'main');
    expect(others).toEqual([]);
    expect(problem).toContain(expected);
  });

  test('a file that is included and speaks for the whole policy', () => {
    expect(problemsOf('version: 1\ndefault: deny\nconnect_ports: any\n', 'included')).toEqual([
      '2:1: default: not in a file that is included; it holds for the whole policy and stands in its main file',
      '3:1: connect_ports: not in a file that is included; it holds for the whole policy and stands in its main file',
    ]);
  });
});

test('a file that is included needs nothing but its version', () => {
  expect(problemsOf('version: 1\n', 'included')).toEqual([]);
});

const PLAIN = {
  method: 'GET',
  fields: [],
  contentLength: 0,
  upgrade: null,
  clientAddress: '127.0.0.1',
  listener: '',
  identity: 'nobody',
  address: null,
  hello: null,
  response: null,
};

function fileOf(text: string): ParsedFile {
  const { parsed, problems } = parseFile(`version: 1\ndefault: deny\n${text}\n`, 'p.yaml', 'main');
  if (parsed === null || problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'));
  return parsed;
}

function ruleOf(rule: string): ParsedRule {
  const [item] = fileOf(`rules:\n  - ${rule}`).items;
  if (item?.kind !== 'rule') throw new Error('no rule was read');
  return item;
}

function testOf(text: string) {
  const [only] = fileOf(`tests:\n  - ${text}`).tests;
  if (only === undefined) throw new Error('no test was read');
  return only;
}

/** Each as `line:column: message`. */
function problemsOf(text: string, role: 'main' | 'included'): readonly string[] {
  return parseFile(text, 'p.yaml', role).problems.map(({ line, column, message }) => `${line}:${column}: ${message}`);
}
