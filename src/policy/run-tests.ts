// Owns running the tests of a policy: each request is judged as it would be if it came, and held against what its author expects. A policy whose
// own tests fail does not say what its author thinks it says.
import { type Asked, ask, type Verdict, verdictOf } from './ask.ts';
import type { CompiledPolicy } from './compile.ts';
import { describeRule, explainShort } from './explain.ts';
import type { Decision, PolicyTest, Rule } from './policy.ts';

export interface TestOutcome {
  readonly test: PolicyTest;
  readonly decision: Decision;
  readonly verdict: Verdict;
  /** `null` when all is as expected. */
  readonly failure: TestFailure | null;
}

/** `unresolved`: a rule asks for the address, and the test does not say what the name resolves to. */
export type TestFailure = 'wrong-action' | 'wrong-rule' | 'unresolved';

/**
 * @param nowMs  milliseconds since the epoch: the moment of those tests that name none
 * @returns an outcome for each test, in their order
 * @throws never
 */
export function runPolicyTests(compiled: CompiledPolicy, nowMs: number): readonly TestOutcome[] {
  return compiled.policy.tests.map((test) => {
    const { decision } = ask(compiled, askedBy(test, nowMs));
    const verdict = verdictOf(decision);
    return { test, decision, verdict, failure: failureOf(test, decision, verdict) };
  });
}

/** What a test asks when it is run now. */
export function askedBy({ question, addresses }: PolicyTest, nowMs: number): Asked {
  return { question: Number.isNaN(question.nowMs) ? { ...question, nowMs } : question, addresses };
}

/** The rules that decide none of the tests, and that none of them notes. */
export function unreachedRules({ policy }: CompiledPolicy, outcomes: readonly TestOutcome[]): readonly Rule[] {
  const reached = new Set<Rule>();
  for (const { decision } of outcomes) {
    if (decision.rule !== null && decision.decidedBy === 'rule') reached.add(decision.rule);
    for (const rule of decision.reported) reached.add(rule);
  }
  return policy.rules.filter((rule) => !reached.has(rule));
}

/** `allow by rule 'Artifacts'` */
export function describeExpectation({ expectedAction, expectedRule }: PolicyTest): string {
  if (expectedRule === null) return expectedAction;
  return `${expectedAction} by ${expectedRule === DEFAULT ? 'the default' : `rule '${expectedRule}'`}`;
}

/** What happened instead, in the words of every other explanation: `denied by the default (corporate.yaml:3)`. */
export function describeOutcome({ decision, verdict }: TestOutcome): string {
  switch (verdict) {
    case 'unresolved':
      return `a rule asks for the address of ${decision.question.host}; add resolves_to: [ADDRESS] to the test`;
    case 'challenge':
      return `challenge: ${explainShort(decision)}`;
    case 'tunnel':
    case 'intercept':
      return decision.rule === null ? verdict : `${verdict} by ${describeRule(decision.rule)}`;
    default:
      return explainShort(decision);
  }
}

function failureOf({ expectedAction, expectedRule }: PolicyTest, decision: Decision, verdict: Verdict): TestFailure | null {
  if (verdict === 'unresolved') return 'unresolved';
  if (verdict !== expectedAction) return 'wrong-action';
  if (expectedRule === null || decision.rule?.name === expectedRule) return null;
  return expectedRule === DEFAULT && decision.decidedBy === 'default' ? null : 'wrong-rule';
}

const DEFAULT = 'default';
