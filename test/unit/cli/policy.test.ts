// The commands of `policy` as somebody types them: what is printed, what is reported, with which exit code. What they find out is tested with its parts.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { main } from '../../../src/cli/cli.ts';
import { recordingTerminal } from './recording-terminal.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-policy-'));
afterAll(() => rmSync(folder, { recursive: true }));
write(
  'p.yaml',
  `version: 1
default: allow
rules:
  - name: Adverts
    deny: { host: .ads.example, path: /banner/*, scheme: http }
    message: No adverts here.
    owner: IT desk <it@corp.example>
  - deny: { port: 8081 }
  - name: Pictures
    deny: { host: pics.example, response_type: image/*, scheme: http }
  - name: Inside
    allow: { any: [{ host: in.example, address: 10.0.0.0/8 }, { host: in2.example }] }
  - name: People
    allow: { host: people.example, user: ann, group: eng, time: { days: mon-fri, zone: Europe/Berlin } }
  - deny: { host: people.example }
tests:
  - { request: GET http://x.ads.example/banner/1, expect: deny, rule: Adverts }
  - { request: GET http://x.ads.example/other, expect: allow, rule: default }
`,
);
write(
  'opening.yaml',
  `version: 1
default: deny
rules:
  - { name: Fronting, deny: { sni_agrees: false }, message: Another name. }
  # An address is no name.
  - tunnel: { host: 192.0.2.1 }
  - name: Open
    intercept: { scheme: tunnel }
    on_pinned: passthrough
    passthrough_for: 2h
  - { name: Path, deny: { scheme: https, path: /x, not: { host: old.example } } }
  - { name: Old, allow: { host: old.example, scheme: https }, dangerously_accept_certificate: expired }
  - { allow: { scheme: https } }
  - { intercept: { host: never.example, path: /x }, inspect: required }
`,
);
write('bad.yaml', 'version: 1\ndefault: maybe\n');
write('plain.yaml', 'version: 1\ndefault: deny\nrules:\n  - { name: A, allow: { host: a.example } }\n');
write('doubtful.yaml', 'version: 1\ndefault: deny\nrules:\n  - allow: { host: [a.example, a.example] }\n');
write(
  'failing.yaml',
  `version: 1
default: deny
rules:
  - { name: 'A <"&">', allow: { host: a.example, method: GET } }
tests:
  - { request: GET http://a.example/, expect: allow }
  - { request: POST http://a.example/x, expect: allow, rule: 'A <"&">' }
`,
);
write(
  'a.json',
  [
    logLine('ann', 'http://a.example/1', 1),
    logLine('ann', 'http://a.example/2', 61),
    logLine('bob', 'http://b.example/', 2),
    'no line',
  ].join('\n'),
);

/** Files are read from `folder`; what is said names them without it. */
async function say(words: readonly string[], environment: Record<string, string> = {}) {
  const terminal = recordingTerminal(process.cwd(), environment);
  const code = await main(['policy', ...words.map((word) => (/\.(yaml|json|xml)$/.test(word) ? path.join(folder, word) : word))], terminal);
  const short = (text: string) => text.replaceAll(`${folder}${path.sep}`, '');
  return { code, out: short(terminal.printed.join('\n')).split('\n'), err: terminal.reported.map(short) };
}

/** The names of the folder made lines longer before they were taken out: what was wrapped is put together again. */
function unwrapped(out: readonly string[]): readonly string[] {
  return out
    .join('\n')
    .replace(/\n {4}(?=\S)/g, ' ')
    .split('\n');
}

describe('check', () => {
  test('says what is in a policy that is right', async () => {
    expect(await say(['check', 'p.yaml'])).toEqual({ code: 0, out: ['p.yaml: 6 rules, otherwise allow, 2 tests'], err: [] });
  });

  test('tells the problems of every file, and the code of the worst', async () => {
    expect(await say(['check', 'bad.yaml'])).toMatchObject({ code: 65, err: [expect.stringMatching(/^bad\.yaml:2:10: /)] });
    const { code, out, err } = await say(['check', 'bad.yaml', 'plain.yaml', 'none.yaml']);
    expect(code).toBe(66);
    expect(out).toEqual(['plain.yaml: 1 rule, otherwise deny']);
    expect(err.map((line) => line.split(':')[0])).toEqual(['bad.yaml', 'none.yaml']);
  });

  test('warns, and fails for it only when it is asked to', async () => {
    const warned = {
      out: ['doubtful.yaml: 1 rule, otherwise deny, 1 warning'],
      err: ['doubtful.yaml:4:5: warning: host: a.example stands twice; remove one'],
    };
    expect(await say(['check', 'doubtful.yaml'])).toEqual({ code: 0, ...warned });
    expect(await say(['check', 'doubtful.yaml', '--strict'])).toEqual({ code: 65, ...warned });
    expect((await say(['check', 'p.yaml', '--strict'])).code).toBe(0);
  });

  test('warns of a list with lines that cannot be read', async () => {
    write('ads.txt', 'ads.example\n!!\n');
    write('listed.yaml', 'version: 1\ndefault: allow\nlists:\n  ads: { file: ads.txt, format: domains }\nrules:\n  - deny: { in: ads }\n');
    const { code, err } = await say(['check', 'listed.yaml', '--strict']);
    expect(code).toBe(65);
    expect(err).toEqual([
      'listed.yaml:4:3: warning: list ads: 1 line of ads.txt cannot be read, the first is line 2: !!; mend or remove them',
    ]);
  });

  test('without a file takes the policy that run would use', async () => {
    expect((await say(['check'], { SALLYPORT_POLICY: path.join(folder, 'plain.yaml') })).out).toEqual([
      'plain.yaml: 1 rule, otherwise deny',
    ]);
    expect((await say(['check'])).out).toEqual([expect.stringMatching(/policies.open\.yaml: \d+ rules?, otherwise allow/)]);
  });
});

describe('test', () => {
  test('counts what passed', async () => {
    expect(await say(['test', 'p.yaml'])).toEqual({ code: 0, out: ['p.yaml: 2 tests passed'], err: [] });
  });

  test('tells of each failure what was expected, what came, and why', async () => {
    const { code, out } = await say(['test', 'failing.yaml']);
    expect({ code, out: unwrapped(out) }).toEqual({
      code: 1,
      out: [
        'FAILED  failing.yaml:7  POST http://a.example/x',
        `  expected: allow by rule 'A <"&">'`,
        '  actual:   denied by the default (failing.yaml:2)',
        `  rule 'A <"&">' (failing.yaml:4) does not match: method POST is not GET`,
        '',
        'failing.yaml: 1 test passed, 1 failed',
      ],
    });
  });

  test('names the rules that no test reaches, and fails when they are too many', async () => {
    const { code, out, err } = await say(['test', 'p.yaml', '--coverage', '--least', '50']);
    expect(code).toBe(1);
    expect(out.slice(0, 4)).toEqual([
      'p.yaml: 2 tests passed',
      'p.yaml: tests reach 1 of 6 rules (16%)',
      '  not reached  deny unnamed rule  p.yaml:8',
      "  not reached  deny rule 'Pictures'  p.yaml:9",
    ]);
    expect(err).toEqual(['p.yaml: 16% of the rules are reached by a test; --least asks for 50%']);
    expect((await say(['test', 'p.yaml', '--coverage', '--least', '16'])).code).toBe(0);
  });

  test('says when there are none', async () => {
    const { code, out } = await say(['test', 'plain.yaml']);
    expect(code).toBe(0);
    expect(out).toEqual([expect.stringMatching(/^plain\.yaml: no tests; add some under 'tests:'/)]);
    expect((await say(['test', 'plain.yaml', '--format', 'tap'])).out).toEqual(['TAP version 14', '1..0 # SKIP no tests']);
  });

  test('speaks TAP 14', async () => {
    expect((await say(['test', 'failing.yaml', '--format', 'tap'])).out).toEqual([
      'TAP version 14',
      '1..2',
      'ok 1 - failing.yaml:6 GET http://a.example/',
      'not ok 2 - failing.yaml:7 POST http://a.example/x',
      '  ---',
      '  failure: wrong-action',
      '  details:',
      `    - "expected: allow by rule 'A <\\"&\\">'"`,
      '    - "actual:   denied by the default (failing.yaml:2)"',
      `    - "rule 'A <\\"&\\">' (failing.yaml:4) does not match: method POST is not GET"`,
      '  ...',
    ]);
  });

  test('writes JUnit to a file, with every text escaped', async () => {
    expect(await say(['test', 'failing.yaml', '--format', 'junit', '--output', 'results.xml'])).toEqual({
      code: 1,
      out: ['failing.yaml: 1 test passed, 1 failed'],
      err: [],
    });
    const xml = readFileSync(path.join(folder, 'results.xml'), 'utf8').replaceAll(`${folder}${path.sep}`, '');
    expect(xml.split('\n').slice(0, 6)).toEqual([
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuites name="policy" tests="2" failures="1" errors="0" skipped="0">',
      '  <testsuite name="failing.yaml" tests="2" failures="1" errors="0" skipped="0">',
      '    <testcase name="GET http://a.example/ (line 6)" classname="failing.yaml" file="failing.yaml" line="6"/>',
      '    <testcase name="POST http://a.example/x (line 7)" classname="failing.yaml" file="failing.yaml" line="7">',
      '      <failure type="wrong-action" message="expected allow by rule \'A &lt;&quot;&amp;&quot;&gt;\', but denied by the default (failing.yaml:2)">' +
        "expected: allow by rule 'A &lt;&quot;&amp;&quot;&gt;'",
    ]);
  });

  test('goes on after a policy that is wrong', async () => {
    const { code, out, err } = await say(['test', 'bad.yaml', 'p.yaml']);
    expect({ code, out }).toEqual({ code: 65, out: ['p.yaml: 2 tests passed'] });
    expect(err).toEqual([expect.stringMatching(/^bad\.yaml:2:10: /)]);
  });

  test.each([
    [['--format', 'yaml'], '--format: "yaml" is none of text, tap, junit.'],
    [['--least', '50'], '--least: add --coverage, which it is about.'],
    [['--coverage', '--least', '101'], '--least: "101" is not a whole number from 0 to 100.'],
  ])('%j is a mistake', async (flags, problem) => {
    expect(await say(['test', 'p.yaml', ...flags])).toMatchObject({ code: 64, err: [problem] });
  });

  test('a file that cannot be written is named', async () => {
    const { code, err } = await say(['test', 'p.yaml', '--output', `none${path.sep}results.xml`]);
    expect(code).toBe(69);
    expect(err).toEqual([
      expect.stringMatching(/results\.xml: cannot be written \(its folder does not exist\)\. Choose another file with --output\.$/),
    ]);
  });
});

describe('intercepts', () => {
  test('lists what is opened, for whose sake, and what is not', async () => {
    const { code, out } = await say(['intercepts', '--policy', 'opening.yaml']);
    expect(code).toBe(0);
    expect(unwrapped(out)).toEqual([
      'opening.yaml: 2 rules that open TLS',
      '',
      "rule 'Open'  opening.yaml:7",
      '  opens every host',
      "  needed for path: deny rule 'Path', opening.yaml:11",
      '  but not 192.0.2.1: tunnel unnamed rule, opening.yaml:6',
      '  Clients that refuse our certificate: their tunnels to that host pass unopened for 2h.',
      '',
      'unnamed rule  opening.yaml:14',
      '  opens nothing: it asks for what does not show in a CONNECT',
      '  nothing needs it',
      '  Nothing of it passes unopened.',
      '',
      'Certificates that are taken although they are at fault:',
      "  old.example: out of date; allow rule 'Old', opening.yaml:12",
    ]);
  });

  test('and where nothing is', async () => {
    expect(await say(['intercepts', '--policy', 'p.yaml'])).toEqual({ code: 0, out: ['p.yaml: no rule opens TLS'], err: [] });
  });

  test('--json is for scripts, and its members are described in policies/README.md', async () => {
    const { out } = await say(['intercepts', '--policy', 'opening.yaml', '--json']);
    const told = JSON.parse(out.join('\n'));
    expect(told).toMatchObject({
      opened: [
        {
          rule: 'Open',
          hosts: null,
          can_open: true,
          needed_by: [{ action: 'deny', rule: 'Path', asks: ['path'], position: { line: 11 } }],
          excepted: [{ action: 'tunnel', hosts: ['192.0.2.1'] }],
          on_pinned: 'passthrough',
          passthrough_seconds: 7_200,
          inspect_required: false,
        },
        { can_open: false, needed_by: [], inspect_required: true },
      ],
      forgiven: [{ rule: 'Old', hosts: ['old.example'], accepts: ['expired'] }],
    });
    const described = readFileSync('policies/README.md', 'utf8');
    for (const name of membersOf(told)) if (!['file', 'line', 'column'].includes(name)) expect(described).toContain(`\`${name}\``);
  });
});

describe('explain', () => {
  const explain = (method: string, url: string, ...flags: string[]) => say(['explain', method, url, '--policy', 'p.yaml', ...flags]);

  test('says who decided, why, and what the person is told', async () => {
    expect(await explain('GET', 'http://x.ads.example/banner/1')).toEqual({
      code: 0,
      out: [
        "deny  rule 'Adverts'  p.yaml:4",
        '  host x.ads.example is within ads.example',
        '  scheme http is http',
        '  path /banner/1 matches /banner/*',
        'Told with status 403: No adverts here. Owner: IT desk <it@corp.example>.',
      ],
      err: [],
    });
  });

  test('names the rules that were passed over although they are about the host, each with one reason', async () => {
    expect(unwrapped((await explain('GET', 'http://x.ads.example/other')).out)).toEqual([
      'allow  default  p.yaml:2',
      '',
      'Passed over:',
      "  false    deny rule 'Adverts', p.yaml:4: path /other does not match /banner/*",
    ]);
    expect((await explain('GET', 'http://plain.example/')).out).toEqual(['allow  default  p.yaml:2']);
  });

  test('shows every criterion of every rule on demand, those of combinations below them', async () => {
    const { out } = await explain('GET', 'http://in2.example/', '--all');
    expect(out).toEqual([
      "allow  rule 'Inside'  p.yaml:11",
      '  host in2.example is in2.example',
      '',
      'Rules considered, in order:',
      "  1  false    deny rule 'Adverts'  p.yaml:4",
      '       false    host in2.example is not within ads.example',
      '       true     scheme http is http',
      '       false    path / does not match /banner/*',
      '  2  false    deny unnamed rule  p.yaml:8',
      '       false    port 80 is not 8081',
      "  3  false    deny rule 'Pictures'  p.yaml:9",
      '       false    host in2.example is not pics.example',
      '       true     scheme http is http',
      '       unknown  response_type: the origin has not answered yet',
      "  4  true     allow rule 'Inside'  p.yaml:11",
      '       true     any of',
      '       false      all of',
      '       false        host in2.example is not in.example',
      '       unknown      address: the name has not been resolved',
      '       true       host in2.example is in2.example',
    ]);
  });

  test('says what is still awaited', async () => {
    expect(unwrapped((await explain('GET', 'http://pics.example/')).out)).toEqual([
      'allow  default  p.yaml:2',
      'The answer is judged as well; add --response-type TYPE or --response-size N to see how.',
      '',
      'Passed over:',
      "  unknown  deny rule 'Pictures', p.yaml:9: response_type: the origin has not answered yet",
    ]);
    expect((await explain('GET', 'http://pics.example/', '--response-type', 'image/png')).out[0]).toBe("deny  rule 'Pictures'  p.yaml:9");
  });

  test('judges each address by itself', async () => {
    const { out } = await explain('GET', 'http://in.example/', '--resolve', '192.0.2.1', '--resolve', '10.0.0.1');
    expect(out).toContain('Addresses, each judged by itself:');
    expect(out).toContain('  192.0.2.1  allowed by the default (p.yaml:2)');
    expect(out).toContain("  10.0.0.1  allowed by rule 'Inside' (p.yaml:11), but not dialled, since 192.0.2.1 is judged otherwise");
  });

  test('takes who asks, from where and when', async () => {
    const asked = ['--user', 'ann', '--group', 'eng', '--at', '2026-11-23T09:00:00+01:00'];
    expect((await explain('GET', 'http://people.example/', ...asked)).out[0]).toBe("allow  rule 'People'  p.yaml:13");
    const sunday = await explain('GET', 'http://people.example/', ...asked.slice(0, 4), '--at', '2026-11-22T09:00+01:00');
    expect(sunday.out[0]).toBe('deny  unnamed rule  p.yaml:15');
    expect(unwrapped(sunday.out).join('\n')).toMatch(
      /false +allow rule 'People', p\.yaml:13: Sun 2026-11-22 09:00 Europe\/Berlin is not within mon-fri Europe\/Berlin/,
    );
    expect((await explain('GET', 'http://people.example/')).out[0]).toBe('deny  unnamed rule  p.yaml:15');
  });

  test('of an https URL the CONNECT is explained, or on demand the request inside', async () => {
    const { out } = await explain('GET', 'https://pics.example/a');
    expect(out.slice(0, 2)).toEqual([
      'allow  default  p.yaml:2',
      'Over https a proxy sees only CONNECT pics.example:443; that is what was judged. --inside judges the request.',
    ]);
    expect((await explain('GET', 'https://a.example:8081/', '--inside')).out).toEqual([
      'deny  unnamed rule  p.yaml:8',
      '  port 8081 is 8081',
    ]);
  });

  test('a port that CONNECT may not name is explained', async () => {
    expect((await explain('CONNECT', 'example.com:22')).out).toEqual([
      expect.stringMatching(/^deny {2}connect_ports {2}p\.yaml:/),
      expect.stringContaining('port 22 is not in connect_ports'),
    ]);
  });

  test('--json is for scripts', async () => {
    const asked = [
      '--json',
      '--user',
      'ann',
      '--claim',
      'repository=org/app',
      '--claim',
      'aud=a',
      '--claim',
      'aud=b',
      '--client',
      '192.0.2.7',
      '--field',
      'Accept: */*',
    ];
    const { out } = await explain(
      'GET',
      'http://x.ads.example/banner/1',
      ...asked,
      '--size',
      '3KiB',
      '--upgrade',
      'websocket',
      '--listener',
      'lan',
      ...['--resolve', '192.0.2.80', '--resolve', '192.0.2.81'],
      ...['--at', '2026-11-23T09:00+01:00', '--response-type', 'image/png'],
    );
    const told = JSON.parse(out.join('\n'));
    expect(told).toMatchObject({
      action: 'deny',
      decided_by: 'rule',
      rule: 'Adverts',
      awaits: 'nothing',
      position: { line: 4 },
      denial: { status: 403, message: 'No adverts here.', request_access: null },
      request: {
        host: 'x.ads.example',
        path_and_query: '/banner/1',
        identity: { user: 'ann', groups: [], claims: { repository: ['org/app'], aud: ['a', 'b'] } },
        client: '192.0.2.7',
        fields: [{ name: 'Accept', value: '*/*' }],
        size: 3072,
        upgrade: 'websocket',
        listener: 'lan',
        resolves_to: ['192.0.2.80', '192.0.2.81'],
        time: '2026-11-23T08:00:00.000Z',
        response: { types: ['image/png'], size: 0 },
      },
      may_dial: null,
      addresses: [],
      considered: [{ truth: 'true', criteria: [{ kind: 'host', truth: 'true' }, { kind: 'scheme' }, { kind: 'path', truth: 'true' }] }],
    });
    expect(membersOf(told).filter((name) => !/^[a-z]+(?:_[a-z]+)*$/.test(name))).toEqual([]);
  });

  test('says what the cache does otherwise under the rule that decided', async () => {
    write(
      'cached.yaml',
      `version: 1
default: deny
rules:
  - allow: { host: a.example }
    cache: { ttl: 36h, force: true, ignore_query: [utm_source, ref], partition: user }
  - { allow: { host: b.example }, cache: bypass }
  - { allow: { host: c.example }, cache: { ignore_query: true } }
`,
    );
    const toldOf = async (...words: string[]) =>
      (await say(['explain', ...words, '--policy', 'cached.yaml'])).out.join(' ').replace(/\s+/g, ' ');
    expect(await toldOf('GET', 'http://a.example/')).toContain(
      'Cache: fresh for 36h, whatever the origin says; stored even where the origin forbids it; without regard to utm_source, ref in the query; apart for each user.',
    );
    expect(await toldOf('GET', 'http://b.example/')).toContain('Cache: nothing is stored, and nothing answered from what is.');
    expect(await toldOf('GET', 'http://c.example/')).toContain('Cache: without regard to the query.');
    // A tunnel is not cached, so the rule has nothing to say of it.
    expect(await toldOf('CONNECT', 'b.example:443')).not.toContain('Cache');
    const cacheOf = async (...words: string[]) =>
      JSON.parse((await say(['explain', ...words, '--policy', 'cached.yaml', '--json'])).out.join('')).cache;
    expect(await cacheOf('GET', 'http://a.example/')).toEqual({
      bypass: false,
      ttl_seconds: 129_600,
      force: true,
      ignore_query: ['utm_source', 'ref'],
      partition: 'user',
    });
    expect(await cacheOf('CONNECT', 'a.example:443')).toBeNull();
  });

  test('of a CONNECT takes what is said in its tunnel, which is TLS for its host when nothing is said', async () => {
    const toldOf = async (...words: string[]) => (await say(['explain', ...words, '--policy', 'opening.yaml'])).out;
    expect(await toldOf('CONNECT', 'www.example:443')).toEqual([
      "intercept  rule 'Open'  opening.yaml:7",
      '  scheme tunnel is tunnel',
      'Clients that refuse our certificate: their tunnels to that host pass unopened for 2h.',
    ]);
    expect(await toldOf('CONNECT', 'www.example:443', '--sni', 'front.example')).toEqual([
      "deny  rule 'Fronting'  opening.yaml:4",
      '  server name front.example is not the host www.example',
      'Told with status 403: Another name.',
    ]);
    expect((await toldOf('CONNECT', 'www.example:443', '--sni', 'none')).slice(1, 2)).toEqual([
      '  no server name was said, and the host is www.example',
    ]);
    expect((await toldOf('CONNECT', '192.0.2.1:443', '--tunnel-protocol', 'other'))[0]).toBe('tunnel  unnamed rule  opening.yaml:6');
    expect((await toldOf('GET', 'https://www.example/x', '--inside'))[0]).toBe("deny  rule 'Path'  opening.yaml:11");
    expect(await toldOf('GET', 'https://old.example/x', '--inside')).toContain(
      'Certificates that are taken although they are at fault: out of date.',
    );
  });

  test.each([
    [['GET', 'http://a.example/', '--sni', 'b.example'], '--sni: a request by http is in no tunnel.'],
    [['GET', 'http://a.example/', '--tunnel-protocol', 'tls'], '--tunnel-protocol: a request by http is in no tunnel.'],
    [['CONNECT', 'a.example:443', '--tunnel-protocol', 'ssh'], '--tunnel-protocol: "ssh" is not tls, http or other.'],
    [['CONNECT', 'a.example:443', '--tunnel-protocol', 'http', '--sni', 'a.example'], '--sni: only TLS names a server.'],
    [['CONNECT', 'a.example:443', '--sni', '192.0.2.1'], '--sni: "192.0.2.1" is not a host name, and not none.'],
    [['CONNECT', 'a.example:443', '--sni', 'a b'], '--sni: "a b" is not a host name, and not none.'],
  ])('%j is refused', async (words, message) => {
    const { code, err } = await explain(words[0]!, words[1]!, ...words.slice(2));
    expect([code, err.join(' ')]).toEqual([64, expect.stringContaining(message)]);
  });

  test('--json has each address with what it would meet by itself', async () => {
    const { out } = await explain('GET', 'http://in.example/', '--resolve', '192.0.2.1', '--resolve', '10.0.0.1', '--json');
    expect(JSON.parse(out.join('\n'))).toMatchObject({
      may_dial: ['192.0.2.1'],
      addresses: [
        { address: '192.0.2.1', verdict: 'allow', sentence: 'allowed by the default (p.yaml:2)' },
        { address: '10.0.0.1', verdict: 'allow', sentence: "allowed by rule 'Inside' (p.yaml:11)" },
      ],
    });
  });

  test('what --json prints is described, member by member, in policies/README.md', async () => {
    const { out } = await explain('GET', 'http://x.ads.example/banner/1', '--json');
    const described = readFileSync('policies/README.md', 'utf8');
    for (const name of Object.keys(JSON.parse(out.join('\n')))) expect(described).toContain(`\`${name}\``);
  });

  test('a rule that cannot be judged stands above, and not among those passed over as well', async () => {
    write('shut.yaml', 'version: 1\ndefault: allow\nrules:\n  - deny: { host: a.example, path: /x, query: { q: 1 }, scheme: http }\n');
    const shut = (url: string) => say(['explain', 'GET', url, '--policy', 'shut.yaml']);
    expect(unwrapped((await shut('http://a.example/%2f?q=1')).out)).toEqual([
      'deny  unusable path  shut.yaml:4',
      'Denied because the path has an encoded slash (%2F), so that the rule at shut.yaml:4 cannot judge it.',
    ]);
    expect(unwrapped((await shut('http://a.example/x?q=1&q=2')).out)).toEqual([
      'deny  unusable query  shut.yaml:4',
      'Denied because the query can be read in two ways, so that the rule at shut.yaml:4 cannot judge it.',
    ]);
  });

  test('a rule that waits for the address is named with what it waits for', async () => {
    expect(unwrapped((await explain('GET', 'http://in.example/')).out)).toEqual([
      'undecided  a rule asks for the address',
      'Names are not looked up here; add --resolve ADDRESS.',
      '',
      'Passed over:',
      "  unknown  allow rule 'Inside', p.yaml:11: address: the name has not been resolved",
    ]);
  });

  test.each([
    [['--group', 'eng'], '--group: add --user NAME; somebody has to be in the group.'],
    [['--claim', 'a=b'], '--claim: add --user NAME; somebody has to have the claim.'],
    [['--user', 'ann', '--claim', 'a'], '--claim: "a" is not NAME=VALUE.'],
    [['--client', 'here'], '--client: "here" is not an IP address.'],
    [['--resolve', '10.0.0.0/8'], '--resolve: "10.0.0.0/8" is not an IP address.'],
    [['--at', 'monday'], '--at: "monday" is not a moment such as 2026-11-23T09:00:00+01:00 or 2026-11-23T08:00Z.'],
    [['--field', 'Accept'], `--field: "Accept" is not 'Name: value'.`],
    [['--inside'], '--inside: only the requests of an https URL are inside a tunnel.'],
  ])('%j is a mistake', async (flags, problem) => {
    expect(await explain('GET', 'http://a.example/', ...flags)).toMatchObject({ code: 64, err: [problem] });
  });

  test('a bad policy cannot explain anything', async () => {
    expect(await say(['explain', 'GET', 'http://a/', '--policy', 'bad.yaml'])).toMatchObject({ code: 65, out: [''] });
    expect(await say(['explain', 'GET', 'http://a/', '--policy', 'none.yaml'])).toMatchObject({ code: 66, out: [''] });
  });
});

describe('diff', () => {
  test('shows which recorded requests flip, by user and host', async () => {
    expect(await say(['diff', 'p.yaml', 'plain.yaml', '--log', 'a.json'])).toEqual({
      code: 1,
      out: [
        'allow -> deny: 1 request',
        '  1 request by bob to b.example, 2026-11-22 10:00Z',
        '      GET http://b.example/',
        '      before: allowed by the default (p.yaml:2)',
        '      after:  denied by the default (plain.yaml:2)',
        '',
        '1 of 3 requests of a.json flips.',
      ],
      err: ['1 line of a.json cannot be read as an access log in JSON.'],
    });
  });

  test('shows what another rule decides on demand', async () => {
    const { out } = await say(['diff', 'p.yaml', 'plain.yaml', '--log', 'a.json', '--rules']);
    expect(out).toContain('allow, by another rule: 2 requests');
    expect(out).toContain('  2 requests by ann to a.example, 2026-11-22 10:00Z to 2026-11-22 10:01Z');
    expect(out).toContain("      after:  allowed by rule 'A' (plain.yaml:4)");
  });

  test('exits 0 when nothing flips', async () => {
    expect(await say(['diff', 'plain.yaml', 'plain.yaml', '--rules'])).toEqual({
      code: 0,
      out: ['No difference in 2 requests made from the tests and hosts of both.'],
      err: [],
    });
  });

  test('without a log asks about the hosts that are named', async () => {
    write('people.yaml', 'version: 1\ndefault: deny\nrules:\n  - allow: { host: people.example, user: ann }\n');
    const { code, out } = await say(['diff', 'plain.yaml', 'people.yaml']);
    expect(code).toBe(1);
    const shown = out.indexOf('deny -> challenge: 2 requests');
    expect(out[shown + 1]).toBe('  CONNECT people.example:443 and 1 more request to this host');
  });

  test('tells what no log holds', async () => {
    write('field.yaml', 'version: 1\ndefault: allow\nrules:\n  - deny: { field: { accept: x } }\n');
    const { err } = await say(['diff', 'p.yaml', 'field.yaml', '--log', 'a.json']);
    expect(err.at(-1)).toBe('A log does not hold what field asks about; such rules were judged as if there were none of it.');
  });

  test('a policy that is wrong and a log that is not there are told', async () => {
    expect(await say(['diff', 'p.yaml', 'bad.yaml'])).toMatchObject({ code: 65, err: [expect.stringMatching(/^bad\.yaml:2:10: /)] });
    expect(await say(['diff', 'p.yaml', 'plain.yaml', '--log', 'none.json'])).toMatchObject({
      code: 66,
      err: [expect.stringMatching(/none\.json: the access log does not exist\. Check the path\.$/)],
    });
  });
});

describe('learn', () => {
  test('writes a policy that passes every check and its own tests', async () => {
    expect(await say(['learn', 'a.json', '--output', 'learned.yaml'])).toEqual({
      code: 0,
      out: ['learned.yaml: learned from 3 requests; read it, then: sallyport policy test learned.yaml --coverage'],
      err: ['1 line of a.json cannot be read as an access log in JSON'],
    });
    expect(await say(['check', '--strict', 'learned.yaml'])).toEqual({
      code: 0,
      out: ['learned.yaml: 1 rule, otherwise deny, 1 test'],
      err: [],
    });
    expect((await say(['test', 'learned.yaml', '--coverage', '--least', '100'])).code).toBe(0);
  });

  test('prints it without --output', async () => {
    const { out } = await say(['learn', 'a.json']);
    expect(out.slice(0, 4)).toEqual([
      expect.stringMatching(/^# Learned from 3 requests, 2026-11-22\./),
      expect.stringMatching(/^# Read it/),
      '',
      'version: 1',
    ]);
  });

  test('says when there is nothing to learn from', async () => {
    write('squid.json', '1 2 3\n4 5 6\n');
    expect(await say(['learn', 'squid.json'])).toMatchObject({
      code: 65,
      err: ['squid.json: none of 2 lines is a request. Name an access log in JSON, as sallyport run --access-log FILE writes it.'],
    });
  });
});

test('policy alone lists its commands', async () => {
  const { code, out } = await say([]);
  expect(code).toBe(64);
  for (const name of ['check', 'test', 'explain', 'diff', 'learn'])
    expect(out.join('\n')).toMatch(new RegExp(`^ {2}policy ${name} +\\S`, 'm'));
});

/** The name of each member, however deep. */
function membersOf(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const names = Array.isArray(value) ? [] : Object.keys(value);
  return [...names, ...Object.values(value).flatMap(membersOf)];
}

function logLine(user: string, target: string, second: number): string {
  const time = new Date(Date.parse('2026-11-22T10:00:00Z') + second * 1000).toISOString();
  const members = { time, listener: 'lan', client: '10.1.2.3', user, method: 'GET', target, status: 200, outcome: 'forwarded' };
  return JSON.stringify({ ...members, decision: 'allow', route: 'direct', upstream: '93.184.216.34:80' });
}

function write(name: string, text: string): void {
  writeFileSync(path.join(folder, name), text);
}
