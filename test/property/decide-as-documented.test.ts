// On random policies and questions: the index gives what trying the rules in order gives, what was final stays so whatever comes to light, and the
// explanation tells of the same decision.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge } from '../../src/match/judge.ts';
import type { Question } from '../../src/match/question.ts';
import { createSubject } from '../../src/match/subject.ts';
import { FALSE, TRUE } from '../../src/match/truth.ts';
import { compilePolicy } from '../../src/policy/compile.ts';
import { decide } from '../../src/policy/decide.ts';
import { explain } from '../../src/policy/explain.ts';
import type { Decision, Policy } from '../../src/policy/policy.ts';
import {
  address,
  condition,
  connect,
  greeting,
  identity,
  policy,
  policyOfTexts,
  question,
  request,
  response,
} from './decide-arbitraries.ts';
import { decideNaively, evaluate } from './decide-naively.ts';

test('a condition holds, does not, or lacks something, as its documentation says', () => {
  fc.assert(
    fc.property(condition, question, (asked, about) => {
      const truth = judge(asked, createSubject(about));
      const expected = evaluate(asked, about, false);
      expect(truth === TRUE ? true : truth === FALSE ? false : 'unknown').toBe(typeof expected === 'boolean' ? expected : 'unknown');
    }),
    { numRuns: 5000 },
  );
});

test.each([
  ['the index', policy],
  ['the index of texts', policyOfTexts],
])('%s decides what trying the rules in order decides, whatever was asked before', (_what, policies) => {
  fc.assert(
    fc.property(policies, fc.array(question, { minLength: 1, maxLength: 3 }), (some, questions) => {
      const compiled = compilePolicy(some);
      for (const asked of questions) {
        const { action, rule, decidedBy, awaits, normalisedPath, reported } = decide(compiled, asked);
        if (isAskedBeforeOpening(some, asked) && awaits === 'identity') continue;
        expect({ action, rule, decidedBy, awaits, normalisedPath, reported }).toEqual(decideNaively(some, asked));
      }
    }),
    { numRuns: 10_000 },
  );
});

describe('when more comes to light', () => {
  /** The question with what it does not know yet found out, in part or in full. */
  const answers = fc.record({
    identity: fc.option(identity),
    address: fc.option(address),
    hello: fc.option(greeting),
    response: fc.option(response),
  });

  function withAnswers(
    asked: Question,
    { identity, address, hello, response }: typeof answers extends fc.Arbitrary<infer A> ? A : never,
  ): Question {
    return {
      ...asked,
      identity: asked.identity === 'unasked' ? (identity ?? 'unasked') : asked.identity,
      address: asked.address ?? address,
      hello: asked.hello ?? (asked.scheme === 'tunnel' ? hello : null),
      response: asked.scheme === 'tunnel' ? null : (asked.response ?? response),
    };
  }

  test('a final decision keeps its action, and one that lets pass its rule, and the path is the one that was looked at', () => {
    fc.assert(
      fc.property(policy, question, answers, (some, asked, later) => {
        const compiled = compilePolicy(some);
        const before = decide(compiled, asked);
        // What is denied at once goes no further, so nothing is said in its tunnel, and its response never comes.
        const after = decide(compiled, withAnswers(asked, before.action === 'deny' ? { ...later, hello: null, response: null } : later));
        if (before.awaits !== 'nothing') return;
        expect([after.awaits, after.action]).toEqual(['nothing', before.action]);
        if (before.action === 'deny') return;
        expect(after.rule).toBe(before.rule);
        if (after.normalisedPath !== null) expect(after.normalisedPath).toBe(before.normalisedPath);
      }),
      { numRuns: 10_000 },
    );
  });

  test('what is denied in the end was never let pass for good before', () => {
    fc.assert(
      fc.property(policy, question, answers, (some, asked, later) => {
        const compiled = compilePolicy(some);
        const before = decide(compiled, asked);
        const after = decide(compiled, withAnswers(asked, later));
        if (after.action === 'deny' && after.awaits === 'nothing' && before.action !== 'deny')
          expect(['hello', 'response']).toContain(before.awaits);
      }),
      { numRuns: 10_000 },
    );
  });

  test('a path that was judged with the answer was the one that was sent', () => {
    fc.assert(
      fc.property(policy, question, response, (some, asked, answer) => {
        const compiled = compilePolicy(some);
        const before = decide(compiled, asked);
        if (before.awaits !== 'response') return;
        const after = decide(compiled, { ...asked, response: answer });
        if (after.normalisedPath !== null) expect(before.normalisedPath).toBe(after.normalisedPath);
      }),
      { numRuns: 10_000 },
    );
  });
});

test('nobody is asked who they are inside a tunnel that was opened without asking', () => {
  let opened = 0;
  fc.assert(
    fc.property(policy, connect, request, greeting, (some, tunnel, inside, hello) => {
      const compiled = compilePolicy(some);
      const asked = { ...tunnel, identity: 'unasked' as const, address: '192.0.2.1', hello: null };
      const { awaits, action } = decide(compiled, asked);
      const final = awaits === 'hello' ? decide(compiled, { ...asked, hello }) : { awaits, action };
      if (awaits === 'hello') expect(final.awaits).toBe('nothing');
      if (final.awaits !== 'nothing' || final.action !== 'intercept') return;
      opened += 1;
      const { host, port, clientAddress, listener } = asked;
      const scheme = hello.protocol === 'tls' ? 'https' : 'http';
      const within = { ...inside, host, port, clientAddress, listener, scheme, hello, identity: 'unasked' } as const;
      expect(decide(compiled, within).awaits).not.toBe('identity');
    }),
    { numRuns: 10_000 },
  );
  expect(opened).toBeGreaterThan(100);
});

test('the explanation tells of the same decision, and its last step is the rule that decided', () => {
  fc.assert(
    fc.property(policy, question, (some, asked) => {
      const compiled = compilePolicy(some);
      const decision = decide(compiled, asked);
      const { decision: told, steps, sentence } = explain(compiled, asked);
      expect(told).toEqual(decision);
      expect(sentence).not.toBe('');
      expect(steps.map(({ number }) => number)).toEqual(steps.map((_step, index) => index + 1));
      if (decision.decidedBy === 'connect-ports') expect(steps).toEqual([]);
      else if (decision.awaits === 'nothing' && decision.rule !== null) expectDecidingStep(steps.at(-1), decision);
      else expect(steps.length).toBe(some.rules.length);
      const before = decision.awaits === 'nothing' && decision.rule !== null ? steps.slice(0, -1) : steps;
      if (decision.awaits === 'nothing') for (const { action, truth } of before) if (truth === 'true') expect(action).toBe('report');
    }),
    { numRuns: 3000 },
  );
});

/** What decide-naively.ts leaves out: whether rules might ask who it is inside a tunnel that would be opened. */
function isAskedBeforeOpening({ rules }: Policy, { scheme, identity }: Question): boolean {
  return scheme === 'tunnel' && identity === 'unasked' && rules.some(({ action }) => action === 'intercept');
}

function expectDecidingStep(step: ReturnType<typeof explain>['steps'][number] | undefined, decision: Decision): void {
  expect(step?.position).toEqual(decision.rule?.position);
  // A rule that lets pass but for the method may have waited for something.
  if (decision.decidedBy !== 'unknown-method') expect(step?.truth).toBe(decision.decidedBy === 'rule' ? 'true' : 'unknown');
}
