// Owns the form of a policy that is quick to judge: rules filed by host, so that the time of a decision does not grow with their number.
// It adds nothing to the meaning: the lowest rule that matches decides, as if they were tried in order.
import { createHostIndex, fileUnderHosts, type HostIndex } from '../match/host-index.ts';
import type { Criterion, HostCriterion, PathCriterion } from '../match/matcher.ts';
import type { Policy, Rule } from './policy.ts';

export interface CompiledPolicy {
  readonly policy: Policy;
  /** In the policy's order; the numbers in `byHost` and `forAnyHost` count from 0 here. */
  readonly rules: readonly CompiledRule[];
  /** Rules with a host criterion. */
  readonly byHost: HostIndex;
  /** Rules without one, ascending. */
  readonly forAnyHost: readonly number[];
}

export interface CompiledRule {
  readonly rule: Rule;
  readonly host: HostCriterion | null;
  /** What is left besides host and path. */
  readonly others: readonly Criterion[];
  /** Asked last: only a request that meets all else has its path judged. */
  readonly path: PathCriterion | null;
}

export function compilePolicy(policy: Policy): CompiledPolicy {
  const rules = policy.rules.map(compileRule);
  const byHost = createHostIndex();
  const forAnyHost: number[] = [];
  for (const [number, rule] of rules.entries()) {
    if (rule.host === null) forAnyHost.push(number);
    else fileUnderHosts(byHost, rule.host.patterns, number);
  }
  return { policy, rules, byHost, forAnyHost };
}

function compileRule(rule: Rule): CompiledRule {
  let host: HostCriterion | null = null;
  let path: PathCriterion | null = null;
  const others: Criterion[] = [];
  for (const criterion of rule.criteria) {
    if (criterion.kind === 'host') host = criterion;
    else if (criterion.kind === 'path') path = criterion;
    else others.push(criterion);
  }
  return { rule, host, others: others.length === 0 ? NO_CRITERIA : others, path };
}

const NO_CRITERIA: readonly Criterion[] = Object.freeze([]);
