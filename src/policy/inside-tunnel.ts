// Owns what the rules may come to for the requests inside a tunnel, while only its CONNECT is known: whether one of them could ask who it is. Nobody can
// be asked inside, where only the origin's credentials are (RFC 9110 §11.7.1), so a tunnel that is to be opened is challenged at its CONNECT.
import { judge } from '../match/judge.ts';
import type { Question } from '../match/question.ts';
import { createSubject, type Subject } from '../match/subject.ts';
import { TRUE } from '../match/truth.ts';
import type { CompiledPolicy } from './compile.ts';
import type { Rule } from './policy.ts';
import { ANY_TRUTH, FAILS, HOLDS, type Leaf, possibleTruths, type Truths } from './possible-truths.ts';

/**
 * The first rule by which a request inside may depend on who asks; `null` when none does. Rules behind one that takes every request inside do not
 * count, nor do rules on trial: nobody is asked who they are for the sake of a note.
 *
 * @param connect that of the CONNECT
 */
export function asksIdentityInside({ rules }: CompiledPolicy, connect: Question): Rule | null {
  const subject = createSubject(connect);
  const asking = rules.findIndex(
    ({ rule, asksIdentity }) => asksIdentity && rule.action !== 'report' && truthsInside(rule, subject) !== FAILS,
  );
  if (asking === -1) return null;
  const isTakenBefore = rules.slice(0, asking).some(({ rule }) => rule.action !== 'report' && truthsInside(rule, subject) === HOLDS);
  return isTakenBefore ? null : rules[asking]!.rule;
}

function truthsInside(rule: Rule, subject: Subject): Truths {
  return possibleTruths(rule.condition, (leaf) => {
    if (isSameInside(leaf)) return judge(leaf, subject) === TRUE ? HOLDS : FAILS;
    return truthsOfOther(leaf);
  });
}

/** What holds for the CONNECT holds for every request inside: they have to name the same host and port, and come from the same client. */
function isSameInside(leaf: Leaf): boolean {
  if (leaf.kind === 'list-use') return leaf.list.kind === 'domains' || leaf.of === 'client';
  return SAME_INSIDE.has(leaf.kind);
}

/** @returns what a leaf may come to of which the CONNECT does not tell */
export function truthsOfOther(leaf: Leaf): Truths {
  switch (leaf.kind) {
    case 'scheme': {
      const inside = INSIDE.filter((scheme) => leaf.schemes.includes(scheme)).length;
      return inside === INSIDE.length ? HOLDS : inside === 0 ? FAILS : HOLDS | FAILS;
    }
    case 'method':
      // A tunnel inside a tunnel is refused.
      return leaf.methods.every((name) => name === 'CONNECT') ? FAILS : HOLDS | FAILS;
    default:
      return ANY_TRUTH;
  }
}

const INSIDE = ['http', 'https'] as const;
const SAME_INSIDE: ReadonlySet<Leaf['kind']> = new Set(['host', 'host_regex', 'domain', 'port', 'client', 'listener']);
