// Owns finding, for one question, the few rules that could match it among thousands. A rule is filed under keys that its condition implies (rule-keys.ts):
// hosts, users, groups, client blocks, ports, methods, or literals in a text; whatever matches the condition meets one of them. A rule without such keys
// is always a candidate.
// The index adds nothing to the meaning: every candidate is judged in full, in the policy's order, and a property test holds it against a plain scan.
import type { Condition } from '../match/condition.ts';
import { createHostIndex, fileUnderHosts, type HostIndex, visitHost } from '../match/host-index.ts';
import { parseClient, type Subject } from '../match/subject.ts';
import type { IpAddress } from '../net/ip-address.ts';
import { asksPathAlone, type Key, keysOf, type TextKey } from './rule-keys.ts';
import { buildTextRules, dropLowest, lowestMet, meetHostAndUser, meetPath, type TextRule, type TextRules } from './text-rules.ts';

/** Numbers of rules, each list ascending. */
export interface RuleIndex extends Filed {
  readonly byText: TextRules;
  /** The first rule that asks for the path alone; above every number when there is none. */
  readonly firstPathRule: number;
}

interface Filed {
  readonly byHost: HostIndex;
  readonly byUser: Map<string, number[]>;
  readonly byGroup: Map<string, number[]>;
  /** By an IPv4 block: its first address times 64 plus its length. */
  readonly byClient: Map<number, number[]>;
  readonly clientLengths: Set<number>;
  readonly byPort: Map<number, number[]>;
  readonly byMethod: Map<string, number[]>;
  /** Filed under a user or group: candidates for those of whom nobody has said yet who they are. */
  readonly ofSomebody: number[];
  readonly always: number[];
}

/** @param conditions of the rules, in the policy's order */
export function buildRuleIndex(conditions: readonly Condition[]): RuleIndex {
  const filed: Filed = {
    byHost: createHostIndex(),
    byUser: new Map(),
    byGroup: new Map(),
    byClient: new Map(),
    clientLengths: new Set(),
    byPort: new Map(),
    byMethod: new Map(),
    ofSomebody: [],
    always: [],
  };
  const textRules: TextRule[] = [];
  let firstPathRule = NONE;
  for (const [number, condition] of conditions.entries()) {
    const isPathAlone = asksPathAlone(condition);
    const keys = keysOf(condition, firstPathRule !== NONE);
    if (isPathAlone && firstPathRule === NONE) firstPathRule = number;
    if (keys === null) filed.always.push(number);
    else for (const key of keys) fileUnder(filed, key, number);
    const textKeys = keys?.filter(isTextKey) ?? [];
    if (textKeys.length > 0) textRules.push({ number, keys: textKeys, asksPathAlone: isPathAlone });
  }
  return { ...filed, byText: buildTextRules(textRules), firstPathRule };
}

/**
 * Begins a walk over the candidates in ascending order; `nextCandidate` goes on with it. One walk at a time: they share their memory, since there is
 * one for every request and nothing waits in it.
 */
export function startCandidates(index: RuleIndex, subject: Subject): void {
  const { question } = subject;
  alwaysPosition = 0;
  walkLength = 0;
  visitHost(index.byHost, question.host, undefined, addList);
  const { identity } = question;
  if (typeof identity === 'object') {
    add(index.byUser.get(identity.user));
    if (index.byGroup.size > 0) for (const group of identity.groups) add(index.byGroup.get(group));
  } else if (identity === 'unasked') add(index.ofSomebody);
  if (index.clientLengths.size > 0) addClient(index, question.clientAddress);
  if (index.byPort.size > 0) add(index.byPort.get(question.port));
  if (index.byMethod.size > 0) add(index.byMethod.get(question.method));
  nextFiled = lowestFiled();
  nextMet = NONE;
  if (index.byText.numbers.length === 0) return;
  meetHostAndUser(index.byText, subject);
  nextMet = lowestMet(index.byText, NONE);
}

/** The lowest candidate that has not been given yet, which the caller judges; -1 at the end. */
export function nextCandidate(index: RuleIndex, subject: Subject): number {
  const next = index.always[alwaysPosition];
  // What is always a candidate is filed nowhere else.
  if (next !== undefined && next < nextFiled && next < nextMet) {
    alwaysPosition += 1;
    if (next === index.firstPathRule) {
      meetPath(index.byText, subject);
      nextMet = lowestMet(index.byText, NONE);
    }
    return next;
  }
  const given = nextFiled < nextMet ? nextFiled : nextMet;
  if (given === NONE) return -1;
  // A rule may be filed under several keys that hold.
  if (given === nextMet) {
    dropLowest(index.byText);
    nextMet = lowestMet(index.byText, NONE);
  }
  if (given === nextFiled) {
    for (let i = 0; i < walkLength; i += 1) if (lists[i]![positions[i]!] === given) positions[i]! += 1;
    nextFiled = lowestFiled();
  }
  return given;
}

function lowestFiled(): number {
  let lowest = NONE;
  for (let i = 0; i < walkLength; i += 1) {
    const value = lists[i]![positions[i]!];
    if (value !== undefined && value < lowest) lowest = value;
  }
  return lowest;
}

function addClient(index: Filed, clientAddress: string): void {
  const ip = parseClient(clientAddress);
  if (ip === null || ip.version !== 4) return;
  const number = ipv4Number(ip);
  for (const length of index.clientLengths) add(index.byClient.get(blockKey(number, length)));
}

function addList(_context: undefined, list: readonly number[]): void {
  add(list);
}

function add(list: readonly number[] | undefined): void {
  if (list === undefined || list.length === 0) return;
  lists[walkLength] = list;
  positions[walkLength] = 0;
  walkLength += 1;
}

function fileUnder(index: Filed, key: Key, number: number): void {
  switch (key.kind) {
    case 'hosts':
      fileUnderHosts(index.byHost, key.patterns, number);
      return;
    case 'users':
    case 'groups':
      for (const name of key.names) append(key.kind === 'users' ? index.byUser : index.byGroup, name, number);
      fileUnderSomebody(index, number);
      return;
    case 'user-text':
      fileUnderSomebody(index, number);
      return;
    case 'host-text':
    case 'path-text':
      return;
    case 'methods':
      for (const name of key.names) append(index.byMethod, name, number);
      return;
    case 'clients':
      for (const { cidr } of key.blocks) {
        index.clientLengths.add(cidr.prefixLength);
        append(index.byClient, blockKey(ipv4Number(cidr.address), cidr.prefixLength), number);
      }
      return;
    case 'ports':
      for (const { from, to } of key.ranges) for (let port = from; port <= to; port += 1) append(index.byPort, port, number);
      return;
    default:
      key satisfies never;
  }
}

function fileUnderSomebody({ ofSomebody }: Filed, number: number): void {
  if (ofSomebody.at(-1) !== number) ofSomebody.push(number);
}

function isTextKey(key: Key): key is TextKey {
  return key.kind === 'host-text' || key.kind === 'user-text' || key.kind === 'path-text';
}

function append<K>(map: Map<K, number[]>, name: K, number: number): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [number]);
  else if (list.at(-1) !== number) list.push(number);
}

function ipv4Number({ bytes }: IpAddress): number {
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}

function blockKey(address: number, prefixLength: number): number {
  const first = prefixLength === 0 ? 0 : (address & (0xffffffff << (32 - prefixLength))) >>> 0;
  return first * 64 + prefixLength;
}

/** Above every number of a rule. */
const NONE = 0x7fffffff;

// The walk: the lists that the question meets, how far each has been gone through, and the lowest number that is next in any of them, and of those met
// by a text.
const lists: (readonly number[])[] = [];
const positions: number[] = [];
let walkLength = 0;
let nextFiled = NONE;
let nextMet = NONE;
let alwaysPosition = 0;
