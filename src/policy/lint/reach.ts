// Owns finding rules that never decide, because rules before them match all that they match, and parts of rules of which the same holds.
import type { Condition, PortRange } from '../../match/condition.ts';
import { patternText } from '../../match/host-pattern.ts';
import { describeRule } from '../explain.ts';
import type { Policy, Rule } from '../policy.ts';
import { covers, hostCovers, isSame } from './covers.ts';
import { EarlierRules } from './earlier-rules.ts';
import type { Warn } from './warning.ts';

export function lintReach(policy: Policy, warn: Warn): void {
  const earlier = new EarlierRules();
  for (const rule of policy.rules) {
    const problem = portsProblem(policy, rule) ?? sameProblem(rule, earlier) ?? wholeProblem(rule, earlier) ?? partProblem(rule, earlier);
    if (problem !== null) warn(rule, problem);
    earlier.add(rule);
  }
}

/** A tunnel to a port that CONNECT may not name is denied before the rules. */
function portsProblem({ connectPorts }: Policy, { condition }: Rule): string | null {
  const parts = partsOf(condition);
  const isOnlyTunnels = parts.some(
    (part) =>
      (part.kind === 'method' && part.methods.every((name) => name === 'CONNECT')) ||
      (part.kind === 'scheme' && part.schemes.every((name) => name === 'tunnel')),
  );
  const port = parts.find((part) => part.kind === 'port');
  if (!isOnlyTunnels || port === undefined || port.ranges.some((range) => connectPorts.some((each) => overlap(range, each)))) return null;
  return 'never matches: it is about tunnels alone, and connect_ports has none of its ports; add them there, or remove the rule';
}

function sameProblem(rule: Rule, earlier: EarlierRules): string | null {
  const twin = earlier
    .candidatesFor(rule.condition)
    .find((each) => isSame(each.condition, rule.condition) && (each.action === rule.action || each.action !== 'report'));
  if (twin === undefined) return null;
  if (twin.action === rule.action) return `says the same as ${describeRule(twin)}; remove one of them`;
  return `${never(rule)}: ${describeRule(twin)} before it matches the same requests; remove one of them`;
}

function wholeProblem(rule: Rule, earlier: EarlierRules): string | null {
  const wider = wideEnough(rule.condition, earlier);
  if (wider === undefined) return null;
  return `${never(rule)}: ${describeRule(wider)} before it matches all that it matches; ${remedy(rule, [wider])}`;
}

/** The first rule that decides wherever the condition holds. */
function wideEnough(condition: Condition, earlier: EarlierRules): Rule | undefined {
  return earlier.candidatesFor(condition).find((each) => each.action !== 'report' && covers(each.condition, condition));
}

/** Hosts are looked at one by one, since different rules may take them. */
function partProblem(rule: Rule, earlier: EarlierRules): string | null {
  const parts = partsOf(rule.condition);
  const host = parts.find((part) => part.kind === 'host');
  if (host === undefined || host.patterns.length < 2) return null;
  const others = parts.filter((part) => part !== host);
  const taken = host.patterns.flatMap((pattern) => {
    const alone: Condition = { kind: 'all', of: [{ kind: 'host', patterns: [pattern] }, ...others] };
    const wider = wideEnough(alone, earlier);
    return wider === undefined ? [] : [{ pattern, wider }];
  });
  if (taken.length === 0) return null;
  if (taken.length === host.patterns.length) {
    const { takers, remedy: next } = answerFor(rule, taken);
    return `${never(rule)}: ${takers.join(' and ')} before it match all its hosts; ${next}`;
  }
  // A name that another one in the same list covers is told there.
  const told = taken.filter(({ pattern }) => !host.patterns.some((other) => other !== pattern && hostCovers(other, pattern)));
  if (told.length === 0) return null;
  const names = told.map(({ pattern }) => patternText(pattern));
  const { takers, remedy: next } = answerFor(rule, told);
  const shown =
    names.length > SHOWN_AT_MOST
      ? `${names.slice(0, SHOWN_AT_MOST).join(', ')} and ${names.length - SHOWN_AT_MOST} more`
      : names.join(', ');
  return `${never(rule)} for ${shown}: ${takers.join(' and ')} before it ${takers.length === 1 ? 'matches' : 'match'} what goes there; ${next}`;
}

/** The rules that took its hosts, and what to do. */
function answerFor(rule: Rule, taken: readonly { readonly wider: Rule }[]) {
  const wider = [...new Set(taken.map((each) => each.wider))];
  return { takers: wider.map(describeRule), remedy: remedy(rule, wider) };
}

function never({ action }: Rule): string {
  return action === 'report' ? 'never notes anything' : 'never decides';
}

/** Behind rules that do the same, nothing is lost with it. */
function remedy({ action }: Rule, before: readonly Rule[]): string {
  return before.every((each) => each.action === action) ? 'remove it' : 'move it up, or remove it';
}

function partsOf(condition: Condition): readonly Condition[] {
  return condition.kind === 'all' ? condition.of : [condition];
}

function overlap(one: PortRange, other: PortRange): boolean {
  return one.from <= other.to && other.from <= one.to;
}

const SHOWN_AT_MOST = 5;
