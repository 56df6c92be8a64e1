// Which rules are compared is counted, since a second on one machine is a minute on another; and none that covers may be missing.
import { describe, expect, test } from 'vitest';
import { covers, isSame } from '../../../../src/policy/lint/covers.ts';
import { EarlierRules } from '../../../../src/policy/lint/earlier-rules.ts';
import type { Rule } from '../../../../src/policy/policy.ts';
import { formatProblem } from '../../../../src/policy/yaml-source.ts';
import { parsePolicy } from '../../../support/parse-policy.ts';

function rulesOf(conditions: readonly string[]): readonly Rule[] {
  const groups =
    'groups: { hosts: { any: [{ host: a.example }, { host: b.example }] }, paths: { any: [{ path: /a/* }, { path: /b }] }, here: { host: .example, path: /a* } }';
  const parsed = parsePolicy(
    `version: 1\ndefault: deny\n${groups}\nrules:\n${conditions.map((each) => `  - allow: ${each}\n`).join('')}`,
    'p.yaml',
  );
  if (!('policy' in parsed)) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.policy.rules;
}

test.each<[string, (number: number) => string]>([
  ['hosts of their own', (number) => `{ host: h${number}.example, path: /a }`],
  ['domains of their own', (number) => `{ domain: h${number}.com, method: GET }`],
  ['one host and paths of their own', (number) => `{ host: a.example, path: /things/${number}/* }`],
  ['paths of their own', (number) => `{ path: [/things/${number}, /things/${number}.html] }`],
  ['paths of their own within a group of hosts', (number) => `{ in: hosts, path: /things/${number}/* }`],
])('compares a rule with few of a thousand before it when they have %s', (_what, conditionOf) => {
  const earlier = new EarlierRules();
  let compared = 0;
  for (const rule of rulesOf(Array.from({ length: 1_000 }, (_, number) => conditionOf(number)))) {
    compared += earlier.candidatesFor(rule.condition).length;
    earlier.add(rule);
  }
  expect(compared).toBeLessThan(5_000);
});

describe('every rule that covers another one is a candidate', () => {
  const long = `/${'x'.repeat(200)}`;
  const rules = rulesOf([
    'any',
    '{ host: a.example }',
    '{ host: .example }',
    '{ host: "*.a.example" }',
    '{ host: [b.example, www.a.example] }',
    '{ host: shop.example.com }',
    '{ domain: example.com }',
    '{ domain: [example.com, example.org] }',
    '{ host: .example.com }',
    '{ path: /a }',
    '{ path: /a/* }',
    '{ path: "*" }',
    '{ path: "/*/x" }',
    '{ path: [/b, /a/*] }',
    '{ path: [/a/b/*, /b] }',
    `{ path: ${long}/a }`,
    `{ path: "${long}*" }`,
    '{ path_regex: "^/a" }',
    '{ host: a.example, path: /a/b }',
    '{ host: .example, path: /a/* }',
    '{ in: here }',
    '{ in: here, method: GET }',
    '{ in: hosts }',
    '{ in: hosts, path: /a/b }',
    '{ in: paths }',
    '{ in: paths, host: a.example }',
    '{ any: [{ host: a.example, path: /a/c }, { in: here }] }',
    '{ not: { path: /a/* } }',
    '{ not: { path: /a/* }, host: a.example }',
    '{ all: [{ path: /a/* }, { path: "*/x" }] }',
    '{ method: GET }',
    '{ user: "*" }',
  ]);
  const earlier = new EarlierRules();
  for (const rule of rules) earlier.add(rule);

  test.each(rules.map((rule) => [rule.position.line, rule] as const))('than the rule on line %i', (_line, { condition }) => {
    const candidates = new Set(earlier.candidatesFor(condition));
    const missing = rules.filter(
      (rule) => (covers(rule.condition, condition) || isSame(rule.condition, condition)) && !candidates.has(rule),
    );
    expect(missing.map(({ position }) => position.line)).toEqual([]);
  });
});
