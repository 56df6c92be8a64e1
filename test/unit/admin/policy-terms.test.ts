import { expect, test } from 'vitest';
import { policyTerms } from '../../../src/admin/policy-terms.ts';
import { NO_OVERRIDES } from '../../../src/cache/rules/options.ts';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { parsePolicy } from '../../support/parse-policy.ts';

const parsed = parsePolicy(
  `version: 1
default: deny
rules:
  - { name: Mine, allow: { host: a.test, user: ada }, cache: { ttl: 1h, partition: user } }
  - { allow: { host: a.test, path: /live/* }, cache: bypass }
  - { allow: { host: a.test } }
  - { allow: { address: 10.0.0.0/8 } }
`,
  'p.yaml',
);
if (!('policy' in parsed)) throw new Error('the policy of this test is wrong');
const compiled = compilePolicy(parsed.policy);

test.each([
  ['http://a.test/', 'ada', { ttlSeconds: 3_600, partition: 'user' }, "allowed by rule 'Mine' (p.yaml:4)"],
  ['http://a.test/live/x', null, { bypass: true }, 'allowed by the rule at p.yaml:5'],
  ['https://A.test/', null, {}, 'allowed by the rule at p.yaml:6'],
  ['http://b.test/', null, {}, 'not decided before it is known what b.test resolves to'],
  ['http://10.0.0.1/', null, {}, 'allowed by the rule at p.yaml:7'],
  ['http://192.0.2.1/', null, {}, 'denied by the default (p.yaml:2)'],
])('%s asked by %s', (url, user, overrides, sentence) => {
  const terms = policyTerms(compiled, { method: 'GET', url, fields: [], user }, 0);
  expect(terms.overrides).toEqual({ ...NO_OVERRIDES, ...overrides });
  expect(terms.sentence).toBe(sentence);
});

test('a policy without terms judges nothing for them', () => {
  const plain = parsePolicy('version: 1\ndefault: allow\n', 'p.yaml');
  if (!('policy' in plain)) throw new Error('the policy of this test is wrong');
  const terms = policyTerms(compilePolicy(plain.policy), { method: 'GET', url: 'no URL', fields: [], user: null }, 0);
  expect(terms.overrides).toBe(NO_OVERRIDES);
});
