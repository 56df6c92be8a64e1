// Owns the judgement: a compiled policy and a question → the decision, with the rule that made it. Total: it never throws, and a question
// that is not what it promises to be is denied, whatever the default.
// The first rule that matches decides. A rule whose path criterion meets a path without a safe normal form denies, whatever its action:
// nobody could say what the origin would make of it.
import { type NormalisedPath, normalisePath } from '../http/path.ts';
import { visitHost } from '../match/host-index.ts';
import { holds, isInRanges, type Subject } from '../match/matcher.ts';
import { endsInNumber, parseIpAddress, unmapped } from '../net/ip-address.ts';
import type { CompiledPolicy, CompiledRule } from './compile.ts';
import type { Action, Decision, Question, Rule, SourcePosition } from './policy.ts';

/** What became of a rule whose host criterion holds: one of the other criteria failed, the path alone did, or the path cannot be judged. */
export type Outcome = 'match' | 'no-match' | 'path-differs' | 'unusable-path';

/** A question on its way past the rules. */
export interface Inquiry extends Subject {
  readonly pathAndQuery: string | null;
  path: string | null;
  /** Made when the first path criterion asks, and kept. */
  normalised: NormalisedPath | null;
}

/** @throws never */
export function decide(compiled: CompiledPolicy, question: Question): Decision {
  const { policy, rules } = compiled;
  if (!isUsable(question)) return decided('deny', null, 'unusable-question', policy.defaultPosition, question, null);
  if (question.scheme === 'tunnel' && !isInRanges(policy.connectPorts, question.port)) {
    return decided('deny', null, 'connect-ports', policy.connectPortsPosition, question, null);
  }

  const { method, host, port, pathAndQuery } = question;
  const none = rules.length;
  const search: Search = {
    method,
    host,
    port,
    pathAndQuery,
    path: null,
    normalised: null,
    rules,
    deciding: none,
    outcome: 'no-match',
    firstPathRule: none,
  };
  visitHost(compiled.byHost, host, search, consider);
  consider(search, compiled.forAnyHost);

  // A rule behind the deciding one may have been looked at before that was found; it must leave no trace.
  const path = search.firstPathRule <= search.deciding && search.normalised !== null ? search.normalised.pathAndQuery : null;
  if (search.deciding === none) return decided(policy.defaultAction, null, 'default', policy.defaultPosition, question, path);
  const { rule } = rules[search.deciding]!;
  if (search.outcome === 'unusable-path') return decided('deny', rule, 'unusable-path', rule.position, question, null);
  return decided(rule.action, rule, 'rule', rule.position, question, path);
}

/**
 * What becomes of a rule whose host criterion holds, or that has none.
 *
 * @param inquiry its path is normalised here when nothing but the path is left to ask
 */
export function judgeRule(compiledRule: CompiledRule, inquiry: Inquiry): Outcome {
  const { others, path } = compiledRule;
  for (const criterion of others) if (!holds(criterion, inquiry)) return 'no-match';
  if (path === null) return 'match';
  const normalised = lookAtPath(inquiry);
  if (normalised === null) return 'no-match';
  if (!normalised.isUsable) return 'unusable-path';
  return holds(path, inquiry) ? 'match' : 'path-differs';
}

/** Normalises the path, once; `null` inside a tunnel. */
export function lookAtPath(inquiry: Inquiry): NormalisedPath | null {
  if (inquiry.normalised === null && inquiry.pathAndQuery !== null) {
    inquiry.normalised = normalisePath(inquiry.pathAndQuery);
    if (inquiry.normalised.isUsable) inquiry.path = inquiry.normalised.path;
  }
  return inquiry.normalised;
}

interface Search extends Inquiry {
  readonly rules: readonly CompiledRule[];
  /** The lowest rule known to decide, and how; the number of rules while there is none. */
  deciding: number;
  outcome: Outcome;
  /** The lowest rule whose path criterion was consulted. */
  firstPathRule: number;
}

/** Looks for a rule before the one known to decide. @param numbers ascending; rules whose host criterion holds */
function consider(search: Search, numbers: readonly number[]): void {
  for (const number of numbers) {
    if (number >= search.deciding) return;
    const compiledRule = search.rules[number]!;
    const outcome = judgeRule(compiledRule, search);
    if (outcome === 'no-match') continue;
    if (compiledRule.path !== null && number < search.firstPathRule) search.firstPathRule = number;
    if (outcome === 'path-differs') continue;
    search.deciding = number;
    search.outcome = outcome;
    return;
  }
}

function decided(
  action: Action,
  rule: Rule | null,
  decidedBy: Decision['decidedBy'],
  position: SourcePosition,
  question: Question,
  normalisedPath: string | null,
): Decision {
  return { action, rule, decidedBy, position, question, normalisedPath };
}

/** Whether the question keeps its type's promises. A host in another spelling would slip past every rule that names it. */
function isUsable(question: Question): boolean {
  const { method, scheme, host, port, pathAndQuery } = question;
  if (typeof method !== 'string' || method === '' || !Number.isInteger(port) || port < 1 || port > 65535) return false;
  if (scheme === 'tunnel') return pathAndQuery === null && isCanonicalHost(host);
  return (scheme === 'http' || scheme === 'https') && typeof pathAndQuery === 'string' && isCanonicalHost(host);
}

function isCanonicalHost(host: string): boolean {
  if (typeof host !== 'string' || host.length === 0 || host.length > MAX_HOST) return false;
  let labelStart = 0;
  for (let i = 0; i < host.length; i += 1) {
    const c = host.charCodeAt(i);
    if (c === COLON) return isCanonicalAddress(host);
    if (c === DOT) {
      if (i === labelStart) return false;
      labelStart = i + 1;
    } else if (!((c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c === HYPHEN || c === UNDERSCORE)) return false;
  }
  if (labelStart === host.length) return false;
  // A last label that begins with a digit is an address, or a name that no resolver should be given.
  const first = host.charCodeAt(labelStart);
  return first < 0x30 || first > 0x39 || !endsInNumber(host) || isCanonicalAddress(host);
}

function isCanonicalAddress(host: string): boolean {
  const ip = parseIpAddress(host);
  return ip !== null && unmapped(ip).text === host;
}

const MAX_HOST = 253;
const DOT = 0x2e;
const HYPHEN = 0x2d;
const COLON = 0x3a;
const UNDERSCORE = 0x5f;
