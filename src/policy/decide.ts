// Owns the judgement: a compiled policy and a question → the decision, with the rule that made it. Total: it never throws, and a question
// that is not what it promises to be is denied, whatever the default.
// The first rule that matches decides. What a rule asks for and nobody can read in one way only is denied, whatever the rule's action: who could say
// what the origin would make of it? What is not known yet makes a decision wait, unless nothing that it could turn out to be would change it.
import { REGISTERED_METHODS } from '../http/methods.ts';
import { isInRanges } from '../match/criterion-holds.ts';
import { type Question, UNSEEN } from '../match/question.ts';
import { createSubject, type Subject } from '../match/subject.ts';
import {
  FALSE,
  NEEDS_ADDRESS,
  NEEDS_HELLO,
  NEEDS_IDENTITY,
  NEEDS_RESPONSE,
  PATH_IS_SHUT,
  TRUE,
  type Truth,
  UNUSABLE_ADDRESS,
  UNUSABLE_FIELD,
  UNUSABLE_PATH,
  UNUSABLE_QUERY,
  UNUSABLE_TYPE,
  UNUSABLE_URL,
} from '../match/truth.ts';
import { endsInNumber, parseIpAddress, unmapped } from '../net/ip-address.ts';
import { type CompiledPolicy, type CompiledRule, visitLeaves } from './compile.ts';
import { asksIdentityInside } from './inside-tunnel.ts';
import type { DecidedBy, Decision, Rule, SourcePosition } from './policy.ts';
import { nextCandidate, startCandidates } from './rule-index.ts';

/** @throws never */
export function decide(compiled: CompiledPolicy, question: Question): Decision {
  const { policy, rules, index } = compiled;
  if (!isUsable(question)) return deniedBefore('unusable-question', policy.defaultPosition, question);
  if (question.scheme === 'tunnel' && !isInRanges(policy.connectPorts, question.port)) {
    return deniedBefore('connect-ports', policy.connectPortsPosition, question);
  }
  const search = new Search(question);
  startCandidates(index, search.subject);
  for (let number = nextCandidate(index, search.subject); number !== -1; number = nextCandidate(index, search.subject)) {
    const compiledRule = rules[number]!;
    if (search.meet(compiledRule.rule, judgeRule(compiledRule, search.subject))) break;
  }
  const judged = search.decision(policy.defaultAction, policy.defaultPosition);
  const mustAsk = compiled.asksIdentity && question.identity === 'unasked' && question.scheme === 'tunnel';
  const decision = mustAsk ? withIdentityAsked(compiled, judged) : judged;
  return policy.anyMethod || REGISTERED_METHODS.has(question.method) ? decision : withoutUnknownMethod(decision);
}

/** Who asks is found out before a tunnel is opened, where it may matter inside: there it is too late to ask. */
function withIdentityAsked(compiled: CompiledPolicy, decision: Decision): Decision {
  if (!mayOpen(compiled, decision)) return decision;
  const asking = asksIdentityInside(compiled, decision.question);
  if (asking === null) return decision;
  return { ...decision, action: 'deny', rule: asking, decidedBy: 'identity-needed', position: asking.position, awaits: 'identity' };
}

function mayOpen({ rules }: CompiledPolicy, { action, awaits, question }: Decision): boolean {
  if (awaits === 'nothing' || awaits === 'identity') return action === 'intercept';
  const subject = createSubject(question);
  return rules.some((compiled) => compiled.rule.action === 'intercept' && judgeRule(compiled, subject) !== FALSE);
}

/** Nobody can say what a method does that is not registered, so it passes only where a rule names it. */
function withoutUnknownMethod(decision: Decision): Decision {
  const { action, rule, question } = decision;
  if (action === 'deny' || (rule !== null && namesMethod(rule, question.method))) return decision;
  return { ...decision, action: 'deny', decidedBy: 'unknown-method', awaits: 'nothing' };
}

function namesMethod(rule: Rule, method: string): boolean {
  let isNamed = false;
  visitLeaves(rule.condition, (leaf) => {
    if (leaf.kind === 'method' && leaf.methods.includes(method)) isNamed = true;
  });
  return isNamed;
}

/**
 * Whether a rule matches. Its path criteria are looked at last, and only when all else leaves it open whether it does: so that a path is put into
 * normal form for rules that depend on it, and for no others.
 */
export function judgeRule({ judgement, asksPath }: CompiledRule, subject: Subject): Truth {
  if (!asksPath) return judgement(subject);
  subject.isPathShut = true;
  const truth = judgement(subject);
  subject.isPathShut = false;
  return truth & PATH_IS_SHUT ? judgement(subject) : truth;
}

/** What is known while the rules are tried in order. */
class Search {
  readonly subject: Subject;
  #deciding: Rule | null = null;
  #decidedBy: DecidedBy = 'default';
  /** What rules before the deciding one still need, and the first of those that would let pass, and of those that would not. */
  #missing = 0;
  #waitingToPass: Rule | null = null;
  #waitingToDeny: Rule | null = null;
  #reported: Rule[] | null = null;

  constructor(question: Question) {
    this.subject = createSubject(question);
  }

  /** @returns whether the rules behind this one make no difference */
  meet(rule: Rule, truth: Truth): boolean {
    if (truth === FALSE) return false;
    if (rule.action === 'report') {
      this.#meetReport(rule, truth);
      return false;
    }
    if (truth === TRUE || isUnreadable(truth)) {
      this.#deciding = rule;
      this.#decidedBy = truth === TRUE ? 'rule' : unusable(truth);
      return true;
    }
    const missing = truth & NEEDS_ANYTHING;
    if (missing === 0) return false;
    this.#missing |= missing;
    if (rule.action === 'deny') this.#waitingToDeny ??= rule;
    else this.#waitingToPass ??= rule;
    // Nothing behind it can spare the client the question who it is.
    return (this.#missing & NEEDS_IDENTITY) !== 0 && this.#waitingToPass !== null;
  }

  decision(defaultAction: 'allow' | 'deny', defaultPosition: SourcePosition): Decision {
    const rule = this.#deciding;
    const decidedBy = this.#decidedBy;
    const action = decidedBy === 'default' ? defaultAction : decidedBy === 'rule' ? rule!.action : 'deny';
    const isFinal = this.#missing === 0 || (action === 'deny' && this.#waitingToPass === null);
    if (isFinal) return this.#make(action, rule, decidedBy, defaultPosition, 'nothing');
    if (this.#missing & NEEDS_IDENTITY) {
      return this.#make('deny', this.#waitingToPass ?? this.#waitingToDeny, 'identity-needed', defaultPosition, 'identity');
    }
    if (this.#missing & NEEDS_ADDRESS) return this.#make('deny', rule, decidedBy, defaultPosition, 'address');
    const awaits = this.#missing & NEEDS_HELLO ? 'hello' : 'response';
    // It goes so far that there is something to judge; under the terms of the rule that may let it pass.
    if (action === 'deny') return this.#make(this.#waitingToPass!.action, this.#waitingToPass, 'rule', defaultPosition, awaits);
    return this.#make(action, rule, decidedBy, defaultPosition, awaits);
  }

  #meetReport(rule: Rule, truth: Truth): void {
    if (truth === TRUE || isUnreadable(truth)) (this.#reported ??= []).push(rule);
    // Nobody is asked who they are for the sake of a note.
    else this.#missing |= truth & (NEEDS_ADDRESS | NEEDS_HELLO | NEEDS_RESPONSE);
  }

  #make(
    action: Rule['action'],
    rule: Rule | null,
    decidedBy: DecidedBy,
    defaultPosition: SourcePosition,
    awaits: Decision['awaits'],
  ): Decision {
    const { question, normalised } = this.subject;
    return {
      action: effectOf(action, question),
      rule,
      decidedBy,
      position: rule?.position ?? defaultPosition,
      question,
      awaits,
      normalisedPath: normalised?.isUsable === true ? normalised.pathAndQuery : null,
      reported: this.#reported ?? NO_RULES,
    };
  }
}

function effectOf(action: Rule['action'], question: Question): Decision['action'] {
  if (action === 'deny' || action === 'report') return 'deny';
  return question.scheme === 'tunnel' ? action : 'allow';
}

/** That it cannot be read will be so whatever the origin answers; what is known before may still rule the rule out. */
function isUnreadable(truth: Truth): boolean {
  return (truth & UNUSABLE) !== 0 && (truth & (NEEDS_IDENTITY | NEEDS_ADDRESS | NEEDS_HELLO)) === 0;
}

function unusable(truth: Truth): DecidedBy {
  if (truth & UNUSABLE_PATH) return 'unusable-path';
  if (truth & UNUSABLE_QUERY) return 'unusable-query';
  if (truth & UNUSABLE_FIELD) return 'unusable-field';
  if (truth & UNUSABLE_URL) return 'unusable-url';
  return truth & UNUSABLE_ADDRESS ? 'unusable-address' : 'unusable-type';
}

function deniedBefore(decidedBy: DecidedBy, position: SourcePosition, question: Question): Decision {
  return { action: 'deny', rule: null, decidedBy, position, question, awaits: 'nothing', normalisedPath: null, reported: NO_RULES };
}

/**
 * Whether the question keeps its type's promises. A host in another spelling would slip past every rule that names it. Lists are taken to hold what
 * their readers put into them: to look at each field would cost more than all the rest.
 */
function isUsable(question: Question): boolean {
  const { method, scheme, host, port, pathAndQuery, fields, contentLength, upgrade, address, hello, response } = question;
  if (typeof method !== 'string' || method === '' || !Number.isInteger(port) || port < 1 || port > 65535) return false;
  if (scheme === 'tunnel' ? pathAndQuery !== null : typeof pathAndQuery !== 'string' || (scheme !== 'http' && scheme !== 'https'))
    return false;
  if (!Array.isArray(fields) || !isLength(contentLength) || (upgrade !== null && typeof upgrade !== 'string')) return false;
  if (address !== null && address !== UNSEEN && (typeof address !== 'string' || parseIpAddress(address) === null)) return false;
  if (hello !== null && !isUsableGreeting(hello)) return false;
  if (response !== null && !(Array.isArray(response?.contentTypes) && isLength(response.contentLength))) return false;
  return isUsableAsker(question) && isCanonicalHost(host);
}

function isUsableAsker({ clientAddress, listener, identity, nowMs }: Question): boolean {
  if (typeof clientAddress !== 'string' || typeof listener !== 'string') return false;
  if (typeof nowMs !== 'number' || !(Math.abs(nowMs) <= MAX_TIME_MS)) return false;
  if (identity === 'nobody' || identity === 'unasked') return true;
  return typeof identity?.user === 'string' && Array.isArray(identity.groups) && typeof identity.claims === 'object';
}

function isUsableGreeting(hello: Question['hello']): boolean {
  return typeof hello?.protocol === 'string' && (hello.serverName === null || typeof hello.serverName === 'string');
}

function isLength(octets: unknown): boolean {
  return typeof octets === 'number' && octets >= 0;
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

const NEEDS_ANYTHING = NEEDS_IDENTITY | NEEDS_ADDRESS | NEEDS_HELLO | NEEDS_RESPONSE;
const UNUSABLE = UNUSABLE_PATH | UNUSABLE_QUERY | UNUSABLE_FIELD | UNUSABLE_ADDRESS | UNUSABLE_TYPE | UNUSABLE_URL;
const NO_RULES: readonly Rule[] = Object.freeze([]);
const MAX_HOST = 253;
/** A little less than a `Date` holds: in every zone it is a date. */
const MAX_TIME_MS = 8e15;
const DOT = 0x2e;
const HYPHEN = 0x2d;
const COLON = 0x3a;
const UNDERSCORE = 0x5f;
