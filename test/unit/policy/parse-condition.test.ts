import { describe, expect, test } from 'vitest';
import { parseFile } from '../../../src/policy/parse-file.ts';
import type { UnlinkedCondition } from '../../../src/policy/parsed-file.ts';

describe('reads the criterion', () => {
  test.each<[string, object]>([
    ['domain: Example.co.uk', { kind: 'domain', names: ['example.co.uk'] }],
    ['domain: [alice.github.io, corp.internal]', { kind: 'domain', names: ['alice.github.io', 'corp.internal'] }],
    ['host_regex: "^[a-z]+[.]example$"', { kind: 'host_regex', patterns: [{ text: '^[a-z]+[.]example$' }] }],
    [
      'address: [10.0.0.0/8, "::1"]',
      {
        kind: 'address',
        blocks: [
          { text: '10.0.0.0/8', cidr: { prefixLength: 8 } },
          { text: '::1', cidr: { prefixLength: 128 } },
        ],
      },
    ],
    ['client: 192.0.2.1', { kind: 'client', blocks: [{ text: '192.0.2.1', cidr: { prefixLength: 32 } }] }],
    ['scheme: [http, https, tunnel]', { kind: 'scheme', schemes: ['http', 'https', 'tunnel'] }],
    ['path_regex: "^/v[0-9]+/"', { kind: 'path_regex', patterns: [{ text: '^/v[0-9]+/' }] }],
    [
      'query: { branch: [main, "rel-*"] }',
      { kind: 'query', parameters: [{ name: 'branch', globs: [{ text: 'main' }, { pieces: ['rel-', ''] }] }] },
    ],
    ['field: { User-Agent: "curl/*" }', { kind: 'field', fields: [{ name: 'user-agent', globs: [{ pieces: ['curl/', ''] }] }] }],
    ['field: { X-Name: Zoë }', { kind: 'field', fields: [{ globs: [{ text: 'Zoë', pieces: ['ZoÃ«'] }] }] }],
    ['request_size: over 10MiB', { kind: 'request_size', bounds: [{ relation: 'over', bytes: 10_485_760, text: '10MiB' }] }],
    [
      'response_size: [under 1KiB, over 5GiB]',
      {
        kind: 'response_size',
        bounds: [
          { relation: 'under', bytes: 1_024 },
          { relation: 'over', bytes: 5_368_709_120 },
        ],
      },
    ],
    ['response_type: [Image/*, text/html]', { kind: 'response_type', types: [{ text: 'image/*' }, { text: 'text/html' }] }],
    ['upgrade: websocket', { kind: 'upgrade', protocols: ['websocket'] }],
    ['user: ["*", alice]', { kind: 'user', globs: [{ text: '*' }, { text: 'alice' }] }],
    ['group: eng', { kind: 'group', names: ['eng'] }],
    ['claim: { realm_access.roles: admin }', { kind: 'claim', claims: [{ name: 'realm_access.roles', globs: [{ text: 'admin' }] }] }],
    ['listener: [lan, guest]', { kind: 'listener', names: ['lan', 'guest'] }],
    ['time: { days: [mon-fri, sun], hours: 22:00-06:00, zone: UTC }', { kind: 'time', window: { text: 'mon-fri, sun 22:00-06:00 UTC' } }],
    ['in: ads', { kind: 'reference', key: 'in', name: 'ads', position: { file: 'p.yaml', line: 4, column: 17 } }],
    [
      'in: [ads, malware]',
      {
        kind: 'any',
        of: [
          { kind: 'reference', name: 'ads' },
          { kind: 'reference', name: 'malware' },
        ],
      },
    ],
    ['client_in: office', { kind: 'reference', key: 'client_in', name: 'office' }],
  ])('%s', (match, expected) => {
    expect(conditionOf(`{ ${match} }`)).toMatchObject(expected);
  });
});

describe('combines', () => {
  test('the criteria of a mapping in the order in which they are judged, whatever the order of the file', () => {
    const match =
      '{ response_type: text/html, path: /a, not: { user: a }, in: b, field: { a: b }, port: 80, host: a.example, method: GET, client: 10.0.0.1 }';
    expect(kindsOf(conditionOf(match))).toEqual(['host', 'port', 'method', 'client', 'field', 'reference', 'not', 'path', 'response_type']);
  });

  test.each<[string, object]>([
    ['any', { kind: 'all', of: [] }],
    ['{}', { kind: 'all', of: [] }],
    [
      '{ any: [{ port: 80 }, { port: 81, method: GET }] }',
      { kind: 'any', of: [{ kind: 'port' }, { kind: 'all', of: [{ kind: 'port' }, { kind: 'method' }] }] },
    ],
    ['{ all: [{ port: 80 }, any] }', { kind: 'all', of: [{ kind: 'port' }, { kind: 'all', of: [] }] }],
    ['{ not: { port: 80 } }', { kind: 'not', of: { kind: 'port' } }],
    ['{ not: [{ port: 80 }, { method: GET }] }', { kind: 'not', of: { kind: 'any', of: [{ kind: 'port' }, { kind: 'method' }] } }],
    ['{ not: { not: { any: [{ port: 80 }] } } }', { kind: 'not', of: { kind: 'not', of: { kind: 'any', of: [{ kind: 'port' }] } } }],
  ])('%s', (match, expected) => {
    expect(conditionOf(match)).toMatchObject(expected);
  });
});

describe('says what is wrong in', () => {
  test.each([
    ['domain: co.uk', 'domain: below co.uk anybody may register a name; write one that somebody has, such as example.co.uk'],
    ['domain: github.io', 'domain: below github.io anybody may register a name; write one that somebody has, such as example.github.io'],
    ['domain: www.example.com', `domain: 'www.example.com' is only a part of what its owner has; write example.com, or use 'host'`],
    ['domain: .example.com', 'domain: a domain is all that its owner has; write example.com without what stands before it'],
    ['domain: 192.0.2.1', `domain: '192.0.2.1' is an address, and belongs to no domain; use 'host' or 'address'`],
    ['host_regex: "("', 'host_regex: not a regular expression of RE2: missing closing ): `(`'],
    [
      'path_regex: "(a|b)*a(a|b){40}c"',
      'path_regex: the pattern can match in too many ways; use .* in place of counted repetitions, or begin it with ^',
    ],
    [
      'address: 10.0.0.1/8',
      `address: expected a CIDR block such as 10.0.0.0/8 or fc00::/7, with no bits set behind its length; found '10.0.0.1/8'`,
    ],
    [
      'address: example.com',
      `address: expected a CIDR block such as 10.0.0.0/8 or fc00::/7, with no bits set behind its length; found 'example.com'`,
    ],
    ['client: "::ffff:10.0.0.0/104"', `client: '::ffff:10.0.0.0/104' holds IPv4 addresses; write 10.0.0.0/8`],
    ['scheme: htps', `scheme: expected http, https or tunnel; found 'htps'; did you mean 'https'?`],
    ['query: branch', `query is a mapping in which each key is the name of a parameter; found 'branch'`],
    ['query: ', 'query is a mapping in which each key is the name of a parameter; found nothing'],
    ['query: {}', 'query: an empty mapping asks for nothing; leave it out'],
    ['query: { a: }', 'query a: expected a text, in which * stands for any characters, or a list; found nothing'],
    ['field: { "a b": c }', `field: 'a b' is not a field name (RFC 9110 section 5.1)`],
    ['field: { a: b, A: c }', `field: 'a' is given twice; make it one list`],
    ['request_size: 10MiB', `request_size: expected a size such as 'over 10MiB' or 'under 1KiB'; found '10MiB'`],
    ['request_size: under 0', 'request_size: nothing is under 0 octets'],
    ['response_size: over much', 'response_size: expected a size, such as 32KiB, 1MB or 4096 (octets); found "much"'],
    ['response_type: html', `response_type: expected a media type such as text/html or image/*; found 'html'`],
    [
      'response_type: text/html;charset=utf-8',
      `response_type: 'text/html;charset=utf-8' has parameters; media types are compared without them`,
    ],
    ['upgrade: h2c', `upgrade: expected websocket; found 'h2c'`],
    [
      'user: []',
      'user: an empty list matches nothing; name a user such as alice, bot-*, or * for everybody who has said who they are, or leave',
    ],
    ['time: { days: mon }', `time: needs 'zone', such as 'zone: Europe/Berlin' or 'zone: UTC'`],
    ['time: { zone: UTC }', `time: needs 'days', 'hours', 'from' or 'until' beside its zone`],
    [
      'time: { days: mo, zone: UTC }',
      `days: expected a day or a range of days such as mon, tue, wed, thu, fri, sat, sun or mon-fri; found 'mo'`,
    ],
    ['time: { hours: 8-18, zone: UTC }', `hours: expected hours such as 08:00-18:00, from 00:00 to 24:00; found '8-18'`],
    [
      'time: { from: 2026-02-30, zone: UTC }',
      `from: expected a date such as 2026-12-31, or 2026-12-31T18:00, on the clock of 'zone'; found '2026-02-30'`,
    ],
    ['time: { from: 2026-02-02, until: 2026-02-01, zone: UTC }', 'time: from 2026-02-02 until 2026-02-01 is no time at all'],
    ['time: { days: mon, zone: Berlin }', `zone: expected a zone of the IANA database such as Europe/Berlin, or UTC; found 'Berlin'`],
    ['time: mon', `time is a mapping with the keys days, hours, from, until, zone; found 'mon'`],
    ['in: ', 'in: expected the name of a group or a list, or a list; found nothing'],
    ['any: { port: 80 }', 'any: expected a list of matches, each as in { host: example.com }'],
    ['any: any', 'any: expected a list of matches, each as in { host: example.com }'],
    ['all: []', `all: the list is empty; name what to match, or leave 'all' out`],
    ['not: 80', `not: expected what to match, such as { host: example.com }, or 'any' for everything`],
    ['any: [{ prt: 80 }]', `unknown key 'prt' in any; did you mean 'port'?`],
  ])('%s', (match, expected) => {
    const [problem, ...others] = problemsOf(`{ ${match} }`);
    expect(others).toEqual([]);
    expect(problem).toContain(expected);
  });

  test('combinations more than eight deep', () => {
    const nested = (depth: number) => `${'{ not: '.repeat(depth)}any${' }'.repeat(depth)}`;
    expect(problemsOf(nested(8))).toEqual([]);
    expect(problemsOf(nested(9))).toEqual([`not: any, all and not may stand 8 deep in each other; give a part a name under 'groups'`]);
  });
});

function readRule(match: string) {
  return parseFile(`version: 1\ndefault: deny\nrules:\n  - deny: ${match}\n`, 'p.yaml', 'main');
}

function conditionOf(match: string): UnlinkedCondition {
  const { parsed, problems } = readRule(match);
  const [item] = parsed?.items ?? [];
  if (item?.kind !== 'rule' || problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'));
  return item.condition;
}

function kindsOf(condition: UnlinkedCondition): readonly string[] {
  return condition.kind === 'all' ? condition.of.map((part) => part.kind) : [condition.kind];
}

function problemsOf(match: string): readonly string[] {
  return readRule(match).problems.map(({ message }) => message);
}
