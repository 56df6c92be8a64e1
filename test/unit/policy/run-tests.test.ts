import { expect, test } from 'vitest';
import { type CompiledPolicy, compilePolicy } from '../../../src/policy/compile.ts';
import { describeExpectation, describeOutcome, runPolicyTests, unreachedRules } from '../../../src/policy/run-tests.ts';
import { formatProblem } from '../../../src/policy/yaml-source.ts';
import { parsePolicy } from '../../support/parse-policy.ts';

const RULES = `version: 1
default: deny
rules:
  - name: Adverts
    deny: { host: .ads.example }
  - name: People
    allow: { host: people.example, user: "*" }
  - name: Office hours
    allow: { host: office.example, time: { days: mon-fri, hours: 08:00-18:00, zone: Europe/Berlin } }
  - name: Inside
    allow: { host: inside.example, address: 10.0.0.0/8 }
  - name: Pictures
    deny: { host: docs.example, response_type: image/* }
  - name: Docs
    allow: { host: docs.example }
  - name: Bank
    tunnel: { host: bank.example }
  - name: Trial
    report: { host: trial.example }
  - name: Trial is over
    allow: { host: trial.example }
`;
const MONDAY_NINE = Date.parse('2026-11-23T09:00:00+01:00');

test.each<[string, string]>([
  ['{ request: GET http://x.ads.example/, expect: deny, rule: Adverts }', 'the rule that decides'],
  ['{ request: GET http://other.example/, expect: deny, rule: default }', 'the default'],
  ['{ request: CONNECT bank.example:443, expect: tunnel }', 'a tunnel that stays closed'],
  ['{ request: GET http://people.example/, user: ann, expect: allow }', 'somebody'],
  ['{ request: GET http://people.example/, expect: deny, rule: default }', 'nobody'],
  ['{ request: GET http://people.example/, expect: challenge, rule: People }', 'somebody who has not said yet who it is'],
  ['{ request: GET http://office.example/, expect: allow }', 'the moment of the run'],
  ['{ request: GET http://office.example/, at: "2026-11-23T07:59:00+01:00", expect: deny }', 'a moment of its own'],
  ['{ request: GET http://inside.example/, resolves_to: 10.0.0.1, expect: allow }', 'an address'],
  ['{ request: GET http://inside.example/, resolves_to: [192.0.2.1, 10.0.0.1], expect: allow }', 'addresses of which one may be dialled'],
  ['{ request: GET http://inside.example/, resolves_to: [192.0.2.1, 192.0.2.2], expect: deny }', 'addresses of which none may'],
  ['{ request: GET http://docs.example/, response: { type: image/png }, expect: deny, rule: Pictures }', 'a response'],
  ['{ request: GET http://docs.example/, response: { type: text/html }, expect: allow, rule: Docs }', 'another response'],
  ['{ request: GET http://trial.example/, expect: allow, rule: Trial is over }', 'what a rule on trial only notes'],
])('%s passes: %s', (text) => {
  expect(runPolicyTests(compiled(text), MONDAY_NINE).map(({ failure }) => failure)).toEqual([null]);
});

test.each<[string, string | null, string, string]>([
  ['{ request: GET http://x.ads.example/, expect: allow }', 'wrong-action', 'allow', "denied by rule 'Adverts' (p.yaml:4)"],
  [
    '{ request: GET http://x.ads.example/, expect: deny, rule: Pictures }',
    'wrong-rule',
    "deny by rule 'Pictures'",
    "denied by rule 'Adverts' (p.yaml:4)",
  ],
  [
    '{ request: GET http://other.example/, expect: deny, rule: Adverts }',
    'wrong-rule',
    "deny by rule 'Adverts'",
    'denied by the default (p.yaml:2)',
  ],
  [
    '{ request: CONNECT other.example:22, expect: deny, rule: default }',
    'wrong-rule',
    'deny by the default',
    'CONNECT to port 22 is not in connect_ports (p.yaml:1)',
  ],
  ['{ request: CONNECT bank.example:443, expect: allow }', 'wrong-action', 'allow', "tunnel by rule 'Bank' (p.yaml:16)"],
  [
    '{ request: GET http://people.example/, user: ann, expect: challenge }',
    'wrong-action',
    'challenge',
    "allowed by rule 'People' (p.yaml:6)",
  ],
  [
    '{ request: GET http://inside.example/, expect: allow }',
    'unresolved',
    'allow',
    'a rule asks for the address of inside.example; add resolves_to: [ADDRESS] to the test',
  ],
])('%s fails: %s', (text, failure, expectation, outcome) => {
  const [only] = runPolicyTests(compiled(text), MONDAY_NINE);
  expect(only?.failure).toBe(failure);
  expect(describeExpectation(only!.test)).toBe(expectation);
  expect(describeOutcome(only!)).toBe(outcome);
});

test('a rule is reached by deciding or by noting, not by being passed', () => {
  const policy = compiled('{ request: GET http://trial.example/, expect: allow }', '{ request: GET http://x.ads.example/, expect: allow }');
  const unreached = unreachedRules(policy, runPolicyTests(policy, MONDAY_NINE));
  expect(unreached.map(({ name }) => name)).toEqual(['People', 'Office hours', 'Inside', 'Pictures', 'Docs', 'Bank']);
});

test('a policy without tests has no outcomes', () => {
  expect(runPolicyTests(compiled(), MONDAY_NINE)).toEqual([]);
});

function compiled(...tests: readonly string[]): CompiledPolicy {
  const parsed = parsePolicy(tests.length === 0 ? RULES : `${RULES}tests:\n${tests.map((text) => `  - ${text}\n`).join('')}`, 'p.yaml');
  if (!('policy' in parsed)) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return compilePolicy(parsed.policy);
}
