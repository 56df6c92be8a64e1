// Owns what is doubtful about rules that open tunnels: ones that open nothing, ones that nobody needs, and ones that let more pass inside than the rules
// before them mean to; and certificates that are forgiven to hosts which nobody has named one by one.
import { type HostPattern, patternText } from '../../match/host-pattern.ts';
import type { Subject } from '../../match/subject.ts';
import { type CompiledPolicy, visitLeaves } from '../compile.ts';
import { describeRule } from '../explain.ts';
import { asksInside, destinationsOf, type InterceptingRule, interceptingRules, truthsAtConnect, truthsInTls } from '../intercepts.ts';
import type { Policy, Rule } from '../policy.ts';
import { FAILS, HOLDS } from '../possible-truths.ts';
import type { Warn } from './warning.ts';

export function lintOpenings(compiled: CompiledPolicy, warn: Warn): void {
  const { policy } = compiled;
  const openings = interceptingRules(compiled);
  const destinations = openings.length === 0 || policy.defaultAction === 'allow' ? null : destinationsOf(policy);
  for (const opening of openings) {
    const problem = openingProblem(policy, opening, destinations ?? []);
    if (problem !== null) warn(opening.rule, problem);
  }
  for (const rule of policy.rules) {
    const wide = rule.acceptCertificate === null ? [] : widePatterns(rule);
    if (wide.length > 0) warn(rule, forgivesTooMany(wide));
  }
}

function openingProblem({ rules }: Policy, { rule, canOpen, neededBy }: InterceptingRule, destinations: readonly Subject[]): string | null {
  if (!canOpen) {
    const asks = asksInside(rule).filter((each) => each !== 'cache');
    if (asks.length === 0) return null;
    const shows = asks.length === 1 ? 'does' : 'do';
    return `opens nothing: ${asks.join(' and ')} ${shows} not show in a CONNECT; name hosts here, with 'scheme: tunnel', and ask for the rest in another rule`;
  }
  const unnamed = narrowerBefore(rules.slice(0, rules.indexOf(rule)), rule, destinations);
  if (unnamed !== null)
    return `lets every request inside pass, those too that ${describeRule(unnamed)} before it leaves out; add 'scheme: tunnel', so that it only opens`;
  if (neededBy.length > 0 || rule.interception?.isRequired === true) return null;
  return `no rule needs to see inside: none asks for a path, a query, a field, a method, a size or a type there, or says something of the cache; use 'tunnel', or say 'inspect: required'`;
}

/** A rule before it that lets certain requests inside pass, where this one then lets pass all the others: as if nobody had been particular. */
function narrowerBefore(before: readonly Rule[], opening: Rule, destinations: readonly Subject[]): Rule | null {
  for (const destination of destinations) {
    if ((truthsAtConnect(opening, destination) & HOLDS) === 0 || truthsInTls(opening, destination) !== HOLDS) continue;
    const met = before.filter((rule) => rule.action !== 'report' && truthsInTls(rule, destination) !== FAILS);
    const narrow = met.find(isParticular);
    if (narrow !== undefined && met.every(({ action }) => action === 'allow')) return narrow;
  }
  return null;
}

/** Whether letting certain requests pass is all that it does. */
function isParticular(rule: Rule): boolean {
  const { limits, cache, allowPrivate, acceptCertificate } = rule;
  const hasMore = limits !== null || cache !== null || allowPrivate !== 'none' || acceptCertificate !== null;
  return !hasMore && asksInside(rule).length > 0;
}

/** One certificate is narrow wherever it is met. */
function widePatterns({ condition, acceptCertificate }: Rule): readonly string[] {
  if (acceptCertificate?.every((fault) => fault.startsWith('sha256:'))) return [];
  const wide: string[] = [];
  visitLeaves(condition, (leaf) => {
    if (leaf.kind === 'host') wide.push(...leaf.patterns.filter(isWide).map(patternText));
    else if (leaf.kind === 'domain') wide.push(...leaf.names);
  });
  return wide;
}

function isWide({ kind }: HostPattern): boolean {
  return kind !== 'exact';
}

function forgivesTooMany(wide: readonly string[]): string {
  const shown = wide.slice(0, SHOWN_AT_MOST).join(', ');
  return `dangerously_accept_certificate: holds for every host of ${shown}, also for those that nobody has looked at; name the hosts that are meant, or the certificate by its sha256`;
}

const SHOWN_AT_MOST = 5;
