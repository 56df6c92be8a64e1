// Questions and policies for tests of the core: values as the proxy makes them, with what a test is about put in, and conditions in short.
import type { Field } from '../../src/http/message.ts';
import type { Block, Condition, GroupUse, List, ListUse, NamedGlobs, SizeBound } from '../../src/match/condition.ts';
import { glob } from '../../src/match/glob.ts';
import type { HostPattern } from '../../src/match/host-pattern.ts';
import type { GreetingFacts, Identity, Question } from '../../src/match/question.ts';
import { regex } from '../../src/match/regex.ts';
import type { TimeWindow } from '../../src/match/time-window.ts';
import { parseCidr } from '../../src/net/ip-address.ts';
import { type CompiledPolicy, compilePolicy } from '../../src/policy/compile.ts';
import type { Action, Policy, Rule } from '../../src/policy/policy.ts';
import { formatProblem } from '../../src/policy/yaml-source.ts';
import { parsePolicy } from './parse-policy.ts';

/** `GET http://a.test/` from this machine, with other members as given. */
export function question(members: Partial<Question> = {}): Question {
  return { ...GET, ...members };
}

/** `CONNECT a.test:443` from this machine, with other members as given. */
export function connectQuestion(members: Partial<Question> = {}): Question {
  return { ...GET, method: 'CONNECT', scheme: 'tunnel', port: 443, pathAndQuery: null, ...members };
}

/** @param request `GET http://host:port/path`, or `CONNECT host:port`; the host in canonical form, IPv6 in brackets */
export function questionFor(request: string, members: Partial<Question> = {}): Question {
  const match = /^(\S+) (?:(https?):\/\/)?\[?([^[\]/]+?)\]?(?::(\d+))?(\/.*)?$/.exec(request);
  if (match === null) throw new Error(`not a request: ${request}`);
  const [, method, scheme, host, port, pathAndQuery] = match;
  if (scheme === undefined) return connectQuestion({ host: host!, port: Number(port), ...members });
  const isHttp = scheme === 'http';
  return question({
    method: method!,
    scheme: isHttp ? 'http' : 'https',
    host: host!,
    port: Number(port ?? (isHttp ? 80 : 443)),
    pathAndQuery: pathAndQuery ?? '/',
    ...members,
  });
}

export function identity(user: string, members: Partial<Identity> = {}): Identity {
  return { user, groups: [], claims: null, ...members };
}

export function fieldsOf(...lines: readonly (readonly [name: string, value: string])[]): readonly Field[] {
  return lines.map(([name, value]) => ({ name, value }));
}

export function rule(action: Action, condition: Condition, members: Partial<Rule> = {}): Rule {
  const denial = { status: 403, message: null, owner: null, requestAccess: null };
  return {
    action,
    name: null,
    condition,
    position: { ...START, line: 0 },
    denial: action === 'deny' || action === 'report' ? denial : null,
    allowPrivate: 'none',
    limits: null,
    cache: null,
    interception: action === 'intercept' ? { onPinned: 'refuse', passthroughSeconds: 3_600, isRequired: false } : null,
    acceptCertificate: null,
    ...members,
  };
}

/** Rules stand on the lines from 2 on; `default` is said on line 1. */
export function policy(defaultAction: 'allow' | 'deny', rules: readonly Rule[], members: Partial<Policy> = {}): Policy {
  return {
    file: START.file,
    files: [START.file],
    defaultAction,
    defaultPosition: START,
    connectPorts: [{ from: 443, to: 443 }],
    connectPortsPosition: START,
    anyMethod: false,
    rules: rules.map((one, index) => ({ ...one, position: { ...one.position, line: index + 2 } })),
    tests: [],
    ...members,
  };
}

export function compiled(defaultAction: 'allow' | 'deny', rules: readonly Rule[], members: Partial<Policy> = {}): CompiledPolicy {
  return compilePolicy(policy(defaultAction, rules, members));
}

/** A policy as its author writes it, on its own: without lists and includes. */
export function compiledYaml(text: string): CompiledPolicy {
  const parsed = parsePolicy(text, START.file);
  if ('problems' in parsed) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return compilePolicy(parsed.policy);
}

export const anything: Condition = { kind: 'all', of: [] };

export function all(...of: readonly Condition[]): Condition {
  return { kind: 'all', of };
}

export function any(...of: readonly Condition[]): Condition {
  return { kind: 'any', of };
}

export function not(of: Condition): Condition {
  return { kind: 'not', of };
}

export function group(name: string, condition: Condition): GroupUse {
  return { kind: 'group-use', name, condition };
}

/** @param patterns `a.test`, `.a.test` or `*.a.test` */
export function host(...patterns: readonly string[]): Condition {
  return { kind: 'host', patterns: patterns.map(hostPattern) };
}

export function hostRegex(...patterns: readonly string[]): Condition {
  return { kind: 'host_regex', patterns: patterns.map(regex) };
}

export function domain(...names: readonly string[]): Condition {
  return { kind: 'domain', names };
}

export function port(...ports: readonly number[]): Condition {
  return { kind: 'port', ranges: ports.map((one) => ({ from: one, to: one })) };
}

export function portRange(from: number, to: number): Condition {
  return { kind: 'port', ranges: [{ from, to }] };
}

export function scheme(...schemes: readonly Question['scheme'][]): Condition {
  return { kind: 'scheme', schemes };
}

export function method(...methods: readonly string[]): Condition {
  return { kind: 'method', methods };
}

export function path(...globs: readonly string[]): Condition {
  return { kind: 'path', globs: globs.map(glob) };
}

export function pathRegex(...patterns: readonly string[]): Condition {
  return { kind: 'path_regex', patterns: patterns.map(regex) };
}

export function query(parameters: Readonly<Record<string, readonly string[]>>): Condition {
  return { kind: 'query', parameters: namedGlobs(parameters) };
}

export function field(fields: Readonly<Record<string, readonly string[]>>): Condition {
  return { kind: 'field', fields: namedGlobs(fields) };
}

export function user(...globs: readonly string[]): Condition {
  return { kind: 'user', globs: globs.map(glob) };
}

export function member(...names: readonly string[]): Condition {
  return { kind: 'group', names };
}

export function claim(claims: Readonly<Record<string, readonly string[]>>): Condition {
  return { kind: 'claim', claims: namedGlobs(claims) };
}

export function client(...blocks: readonly string[]): Condition {
  return { kind: 'client', blocks: blocks.map(block) };
}

export function address(...blocks: readonly string[]): Condition {
  return { kind: 'address', blocks: blocks.map(block) };
}

export function over(bytes: number): SizeBound {
  return { relation: 'over', bytes, text: `${bytes}B` };
}

export function under(bytes: number): SizeBound {
  return { relation: 'under', bytes, text: `${bytes}B` };
}

export function requestSize(...bounds: readonly SizeBound[]): Condition {
  return { kind: 'request_size', bounds };
}

export function responseSize(...bounds: readonly SizeBound[]): Condition {
  return { kind: 'response_size', bounds };
}

export function responseType(...types: readonly string[]): Condition {
  return { kind: 'response_type', types: types.map(glob) };
}

export function upgrade(...protocols: readonly string[]): Condition {
  return { kind: 'upgrade', protocols };
}

export function sni(...patterns: readonly string[]): Condition {
  return { kind: 'sni', patterns: patterns.map(hostPattern) };
}

export function sniAgrees(agrees: boolean): Condition {
  return { kind: 'sni_agrees', agrees };
}

export function tunnelProtocol(...protocols: readonly GreetingFacts['protocol'][]): Condition {
  return { kind: 'tunnel_protocol', protocols };
}

export function listener(...names: readonly string[]): Condition {
  return { kind: 'listener', names };
}

export function time(window: TimeWindow): Condition {
  return { kind: 'time', window };
}

export function inList(name: string, list: List, of: ListUse['of'] = 'destination'): ListUse {
  return { kind: 'list-use', name, of, list };
}

/** A list of hosts, exactly these. */
export function hostList(...names: readonly string[]): List {
  return { kind: 'domains', matchesHost: (name) => names.includes(name), describeMatch: (name) => `host ${name} is listed` };
}

/** A list of addresses, exactly these. */
export function addressList(...texts: readonly string[]): List {
  return { kind: 'addresses', matchesAddress: (text) => texts.includes(text), describeMatch: (text) => `address ${text} is listed` };
}

/** A list of whole requests: those with this in their path and query. With more characters than that, it cannot be asked. */
export function requestList(part: string, mostCharacters = Number.POSITIVE_INFINITY): List {
  return {
    kind: 'requests',
    matchesRequest: ({ pathAndQuery }) => ((pathAndQuery ?? '').length > mostCharacters ? null : (pathAndQuery?.includes(part) ?? false)),
    describeMatch: () => `the request has ${part}`,
  };
}

export function hostPattern(text: string): HostPattern {
  if (text.startsWith('*.')) return { kind: 'one-label', name: text.slice(2) };
  return text.startsWith('.') ? { kind: 'below', name: text.slice(1) } : { kind: 'exact', name: text };
}

export function block(text: string): Block {
  const cidr = parseCidr(text);
  if (cidr === null) throw new Error(`not a block: ${text}`);
  return { text, cidr };
}

function namedGlobs(values: Readonly<Record<string, readonly string[]>>): readonly NamedGlobs[] {
  return Object.entries(values).map(([name, texts]) => ({ name, globs: texts.map(glob) }));
}

const START = { file: 'p.yaml', line: 1, column: 1 };

const GET: Question = {
  method: 'GET',
  scheme: 'http',
  host: 'a.test',
  port: 80,
  pathAndQuery: '/',
  fields: [],
  contentLength: 0,
  upgrade: null,
  clientAddress: '127.0.0.1',
  listener: 'http',
  identity: 'nobody',
  address: null,
  hello: null,
  response: null,
  nowMs: Date.parse('2026-11-23T08:30:00Z'),
};
