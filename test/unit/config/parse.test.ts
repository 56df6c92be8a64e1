import { expect, test } from 'vitest';
import { overlay, parseEnvironment, parseFile, parseFlags, variableNames } from '../../../src/config/parse.ts';
import { settingNames, settingsSchema } from '../../../src/config/settings.ts';

const inEtc = (path: string) => (path.startsWith('/') ? path : `/etc/${path}`);
const problemsOf = (text: string) => parseFile(text, 's.yaml', inEtc).problems;
const names = settingNames(settingsSchema(inEtc));

test('a file that sets everything is read into units', () => {
  const { settings, problems } = parseFile(EVERY_KEY, 's.yaml', inEtc);
  expect(problems).toEqual([]);
  expect(settings).toMatchObject({
    listen: [
      { kind: 'tcp', host: '127.0.0.1', port: 3128 },
      { kind: 'unix', path: '/etc/s.sock' },
    ],
    policy: '/etc/policy.yaml',
    access_log: { file: '/var/log/access.log', format: 'squid', flush: 1_000, max_pending: 1_048_576 },
    limits: { head: 65_536, connections_per_client: 100 },
    timeouts: { connect: 5_000, drain: 0, denied_tunnel: 5_000 },
    content_min_rate: 0,
    dns: { servers: ['192.0.2.53'], hosts_file: '' },
    parents: [
      { host: 'parent.example', port: 3128, user: 'user', password: 'pass', hosts: ['.example.org'] },
      { host: 'other.example', port: 8080, user: null, password: null, hosts: [] },
    ],
    cache: {
      use: 'on',
      memory: 67_108_864,
      disk: 0,
      folder: '/etc/cached',
      max_object: 3_221_225_472,
      targeted: ['cdn-cache-control'],
      heuristic: 0.2,
      max_heuristic: 604_800,
      max_stale: 0,
      offline: true,
      stale_ok: false,
    },
    tls: {
      roots: '/etc/roots.pem',
      trust: 'both',
      client_certificates: [
        { host: '.bank.example', certificateFile: '/etc/client.pem', keyFile: '/etc/client.key', passphraseFile: null },
      ],
      key_log: '/etc/keys.log',
      ca_dir: '/etc/ca',
      ca_certificate: '/etc/corporate.pem',
      ca_key: '/etc/corporate.key',
      leaf_days: 7,
      leaf_contexts: 500,
    },
    auth: {
      remember: 300_000,
      htpasswd: '/etc/users',
      jwt: { jwks: { url: 'https://id.example/keys' }, audiences: ['proxy'], userClaim: 'email', groupsClaim: 'roles' },
      ldap: {
        url: 'ldap://ldap.example',
        users: { kind: 'search', bindPasswordFile: '/etc/secret' },
        groups: { base: 'ou=groups,dc=example', from: { filter: '(member={dn})' } },
        timeoutMs: 3_000,
      },
    },
    via: 'proxy-1',
    state_dir: '/var/lib/sallyport',
    record: {
      use: 'on',
      session: 'tuesday',
      max_size: 4_294_967_296,
      max_age: 259_200,
      body_limit: 65_536,
      secrets: 'unwritten',
      redact: { fields: ['X-Secret'], json: ['$.pin'] },
    },
    rewrite: '/etc/rules.yaml',
    admin: { host: '127.0.0.1', port: 8_081 },
    workers: 'auto',
  });
  const set = Object.entries(settings).flatMap(([key, value]) =>
    names.some(({ path }) => path.length === 1 && path[0] === key) ? [key] : Object.keys(value as object).map((inner) => `${key}.${inner}`),
  );
  expect(set.sort()).toEqual(names.map(({ path }) => path.join('.')).sort());
});

test.each([
  ['', 'nothing in it'],
  ['# only a comment\n', 'only a comment'],
  ['timeouts:\n  # connect: 5s\n', 'a group with everything commented out'],
])('%j says nothing and is no mistake (%s)', (text) => {
  expect(problemsOf(text)).toEqual([]);
});

test.each([
  ['listen: 8080', 'listen', [{ kind: 'tcp', host: '127.0.0.1', port: 8080 }]],
  [
    'listen: [{ address: 0.0.0.0:3128, name: lan, auth: by-policy }]',
    'listen',
    [{ kind: 'tcp', host: '0.0.0.0', port: 3128, name: 'lan', auth: 'by-policy' }],
  ],
  ['listen: { address: 8080, name: lan }', 'listen', [{ kind: 'tcp', host: '127.0.0.1', port: 8080, name: 'lan', auth: undefined }]],
  [
    'parents: { proxy: http://p:3128, hosts: a.example }',
    'parents',
    [{ host: 'p', port: 3128, user: null, password: null, hosts: ['a.example'] }],
  ],
  ['access_log: off', 'access_log', { file: 'off' }],
  ['pac: off', 'pac', { direct: ['off'] }],
  ['access_log: logs/a.log', 'access_log', { file: '/etc/logs/a.log' }],
  ['parents: http://p:3128', 'parents', [{ host: 'p', port: 3128, user: null, password: null, hosts: [] }]],
] as const)('the short form %s', (text, key, value) => {
  expect(parseFile(text, 's.yaml', inEtc).settings[key]).toEqual(value);
});

test('every problem is told at once, in the order of the file, with its place', () => {
  expect(problemsOf('timeout: 5s\nlimits:\n  heads: 1\n  fields: none\ntimeouts:\n  idle: 60\nlisten: []\n')).toEqual([
    's.yaml:1:1: unknown key "timeout". Did you mean "timeouts"?',
    's.yaml:3:3: unknown key "heads" in "limits". Did you mean "head"?',
    's.yaml:4:11: limits.fields: expected a whole number from 1 to 10000000; found "none"',
    's.yaml:6:9: timeouts.idle: expected a duration with its unit, such as 500ms, 10s, 2m or 1h; found 60 without one: write 60s for seconds or 60ms for milliseconds',
    's.yaml:7:9: listen: expected at least one in this list; it is empty',
  ]);
});

test.each([
  ['connect: 5s', 's.yaml:1:1: unknown key "connect". There is "timeouts.connect".'],
  ['"__proto__": 1', 's.yaml:1:1: unknown key "__proto__".'],
  ['parents: [{proxy: http://p, host: x}]', 's.yaml:1:29: unknown key "host" in "parents[1]". Did you mean "hosts"?'],
  ['parents: [{hosts: x}]', 's.yaml:1:11: parents[1].proxy: expected one value; found nothing'],
  ['limits: 5', 's.yaml:1:9: limits: expected a group of settings; found a number'],
  ['- listen', 's.yaml:1:1: expected a group of settings; found a list'],
  ['timeouts: {connect: }', 's.yaml:1:21: timeouts.connect: expected one value; found nothing'],
  ['workers: many', 's.yaml:1:10: workers: expected auto or a whole number from 1 to 256; found "many"'],
  ['via: true', 's.yaml:1:6: via: expected one value; found a boolean'],
  ['listen: {address: 8080, nam: lan}', 's.yaml:1:25: unknown key "nam" in "listen". Did you mean "name"?'],
  ['listen: {address: 8080, auth: sometimes}', 's.yaml:1:31: listen.auth: expected one of always, by-policy, never; found "sometimes"'],
  ['listen: [{address: 8080, nam: lan}]', 's.yaml:1:26: unknown key "nam" in "listen[1]". Did you mean "name"?'],
  ['listen: true', 's.yaml:1:9: listen: expected a list; found a boolean'],
  ['dns: {servers: {a: 1}}', 's.yaml:1:16: dns.servers: expected one value; found a group'],
  [
    'auth: {jwt: {jwks: k, issuer: i, audience: a, user_clam: email}}',
    's.yaml:1:47: unknown key "user_clam" in "auth.jwt". Did you mean "user_claim"?',
  ],
  [
    'auth: {ldap: {url: "ldaps://a", search: {base: b, filtr: "(uid={user})", filter: "(uid={user})", bind_dn: c, bind_password_file: p}}}',
    's.yaml:1:51: unknown key "filtr" in "auth.ldap.search". Did you mean "filter"?',
  ],
  [
    'listen: [{address: 8080, auth: sometimes}]',
    's.yaml:1:32: listen[1].auth: expected one of always, by-policy, never; found "sometimes"',
  ],
  [
    'listen: [{address: 8080, name: "the lan"}]',
    's.yaml:1:32: listen[1].name: expected a name of letters, digits, dots and hyphens; found "the lan"',
  ],
  ['access_log: {format: apache}', 's.yaml:1:22: access_log.format: expected one of json, squid, combined; found "apache"'],
  ['via: a\nvia: b', 's.yaml:2:1: not valid YAML: Map keys must be unique'],
  ['via: [', 's.yaml:1:7: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ['via: *nobody', 's.yaml:1:1: not valid YAML: Unresolved alias (the anchor must be set before the alias): nobody'],
  ['via: !!js/function x', 's.yaml:1:6: not valid YAML: Unresolved tag: tag:yaml.org,2002:js/function'],
  ['policy: ""', 's.yaml:1:9: policy: expected a path; found ""'],
])('%j is refused', (text, problem) => {
  expect(problemsOf(text)).toEqual([problem]);
});

test('a parent proxy that is written wrongly does not show its password', () => {
  for (const url of ['https://user:s3cret@p:1', 'http://user:s3cret@p:99999', 'http://user:s3cret@/x', 'http://us%er:s3cret@p']) {
    const problems = problemsOf(`parents: ["${url}", ["${url}"]]`).join();
    expect(problems).toContain('parents[1].proxy');
    expect(problems).not.toContain('s3cret');
  }
});

test('every setting has a variable of its own, under its name in the file; what may be written short has a short one too', () => {
  const variables = names.flatMap(variableNames);
  expect(new Set(variables).size).toBe(variables.length);
  expect(variables).toEqual(
    expect.arrayContaining([
      'SALLYPORT_LISTEN',
      'SALLYPORT_ACCESS_LOG',
      'SALLYPORT_ACCESS_LOG_FILE',
      'SALLYPORT_PAC',
      'SALLYPORT_PAC_DIRECT',
      'SALLYPORT_ACCESS_LOG_FORMAT',
      'SALLYPORT_TIMEOUTS_CONNECT',
      'SALLYPORT_TLS_ROOTS',
    ]),
  );
});

test('variables are read like the file, lists at their commas', () => {
  const { settings, problems } = parseEnvironment(
    {
      SALLYPORT_LISTEN: '127.0.0.1:1, [::1]:2',
      SALLYPORT_TIMEOUTS_CONNECT: '5s',
      SALLYPORT_LIMITS_FIELDS: '7',
      SALLYPORT_PARENTS: 'http://a:1,http://b:2',
      SALLYPORT_VIA: '',
      PATH: '/bin',
    },
    inEtc,
  );
  expect(problems).toEqual([]);
  expect(settings).toMatchObject({
    listen: [{ port: 1 }, { host: '::1', port: 2 }],
    timeouts: { connect: 5_000 },
    limits: { fields: 7 },
    parents: [{ host: 'a' }, { host: 'b' }],
  });
  expect(settings).not.toHaveProperty('via');
});

test('a variable with the name of a group is the short form of that group', () => {
  const settingsOf = (environment: Record<string, string>) => parseEnvironment(environment, inEtc).settings;
  expect(settingsOf({ SALLYPORT_PAC: 'off' })).toEqual({ pac: { direct: ['off'] } });
  expect(settingsOf({ SALLYPORT_PAC: '.a.example,.b.example' })).toEqual({ pac: { direct: ['.a.example', '.b.example'] } });
  expect(settingsOf({ SALLYPORT_ACCESS_LOG: 'off', SALLYPORT_ACCESS_LOG_FORMAT: 'squid' })).toEqual({
    access_log: { file: 'off', format: 'squid' },
  });
  expect(settingsOf({ SALLYPORT_ACCESS_LOG_FILE: 'a.log' })).toEqual({ access_log: { file: '/etc/a.log' } });
  expect(
    parseEnvironment({ SALLYPORT_PAC: 'off', SALLYPORT_PAC_DIRECT: '.a.example', SALLYPORT_ACCESS_LOG_FILE: 'squid' }, inEtc).problems,
  ).toEqual([
    'SALLYPORT_PAC_DIRECT: SALLYPORT_PAC sets the same. Take one of them.',
    expect.stringMatching(/^SALLYPORT_ACCESS_LOG_FILE: expected a file/),
  ]);
});

test('an unknown variable, and a wrong value, is a problem under its name', () => {
  expect(
    parseEnvironment({ SALLYPORT_TIMEOUT_CONNECT: '5s', SALLYPORT_VAI: 'x', SALLYPORT_DNS_ENTRIES: '0', SALLYPORT_NEW: '1' }, inEtc)
      .problems,
  ).toEqual([
    'SALLYPORT_TIMEOUT_CONNECT: no such setting. Did you mean "SALLYPORT_TIMEOUTS_CONNECT"?',
    'SALLYPORT_VAI: no such setting. Did you mean "SALLYPORT_VIA"?',
    'SALLYPORT_NEW: no such setting.',
    'SALLYPORT_DNS_ENTRIES: expected a whole number from 1 to 10000000; found "0"',
  ]);
});

test('the variables that Kubernetes makes for a service called sallyport are not ours', () => {
  const made = [
    'SERVICE_HOST',
    'SERVICE_PORT',
    'SERVICE_PORT_HTTP',
    'PORT',
    'PORT_8080_TCP',
    'PORT_8080_TCP_PROTO',
    'PORT_8080_TCP_PORT',
    'PORT_8080_TCP_ADDR',
  ];
  expect(parseEnvironment(Object.fromEntries(made.map((name) => [`SALLYPORT_${name}`, 'x'])), inEtc).problems).toEqual([]);
});

test('a wrong flag is named as it was typed', () => {
  const flagOf = (name: string) => (name === 'access_log.format' ? '--access-log-format' : '--listen');
  expect(parseFlags({ listen: ['x'], access_log: { format: 'y' } }, flagOf, inEtc).problems).toEqual([
    '--listen: expected an address to listen on, such as 127.0.0.1:8080, [::1]:8080 or unix:/run/sallyport.sock; found "x"',
    '--access-log-format: expected one of json, squid, combined; found "y"',
  ]);
});

test('an overlay replaces single settings within a group, and lists as a whole', () => {
  const lower = parseFile('timeouts: {connect: 1s, gap: 2s}\nno_proxy: [a, b]\nvia: x', 's.yaml', inEtc).settings;
  const upper = parseFile('timeouts: {connect: 9s}\nno_proxy: [c]', 's.yaml', inEtc).settings;
  expect(overlay(lower, upper)).toEqual({ timeouts: { connect: 9_000, gap: 2_000 }, no_proxy: ['c'], via: 'x' });
});

const EVERY_KEY = `
listen: ['127.0.0.1:3128', 'unix:s.sock']
policy: policy.yaml
access_log: { file: /var/log/access.log, format: squid, flush: 1s, max_pending: 1MiB }
limits:
  head: 64KiB
  target: 8KiB
  fields: 50
  trailers: 4KiB
  connections: 1000
  connections_per_client: 100
  tunnels: 500
  http2_requests: 800
  http2_streams: 50
  http2_window: 128KiB
  http2_resets: 100
  response_head: 32KiB
  response_fields: 60
  response_trailers: 4KiB
  interim_responses: 4
  idle_upstream_per_destination: 8
  idle_upstream: 64
timeouts:
  head: 5s
  idle: 30s
  content_grace: 5s
  client_write: 30s
  tunnel_greeting: 2s
  tunnel_idle: 5m
  connect: 5s
  response: 1m
  gap: 1m
  upstream_write: 30s
  upstream_idle: 10s
  drain: 0s
  denied_tunnel: 5s
content_min_rate: 0
dns: { servers: 192.0.2.53, hosts_file: off, timeout: 1s, min_ttl: 2s, max_ttl: 1h, negative_ttl: 1s, system_ttl: 10s, entries: 100 }
parents:
  - { proxy: 'http://user:pass@parent.example:3128', hosts: [.example.org] }
  - http://other.example:8080
no_proxy: [localhost, 10.0.0.0/8]
pac: { direct: [.intern.example] }
cache:
  use: on
  memory: 64MiB
  disk: 0
  folder: cached
  max_object_memory: 1MiB
  max_object: 3GiB
  targeted: [CDN-Cache-Control]
  heuristic: 20%
  max_heuristic: 7d
  max_stale: 0s
  offline: true
  stale_ok: false
tls:
  roots: roots.pem
  trust: both
  client_certificates: { host: .bank.example, certificate: client.pem, key: client.key }
  key_log: keys.log
  ca_dir: ca
  ca_certificate: corporate.pem
  ca_key: corporate.key
  leaf_days: 7
  leaf_contexts: 500
auth:
  realm: Example
  require: by-policy
  remember: 5m
  htpasswd: users
  groups: groups
  jwt: { jwks: 'https://id.example/keys', issuer: 'https://id.example', audience: proxy, user_claim: email, groups_claim: roles }
  ldap:
    url: ldap://ldap.example
    start_tls: true
    ca: ca.pem
    search: { base: 'ou=people,dc=example', filter: '(uid={user})', bind_dn: 'cn=proxy,dc=example', bind_password_file: secret }
    groups: { base: 'ou=groups,dc=example', filter: '(member={dn})' }
    timeout: 3s
via: proxy-1
state_dir: /var/lib/sallyport
record: { use: on, session: tuesday, max_size: 4GiB, max_age: 3d, body_limit: 64KiB, secrets: unwritten, redact: { fields: X-Secret, json: [$.pin] } }
workers: auto
rewrite: rules.yaml
admin: 127.0.0.1:8081
`;
