// Held against the judgement itself: whatever a condition comes to for some question is among what it may come to.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judge } from '../../src/match/judge.ts';
import type { Question } from '../../src/match/question.ts';
import { createSubject } from '../../src/match/subject.ts';
import { FALSE, TRUE } from '../../src/match/truth.ts';
import { FAILS, HOLDS, type Leaf, possibleTruths, type Truths, UNKNOWN } from '../../src/policy/possible-truths.ts';
import { condition, question } from './decide-arbitraries.ts';

test('names every truth that comes out for one of two questions, and for one question only that', () => {
  fc.assert(
    fc.property(condition, question, question, (asked, one, other) => {
      const truths = possibleTruths(asked, (leaf) => truthOf(leaf, one) | truthOf(leaf, other));
      expect(truths & truthOf(asked, one)).not.toBe(0);
      expect(truths & truthOf(asked, other)).not.toBe(0);
      expect(possibleTruths(asked, (leaf) => truthOf(leaf, one))).toBe(truthOf(asked, one));
    }),
    { numRuns: 3_000 },
  );
});

function truthOf(asked: Leaf | Parameters<typeof judge>[0], about: Question): Truths {
  const truth = judge(asked, createSubject(about));
  return truth === TRUE ? HOLDS : truth === FALSE ? FAILS : UNKNOWN;
}
