import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Policy, Rule } from '../../../src/policy/policy.ts';
import { formatProblem } from '../../../src/policy/yaml-source.ts';
import { parsePolicy } from '../../support/parse-policy.ts';

describe('reads', () => {
  test('a policy with nothing but a default; CONNECT then goes to 443 alone', () => {
    expect(policyOf('# nothing\nversion: 1\ndefault: deny\n')).toEqual({
      file: 'p.yaml',
      files: ['p.yaml'],
      defaultAction: 'deny',
      defaultPosition: { file: 'p.yaml', line: 3, column: 1 },
      connectPorts: [{ from: 443, to: 443 }],
      connectPortsPosition: { file: 'p.yaml', line: 2, column: 1 },
      anyMethod: false,
      rules: [],
      tests: [],
    });
  });

  test('a rule with everything that allow may have', () => {
    const rule = ruleOf(`- name: '  Two
      lines '
    allow: { host: [A.Example., .b.example, "*.c.example"], port: [80, "8000-8100"], method: GET, path: [/pool/*, /café] }
    allow_private: [10.0.0.0/8, "fd00::1"]`);
    expect(rule).toMatchObject({
      action: 'allow',
      name: 'Two lines',
      denial: null,
      allowPrivate: ['10.0.0.0/8', 'fd00::1'],
      limits: null,
      cache: null,
      position: { file: 'p.yaml', line: 4, column: 5 },
    });
    expect(partsOf(rule)).toEqual([
      {
        kind: 'host',
        patterns: [
          { kind: 'exact', name: 'a.example' },
          { kind: 'below', name: 'b.example' },
          { kind: 'one-label', name: 'c.example' },
        ],
      },
      {
        kind: 'port',
        ranges: [
          { from: 80, to: 80 },
          { from: 8000, to: 8100 },
        ],
      },
      { kind: 'method', methods: ['GET'] },
      {
        kind: 'path',
        globs: [
          { text: '/pool/*', pieces: ['/pool/', ''] },
          { text: '/café', pieces: ['/caf%C3%A9'] },
        ],
      },
    ]);
  });

  test.each([
    ['any', '- allow: any'],
    ['an empty mapping', '- allow: {}'],
  ])('%s as a match for everything', (_name, rule) => {
    expect(ruleOf(rule).condition).toEqual({ kind: 'all', of: [] });
  });

  test.each([
    ['true', 'private'],
    ['false', 'none'],
    ['192.168.0.0/16', ['192.168.0.0/16']],
  ])('allow_private: %s', (value, expected) => {
    expect(ruleOf(`- allow: { host: a.test }\n    allow_private: ${value}`).allowPrivate).toEqual(expected);
  });

  test.each([
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['.Bücher.example', 'xn--bcher-kva.example'],
    ['0x7f.1', '127.0.0.1'],
    ['"[2001:DB8::0:1]"', '2001:db8::1'],
    ['"2001:db8::1"', '2001:db8::1'],
    ['"::ffff:10.0.0.1"', '10.0.0.1'],
    ['no', 'no'],
    ['1e3.example', '1e3.example'],
  ])('host %s in its canonical form', (text, name) => {
    expect(ruleOf(`- allow: { host: ${text} }`).condition).toMatchObject({ kind: 'host', patterns: [{ name }] });
  });

  test('a text with a byte order mark and CRLF line ends', () => {
    expect(policyOf('\u{feff}version: 1\r\ndefault: allow\r\n').defaultPosition).toEqual({ file: 'p.yaml', line: 2, column: 1 });
  });

  test.each([
    ['any', [{ from: 1, to: 65535 }]],
    ['[]', []],
    ['563', [{ from: 563, to: 563 }]],
  ])('connect_ports: %s', (value, ranges) => {
    expect(policyOf(`version: 1\ndefault: deny\nconnect_ports: ${value}\n`).connectPorts).toEqual(ranges);
  });
});

const HEAD = 'version: 1\ndefault: deny\n';

describe('says what is wrong in', () => {
  test.each([
    ['an empty file', '', ['1:1: the file is empty; a policy needs at least "version: 1" and "default: deny"']],
    ['a file of comments', '# a\n', ['1:1: the file is empty; a policy needs at least "version: 1" and "default: deny"']],
    [
      'a word',
      'deny',
      ["1:1: a policy is a mapping with the keys version, default, connect_ports, methods, groups, lists, rules, tests; found 'deny'"],
    ],
    [
      'missing keys',
      'rules: []',
      ["1:1: a policy needs 'version: 1'", "1:1: a policy needs 'default: allow' or 'default: deny', for requests that no rule matches"],
    ],
    ['another version', 'version: 2\ndefault: deny', ["1:10: version: expected 1, the only version of the language there is; found '2'"]],
    ['a slip in a value', 'version: 1\ndefault: alow', ["2:10: default: expected allow or deny; found 'alow'; did you mean 'allow'?"]],
    ['a value left out', 'version: 1\ndefault:', ['2:1: default: expected allow or deny; found nothing']],
    ['a slip in a key', `${HEAD}rule: []`, ["3:1: unknown key 'rule' in a policy; did you mean 'rules'?"]],
    [
      'a key like no other',
      `${HEAD}zzz: 1`,
      ["3:1: unknown key 'zzz' in a policy; the keys are version, default, connect_ports, methods, groups, lists, rules, tests"],
    ],
    ['a repeated key', `${HEAD}default: allow`, ["3:1: 'default' is given twice; the first is on line 2. Make it one list, or remove one"]],
    ['a key that is a list', `${HEAD}? [a]\n: b`, ['3:3: a key of a policy is a word; found a list']],
    ['a merge key', `${HEAD}<<: {}`, ['3:1: merge keys (<<) are not part of a policy; write the values out']],
    ['an anchor', 'version: 1\ndefault: &a deny', ['2:13: anchors (&a) are not part of a policy; remove it']],
    ['a tag', 'version: !!int 1\ndefault: deny', ['1:16: tags (tag:yaml.org,2002:int) are not part of a policy; remove it']],
    ['a directive', `%YAML 1.1\n---\n${HEAD}`, ['1:1: YAML directives (%YAML) are not part of a policy; remove the line']],
    ['a second document', `${HEAD}---\n${HEAD}`, ['3:1: a second YAML document begins here ("---"); a policy is one document']],
    ['a tab', `${HEAD}rules:\n\t- a`, ['4:1: not valid YAML: Tabs are not allowed as indentation']],
    ['an open quote', `${HEAD}rules: "a`, ['3:10: not valid YAML: Missing closing "quote']],
    [
      'rules that are no list',
      `${HEAD}rules: { }`,
      [`3:1: rules: expected a list, each rule on a line of its own that begins with "- "; write 'rules: []' for none`],
    ],
    [
      'ports of CONNECT',
      `${HEAD}connect_ports: [any]`,
      ["3:17: connect_ports: expected a port, or a range such as 8000-8999, from 1 to 65535; found 'any'"],
    ],
  ])('%s', (_name, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });

  test.each([
    [
      'text',
      "4:5: a rule is a mapping with the keys name, allow, deny, report, tunnel, intercept, include, message, owner, request_access, status, allow_private, limits, cache, dangerously_accept_certificate, on_pinned, passthrough_for, inspect; found 'text'",
    ],
    ['name: x', "4:5: a rule needs 'allow:' or 'deny:' with what it matches, such as 'deny: { host: .ads.example }'"],
    ['{ allow: any, deny: any }', '4:19: a rule has either allow or deny, not both; make it two rules'],
    ['allow:', "4:5: allow: expected what to match, such as { host: example.com }, or 'any' for everything"],
    ['deny: [a]', "4:5: deny: expected what to match, such as { host: example.com }, or 'any' for everything"],
    ['deny: { hosts: a }', "4:13: unknown key 'hosts' in deny; did you mean 'host'?"],
    ['deny: { host: a, status: 451 }', '4:22: status: not in deny; it stands beside it, as a key of the rule'],
    ['allow: { host: a, name: b }', '4:23: name: not in allow; it stands beside it, as a key of the rule'],
    ['{ allow: any, message: x }', '4:19: message: not beside allow; it is what the person who is refused reads'],
    ['{ deny: any, message: "a\\0b" }', '4:27: message: the text has a control character in it'],
    ['{ deny: { host: a }, allow_private: true }', '4:26: allow_private: not beside deny; a rule that denies lets nothing pass'],
    [
      '{ allow: any, allow_private: true }',
      "4:19: allow_private: only with a 'host' or 'domain' criterion; the address guard is loosened for named hosts alone",
    ],
    [
      '{ allow: { host: a }, allow_private: 10.0.0.1/8 }',
      "4:42: allow_private: expected a CIDR block such as 10.0.0.0/8 or fc00::/7, with no bits set behind its length; found '10.0.0.1/8'",
    ],
  ])('a rule: %s', (rule, expected) => {
    expect(problemsOf(`${HEAD}rules:\n  - ${rule}`)).toEqual([expected]);
  });

  test.each([
    ['host: "*"', "host: '*' is not a host; to match every host, leave 'host' out"],
    [
      'host: []',
      "host: an empty list matches nothing; name a host such as example.com, .example.com or *.example.com, or leave 'host' out",
    ],
    ['host: ', 'host: expected a host such as example.com, .example.com or *.example.com, or a list; found nothing'],
    ['host: 10.0.0.0/8', "host: '10.0.0.0/8' is a CIDR block, not a host; what a host resolves to is matched by 'address'"],
    ['host: https://a.test/', "host: expected a host alone; found 'https://a.test/'. A path goes under 'path', without the scheme"],
    ['host: a.test:80', "host: expected a host alone; found 'a.test:80'. Write 'a.test' and 'port: 80'"],
    ['host: "[::1]:80"', "host: expected a host alone; found '[::1]:80'. Write '[::1]' and 'port: 80'"],
    ['host: a.*.test', "host: 'a.*.test': a * stands only for the whole first label, as in *.example.com"],
    ['host: "*.1.2.3.4"', "host: '*.1.2.3.4': there is nothing below an IP address; write 1.2.3.4"],
    ['host: 1.2.3.400', 'host: "1.2.3.400" ends in a number but is not an IPv4 address.'],
    ['port: 0', "port: expected a port, or a range such as 8000-8999, from 1 to 65535; found '0'"],
    ['port: 65536', "port: expected a port, or a range such as 8000-8999, from 1 to 65535; found '65536'"],
    ['port: 9-3', 'port: the range 9-3 runs backwards; write 3-9'],
    ['method: get', "method: method names are case-sensitive (RFC 9110 section 9.1): 'get' is not GET; write GET"],
    ['method: "a b"', "method: 'a b' is not a method name (RFC 9110 section 5.6.2)"],
    ['path: pool', "path: a path begins with / or *; found 'pool'"],
    ['path: /a?b', "path: '/a?b' has a query; paths are compared without it, so end the path before the ?"],
    ['path: /a/../b', "path: '/a/../b' can never match: paths are compared in their normal form; write '/b'"],
    ['path: /%7efoo', "path: '/%7efoo' can never match: paths are compared in their normal form; write '/~foo'"],
    [
      'path: /a%2Fb',
      "path: '/a%2Fb' can never match: it has an encoded slash (%2F), and such a path is denied wherever a path is asked for",
    ],
  ])('a criterion: %s', (criterion, expected) => {
    const [problem, ...others] = problemsOf(`${HEAD}rules:\n  - deny:\n      ${criterion}`);
    expect(others).toEqual([]);
    expect(problem?.replace(/^\d+:\d+: /, '')).toBe(expected);
  });

  test('everything at once, in the order of the file', () => {
    const problems = problemsOf('version: 3\ndefault: maybe\nrules:\n  - deny: { prot: 80 }\n  - allow: { port: 0, host: a b }\n');
    expect(problems.map((problem) => problem.split(':', 2).join(':'))).toEqual(['1:10', '2:10', '4:13', '5:20', '5:29']);
  });

  test('nesting without end, with one problem', () => {
    expect(problemsOf('['.repeat(50_000))).toEqual([expect.stringContaining('nested too deeply')]);
  });
});

test('no text makes it throw', () => {
  const pieces = fc.constantFrom(
    'version: 1\n',
    'default: deny\n',
    'rules:\n',
    '  - ',
    'allow: ',
    'deny: { in: ',
    'groups: { a: { in: ',
    'lists: { a: { file: b, format: cidr } }\n',
    'tests:\n',
    '{ request: ',
    '{ time: { days: ',
    '{ any: [',
    '{ not: ',
    '{ field: { ',
    '{ limits: ',
    '{ include: ',
    '{ host: ',
    'a',
    ' }\n',
    '[',
    ']',
    '"',
    ': ',
    '*',
    '&x ',
    '!t ',
    '\t',
    '---\n',
    '\0',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (yaml) => {
      const parsed = parsePolicy(yaml, 'p.yaml');
      if ('problems' in parsed) expect(parsed.problems.length).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});

test('a file that could not be read has no line to name', () => {
  expect(formatProblem({ file: 'p.yaml', line: 0, column: 0, message: 'gone' })).toBe('p.yaml: gone');
});

function policyOf(text: string): Policy {
  const parsed = parsePolicy(text, 'p.yaml');
  if ('problems' in parsed) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.policy;
}

/** @param rule its first line begins with "- " */
function ruleOf(rule: string): Rule {
  const [only] = policyOf(`${HEAD}rules:\n  ${rule}`).rules;
  if (only === undefined) throw new Error('no rule was read');
  return only;
}

/** The criteria of a mapping. */
function partsOf({ condition }: Rule): readonly unknown[] {
  return condition.kind === 'all' ? condition.of : [condition];
}

/** Each as `line:column: message`. */
function problemsOf(text: string): string[] {
  const parsed = parsePolicy(text, 'p.yaml');
  return 'problems' in parsed ? parsed.problems.map((problem) => formatProblem(problem).slice('p.yaml:'.length)) : [];
}
