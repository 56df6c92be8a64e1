// Owns the sentences about a decision: one for a log line or the block page, and the whole way past the rules for who asks why.
// Nothing is judged here: `decide`, `judgeRule` and `holds` are asked again, with the same question.
import { normalisePath } from '../http/path.ts';
import { visitHost } from '../match/host-index.ts';
import { type Criterion, describeCriterion, holds } from '../match/matcher.ts';
import type { CompiledPolicy, CompiledRule } from './compile.ts';
import { decide, type Inquiry, judgeRule, lookAtPath, type Outcome } from './decide.ts';
import type { Action, Decision, Question, Rule, SourcePosition } from './policy.ts';

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
  readonly outcome: Outcome;
  readonly criteria: readonly ExplainedCriterion[];
}

export interface ExplainedCriterion {
  readonly kind: Criterion['kind'];
  readonly isTrue: boolean;
  /** Why: `port 8080 is not 80 or 443`. */
  readonly words: string;
}

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
  const verdict = action === 'allow' ? 'allowed' : 'denied';
  const place = `${position.file.slice(position.file.lastIndexOf('/') + 1)}:${position.line}`;
  switch (decidedBy) {
    case 'rule':
      return `${verdict} by ${ruleWords(rule, place)}`;
    case 'default':
      return `${verdict} by the default (${place})`;
    case 'connect-ports':
      return `CONNECT to port ${question.port} is not in connect_ports (${place})`;
    case 'unusable-path': {
      const { problem } = normalisePath(question.pathAndQuery ?? '');
      return `denied because the path ${problem}, so that ${ruleWords(rule, place)} cannot judge it`;
    }
    case 'unusable-question':
      return 'denied because the destination is not in its canonical form';
    default:
      return decidedBy satisfies never;
  }
}

function ruleWords(rule: Rule | null, place: string): string {
  return rule === null || rule.name === null ? `the rule at ${place}` : `rule '${rule.name}' (${place})`;
}

function stepsTo(decision: Decision, compiled: CompiledPolicy): readonly ExplainedRule[] {
  const { decidedBy, question } = decision;
  if (decidedBy === 'connect-ports' || decidedBy === 'unusable-question') return [];
  const { method, host, port, pathAndQuery } = question;
  const inquiry: Inquiry = { method, host, port, pathAndQuery, path: null, normalised: null };
  const named = new Set<number>();
  visitHost(compiled.byHost, host, named, addAll);

  const steps: ExplainedRule[] = [];
  for (const [index, compiledRule] of compiled.rules.entries()) {
    const isForHost = compiledRule.host === null || named.has(index);
    steps.push(explainRule(compiledRule, index + 1, isForHost, inquiry));
    if (compiledRule.rule === decision.rule) break;
  }
  return steps;
}

function explainRule(compiledRule: CompiledRule, number: number, isForHost: boolean, inquiry: Inquiry): ExplainedRule {
  const { name, action, position, criteria } = compiledRule.rule;
  return {
    number,
    name,
    action,
    position,
    outcome: isForHost ? judgeRule(compiledRule, inquiry) : 'no-match',
    criteria: criteria.map((criterion) => explainCriterion(criterion, isForHost, inquiry)),
  };
}

function explainCriterion(criterion: Criterion, isForHost: boolean, inquiry: Inquiry): ExplainedCriterion {
  const { kind } = criterion;
  if (kind === 'path') {
    const normalised = lookAtPath(inquiry);
    if (normalised !== null && !normalised.isUsable) return { kind, isTrue: false, words: `the path ${normalised.problem}` };
  }
  const isTrue = kind === 'host' ? isForHost : holds(criterion, inquiry);
  return { kind, isTrue, words: describeCriterion(criterion, inquiry, isTrue) };
}

function addAll(set: Set<number>, values: readonly number[]): void {
  for (const value of values) set.add(value);
}
