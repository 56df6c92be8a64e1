// Owns one item of `rules`: a rule, or a file whose rules stand in its place.
// Refuses what would have no effect beside the rule's action: a message of what is allowed, limits of what is denied.
import type { ParsedNode } from 'yaml';
import type { Block } from '../match/condition.ts';
import { readCache } from './parse-cache.ts';
import { readCondition } from './parse-condition.ts';
import { INTERCEPTION_KEYS, readAcceptCertificate, readInterception } from './parse-interception.ts';
import { readLimits } from './parse-limits.ts';
import { addressBlock, BLOCK_EXPECTED, filePath, isWord, Refused, readValue, readValues, sentence } from './parse-values.ts';
import type { Include, ParsedRule } from './parsed-file.ts';
import type { Action, Denial, Rule } from './policy.ts';
import { type Entry, positionOf, readMapping, report, type Source, shown } from './yaml-source.ts';

export const ACTIONS = ['allow', 'deny', 'report', 'tunnel', 'intercept'] as const satisfies readonly Action[];
/** Beside deny and report. */
const DENIAL_KEYS = ['message', 'owner', 'request_access', 'status'] as const;
/** Beside the other actions. */
const PASSING_KEYS = ['allow_private', 'limits'] as const;
/** Beside those under which a response can be seen. */
const SEEING_KEYS = ['cache', 'dangerously_accept_certificate'] as const;
export const RULE_KEYS = [
  ...(['name', ...ACTIONS, 'include'] as const),
  ...[...DENIAL_KEYS, ...PASSING_KEYS, ...SEEING_KEYS, ...INTERCEPTION_KEYS],
] as const;

/** @returns `null`, and a problem, when nobody can say what it does */
export function readItem(source: Source, node: ParsedNode): ParsedRule | Include | null {
  const entries = readMapping(source, node, 'a rule', RULE_KEYS);
  if (entries === null) return null;
  const include = entries.get('include');
  return include === undefined ? readRule(source, node.range[0], entries) : readInclude(source, entries, include);
}

function readInclude(source: Source, entries: ReadonlyMap<string, Entry>, entry: Entry): Include | null {
  for (const [key, { offset }] of entries) {
    if (key !== 'include') report(source, offset, `${key}: not beside include; the rules of the file say for themselves what they do`);
  }
  const path = readValue(source, entry, 'include', 'the path of a file, relative to this one', filePath);
  return path === null ? null : { kind: 'include', path, position: positionOf(source, entry.offset) };
}

function readRule(source: Source, start: number, entries: ReadonlyMap<string, Entry>): ParsedRule | null {
  const action = readAction(source, start, entries);
  if (action === null) return null;
  const isDenial = action === 'deny' || action === 'report';
  reportMisplaced(source, action, entries);
  const name = readValue(source, entries.get('name'), 'name', 'a text', ruleName);
  return {
    kind: 'rule',
    rule: {
      action,
      name,
      position: positionOf(source, start),
      denial: isDenial ? readDenial(source, entries) : null,
      allowPrivate: isDenial ? 'none' : readAllowPrivate(source, entries.get('allow_private')),
      limits: isDenial ? null : readLimits(source, entries.get('limits'), entries.has('name')),
      cache: mayHave(action, 'cache') ? readCache(source, entries.get('cache')) : null,
      interception: action === 'intercept' ? readInterception(source, entries) : null,
      acceptCertificate: mayHave(action, ACCEPT) ? readAcceptCertificate(source, entries.get(ACCEPT)) : null,
    },
    condition: readCondition(source, entries.get(action)!, action, 0, ['name', ...keysBeside(action)]),
    allowPrivatePosition: positionOf(source, entries.get('allow_private')?.offset ?? start),
    limitsPosition: positionOf(source, entries.get('limits')?.offset ?? start),
    acceptPosition: positionOf(source, entries.get(ACCEPT)?.offset ?? start),
  };
}

function readAction(source: Source, start: number, entries: ReadonlyMap<string, Entry>): Action | null {
  const given = ACTIONS.filter((action) => entries.has(action)).sort((a, b) => entries.get(a)!.offset - entries.get(b)!.offset);
  const [action, second] = given;
  if (action === undefined) {
    report(source, start, `a rule needs 'allow:' or 'deny:' with what it matches, such as 'deny: { host: .ads.example }'`);
    return null;
  }
  if (second === undefined) return action;
  report(source, entries.get(second)!.offset, `a rule has either ${action} or ${second}, not both; make it two rules`);
  return null;
}

/** Keys that stand beside this action. */
export function keysBeside(action: Action): readonly EffectKey[] {
  if (action === 'deny' || action === 'report') return DENIAL_KEYS;
  if (action === 'tunnel') return PASSING_KEYS;
  return action === 'allow' ? [...PASSING_KEYS, ...SEEING_KEYS] : [...PASSING_KEYS, ...SEEING_KEYS, ...INTERCEPTION_KEYS];
}

function mayHave(action: Action, key: EffectKey): boolean {
  return keysBeside(action).includes(key);
}

function reportMisplaced(source: Source, action: Action, entries: ReadonlyMap<string, Entry>): void {
  for (const key of EFFECT_KEYS) {
    const entry = entries.get(key);
    if (entry !== undefined && !mayHave(action, key)) report(source, entry.offset, `${key}: not beside ${action}; ${MISPLACED[key]}`);
  }
}

function readDenial(source: Source, entries: ReadonlyMap<string, Entry>): Denial {
  return {
    status: readValue(source, entries.get('status'), 'status', 'a status such as 403', denialStatus) ?? 403,
    message: readValue(source, entries.get('message'), 'message', 'a text', sentence(500)),
    owner: readValue(source, entries.get('owner'), 'owner', 'a text', sentence(200)),
    requestAccess: readValue(source, entries.get('request_access'), 'request_access', 'an http, https or mailto URL', requestAccessUrl),
  };
}

function readAllowPrivate(source: Source, entry: Entry | undefined): Rule['allowPrivate'] {
  if (entry === undefined || isWord(entry, 'false')) return 'none';
  if (isWord(entry, 'true')) return 'private';
  return readValues(source, entry, 'allow_private', `true, false or ${BLOCK_EXPECTED}`, addressBlock).map(({ text }: Block) => text);
}

function ruleName(text: string): string | Refused {
  return text === 'default' ? new Refused(`'default' stands for what no rule decides; choose another name`) : sentence(100)(text);
}

/** A client would take 401 and 407 for a question. */
function denialStatus(text: string): number | Refused {
  const status = /^[45]\d\d$/.test(text) ? Number(text) : 0;
  if (status === 401 || status === 407)
    return new Refused(`${status} asks for credentials; to be asked for, a rule names a user or a group`);
  return status === 0 ? new Refused(`expected a status from 400 to 599; found ${shown(text)}`) : status;
}

function requestAccessUrl(text: string): string | Refused {
  const url = URL.parse(text);
  if (url === null || !/^(?:https?|mailto):$/.test(url.protocol))
    return new Refused(`expected an http, https or mailto URL such as https://corp.example/ask; found ${shown(text)}`);
  if (url.username !== '' || url.password !== '')
    return new Refused('the URL has user information in it, which everybody who is denied would read');
  return url.href.length <= MOST_URL ? url.href : new Refused(`the URL is ${url.href.length} characters long; at most ${MOST_URL} fit`);
}

type EffectKey = (typeof EFFECT_KEYS)[number];

const EFFECT_KEYS = [...DENIAL_KEYS, ...PASSING_KEYS, ...SEEING_KEYS, ...INTERCEPTION_KEYS] as const;
const MISPLACED: Readonly<Record<EffectKey, string>> = {
  message: 'it is what the person who is refused reads',
  owner: 'it is whom the person who is refused may ask',
  request_access: 'it is where the person who is refused may ask',
  status: 'it is what a request that is refused is answered with',
  allow_private: 'a rule that denies lets nothing pass',
  limits: 'a rule that denies lets nothing pass',
  cache: 'no answer that could be stored is seen under it',
  dangerously_accept_certificate: 'no certificate of an origin is looked at under it',
  on_pinned: 'it does not open TLS',
  passthrough_for: 'it does not open TLS',
  inspect: `it does not open TLS; 'intercept' does`,
};
const ACCEPT = 'dangerously_accept_certificate';
const MOST_URL = 500;
