// Owns finding rules that a tunnel goes round: they deny by what nobody sees inside a tunnel, and tunnels to the same hosts are let pass after them.
// Each warning is proven with a CONNECT that the policy itself was asked about: the rule could not be judged, and the tunnel was let pass.
import type { Condition, Criterion } from '../../match/condition.ts';
import { judge } from '../../match/judge.ts';
import type { Identity, Question } from '../../match/question.ts';
import { createSubject } from '../../match/subject.ts';
import { HIDDEN } from '../../match/truth.ts';
import { type CompiledPolicy, visitLeaves } from '../compile.ts';
import { decide } from '../decide.ts';
import { explainShort } from '../explain.ts';
import { hostsNamed, tunnelTo } from '../hosts-named.ts';
import { INSIDE_KINDS } from '../intercepts.ts';
import type { Decision, Policy, Rule } from '../policy.ts';
import { isPassing } from './single-rules.ts';
import type { Warn } from './warning.ts';

export function lintTunnels(compiled: CompiledPolicy, nowMs: number, warn: Warn): void {
  const { policy } = compiled;
  const numbers = new Map(policy.rules.map((rule, number) => [rule, number]));
  const decided = new Map<string, Decision>();
  const passing = hostsNamed(policy.rules.filter(isPassing).map(({ condition }) => condition)).slice(0, HOSTS_AT_MOST);
  for (const rule of policy.rules) {
    const hidden = hiddenKinds(rule.condition);
    if (isPassing(rule) || hidden.length === 0) continue;
    const way = tunnelsFor(policy, rule, passing, nowMs)
      .filter((question) => (judge(rule.condition, createSubject(question)) & HIDDEN) !== 0)
      .map((question) => decideOnce(compiled, question, decided))
      // A rule before this one means that its tunnels pass.
      .find((decision) => letsPass(decision) && (decision.rule === null || numbers.get(decision.rule)! > numbers.get(rule)!));
    if (way === undefined) continue;
    const what = rule.action === 'report' ? 'notes nothing' : 'denies nothing';
    warn(
      rule,
      `${hidden.join(' and ')} cannot be seen inside a tunnel, and CONNECT ${way.question.host}:${way.question.port} is ${explainShort(way)}: ` +
        `over https this rule ${what}; say 'scheme: http' if that is meant, or deny the tunnels, or open them with an 'intercept' rule`,
    );
  }
}

/** A thousand rules about one host ask the same, and where nothing shows of a tunnel all of them are candidates each time. */
function decideOnce(compiled: CompiledPolicy, question: Question, decided: Map<string, Decision>): Decision {
  const key = JSON.stringify(question);
  const known = decided.get(key);
  if (known !== undefined) return known;
  const decision = decide(compiled, question);
  if (decided.size === MOST_REMEMBERED) decided.clear();
  decided.set(key, decision);
  return decision;
}

/** Closed, as it came. */
function letsPass({ action, awaits }: Decision): boolean {
  return awaits === 'nothing' && (action === 'allow' || action === 'tunnel');
}

/**
 * Tunnels that the rule could be about.
 *
 * @param passing hosts that rules name which let something pass, for a rule that names none
 */
function tunnelsFor({ connectPorts, defaultAction }: Policy, rule: Rule, passing: readonly string[], nowMs: number): readonly Question[] {
  const port = connectPorts.some(({ from, to }) => from <= 443 && to >= 443) ? 443 : connectPorts[0]?.from;
  if (port === undefined) return [];
  const own = hostsNamed([rule.condition]);
  const hosts = (own.length > 0 ? own : [...(defaultAction === 'allow' ? ['example.com'] : []), ...passing]).slice(0, HOSTS_AT_MOST);
  const { clientAddress, listener, identity, asksTime } = circumstancesOf(rule.condition);
  const moments = asksTime ? Array.from({ length: HOURS_OF_8_DAYS }, (_, hour) => nowMs + hour * HOUR_MS) : [nowMs];
  return hosts.flatMap((host) =>
    (['nobody', identity] as const).flatMap((asker) =>
      moments.map((moment) => ({ ...tunnelTo(host, port, moment), clientAddress, listener, identity: asker })),
    ),
  );
}

/** Who, from where and when, so that the rule does not fail for these. */
function circumstancesOf(condition: Condition) {
  let clientAddress = '127.0.0.1';
  let listener = '';
  let asksTime = false;
  const identity = { user: 'anybody', groups: [] as string[], claims: null } satisfies Identity;
  visitLeaves(condition, (leaf) => {
    if (leaf.kind === 'client') clientAddress = leaf.blocks[0]?.cidr.address.text ?? clientAddress;
    else if (leaf.kind === 'listener') listener = leaf.names[0] ?? listener;
    else if (leaf.kind === 'user') identity.user = leaf.globs[0]?.pieces.join('x') ?? identity.user;
    else if (leaf.kind === 'group') identity.groups.push(...leaf.names);
    else if (leaf.kind === 'time') asksTime = true;
  });
  return { clientAddress, listener, identity, asksTime };
}

function hiddenKinds(condition: Condition): readonly Criterion['kind'][] {
  const kinds = new Set<Criterion['kind']>();
  visitLeaves(condition, (leaf) => {
    if (leaf.kind !== 'group-use' && leaf.kind !== 'list-use' && INSIDE_KINDS.has(leaf.kind)) kinds.add(leaf.kind);
  });
  return [...kinds];
}

const HOSTS_AT_MOST = 20;
const MOST_REMEMBERED = 1_000;
const HOURS_OF_8_DAYS = 8 * 24;
const HOUR_MS = 3_600_000;
