// Owns what a condition could come to for requests of which only some things are known: those inside a tunnel before it is opened, or any to a host.
// It answers with every truth that may come out. Parts are taken to vary by themselves, so it may name one too many and never leaves one out.
import type { Condition, Criterion, Named } from '../match/condition.ts';

/** A set of truths: bits of HOLDS, FAILS and UNKNOWN, at least one. */
export type Truths = number;
export const HOLDS = 1;
export const FAILS = 2;
/** It can be neither found out nor read: a rule that asks for it does not match, or denies. */
export const UNKNOWN = 4;
export const ANY_TRUTH = HOLDS | FAILS | UNKNOWN;

/** @param ofLeaf what a criterion or a list may come to */
export function possibleTruths(condition: Condition, ofLeaf: (leaf: Leaf) => Truths): Truths {
  switch (condition.kind) {
    case 'all': {
      let truths: Truths = HOLDS;
      for (const part of condition.of) {
        truths = both(truths, possibleTruths(part, ofLeaf));
        if (truths === FAILS) break;
      }
      return truths;
    }
    case 'any': {
      let opposites: Truths = HOLDS;
      for (const part of condition.of) {
        opposites = both(opposites, opposite(possibleTruths(part, ofLeaf)));
        if (opposites === FAILS) break;
      }
      return opposite(opposites);
    }
    case 'not':
      return opposite(possibleTruths(condition.of, ofLeaf));
    case 'group-use':
      return possibleTruths(condition.condition, ofLeaf);
    default:
      return ofLeaf(condition);
  }
}

export type Leaf = Exclude<Criterion | Named, { kind: 'group-use' }>;

/** Kleene's `and`, of each with each: false where one is, else unknown where one is. */
function both(some: Truths, others: Truths): Truths {
  const either = some | others;
  const holds = some & others & HOLDS;
  const unknown = some !== FAILS && others !== FAILS ? either & UNKNOWN : 0;
  return holds | (either & FAILS) | unknown;
}

function opposite(truths: Truths): Truths {
  return (truths & UNKNOWN) | (truths & HOLDS ? FAILS : 0) | (truths & FAILS ? HOLDS : 0);
}
