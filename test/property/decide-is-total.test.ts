// On random policies and questions: decide never throws and never allows what it should not, the index gives what trying the rules in order
// gives, and the explanation tells of the same decision.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normalisePath } from '../../src/http/path.ts';
import { type Criterion, holds } from '../../src/match/matcher.ts';
import { pathPattern } from '../../src/match/path-pattern.ts';
import { compilePolicy } from '../../src/policy/compile.ts';
import { decide } from '../../src/policy/decide.ts';
import { explain } from '../../src/policy/explain.ts';
import type { Action, Decision, Policy, Question, Rule } from '../../src/policy/policy.ts';

const action = fc.constantFrom<Action>('allow', 'deny');
const host = fc.array(fc.constantFrom('a', 'b', 'test'), { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const port = fc.constantFrom(25, 80, 443, 8080);
const method = fc.constantFrom('GET', 'POST', 'CONNECT');
const path = fc
  .array(fc.constantFrom('/a', '/b', '/..', '/%2e', '//', '/%2f', '/%c0', '/%7e', '?x=/../'), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''));

const criteria: fc.Arbitrary<readonly Criterion[]> = fc
  .record(
    {
      host: fc.array(fc.record({ kind: fc.constantFrom('exact', 'below', 'one-label'), name: host }), { minLength: 1, maxLength: 3 }),
      port: fc.array(
        port.map((one) => ({ from: one, to: one })),
        { minLength: 1, maxLength: 2 },
      ),
      method: fc.array(method, { minLength: 1, maxLength: 2 }),
      path: fc.array(fc.constantFrom('/a', '/a/*', '*b', '/~*').map(pathPattern), { minLength: 1, maxLength: 2 }),
    },
    { requiredKeys: [] },
  )
  .map((some) => {
    const list: Criterion[] = [];
    if (some.host !== undefined) list.push({ kind: 'host', patterns: some.host });
    if (some.port !== undefined) list.push({ kind: 'port', ranges: some.port });
    if (some.method !== undefined) list.push({ kind: 'method', methods: some.method });
    if (some.path !== undefined) list.push({ kind: 'path', patterns: some.path });
    return list;
  });

const POSITION = { file: 'p.yaml', line: 1, column: 1 };

const policy: fc.Arbitrary<Policy> = fc
  .record({
    defaultAction: action,
    connectPorts: fc.array(port.map((one) => ({ from: one, to: one }))),
    rules: fc.array(fc.record({ action, criteria }), { maxLength: 12 }),
  })
  .map(({ defaultAction, connectPorts, rules }) => ({
    file: 'p.yaml',
    defaultAction,
    defaultPosition: POSITION,
    connectPorts,
    connectPortsPosition: POSITION,
    rules: rules.map(
      (rule, i): Rule => ({ ...rule, name: `rule ${i}`, message: null, allowPrivate: 'none', position: { ...POSITION, line: i + 2 } }),
    ),
  }));

const question: fc.Arbitrary<Question> = fc.oneof(
  fc.record({
    scheme: fc.constantFrom('http', 'https'),
    method,
    host,
    port,
    pathAndQuery: path,
    clientAddress: fc.constant('127.0.0.1'),
    user: fc.constant(null),
  }),
  fc.record({
    scheme: fc.constant('tunnel' as const),
    method: fc.constant('CONNECT'),
    host,
    port,
    pathAndQuery: fc.constant(null),
    clientAddress: fc.constant('127.0.0.1'),
    user: fc.constant(null),
  }),
);

test('the index decides what trying the rules in order decides', () => {
  fc.assert(
    fc.property(policy, question, (some, asked) => {
      const { action: verdict, rule, decidedBy, normalisedPath } = decide(compilePolicy(some), asked);
      expect({ action: verdict, rule, decidedBy, normalisedPath }).toEqual(tryInOrder(some, asked));
    }),
    { numRuns: 2000 },
  );
});

test('the explanation tells of the same decision, and its last step is the rule that decided', () => {
  fc.assert(
    fc.property(policy, question, (some, asked) => {
      const compiled = compilePolicy(some);
      const decision = decide(compiled, asked);
      const explanation = explain(compiled, asked);
      expect(explanation.decision).toEqual(decision);
      if (decision.decidedBy === 'connect-ports') return;
      const last = explanation.steps.at(-1);
      if (decision.rule !== null) expect(last?.outcome).toBe(decision.decidedBy === 'rule' ? 'match' : 'unusable-path');
      const before = decision.rule === null ? explanation.steps : explanation.steps.slice(0, -1);
      expect(before.every((step) => step.outcome === 'no-match' || step.outcome === 'path-differs')).toBe(true);
      for (const step of explanation.steps) {
        expect(step.outcome === 'match').toBe(step.criteria.every((criterion) => criterion.isTrue));
      }
    }),
    { numRuns: 1000 },
  );
});

test('a question of any values gets an answer, and one that breaks its promises is denied', () => {
  const anything = fc.record({
    method: fc.anything(),
    scheme: fc.anything(),
    host: fc.anything(),
    port: fc.anything(),
    pathAndQuery: fc.anything(),
    clientAddress: fc.anything(),
    user: fc.anything(),
  });
  fc.assert(
    fc.property(
      policy,
      fc.oneof(
        anything,
        fc.tuple(question, anything).map(([sound, odd]) => ({ ...sound, host: odd.host })),
      ),
      (some, asked) => {
        const decision = decide(compilePolicy(some), asked as unknown as Question);
        const isOdd = typeof asked.host !== 'string' || !/^[a-z0-9._:-]{1,253}$/.test(asked.host);
        if (isOdd) expect(decision).toMatchObject({ action: 'deny', decidedBy: 'unusable-question' });
      },
    ),
  );
});

/** The meaning of a policy, without an index: what policies/README.md says, word for word. */
function tryInOrder(some: Policy, asked: Question): Pick<Decision, 'action' | 'rule' | 'decidedBy' | 'normalisedPath'> {
  if (asked.scheme === 'tunnel' && !some.connectPorts.some((range) => range.from === asked.port)) {
    return { action: 'deny', rule: null, decidedBy: 'connect-ports', normalisedPath: null };
  }
  const path = asked.pathAndQuery === null ? null : normalisePath(asked.pathAndQuery);
  const subject = { ...asked, path: path?.path ?? null };
  let normalisedPath: string | null = null;
  for (const rule of some.rules) {
    const [pathCriterion] = rule.criteria.filter((criterion) => criterion.kind === 'path');
    const others = rule.criteria.filter((criterion) => criterion.kind !== 'path');
    if (!others.every((criterion) => holds(criterion, subject))) continue;
    if (pathCriterion !== undefined) {
      if (path === null) continue;
      if (!path.isUsable) return { action: 'deny', rule, decidedBy: 'unusable-path', normalisedPath: null };
      normalisedPath = path.pathAndQuery;
      if (!holds(pathCriterion, subject)) continue;
    }
    return { action: rule.action, rule, decidedBy: 'rule', normalisedPath };
  }
  return { action: some.defaultAction, rule: null, decidedBy: 'default', normalisedPath };
}
