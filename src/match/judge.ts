// Owns whether a condition holds, for a question: a condition is made into a function when a policy is compiled, out of its criteria
// (criterion-holds.ts), the lists that it asks, and how `all`, `any` and `not` combine them. It never throws.
import { normalisePath } from '../http/path.ts';
import type { Condition, List, ListUse } from './condition.ts';
import { criterionHolds, type Judgement, judgeAddress } from './criterion-holds.ts';
import type { Question } from './question.ts';
import type { Subject } from './subject.ts';
import { FALSE, HIDDEN, TRUE, type Truth, truthOf, UNUSABLE_URL } from './truth.ts';

/** Made once for a condition, however many rules use it. */
export function judgementOf(condition: Condition): Judgement {
  let judgement = JUDGEMENTS.get(condition);
  if (judgement === undefined) {
    judgement = makeJudgement(condition);
    JUDGEMENTS.set(condition, judgement);
  }
  return judgement;
}

/** @throws never */
export function judge(condition: Condition, subject: Subject): Truth {
  return judgementOf(condition)(subject);
}

/**
 * The question as a list of requests that holds it does: as it came, or with its path in normal form. Such lists are made to block, of addresses as
 * browsers show them, so another spelling of the path is no way past them, and the path is sent as it came.
 */
export function listedReading(list: List & { kind: 'requests' }, question: Question): Question {
  return list.matchesRequest(question) === false ? (withNormalPath(question) ?? question) : question;
}

function makeJudgement(condition: Condition): Judgement {
  switch (condition.kind) {
    case 'all':
      return allHold(condition.of.map(judgementOf));
    case 'any':
      return anyHolds(condition.of.map(judgementOf));
    case 'not':
      return isNot(judgementOf(condition.of));
    case 'group-use':
      return judgementOf(condition.condition);
    case 'list-use':
      return isListed(condition);
    default:
      return criterionHolds(condition);
  }
}

function allHold(parts: readonly Judgement[]): Judgement {
  if (parts.length === 1) return parts[0]!;
  return (subject) => {
    let missing = 0;
    for (let i = 0; i < parts.length; i += 1) {
      const truth = parts[i]!(subject);
      if (truth === FALSE) return FALSE;
      if (truth !== TRUE) missing |= truth;
    }
    return missing === 0 ? TRUE : missing;
  };
}

function anyHolds(parts: readonly Judgement[]): Judgement {
  return (subject) => {
    let missing = 0;
    for (let i = 0; i < parts.length; i += 1) {
      const truth = parts[i]!(subject);
      if (truth === TRUE) return TRUE;
      missing |= truth;
    }
    return missing;
  };
}

function isNot(part: Judgement): Judgement {
  return (subject) => {
    const truth = part(subject);
    return truth === TRUE ? FALSE : truth === FALSE ? TRUE : truth;
  };
}

function isListed({ list, of }: ListUse): Judgement {
  switch (list.kind) {
    case 'domains':
      return ({ question }) => truthOf(list.matchesHost(question.host));
    case 'addresses':
      if (of === 'client') return ({ question }) => truthOf(list.matchesAddress(question.clientAddress));
      return (subject) => judgeAddress(subject, ({ text }) => list.matchesAddress(text));
    case 'requests':
      return ({ question }) => judgeRequest(list, question);
    default:
      return list satisfies never;
  }
}

function judgeRequest(list: List & { kind: 'requests' }, question: Question): Truth {
  let isHeld = list.matchesRequest(question);
  const other = isHeld === false ? withNormalPath(question) : null;
  if (other !== null) isHeld = list.matchesRequest(other);
  if (isHeld === null) return UNUSABLE_URL;
  if (isHeld) return TRUE;
  return question.pathAndQuery === null ? HIDDEN : FALSE;
}

/** `null` when it has no path, or has it already. */
function withNormalPath(question: Question): Question | null {
  if (question.pathAndQuery === null) return null;
  const { pathAndQuery } = normalisePath(question.pathAndQuery);
  return pathAndQuery === question.pathAndQuery ? null : { ...question, pathAndQuery };
}

const JUDGEMENTS = new WeakMap<Condition, Judgement>();
