// Each warning with what it is about, and beside it a policy that is close and right.
import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../../src/policy/compile.ts';
import { lintPolicy } from '../../../../src/policy/lint/lint-policy.ts';
import { formatWarning } from '../../../../src/policy/lint/warning.ts';
import { formatProblem } from '../../../../src/policy/yaml-source.ts';
import { parsePolicy } from '../../../support/parse-policy.ts';

const NOW = Date.parse('2026-11-23T09:00:00Z');

/** Rules, each on a line of its own from line 3 on. */
function warnings(rules: readonly string[], byDefault: 'allow' | 'deny' = 'allow', more = ''): readonly string[] {
  const text = `version: 1\nrules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}default: ${byDefault}\n${more}`;
  const parsed = parsePolicy(text, 'p.yaml');
  if (!('policy' in parsed)) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return lintPolicy(compilePolicy(parsed.policy), { nowMs: NOW }).map(formatWarning);
}

describe('rules that never decide', () => {
  test.each<[string, readonly string[], string]>([
    ['behind one that matches everything', ['deny: any', 'allow: { host: a.example }'], 'never decides: the rule at p.yaml:3'],
    [
      'behind a wider host',
      ['deny: { host: .a.example }', 'allow: { host: x.a.example, port: 80 }'],
      'never decides: the rule at p.yaml:3',
    ],
    [
      'behind the same criteria',
      ['{ name: A, deny: { host: .a.example, port: 80-90 } }', 'allow: { host: "*.a.example", port: 81 }'],
      "never decides: rule 'A' (p.yaml:3)",
    ],
    [
      'behind one part of an any',
      ['deny: { any: [{ host: a.example }, { host: b.example }] }', 'allow: { host: b.example }'],
      'never decides',
    ],
    [
      'behind several rules together',
      ['deny: { host: a.example }', 'deny: { host: b.example }', 'allow: { host: [a.example, b.example] }'],
      'never decides: the rule at p.yaml:3 and the rule at p.yaml:4',
    ],
    [
      'that say the same',
      ['deny: { host: [a.example, b.example] }', 'deny: { host: [b.example, a.example] }'],
      'says the same as the rule at p.yaml:3',
    ],
    ['that say the opposite', ['deny: { host: a.example }', 'allow: { host: a.example }'], 'matches the same requests'],
    [
      'for some of their hosts',
      ['deny: { host: a.example }', 'allow: { host: [a.example, b.example] }'],
      'never decides for a.example: the rule at p.yaml:3',
    ],
    ['that only note', ['allow: { host: .a.example }', 'report: { host: a.example }'], 'never notes anything'],
    ['about tunnels to ports that CONNECT may not name', ['allow: { method: CONNECT, port: 8443 }'], 'never matches'],
    ['behind a group', ['deny: { in: here }', 'allow: { host: a.example }'], 'never decides'],
  ])('%s', (_what, rules, message) => {
    const group = rules.some((rule) => rule.includes('in: here')) ? 'groups: { here: { host: .a.example } }\n' : '';
    const found = warnings(rules, 'allow', group).filter((warning) => warning.startsWith(`p.yaml:${rules.length + 2}:5: warning: `));
    expect(found).toContainEqual(expect.stringContaining(message));
  });

  test.each<[string, readonly string[]]>([
    ['behind a narrower host', ['deny: { host: x.a.example }', 'allow: { host: .a.example }']],
    ['behind a name that only ends alike', ['deny: { host: .a.example }', 'allow: { host: ba.example }']],
    ['behind one label more', ['deny: { host: "*.a.example" }', 'allow: { host: .a.example }']],
    ['behind another criterion', ['deny: { host: .a.example, method: POST }', 'allow: { host: a.example }']],
    ['behind fewer ports', ['deny: { host: a.example, port: 80-90 }', 'allow: { host: a.example, port: [85, 91] }']],
    ['behind an exception', ['deny: { host: .a.example, not: { host: x.a.example } }', 'allow: { host: x.a.example }']],
    ['behind one that only notes', ['report: { host: a.example }', 'deny: { host: a.example }']],
    ['behind other hours', ['deny: { host: a.example, time: { hours: 08:00-18:00, zone: UTC } }', 'allow: { host: a.example }']],
    ['behind somebody else', ['deny: { host: a.example, user: bot-* }', 'allow: { host: a.example, user: "*" }']],
    ['that note what other rules deny', ['deny: { host: a.example }', 'report: { host: b.example }']],
    ['about tunnels to a port that CONNECT may name', ['allow: { method: CONNECT, port: [443, 8443] }']],
    ['about a port that plain requests use', ['allow: { host: a.example, port: 8443 }']],
  ])('not %s', (_what, rules) => {
    expect(warnings(rules)).toEqual([]);
  });
});

describe('values that say nothing new', () => {
  test.each<[string, string]>([
    ['deny: { host: [a.example, a.example] }', 'host: a.example stands twice'],
    ['deny: { host: [.a.example, x.a.example] }', 'host: x.a.example is within .a.example already'],
    ['deny: { client: [10.0.0.0/8, 10.1.0.0/16] }', 'client: 10.1.0.0/16 is within 10.0.0.0/8 already'],
    ['deny: { port: [80-90, 85] }', 'port: 85 is within 80-90 already'],
    ['deny: { method: [GET, HEAD, GET] }', 'method: GET stands twice'],
    ['deny: { path: [/a/*, /a/b/*], scheme: http }', 'path: /a/b/* is within /a/* already'],
    ['deny: { user: [bot-*, bot-1] }', 'user: bot-1 is within bot-* already'],
    ['deny: { group: [eng, eng] }', 'group: eng stands twice'],
    ['deny: { field: { accept: [x, x] }, scheme: http }', 'field: accept: x stands twice'],
  ])('%s', (rule, message) => {
    expect(warnings([rule])).toEqual([expect.stringContaining(`p.yaml:3:5: warning: ${message}`)]);
  });

  test.each([
    'deny: { host: [a.example, .b.a.example, "*.c.example", c.example] }',
    'deny: { client: [10.0.0.0/8, 11.0.0.0/8, "fd00::/8"] }',
    'deny: { port: [80-90, 90-95] }',
    'deny: { path: [/a, /a/*, /A], scheme: http }',
    'deny: { user: [bot-*, bot] }',
  ])('not in %s', (rule) => {
    expect(warnings([rule])).toEqual([]);
  });

  test('what stands in a group is told once', () => {
    const found = warnings(
      ['deny: { in: here, port: 80 }', 'deny: { in: here, port: 81 }'],
      'allow',
      'groups: { here: { host: [a.example, a.example] } }\n',
    );
    expect(found).toEqual([expect.stringContaining('p.yaml:3:5: warning: group here, host: a.example stands twice')]);
  });
});

describe('what the cache is told in vain', () => {
  test.each([
    '{ allow: { method: [PUT, DELETE] }, cache: { ttl: 1h } }',
    '{ allow: { host: a.example, scheme: tunnel }, cache: bypass }',
    '{ allow: { any: [{ method: CONNECT }, { upgrade: websocket }] }, cache: bypass }',
  ])('%s', (rule) => {
    expect(warnings([rule])).toEqual([expect.stringContaining('p.yaml:3:5: warning: cache: has no effect')]);
  });

  test.each([
    '{ allow: { method: [GET, PUT] }, cache: { ttl: 1h } }',
    '{ allow: { not: { method: GET } }, cache: bypass }',
    '{ allow: { any: [{ method: CONNECT }, { scheme: http }] }, cache: bypass }',
  ])('not %s', (rule) => {
    expect(warnings([rule])).toEqual([]);
  });
});

describe('patterns and rules that are too wide', () => {
  test.each<[string, string]>([
    ['allow: { host: .com }', '.com takes in names of many owners (com is a public suffix)'],
    ['deny: { host: "*.co.uk" }', '*.co.uk takes in names of many owners'],
    ['allow: { host: .github.io }', '.github.io takes in names of many owners'],
  ])('%s', (rule, message) => {
    expect(warnings([rule])).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    'deny: { host: .example.com }',
    'allow: { host: com }',
    'allow: { host: .internal }',
    'deny: { host: .github.io }',
    'allow: { host: .me.github.io }',
    'deny: { host: .corp, not: { host: .com } }',
  ])('not %s', (rule) => {
    expect(warnings([rule])).toEqual([]);
  });

  test.each<[string, string]>([
    ['allow: any', `lets everything pass, so that 'default: deny' says nothing`],
    ['allow: { method: GET, port: 443 }', 'names neither hosts nor who asks'],
    ['tunnel: { any: [{ host: a.example }, { port: 443 }] }', 'names neither hosts nor who asks'],
    ['allow: { not: { host: a.example } }', 'names neither hosts nor who asks'],
    ['allow: { not: { user: "bot-*" } }', 'names neither hosts nor who asks'],
  ])('on a default deny, %s', (rule, message) => {
    expect(warnings([rule], 'deny')).toEqual([expect.stringContaining(message)]);
    expect(warnings([rule], 'allow')).toEqual([]);
  });

  test.each([
    'allow: { host: a.example }',
    'allow: { domain: example.com, user: alice }',
    'allow: { any: [{ host: a.example }, { address: 10.0.0.0/8 }] }',
    'deny: { user: alice }',
    'allow: { host_regex: "^a" }',
    'allow: { user: "*" }',
    'allow: { group: eng }',
    'allow: { claim: { repository: org/app } }',
    'allow: { client: 10.1.0.0/16 }',
    'allow: { listener: lan, method: GET }',
    'allow: { any: [{ host: a.example }, { user: "*" }] }',
  ])('not %s', (rule) => {
    expect(warnings([rule], 'deny')).toEqual([]);
  });
});

describe('times that are over', () => {
  test.each(['until: 2026-11-22', 'until: 2026-11-23T09:00'])('%s', (until) => {
    expect(warnings([`deny: { host: a.example, time: { ${until}, zone: UTC } }`])).toEqual([
      expect.stringMatching(/p\.yaml:3:5: warning: time: 'until .* UTC' is over for good/),
    ]);
  });

  test.each(['until: 2026-11-23', 'until: 2026-11-23T09:01', 'days: sun', 'hours: 07:00-08:00'])('not %s', (time) => {
    expect(warnings([`deny: { host: a.example, time: { ${time}, zone: UTC } }`])).toEqual([]);
  });
});

describe('rules that a tunnel goes round', () => {
  test.each<[string, readonly string[]]>([
    ['the default allows', ['deny: { host: a.example, path: /x* }']],
    ['the default allows, whatever the host', ['deny: { response_type: image/* }']],
    ['a later rule allows', ['deny: { host: .a.example, query: { q: "*" } }', 'allow: { domain: a.example }']],
    ['all but some paths are denied', ['deny: { host: a.example, not: { path: /ok/* } }']],
    ['certain clients are denied', ['deny: { host: a.example, client: 10.0.0.0/8, request_size: over 1MiB }']],
    ['certain hours are denied', ['deny: { host: a.example, upgrade: websocket, time: { days: sun, zone: UTC } }']],
  ])('%s', (_what, rules) => {
    expect(warnings(rules)).toEqual([
      expect.stringMatching(
        /^p\.yaml:3:5: warning: \S+ cannot be seen inside a tunnel, and CONNECT \S+:443 is allowed by .*: over https this rule denies nothing/,
      ),
    ]);
  });

  test.each<[string, readonly string[], 'allow' | 'deny']>([
    ['plain requests are meant', ['deny: { host: a.example, path: /x*, scheme: http }'], 'allow'],
    ['a method is asked for', ['deny: { host: a.example, path: /x*, method: POST }'], 'allow'],
    ['nothing lets tunnels pass', ['deny: { host: a.example, path: /x* }', 'allow: { host: b.example }'], 'deny'],
    ['the tunnels are denied, too', ['deny: { host: a.example, path: /x* }', 'deny: { host: a.example, scheme: tunnel }'], 'allow'],
    ['the tunnels are let pass before', ['allow: { host: a.example, port: 443 }', 'deny: { host: a.example, path: /x* }'], 'allow'],
    ['only the port is asked for', ['deny: { host: a.example, port: 25 }'], 'allow'],
    ['port 80 is meant', ['deny: { host: a.example, path: /x*, port: 80 }'], 'allow'],
  ])('not when %s', (_what, rules, byDefault) => {
    expect(warnings(rules, byDefault)).toEqual([]);
  });
});

test('a rule on trial is no mistake', () => {
  expect(warnings(['report: { host: a.example }'], 'deny')).toEqual([]);
});

describe('rules that open tunnels', () => {
  test.each<[string, readonly string[], 'allow' | 'deny', string]>([
    ['that nothing needs', ['intercept: { host: a.example }'], 'allow', 'no rule needs to see inside'],
    [
      'that only another host needs',
      ['intercept: { host: a.example }', 'deny: { host: b.example, path: /x, scheme: https }'],
      'allow',
      'no rule needs to see inside',
    ],
    [
      'that a rule which is never met would need',
      ['{ name: first, intercept: { host: a.example } }', 'deny: { host: .example, path: /x }'],
      'deny',
      'no rule needs to see inside',
    ],
    [
      'that only plain requests would need',
      ['deny: { host: a.example, path: /x, scheme: http }', 'intercept: { host: a.example }'],
      'allow',
      'no rule needs to see inside',
    ],
    [
      'that ask for what is inside',
      ['intercept: { host: a.example, path: /x* }'],
      'deny',
      'opens nothing: path does not show in a CONNECT',
    ],
    [
      'and then let everything pass',
      ['allow: { host: a.example, method: GET }', 'intercept: { host: a.example }'],
      'deny',
      "lets every request inside pass, those too that the rule at p.yaml:3 before it leaves out; add 'scheme: tunnel'",
    ],
  ])('%s', (_what, rules, byDefault, message) => {
    expect(warnings(rules, byDefault)).toContainEqual(expect.stringContaining(message));
  });

  test.each<[string, readonly string[], 'allow' | 'deny']>([
    ['a path is asked for inside', ['deny: { host: a.example, path: /x* }', 'intercept: { host: a.example }'], 'allow'],
    ['only some requests pass inside', ['intercept: { host: a.example, scheme: tunnel }', 'allow: { host: a.example, path: /x* }'], 'deny'],
    ['the rule says itself what is cached', ['{ intercept: { host: a.example }, cache: { ttl: 1h } }'], 'allow'],
    ['it is required', ['{ intercept: { host: a.example }, inspect: required }'], 'allow'],
    ['a rule on trial looks inside', ['report: { response_type: image/*, scheme: https }', 'intercept: any'], 'allow'],
    [
      'requests that a rule limits pass with the others',
      ['{ allow: { host: a.example, path: /x* }, limits: { requests: 1/s } }', 'intercept: { host: a.example }'],
      'deny',
    ],
    [
      'what is left over is denied before',
      ['allow: { host: a.example, path: /x* }', 'deny: { host: a.example, scheme: https }', 'intercept: { host: a.example }'],
      'deny',
    ],
  ])('not when %s', (_what, rules, byDefault) => {
    expect(warnings(rules, byDefault)).toEqual([]);
  });

  test('make rules see inside that a tunnel would go round', () => {
    const rules = ['deny: { host: a.example, path: /x* }'];
    expect(warnings(rules)).toEqual([expect.stringContaining("open them with an 'intercept' rule")]);
    expect(warnings([...rules, 'intercept: { host: a.example }'])).toEqual([]);
    expect(warnings([...rules, 'intercept: { host: a.example, sni_agrees: true }', 'deny: { host: a.example }'])).toEqual([]);
  });
});

describe('certificates that are forgiven', () => {
  test.each([
    ['to a domain', '{ allow: { domain: a.example }, dangerously_accept_certificate: expired }', 'every host of a.example'],
    [
      'to all below a name',
      '{ allow: { host: [b.example, .a.example] }, dangerously_accept_certificate: untrusted }',
      'every host of .a.example',
    ],
  ])('%s', (_what, rule, message) => {
    expect(warnings([rule])).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    '{ allow: { host: b.example }, dangerously_accept_certificate: [expired, wrong_name] }',
    `{ allow: { host: .a.example }, dangerously_accept_certificate: "sha256:${'ab'.repeat(32)}" }`,
  ])('not when %s', (rule) => {
    expect(warnings([rule])).toEqual([]);
  });
});
