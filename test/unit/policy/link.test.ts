import { describe, expect, test } from 'vitest';
import type { List } from '../../../src/match/condition.ts';
import { readIncludes } from '../../../src/policy/include.ts';
import { type Linked, linkPolicy } from '../../../src/policy/link.ts';
import { parseFile } from '../../../src/policy/parse-file.ts';
import type { Policy, Rule } from '../../../src/policy/policy.ts';
import { formatProblem } from '../../../src/policy/yaml-source.ts';

describe('files', () => {
  test('put their rules where they are included, and bring their groups, lists and tests', async () => {
    const policy = await policyOf({
      'main.yaml': `${HEAD}groups: { a: { port: 1 } }
rules:
  - { name: first, deny: { in: shared } }
  - include: sub/one.yaml
  - { name: last, allow: { in: a } }
tests:
  - { request: GET http://a/, expect: deny }
`,
      'sub/one.yaml': `version: 1
groups: { shared: { port: 2 } }
rules:
  - include: ../two.yaml
  - { name: from one, deny: { in: a } }
tests:
  - { request: GET http://b/, expect: deny, rule: from one }
`,
      'two.yaml': 'version: 1\nrules:\n  - { name: from two, deny: { port: 3 } }\n',
    });
    expect(policy.rules.map((rule) => [rule.name, rule.position.file])).toEqual([
      ['first', 'main.yaml'],
      ['from two', 'two.yaml'],
      ['from one', 'sub/one.yaml'],
      ['last', 'main.yaml'],
    ]);
    expect(policy.tests.map(({ question }) => question.host)).toEqual(['a', 'b']);
    expect(policy.files).toEqual(['main.yaml', 'sub/one.yaml', 'two.yaml']);
    expect(policy.rules[0]?.condition).toMatchObject({ kind: 'group-use', name: 'shared', condition: { kind: 'port' } });
  });

  test('without rules may be included twice', async () => {
    const rules = 'rules:\n  - include: groups.yaml\n';
    const policy = await policyOf({
      'main.yaml': `${HEAD}${rules}  - include: one.yaml\n`,
      'one.yaml': `version: 1\n${rules}  - deny: { in: a }\n`,
      'groups.yaml': 'version: 1\ngroups: { a: { port: 1 } }\n',
    });
    expect(policy.rules).toHaveLength(1);
  });

  test('with rules may not, nor may they include each other in a circle', async () => {
    const files = {
      'main.yaml': `${HEAD}rules:\n  - include: one.yaml\n  - include: two.yaml\n`,
      'one.yaml': 'version: 1\nrules:\n  - include: two.yaml\n',
      'two.yaml': 'version: 1\nrules:\n  - deny: any\n  - include: one.yaml\n  - include: main.yaml\n  - include: two.yaml\n',
    };
    expect(await problemsOf(files)).toEqual([
      'two.yaml:4:5: include: files include each other in a circle: one.yaml → two.yaml → one.yaml',
      'two.yaml:5:5: include: files include each other in a circle: main.yaml → one.yaml → two.yaml → main.yaml',
      'two.yaml:6:5: include: files include each other in a circle: two.yaml → two.yaml',
      'main.yaml:5:5: include: the rules of two.yaml stand on one.yaml:3 already, and would never decide here; only a file without rules is included twice',
    ]);
  });

  test('that circle without rules come to an end too', async () => {
    const files = {
      'main.yaml': `${HEAD}rules:\n  - include: one.yaml\n  - include: two.yaml\n`,
      'one.yaml': 'version: 1\nrules:\n  - include: two.yaml\n',
      'two.yaml': 'version: 1\nrules:\n  - include: one.yaml\n',
    };
    expect(await problemsOf(files)).toEqual([
      'two.yaml:3:5: include: files include each other in a circle: one.yaml → two.yaml → one.yaml',
    ]);
  });

  test('that cannot be read are a problem where they are included, and hide no other', async () => {
    const files = {
      'main.yaml': `${HEAD}rules:\n  - include: gone.yaml\n  - deny: { in: perhaps-there }\n  - deny: { client_in: a }\ngroups: { a: any }\n`,
    };
    expect(await problemsOf(files)).toEqual([
      'main.yaml:4:5: include: gone.yaml: there is no such file',
      "main.yaml:6:24: client_in: 'a' is a group; lists of the format cidr stand here. A group says 'client' for itself, and stands under 'in'",
    ]);
  });

  test('that are no policies tell it once', async () => {
    const files = { 'main.yaml': `${HEAD}rules:\n  - include: a.txt\n  - deny: { in: b }\n`, 'a.txt': 'hello' };
    expect(await problemsOf(files)).toEqual([expect.stringContaining('a.txt:1:1: a policy is a mapping with the keys version, default,')]);
  });

  test('may stand eight deep, and 200 may be included', async () => {
    const chain = Object.fromEntries(
      Array.from({ length: 10 }, (_, n) => [`${n}.yaml`, `version: 1\nrules:\n  - include: ${n + 1}.yaml\n`]),
    );
    expect(await problemsOf({ ...chain, '0.yaml': `${HEAD}rules:\n  - include: 1.yaml\n` }, '0.yaml')).toEqual([
      '8.yaml:3:5: include: files may include each other 8 deep; include 9.yaml further up',
    ]);
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`${n}.yaml`, 'version: 1\n']));
    const includes = Object.keys(many).map((name) => `  - include: ${name}\n`);
    expect(await problemsOf({ ...many, 'main.yaml': `${HEAD}rules:\n${includes.join('')}` })).toEqual([
      'main.yaml:204:5: include: a policy is made of 200 included files at most',
    ]);
  });
});

describe('names', () => {
  test('stand for groups, whichever comes first, and for lists', () => {
    const [rule] = rulesOf(`groups: { a: { in: [b, ads] }, b: { port: 1 } }
lists: { ads: { file: ads.txt, format: domains } }
rules:
  - deny: { in: a }`);
    expect(rule?.condition).toEqual({
      kind: 'group-use',
      name: 'a',
      condition: {
        kind: 'any',
        of: [
          { kind: 'group-use', name: 'b', condition: { kind: 'port', ranges: [{ from: 1, to: 1 }] } },
          { kind: 'list-use', name: 'ads', of: 'destination', list: ADS },
        ],
      },
    });
  });

  test('of lists of addresses ask the destination under in, and the client under client_in', () => {
    const rules = rulesOf(`lists: { nets: { file: nets.txt, format: cidr } }
rules:
  - deny: { in: nets }
  - deny: { not: { client_in: nets } }`);
    expect(rules.map((rule) => rule.condition)).toEqual([
      { kind: 'list-use', name: 'nets', of: 'destination', list: NETS },
      { kind: 'not', of: { kind: 'list-use', name: 'nets', of: 'client', list: NETS } },
    ]);
  });

  test.each([
    ['groups: { ads: any }\nrules:\n  - deny: { in: adz }', "5:17: in: there is no group or list 'adz'; did you mean 'ads'?"],
    ['groups: { a: { in: other } }', "3:20: in: there is no group or list 'other'"],
    ['groups: { a: { in: b }, b: { in: c }, c: { in: a } }', '3:48: in: groups use each other in a circle: a → b → c → a'],
    ['groups: { a: { not: { in: a } } }', '3:27: in: groups use each other in a circle: a → a'],
    [
      'groups: { ads: any }\nlists: { ads: { file: ads.txt, format: domains } }',
      "4:10: 'ads' is the name of a group already, on p.yaml:3:11; in all files of a policy a name stands for one thing",
    ],
    [
      'lists: { ads: { file: ads.txt, format: domains } }\nrules:\n  - deny: { client_in: ads }',
      "5:24: client_in: the list 'ads' has the format domains; only one of the format cidr can hold the client's address",
    ],
    [
      'lists: { other: { file: a.txt, format: domains } }\nrules:\n  - deny: { in: other }',
      "5:17: in: the list 'other' has not been loaded",
    ],
    ['rules:\n  - include: a.yaml', '4:5: include: a.yaml has not been read'],
    [
      'tests:\n  - { request: GET http://a/, expect: deny, rule: Advert }\nrules:\n  - { name: Adverts, deny: any }',
      "4:45: rule: no rule has the name 'Advert'; did you mean 'Adverts'?",
    ],
    [
      'rules:\n  - { name: a, allow: any, limits: { per_day: 1GiB } }\n  - { name: a, allow: any, limits: { per_day: 1GiB } }',
      "5:28: per_day: the rule on p.yaml:4:5 counts under the name 'a' too; give one another name",
    ],
  ])('that stand for nothing, or for too much: %s', (text, expected) => {
    expect(linkProblems(text)).toEqual([expected]);
  });

  test('of lists that could not be loaded are known', () => {
    const { parsed } = parseFile(`${HEAD}lists: { a: { file: a, format: rpz } }\nrules:\n  - deny: { in: a }\n`, 'p.yaml', 'main');
    expect(linkPolicy(parsed!, new Map(), new Map([['a', null]]))).toEqual({ problems: [] });
  });
});

describe('allow_private', () => {
  test.each([
    '{ host: a }',
    '{ domain: a.example, port: 80 }',
    '{ any: [{ host: a }, { domain: a.example, port: 80 }] }',
    '{ all: [{ port: 80 }, { host: a }] }',
    '{ in: hosts, client: 10.0.0.0/8 }',
  ])('stands beside hosts that are named: %s', (match) => {
    expect(linkProblems(`groups: { hosts: { host: [a, b] } }\nrules:\n  - allow: ${match}\n    allow_private: true`)).toEqual([]);
  });

  test.each([
    'any',
    '{ port: 80 }',
    '{ any: [{ host: a }, { port: 80 }] }',
    '{ not: { host: a } }',
    '{ host_regex: a }',
    '{ in: ports }',
    '{ in: [hosts, ports] }',
  ])('stands beside nothing else: %s', (match) => {
    const text = `groups: { hosts: { host: [a, b] }, ports: { port: 1 } }\nrules:\n  - allow: ${match}\n    allow_private: true`;
    expect(linkProblems(text)).toEqual([
      `6:5: allow_private: only with a 'host' or 'domain' criterion; the address guard is loosened for named hosts alone`,
    ]);
  });
});

describe('dangerously_accept_certificate', () => {
  const rule = (match: string) => `rules:\n  - intercept: ${match}\n    dangerously_accept_certificate: expired`;

  test('stands beside hosts that are named', () => {
    expect(linkProblems(rule('{ host: .a.example, scheme: tunnel }'))).toEqual([]);
  });

  test.each(['any', '{ sni: a.example }', '{ not: { host: a.example } }'])('stands beside nothing else: %s', (match) => {
    expect(linkProblems(rule(match))).toEqual([
      `5:5: dangerously_accept_certificate: only with a 'host' or 'domain' criterion; certificates are forgiven to named hosts alone`,
    ]);
  });
});

describe('limits', () => {
  test('groups in groups, 16 deep', () => {
    const chain = (depth: number) =>
      `groups:\n  g0: any\n${Array.from({ length: depth }, (_, n) => `  g${n + 1}: { in: g${n} }\n`).join('')}`;
    expect(linkProblems(chain(15))).toEqual([]);
    expect(linkProblems(chain(16))).toEqual([
      '20:3: group g16 uses groups more than 16 deep, groups inside it written out; make it simpler, or use lists',
    ]);
  });

  test('a chain of groups in the wrong order, whatever its length', () => {
    const groups = Array.from({ length: 9_000 }, (_, n) => `  g${n}: { in: g${n + 1} }\n`).join('');
    expect(linkProblems(`groups:\n${groups}  g9000: any\n`)[0]).toContain('uses groups more than 16 deep');
  });

  test('what a group stands for, so that doubling does not run away', () => {
    const doubling = Array.from({ length: 15 }, (_, n) => `  g${n + 1}: { all: [{ in: g${n} }, { in: g${n} }] }\n`).join('');
    expect(linkProblems(`groups:\n  g0: { port: 1 }\n${doubling}`)).toEqual([
      '18:3: group g14 stands for more than 10000 criteria, groups inside it written out; make it simpler, or use lists',
    ]);
  });
});

const HEAD = 'version: 1\ndefault: deny\n';
const ADS: List = { kind: 'domains', matchesHost: () => false, describeMatch: () => '' };
const NETS: List = { kind: 'addresses', matchesAddress: () => false, describeMatch: () => '' };
const LISTS = new Map<string, List>([
  ['ads', ADS],
  ['nets', NETS],
]);

function link(text: string): Linked {
  const { parsed, problems } = parseFile(`${HEAD}${text}\n`, 'p.yaml', 'main');
  if (parsed === null || problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
  return linkPolicy(parsed, new Map(), LISTS);
}

function rulesOf(text: string): readonly Rule[] {
  const linked = link(text);
  if ('problems' in linked) throw new Error(linked.problems.map(formatProblem).join('\n'));
  return linked.policy.rules;
}

/** Each as `line:column: message`. */
function linkProblems(text: string): readonly string[] {
  const linked = link(text);
  return 'problems' in linked ? linked.problems.map((problem) => formatProblem(problem).slice('p.yaml:'.length)) : [];
}

type Files = Readonly<Record<string, string>>;

async function linkFiles(files: Files, main: string) {
  const { parsed, problems } = parseFile(files[main]!, main, 'main');
  const includes = await readIncludes(parsed!, async (file) => files[file] ?? { problem: 'there is no such file' });
  const linked = linkPolicy(parsed!, includes.included, new Map());
  return { linked, problems: [...problems, ...includes.problems, ...('problems' in linked ? linked.problems : [])] };
}

async function policyOf(files: Files): Promise<Policy> {
  const { linked, problems } = await linkFiles(files, 'main.yaml');
  if ('problems' in linked || problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
  return linked.policy;
}

async function problemsOf(files: Files, main = 'main.yaml'): Promise<readonly string[]> {
  const { problems } = await linkFiles(files, main);
  return problems.map(formatProblem);
}
