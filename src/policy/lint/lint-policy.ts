// Owns what is right by the language and yet looks like a mistake: rules that never decide, values that say nothing new, patterns and rules wider than
// anybody can mean, times that are over, rules that a tunnel goes round, and tunnels that are opened for nothing. A warning is only given where it is
// certain, and says what to do.
import type { CompiledPolicy } from '../compile.ts';
import type { Rule } from '../policy.ts';
import type { PolicyProblem } from '../yaml-source.ts';
import { lintOpenings } from './openings.ts';
import { lintReach } from './reach.ts';
import { lintRules } from './single-rules.ts';
import { lintTunnels } from './tunnels.ts';
import type { LintCircumstances, Warn } from './warning.ts';

/** @returns warnings in the order of the rules, each once */
export function lintPolicy(compiled: CompiledPolicy, circumstances: LintCircumstances): readonly PolicyProblem[] {
  const { rules } = compiled.policy;
  const messages = new Map<Rule, Set<string>>(rules.map((rule) => [rule, new Set()]));
  const warn: Warn = (rule, message) => void messages.get(rule)?.add(message);
  lintReach(compiled.policy, warn);
  lintRules(compiled.policy, circumstances, warn);
  lintTunnels(compiled, circumstances.nowMs, warn);
  lintOpenings(compiled, warn);
  return rules.flatMap((rule) => [...messages.get(rule)!].map((message) => ({ ...rule.position, message })));
}
