import { expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { parsePolicy } from '../../../src/policy/parse.ts';

test('files rules by host and keeps the rest in order', () => {
  const parsed = parsePolicy(
    `version: 1
default: deny
rules:
  - allow: { port: 80 }
  - deny: { host: [a.test, .b.test], method: GET, path: /x, port: 1 }
  - allow: any
  - allow: { host: [a.test, "*.c.test"] }
`,
    'p.yaml',
  );
  if ('problems' in parsed) throw new Error('the policy has problems');
  const compiled = compilePolicy(parsed.policy);
  expect(compiled.forAnyHost).toEqual([0, 2]);
  expect(Object.fromEntries(compiled.byHost.exact)).toEqual({ 'a.test': [1, 3] });
  expect(Object.fromEntries(compiled.byHost.below)).toEqual({ 'b.test': [1] });
  expect(Object.fromEntries(compiled.byHost.oneLabel)).toEqual({ 'c.test': [3] });
  expect(compiled.rules.map((rule) => rule.others.map((criterion) => criterion.kind))).toEqual([['port'], ['port', 'method'], [], []]);
  expect(compiled.rules.map((rule) => rule.path?.kind ?? null)).toEqual([null, 'path', null, null]);
});
