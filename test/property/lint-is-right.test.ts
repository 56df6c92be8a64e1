// A warning that is wrong is worse than none: what the checks claim about random policies is held against what random questions meet with.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judge } from '../../src/match/judge.ts';
import { createSubject } from '../../src/match/subject.ts';
import { TRUE } from '../../src/match/truth.ts';
import { ask } from '../../src/policy/ask.ts';
import { compilePolicy } from '../../src/policy/compile.ts';
import { covers, isSame } from '../../src/policy/lint/covers.ts';
import { lintPolicy } from '../../src/policy/lint/lint-policy.ts';
import { condition, policy, question } from './decide-arbitraries.ts';

const questions = fc.array(question, { minLength: 20, maxLength: 40 });

test('a condition that covers another holds wherever that one does', () => {
  let covering = 0;
  fc.assert(
    fc.property(condition, condition, questions, (wide, narrow, asked) => {
      if (!covers(wide, narrow)) return;
      covering += 1;
      for (const each of asked) {
        if (judge(narrow, createSubject(each)) === TRUE) expect(judge(wide, createSubject(each))).toBe(TRUE);
      }
    }),
    { numRuns: 4_000 },
  );
  expect(covering).toBeGreaterThan(20);
});

test('every condition covers itself, and is the same as itself', () => {
  fc.assert(
    fc.property(condition, (each) => {
      expect(covers(each, structuredCopy(each))).toBe(true);
      expect(isSame(each, structuredCopy(each))).toBe(true);
    }),
  );
});

test('a rule that is said never to decide decides nothing', () => {
  let warned = 0;
  fc.assert(
    fc.property(policy, questions, (random, asked) => {
      // Each rule in a place of its own, so that a warning can be told from another.
      const rules = random.rules.map((rule, index) => ({ ...rule, position: { file: 'p.yaml', line: index + 1, column: 1 } }));
      const compiled = compilePolicy({ ...random, rules });
      const warnings = lintPolicy(compiled, { nowMs: 0 });
      const dead = new Set(
        warnings.filter(({ message }) => /^(never (decides|matches):|says the same)/.test(message)).map(({ line }) => line),
      );
      warned += dead.size;
      for (const each of asked) {
        const { decidedBy, rule, awaits } = ask(compiled, { question: each, addresses: [] }).decision;
        if (awaits === 'nothing' && decidedBy === 'rule' && rule !== null) expect(dead).not.toContain(rule.position.line);
      }
    }),
    { numRuns: 1_000 },
  );
  expect(warned).toBeGreaterThan(20);
});

test('a rule that is said to open nothing opens nothing', () => {
  let warned = 0;
  fc.assert(
    fc.property(policy, questions, (random, asked) => {
      const rules = random.rules.map((rule, index) => ({ ...rule, position: { file: 'p.yaml', line: index + 1, column: 1 } }));
      const compiled = compilePolicy({ ...random, rules });
      const warnings = lintPolicy(compiled, { nowMs: 0 });
      const idle = new Set(warnings.filter(({ message }) => message.startsWith('opens nothing')).map(({ line }) => line));
      warned += idle.size;
      for (const each of asked) {
        const { action, rule, awaits } = ask(compiled, { question: each, addresses: [] }).decision;
        if (action === 'intercept' && awaits === 'nothing') expect(idle).not.toContain(rule?.position.line);
      }
    }),
    { numRuns: 1_000 },
  );
  expect(warned).toBeGreaterThan(20);
});

/** All of a condition but its lists, which are compared as the things that they are, and its regular expressions. */
function structuredCopy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(structuredCopy) as T;
  if (
    typeof value !== 'object' ||
    value === null ||
    ArrayBuffer.isView(value) ||
    Object.values(value).some((member) => typeof member === 'function')
  )
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, structuredCopy(member)])) as T;
}
