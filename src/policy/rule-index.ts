// Owns finding, for one question, the few rules that could match it among thousands. A rule is filed under keys that its condition implies: hosts,
// users, groups, client blocks, ports or methods; whatever matches the condition meets one of them. A rule without such keys is always a candidate.
// The index adds nothing to the meaning: every candidate is judged in full, in the policy's order, and a property test holds it against a plain scan.
import type { Block, Condition, Criterion, PortRange } from '../match/condition.ts';
import { createHostIndex, fileUnderHosts, type HostIndex, visitHost } from '../match/host-index.ts';
import type { HostPattern } from '../match/host-pattern.ts';
import { parseClient } from '../match/judge.ts';
import type { Question } from '../match/question.ts';
import type { IpAddress } from '../net/ip-address.ts';

/** Numbers of rules, each list ascending. */
export interface RuleIndex {
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

export function createRuleIndex(): RuleIndex {
  return {
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
}

/** @param number greater than every number filed before */
export function fileRule(index: RuleIndex, condition: Condition, number: number): void {
  const keys = keysOf(condition);
  if (keys === null) index.always.push(number);
  else for (const key of keys) fileUnder(index, key, number);
}

/**
 * Begins a walk over the candidates in ascending order; `nextCandidate` goes on with it. One walk at a time: they share their memory, since there is
 * one for every request and nothing waits in it.
 */
export function startCandidates(index: RuleIndex, question: Question): void {
  always = index.always;
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
}

/** The lowest candidate that has not been given yet; -1 at the end. */
export function nextCandidate(): number {
  const next = always[alwaysPosition];
  // What is always a candidate is filed nowhere else.
  if (next !== undefined && next < nextFiled) {
    alwaysPosition += 1;
    return next;
  }
  if (nextFiled === NONE) return -1;
  const given = nextFiled;
  // A rule may be filed under several keys that hold.
  for (let i = 0; i < walkLength; i += 1) if (lists[i]![positions[i]!] === given) positions[i]! += 1;
  nextFiled = lowestFiled();
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

function addClient(index: RuleIndex, clientAddress: string): void {
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

type Key =
  | { readonly kind: 'hosts'; readonly patterns: readonly HostPattern[] }
  | { readonly kind: 'users' | 'groups' | 'methods'; readonly names: readonly string[] }
  | { readonly kind: 'clients'; readonly blocks: readonly Block[] }
  | { readonly kind: 'ports'; readonly ranges: readonly PortRange[] };

/** Keys of which one holds whenever the condition does; `null` when there are none such. */
function keysOf(condition: Condition): readonly Key[] | null {
  switch (condition.kind) {
    case 'all': {
      const choices = condition.of.map(keysOf).filter((keys) => keys !== null);
      return choices.reduce<readonly Key[] | null>((best, keys) => (best === null || worth(keys) > worth(best) ? keys : best), null);
    }
    case 'any': {
      const each = condition.of.map(keysOf);
      return each.every((keys) => keys !== null) ? each.flat() : null;
    }
    case 'not':
    case 'list-use':
      return null;
    case 'group-use':
      return keysOf(condition.condition);
    default:
      return keysOfCriterion(condition);
  }
}

function keysOfCriterion(criterion: Criterion): readonly Key[] | null {
  switch (criterion.kind) {
    case 'host':
      return [{ kind: 'hosts', patterns: criterion.patterns }];
    case 'domain':
      return [{ kind: 'hosts', patterns: criterion.names.map((name) => ({ kind: 'below', name })) }];
    case 'user':
      if (criterion.globs.some(({ pieces }) => pieces.length > 1)) return null;
      return [{ kind: 'users', names: criterion.globs.map(({ text }) => text) }];
    case 'group':
      return [{ kind: 'groups', names: criterion.names }];
    case 'client':
      return criterion.blocks.every(({ cidr }) => cidr.address.version === 4) ? [{ kind: 'clients', blocks: criterion.blocks }] : null;
    case 'port': {
      const ports = criterion.ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
      return ports <= MOST_PORTS ? [{ kind: 'ports', ranges: criterion.ranges }] : null;
    }
    case 'method':
      return [{ kind: 'methods', names: criterion.methods }];
    default:
      return null;
  }
}

/** How well keys single a rule out: as the worst of them does. */
function worth(keys: readonly Key[]): number {
  return Math.min(...keys.map(({ kind }) => WORTH[kind]));
}

function fileUnder(index: RuleIndex, key: Key, number: number): void {
  switch (key.kind) {
    case 'hosts':
      fileUnderHosts(index.byHost, key.patterns, number);
      return;
    case 'users':
    case 'groups':
      for (const name of key.names) append(key.kind === 'users' ? index.byUser : index.byGroup, name, number);
      if (index.ofSomebody.at(-1) !== number) index.ofSomebody.push(number);
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

const WORTH: Readonly<Record<Key['kind'], number>> = { hosts: 6, users: 5, groups: 4, clients: 3, ports: 2, methods: 1 };
/** A wider range of ports singles nothing out. */
const MOST_PORTS = 64;

/** Above every number of a rule. */
const NONE = 0x7fffffff;

// The walk: the lists that the question meets, how far each has been gone through, and the lowest number that is next in any of them.
const lists: (readonly number[])[] = [];
const positions: number[] = [];
let walkLength = 0;
let nextFiled = NONE;
let always: readonly number[] = [];
let alwaysPosition = 0;
