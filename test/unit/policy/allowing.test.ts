import { expect, test } from 'vitest';
import { allowing, type DeniedRequest } from '../../../src/policy/allowing.ts';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { runPolicyTests } from '../../../src/policy/run-tests.ts';
import { parsePolicy } from '../../support/parse-policy.ts';

const DENIED: DeniedRequest = {
  method: 'GET',
  scheme: 'http',
  host: 'a.example',
  port: 80,
  pathAndQuery: '/x?y=1',
  decidedAt: 'p.yaml:2',
  isDenied: true,
  prohibited: [],
};

test.each<[string, Partial<DeniedRequest>]>([
  ['plain http', {}],
  ['http on another port, with a path that YAML would read otherwise', { port: 8080, pathAndQuery: '/a:%20{b*}[\'"]' }],
  ['a tunnel', { method: 'CONNECT', scheme: 'tunnel', port: 443, pathAndQuery: '' }],
  ['a page in an opened tunnel', { method: 'POST', scheme: 'https', port: 443 }],
  ['an IPv6 address', { host: '2001:db8::1' }],
  ['a private address', { host: '10.1.2.3', isDenied: false, prohibited: ['10.1.2.3'] }],
  ['OPTIONS of a server', { method: 'OPTIONS', pathAndQuery: '*' }],
])('the lines are a policy that lets pass what they are about, and no more: %s', (_, request) => {
  const denied = { ...DENIED, ...request };
  const { policy, test: lines } = allowing({ ...denied }, new Set(), [{ from: 443, to: 443 }]);
  const parsed = parsePolicy(`version: 1\ndefault: deny\nrules:\n${policy}tests:\n${lines}`, 'p.yaml');
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  expect(runPolicyTests(compilePolicy(parsed.policy), 0).map(({ failure }) => failure)).toEqual([null]);
  const [rule] = parsed.policy.rules;
  expect(rule).toMatchObject({ action: 'allow', name: `Allow ${denied.host}` });
});

test('a rule for a page in an opened tunnel lets no tunnel pass unopened', () => {
  const { policy } = allowing({ ...DENIED, scheme: 'https', port: 443 }, new Set(), []);
  const text = `version: 1\ndefault: deny\nrules:\n${policy}  - intercept: { host: a.example }\ntests:\n  - { request: "CONNECT a.example:443", expect: intercept }\n`;
  const parsed = parsePolicy(text, 'p.yaml');
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  expect(runPolicyTests(compilePolicy(parsed.policy), 0).map(({ failure }) => failure)).toEqual([null]);
});

test('it says where the lines go, and what else is needed', () => {
  const tunnel = { ...DENIED, method: 'CONNECT', scheme: 'tunnel', port: 8443 } as const;
  const { why } = allowing(tunnel, new Set(), [{ from: 443, to: 443 }]);
  expect(why).toContain('It was denied by p.yaml:2.');
  expect(why).toContain('add it to "connect_ports"');
  expect(allowing({ ...DENIED, prohibited: ['10.0.0.1'] }, new Set(), []).policy).toContain('allow_private: ["10.0.0.1/32"]');
});

test('no rule is given a name that another one has', () => {
  expect(allowing(DENIED, new Set(['Allow a.example', 'Allow a.example 2']), []).policy).toContain('name: "Allow a.example 3"');
});
