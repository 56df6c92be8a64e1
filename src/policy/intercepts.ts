// Owns what a policy opens, and why: for each rule that intercepts, the rules that only an opened tunnel shows their requests to, and the rules before it
// that let tunnels to some of its hosts pass unopened. Nothing is opened that no rule asks for; what is opened without need stands here as such.
// It is asked about a host for each pattern that the policy names, and one that it does not name. Lists and regular expressions may hold any of them.
import type { Condition } from '../match/condition.ts';
import { isInRanges } from '../match/criterion-holds.ts';
import { patternText } from '../match/host-pattern.ts';
import { judge } from '../match/judge.ts';
import { createSubject, type Subject } from '../match/subject.ts';
import { TRUE } from '../match/truth.ts';
import { type CompiledPolicy, visitLeaves } from './compile.ts';
import { hostsNamed, tunnelTo } from './hosts-named.ts';
import { truthsOfOther } from './inside-tunnel.ts';
import type { Policy, Rule } from './policy.ts';
import { ANY_TRUTH, FAILS, HOLDS, type Leaf, possibleTruths, type Truths, UNKNOWN } from './possible-truths.ts';

export interface InterceptingRule {
  readonly rule: Rule;
  /** Whether it can take a CONNECT at all: a rule that asks for what is inside cannot. */
  readonly canOpen: boolean;
  readonly neededBy: readonly Need[];
  /** Rules before it that let a tunnel to a host of its own pass as it is. */
  readonly exceptions: readonly Rule[];
}

/** A rule, and what it asks for, or says of the cache, that only shows inside. */
export interface Need {
  readonly rule: Rule;
  readonly asks: readonly string[];
}

/** In the order of the rules that intercept. */
export function interceptingRules({ policy }: CompiledPolicy): readonly InterceptingRule[] {
  const asking = policy.rules.map((rule): Need => ({ rule, asks: asksInside(rule) })).filter(({ asks }) => asks.length > 0);
  const opening = policy.rules.filter(({ action }) => action === 'intercept');
  const destinations = opening.length === 0 ? [] : destinationsOf(policy);
  if (destinations === null) return opening.map((rule) => ({ rule, canOpen: true, neededBy: asking, exceptions: [] }));
  const found = new Map(opening.map((rule) => [rule, { needing: new Set<Rule>(), exceptions: new Set<Rule>(), canOpen: false }]));
  for (const destination of destinations) {
    const passing: Rule[] = [];
    let inside: readonly Rule[] | null = null;
    for (const rule of policy.rules) {
      if (rule.action === 'deny' || rule.action === 'report' || (truthsAtConnect(rule, destination) & HOLDS) === 0) continue;
      const opened = found.get(rule);
      if (opened === undefined) passing.push(rule);
      else {
        opened.canOpen = true;
        inside ??= rulesInside(policy, destination);
        for (const each of inside) opened.needing.add(each);
        for (const each of passing) opened.exceptions.add(each);
      }
    }
  }
  return [...found].map(([rule, { needing, exceptions, canOpen }]) => ({
    rule,
    canOpen,
    neededBy: asking.filter((each) => needing.has(each.rule)),
    exceptions: [...exceptions],
  }));
}

/** What of a rule only shows inside of tunnels; nothing where a CONNECT shows it all. */
export function asksInside({ condition, cache }: Rule): readonly string[] {
  const asks = new Set<string>();
  visitLeaves(condition, (leaf) => {
    if (INSIDE_KINDS.has(leaf.kind)) asks.add(leaf.kind);
    else if (leaf.kind === 'method' && leaf.methods.some((name) => name !== 'CONNECT')) asks.add('method');
    else if (leaf.kind === 'list-use' && leaf.list.kind === 'requests') asks.add(`list ${leaf.name}`);
  });
  if (cache !== null) asks.add('cache');
  return [...asks];
}

/** Destinations to ask a policy about; `null` when they are too many: then whatever might be is taken to be. */
export function destinationsOf({ connectPorts, rules }: Policy): readonly Subject[] | null {
  const hosts = [...hostsNamed(rules.map(({ condition }) => condition)), UNNAMED];
  const ports = new Set(connectPorts.map(({ from }) => from));
  for (const { condition } of rules) {
    visitLeaves(condition, (leaf) => {
      if (leaf.kind !== 'port') return;
      // Where a range begins, and where it has ended: between two of these, all ports are alike.
      for (const { from, to } of leaf.ranges) for (const port of [from, to + 1]) if (isInRanges(connectPorts, port)) ports.add(port);
    });
  }
  if (hosts.length * ports.size * rules.length > MOST_QUESTIONS) return null;
  return hosts.flatMap((host) => [...ports].map((port) => createSubject(tunnelTo(host, port, 0))));
}

/** What a rule may come to for the CONNECT to a destination, whoever asks and whenever. */
export function truthsAtConnect({ condition }: Rule, destination: Subject): Truths {
  return possibleTruths(condition, (leaf) => {
    if (ABOUT_DESTINATION.has(leaf.kind) || leaf.kind === 'scheme' || leaf.kind === 'method') return truthOf(leaf, destination);
    return INSIDE_KINDS.has(leaf.kind) && leaf.kind !== 'field' ? UNKNOWN : ANY_TRUTH;
  });
}

/** What it may come to for a request in TLS inside. */
export function truthsInTls({ condition }: Rule, destination: Subject): Truths {
  return possibleTruths(condition, (leaf) => {
    if (ABOUT_DESTINATION.has(leaf.kind)) return truthOf(leaf, destination);
    if (leaf.kind === 'scheme') return leaf.schemes.includes('https') ? HOLDS : FAILS;
    return truthsOfOther(leaf);
  });
}

/**
 * The names for which certificates may be asked, as name constraints of a CA would permit them: each stands for itself and everything below it
 * (RFC 5280 §4.2.1.10), or is an IP address. `isAll` when some rule opens tunnels to hosts that it does not name.
 */
export function interceptedHosts({ rules }: Policy): { readonly permitted: readonly string[]; readonly isAll: boolean } {
  const named = rules.filter(({ action }) => action === 'intercept').map(({ condition }) => namesOf(condition));
  if (named.includes(null)) return { permitted: [], isAll: true };
  const names = new Set(named.flatMap((each) => each ?? []));
  return { permitted: [...names].filter((name) => !isBelowAnother(name, names)), isAll: false };
}

/** Which hosts a condition is about, in words as the policy has them; `null` when it does not say. */
export function hostTexts(condition: Condition): readonly string[] | null {
  switch (condition.kind) {
    case 'host':
      return condition.patterns.map(patternText);
    case 'domain':
      return condition.names.map((name) => `domain ${name}`);
    case 'host_regex':
      return condition.patterns.map(({ text }) => `host_regex ${text}`);
    case 'sni':
      return condition.patterns.map((pattern) => `sni ${patternText(pattern)}`);
    case 'list-use':
      return condition.of === 'destination' ? [`list ${condition.name}`] : null;
    case 'all':
      return condition.of.map(hostTexts).find((texts) => texts !== null) ?? null;
    case 'any':
      return everyOne(condition.of.map(hostTexts));
    case 'group-use':
      return hostTexts(condition.condition);
    default:
      return null;
  }
}

/** The rules that may be met inside a tunnel to a destination: up to one that takes every request. */
function rulesInside({ rules }: Policy, destination: Subject): readonly Rule[] {
  const met: Rule[] = [];
  for (const rule of rules) {
    const truths = truthsInTls(rule, destination);
    if (truths !== FAILS) met.push(rule);
    if (truths === HOLDS && rule.action !== 'report') break;
  }
  return met;
}

function truthOf(leaf: Leaf, destination: Subject): Truths {
  return judge(leaf, destination) === TRUE ? HOLDS : FAILS;
}

/** Names of which one is the certificate's whenever the condition holds; `null` when it does not say. */
function namesOf(condition: Condition): readonly string[] | null {
  switch (condition.kind) {
    case 'host':
    case 'sni':
      return condition.patterns.map(({ name }) => name);
    case 'domain':
      return condition.names;
    case 'all': {
      // The certificate is for the server name, or for the host where there is none: either may be what is named.
      const parts = condition.of.map(namesOf).filter((names) => names !== null);
      return parts.length === 0 ? null : parts.flat();
    }
    case 'any':
      return everyOne(condition.of.map(namesOf));
    case 'group-use':
      return namesOf(condition.condition);
    default:
      return null;
  }
}

function everyOne(parts: readonly (readonly string[] | null)[]): readonly string[] | null {
  return parts.every((part) => part !== null) ? parts.flat() : null;
}

function isBelowAnother(name: string, names: ReadonlySet<string>): boolean {
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) if (names.has(name.slice(dot + 1))) return true;
  return false;
}

/** What only shows inside of tunnels. */
export const INSIDE_KINDS: ReadonlySet<Leaf['kind'] | 'group-use'> = new Set([
  ...(['path', 'path_regex', 'query', 'field', 'request_size'] as const),
  ...(['response_type', 'response_size', 'upgrade'] as const),
]);
const ABOUT_DESTINATION: ReadonlySet<Leaf['kind']> = new Set(['host', 'domain', 'port']);
/** Stands for all hosts that no rule names. */
const UNNAMED = 'host-that-nobody-names.invalid';
/** Destinations times rules: about a second. */
const MOST_QUESTIONS = 4_000_000;
