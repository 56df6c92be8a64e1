// Owns the words for a decision: the sentence that the block page, the log and Proxy-Status print, and the whole story with every rule that was
// considered and what each criterion said. Nothing is judged here a second way: `decide`, `judgeRule` and `judge` are asked, with the same question.
import { normalisePath } from '../http/path.ts';
import type { Condition } from '../match/condition.ts';
import { judge } from '../match/judge.ts';
import type { Question } from '../match/question.ts';
import { createSubject, type Subject } from '../match/subject.ts';
import { FALSE, TRUE, type Truth } from '../match/truth.ts';
import { describeCriterion } from '../match/words.ts';
import { type CompiledPolicy, type CompiledRule, visitLeaves } from './compile.ts';
import { decide, judgeRule } from './decide.ts';
import type { Action, Decision, Rule, SourcePosition } from './policy.ts';

export interface Explanation {
  readonly decision: Decision;
  /** What `explainShort` says. */
  readonly sentence: string;
  /** The rules in order, up to the one that decided; none when the request did not get as far as the rules. */
  readonly steps: readonly ExplainedRule[];
}

export interface ExplainedRule {
  /** Counts from 1. */
  readonly number: number;
  readonly name: string | null;
  readonly action: Action;
  readonly position: SourcePosition;
  readonly truth: Verdict;
  /** In the order in which they are judged; each part of a combination stands below it, one deeper. */
  readonly criteria: readonly ExplainedCriterion[];
}

export interface ExplainedCriterion {
  readonly kind: Condition['kind'];
  readonly depth: number;
  readonly truth: Verdict;
  /** Why: `port 8080 is not 80 or 443`. */
  readonly words: string;
}

export type Verdict = 'true' | 'false' | 'unknown';

/** @param question of a decision, `decision.question`; or one that nobody has asked yet */
export function explain(compiled: CompiledPolicy, question: Question): Explanation {
  const decision = decide(compiled, question);
  return { decision, sentence: explainShort(decision), steps: stepsTo(decision, compiled) };
}

/**
 * One sentence without a full stop: `denied by rule 'Adverts' (open.yaml:12)`. Clients see it, so the file goes by its name alone: where the
 * operator keeps it is not their business.
 */
export function explainShort(decision: Decision): string {
  const { action, rule, decidedBy, position, question } = decision;
  const verdict = action === 'deny' ? 'denied' : 'allowed';
  const place = placeOf(position);
  if (decision.awaits === 'address') return `not decided before it is known what ${question.host} resolves to`;
  switch (decidedBy) {
    case 'rule':
      return `${verdict} by ${ruleWords(rule, place)}`;
    case 'default':
      return `${verdict} by the default (${place})`;
    case 'connect-ports':
      return `CONNECT to port ${question.port} is not in connect_ports (${place})`;
    case 'unknown-method': {
      const who = rule === null ? `the policy (${place}) does not say 'methods: any'` : `${ruleWords(rule, place)} does not name it`;
      return `denied because ${question.method} is not a registered method, and ${who}`;
    }
    case 'unusable-path': {
      const { problem } = normalisePath(question.pathAndQuery ?? '');
      return `denied because the path ${problem}, so that ${ruleWords(rule, place)} cannot judge it`;
    }
    case 'unusable-query':
      return `denied because the query can be read in two ways, so that ${ruleWords(rule, place)} cannot judge it`;
    case 'unusable-field':
      return `denied because a request field comes twice with different values, so that ${ruleWords(rule, place)} cannot judge it`;
    case 'unusable-address':
      return `denied because an IPv4 address is inside ${question.address}, so that ${ruleWords(rule, place)} cannot judge it`;
    case 'unusable-type':
      return `denied because the answer does not have one readable Content-Type, so that ${ruleWords(rule, place)} cannot judge it`;
    case 'unusable-url':
      return `denied because the URL has too many parts for ${requestListsOf(rule)}, so that ${ruleWords(rule, place)} cannot judge it`;
    case 'unusable-question':
      return 'denied because the destination is not in its canonical form';
    case 'identity-needed':
      return `${ruleWords(rule, place)} asks who you are`;
    default:
      return decidedBy satisfies never;
  }
}

/** `rule 'Adverts' (open.yaml:12)`, with the file's name alone. */
export function describeRule(rule: Pick<Rule, 'name' | 'position'>): string {
  return ruleWords(rule, placeOf(rule.position));
}

function ruleWords(rule: Pick<Rule, 'name'> | null, place: string): string {
  return rule === null || rule.name === null ? `the rule at ${place}` : `rule '${rule.name}' (${place})`;
}

/** Any of them may be the one that could not be asked. */
function requestListsOf(rule: Rule | null): string {
  const names = new Set<string>();
  if (rule !== null)
    visitLeaves(rule.condition, (leaf) => {
      if (leaf.kind === 'list-use' && leaf.list.kind === 'requests') names.add(`list ${leaf.name}`);
    });
  return [...names].join(' or ');
}

function placeOf({ file, line }: SourcePosition): string {
  return `${file.slice(file.lastIndexOf('/') + 1)}:${line}`;
}

function stepsTo(decision: Decision, compiled: CompiledPolicy): readonly ExplainedRule[] {
  const { decidedBy, question } = decision;
  if (decidedBy === 'connect-ports' || decidedBy === 'unusable-question') return [];
  const subject = createSubject(question);
  // A decision that waits came past rules that it does not name.
  const last = decision.awaits === 'nothing' ? decision.rule : null;
  const steps: ExplainedRule[] = [];
  for (const [index, compiledRule] of compiled.rules.entries()) {
    steps.push(explainRule(compiledRule, index + 1, subject));
    if (compiledRule.rule === last) break;
  }
  return steps;
}

function explainRule(compiledRule: CompiledRule, number: number, subject: Subject): ExplainedRule {
  const { name, action, position, condition } = compiledRule.rule;
  const criteria: ExplainedCriterion[] = [];
  explainCondition(condition, subject, 0, criteria);
  return { number, name, action, position, truth: verdictOf(judgeRule(compiledRule, subject)), criteria };
}

function explainCondition(condition: Condition, subject: Subject, depth: number, into: ExplainedCriterion[]): void {
  const truth = judge(condition, subject);
  const verdict = verdictOf(truth);
  switch (condition.kind) {
    case 'all':
    case 'any': {
      // What a rule asks for is an `all` that nobody wrote.
      const isWritten = depth > 0 || condition.kind === 'any';
      if (isWritten) into.push({ kind: condition.kind, depth, truth: verdict, words: condition.kind === 'all' ? 'all of' : 'any of' });
      for (const part of condition.of) explainCondition(part, subject, isWritten ? depth + 1 : depth, into);
      return;
    }
    case 'not':
      into.push({ kind: 'not', depth, truth: verdict, words: 'not' });
      explainCondition(condition.of, subject, depth + 1, into);
      return;
    case 'group-use':
      into.push({ kind: 'group-use', depth, truth: verdict, words: describeCriterion(condition, subject, truth) });
      explainCondition(condition.condition, subject, depth + 1, into);
      return;
    default:
      into.push({ kind: condition.kind, depth, truth: verdict, words: describeCriterion(condition, subject, truth) });
  }
}

function verdictOf(truth: Truth): Verdict {
  if (truth === TRUE) return 'true';
  return truth === FALSE ? 'false' : 'unknown';
}
