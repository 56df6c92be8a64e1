// What a policy means, written a second time from its documentation, without an index and without regard to cost: rules are tried in order, every
// part of a condition is looked at, and a truth is yes, no, or the set of what is missing to say so.
import { isIP } from 'node:net';
import { normalisePath } from '../../src/http/path.ts';
import type { Condition, Criterion, ListUse, NamedGlobs, SizeBound } from '../../src/match/condition.ts';
import type { Glob } from '../../src/match/glob.ts';
import type { HostPattern } from '../../src/match/host-pattern.ts';
import { registrableDomain } from '../../src/match/public-suffix.ts';
import type { GreetingFacts, Identity, Question } from '../../src/match/question.ts';
import { isWithin } from '../../src/match/time-window.ts';
import { cidrContains, parseIpAddress, unmapped } from '../../src/net/ip-address.ts';
import type { DecidedBy, Decision, Policy, Rule } from '../../src/policy/policy.ts';

type Missing = 'identity' | 'address' | 'hello' | 'response' | 'hidden' | 'path' | 'query' | 'field' | 'type' | 'url' | 'shut';
export type Verdict = boolean | ReadonlySet<Missing>;

export type Outcome = Pick<Decision, 'action' | 'rule' | 'decidedBy' | 'awaits' | 'normalisedPath' | 'reported'>;

const LATER: ReadonlySet<Missing> = new Set(['identity', 'address', 'hello', 'response']);
const UNREADABLE = ['path', 'query', 'field', 'url', 'type'] as const;

export function decideNaively(policy: Policy, question: Question): Outcome {
  const outcome = decideByRules(policy, question);
  const { action, rule } = outcome;
  if (policy.anyMethod || action === 'deny' || question.method !== 'BREW') return outcome;
  const isNamed = rule !== null && methodsIn(rule.condition).includes('BREW');
  return isNamed ? outcome : { ...outcome, action: 'deny', decidedBy: 'unknown-method', awaits: 'nothing' };
}

function methodsIn(condition: Condition): readonly string[] {
  switch (condition.kind) {
    case 'all':
    case 'any':
      return condition.of.flatMap(methodsIn);
    case 'not':
      return methodsIn(condition.of);
    case 'group-use':
      return methodsIn(condition.condition);
    default:
      return condition.kind === 'method' ? condition.methods : [];
  }
}

function decideByRules(policy: Policy, question: Question): Outcome {
  if (question.scheme === 'tunnel' && !policy.connectPorts.some(({ from, to }) => from <= question.port && question.port <= to))
    return { action: 'deny', rule: null, decidedBy: 'connect-ports', awaits: 'nothing', normalisedPath: null, reported: [] };

  const reported: Rule[] = [];
  const missing = new Set<Missing>();
  const waiting: Rule[] = [];
  let deciding: Rule | null = null;
  let decidedBy: DecidedBy = 'default';
  let isPathLookedAt = false;
  for (const rule of policy.rules) {
    let verdict = evaluate(rule.condition, question, true);
    if (typeof verdict !== 'boolean' && verdict.has('shut')) {
      isPathLookedAt = true;
      verdict = evaluate(rule.condition, question, false);
    }
    if (verdict === false) continue;
    const lacks = [...(verdict === true ? [] : verdict)];
    const unreadable = UNREADABLE.find((what) => lacks.includes(what));
    const mayFail = lacks.includes('identity') || lacks.includes('address') || lacks.includes('hello');
    const holds = verdict === true || (unreadable !== undefined && !mayFail);
    if (rule.action === 'report') {
      if (holds) reported.push(rule);
      else for (const what of lacks) if (what !== 'identity' && LATER.has(what)) missing.add(what);
    } else if (holds) {
      deciding = rule;
      decidedBy = verdict === true ? 'rule' : (`unusable-${unreadable!}` as DecidedBy);
      break;
    } else if (lacks.some((what) => LATER.has(what))) {
      waiting.push(rule);
      for (const what of lacks) if (LATER.has(what)) missing.add(what);
      // Who asks has to be found out, whatever comes behind.
      if (missing.has('identity') && waiting.some(({ action }) => action !== 'deny')) break;
    }
  }

  const path = question.pathAndQuery === null || !isPathLookedAt ? null : normalisePath(question.pathAndQuery);
  const normalisedPath = path?.isUsable ? path.pathAndQuery : null;
  const action = decidedBy === 'default' ? policy.defaultAction : decidedBy === 'rule' ? deciding!.action : 'deny';
  const mayPass = waiting.find((rule) => rule.action !== 'deny');
  const outcome = { normalisedPath, reported };
  const inEffect = (what: Rule['action']): Outcome['action'] =>
    what === 'deny' || what === 'report' ? 'deny' : question.scheme === 'tunnel' ? what : 'allow';
  if (missing.size === 0 || (action === 'deny' && mayPass === undefined))
    return { ...outcome, action: inEffect(action), rule: deciding, decidedBy, awaits: 'nothing' };
  if (missing.has('identity'))
    return { ...outcome, action: 'deny', rule: mayPass ?? waiting[0]!, decidedBy: 'identity-needed', awaits: 'identity' };
  if (missing.has('address')) return { ...outcome, action: 'deny', rule: deciding, decidedBy, awaits: 'address' };
  const awaits = missing.has('hello') ? 'hello' : 'response';
  if (action === 'deny') return { ...outcome, action: inEffect(mayPass!.action), rule: mayPass!, decidedBy: 'rule', awaits };
  return { ...outcome, action: inEffect(action), rule: deciding, decidedBy, awaits };
}

/** Kleene's strong logic. */
export function evaluate(condition: Condition, question: Question, isPathShut: boolean): Verdict {
  switch (condition.kind) {
    case 'all':
      return every(condition.of.map((part) => evaluate(part, question, isPathShut)));
    case 'any':
      return opposite(every(condition.of.map((part) => opposite(evaluate(part, question, isPathShut)))));
    case 'not':
      return opposite(evaluate(condition.of, question, isPathShut));
    case 'group-use':
      return evaluate(condition.condition, question, isPathShut);
    case 'list-use':
      return listed(condition, question);
    default:
      return criterionHolds(condition, question, isPathShut);
  }
}

function every(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(false)) return false;
  const lacks = verdicts.flatMap((verdict) => (typeof verdict === 'boolean' ? [] : [...verdict]));
  return lacks.length === 0 || new Set(lacks);
}

function opposite(verdict: Verdict): Verdict {
  return typeof verdict === 'boolean' ? !verdict : verdict;
}

function lacks(what: Missing): Verdict {
  return new Set([what]);
}

function listed({ list, of }: ListUse, question: Question): Verdict {
  if (list.kind === 'domains') return list.matchesHost(question.host);
  if (list.kind === 'requests') {
    const { pathAndQuery } = question;
    const asItCame = list.matchesRequest(question) ?? lacks('url');
    if (asItCame !== false) return asItCame;
    if (pathAndQuery === null) return lacks('hidden');
    return list.matchesRequest({ ...question, pathAndQuery: normalisePath(pathAndQuery).pathAndQuery }) ?? lacks('url');
  }
  if (of === 'client') return list.matchesAddress(question.clientAddress);
  return question.address === null ? lacks('address') : list.matchesAddress(question.address);
}

function criterionHolds(criterion: Criterion, question: Question, isPathShut: boolean): Verdict {
  const { host, identity, pathAndQuery, response } = question;
  const isTunnel = question.scheme === 'tunnel';
  switch (criterion.kind) {
    case 'host':
      return criterion.patterns.some((pattern) => hostFits(pattern, host));
    case 'host_regex':
      return criterion.patterns.some(({ text }) => new RegExp(text).test(host));
    case 'domain':
      return criterion.names.some((name) => registrableDomain(host) === name);
    case 'address':
      return question.address === null ? lacks('address') : criterion.blocks.some(({ text }) => contains(text, question.address!));
    case 'client':
      return criterion.blocks.some(({ text }) => contains(text, question.clientAddress));
    case 'port':
      return criterion.ranges.some(({ from, to }) => from <= question.port && question.port <= to);
    case 'scheme':
      return criterion.schemes.some((scheme) => scheme === question.scheme);
    case 'method':
      return criterion.methods.some((method) => method === question.method);
    case 'path':
    case 'path_regex': {
      if (pathAndQuery === null) return lacks('hidden');
      if (isPathShut) return lacks('shut');
      const { path, isUsable } = normalisePath(pathAndQuery);
      if (!isUsable) return lacks('path');
      if (criterion.kind === 'path') return fits(criterion.globs, path);
      return criterion.patterns.some(({ text }) => new RegExp(text).test(path));
    }
    case 'query':
      return pathAndQuery === null ? lacks('hidden') : every(criterion.parameters.map((one) => parameterHolds(one, pathAndQuery)));
    case 'field':
      return every(
        criterion.fields.map(({ name, globs }) => {
          const values = question.fields.filter((line) => line.name.toLowerCase() === name).map(({ value }) => value);
          const verdict = oneReading(values, globs, 'field');
          return verdict === false && isTunnel ? lacks('hidden') : verdict;
        }),
      );
    case 'request_size':
      return isTunnel ? lacks('hidden') : sizeFits(criterion.bounds, question.contentLength);
    case 'response_size':
      if (response === null) return lacks(isTunnel ? 'hidden' : 'response');
      return sizeFits(criterion.bounds, response.contentLength);
    case 'response_type': {
      if (response === null) return lacks(isTunnel ? 'hidden' : 'response');
      const types = new Set(response.contentTypes.map((type) => type.replace(/;.*/, '')));
      if (types.size > 1 || types.has('nonsense')) return lacks('type');
      return fits(criterion.types, [...types][0] ?? '');
    }
    case 'sni':
      return aboutGreeting(question, ({ serverName }) =>
        criterion.patterns.some((pattern) => serverName !== null && hostFits(pattern, serverName)),
      );
    case 'sni_agrees':
      return aboutGreeting(question, ({ serverName }) => ((serverName ?? (isIP(host) ? host : null)) === host) === criterion.agrees);
    case 'tunnel_protocol':
      return aboutGreeting(question, ({ protocol }) => criterion.protocols.some((each) => each === protocol));
    case 'upgrade':
      return isTunnel ? lacks('hidden') : criterion.protocols.some((protocol) => protocol === question.upgrade);
    case 'user':
      return aboutIdentity(identity, ({ user }) => fits(criterion.globs, user));
    case 'group':
      return aboutIdentity(identity, ({ groups }) => groups.some((name) => criterion.names.includes(name)));
    case 'claim':
      return aboutIdentity(identity, ({ claims }) =>
        criterion.claims.every(({ name, globs }) => valuesOfClaim(claims, name).some((value) => fits(globs, value))),
      );
    case 'listener':
      return criterion.names.some((name) => name === question.listener);
    case 'time':
      return isWithin(criterion.window, question.nowMs);
    default:
      return criterion satisfies never;
  }
}

function aboutGreeting({ hello, scheme }: Question, holds: (hello: GreetingFacts) => boolean): Verdict {
  if (hello === null) return scheme === 'tunnel' && lacks('hello');
  return holds(hello);
}

function hostFits({ kind, name }: HostPattern, host: string): boolean {
  const labels = host.split('.');
  const isBelow = labels.length > name.split('.').length && labels.slice(-name.split('.').length).join('.') === name;
  if (kind === 'exact') return host === name;
  if (kind === 'below') return host === name || isBelow;
  return isBelow && labels.length === name.split('.').length + 1;
}

function contains(blockText: string, address: string): boolean {
  const ip = parseIpAddress(address);
  const [start = '', length] = blockText.split('/');
  const first = parseIpAddress(start)!;
  const bits = length === undefined ? first.bytes.length * 8 : Number(length);
  return ip !== null && cidrContains({ address: first, prefixLength: bits }, unmapped(ip));
}

function fits(globs: readonly Glob[], text: string): boolean {
  return globs.some((one) => new RegExp(`^${one.text.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 's').test(text));
}

function parameterHolds({ name, globs }: NamedGlobs, pathAndQuery: string): Verdict {
  const query = pathAndQuery.split('?').slice(1).join('?');
  const isReadable = query.split('&').every((part) => !part.startsWith(`${name}=`) || isDecodable(part));
  return isReadable ? oneReading(new URLSearchParams(query).getAll(name), globs, 'query') : lacks('query');
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Several values have to agree: which of them counts, nobody knows. */
function oneReading(values: readonly string[], globs: readonly Glob[], what: Missing): Verdict {
  const answers = new Set(values.map((value) => fits(globs, value)));
  return answers.size > 1 ? lacks(what) : answers.has(true);
}

function sizeFits(bounds: readonly SizeBound[], length: number): boolean {
  return bounds.some(({ relation, bytes }) => (relation === 'over' ? length > bytes : length < bytes));
}

function aboutIdentity(identity: Question['identity'], holds: (identity: Identity) => boolean): Verdict {
  if (identity === 'unasked') return lacks('identity');
  return identity !== 'nobody' && holds(identity);
}

function valuesOfClaim(claims: Identity['claims'], name: string): readonly string[] {
  const value = JSON.parse(JSON.stringify(claims ?? {}));
  const found = name.split('.').reduce((inner, part) => inner?.[part], value);
  return found === undefined ? [] : [found].flat().map(String);
}
