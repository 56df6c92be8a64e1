// Owns whether a condition holds: true, false, or not known yet. What is not known stays so through `not`, `any` and `all` (Kleene's strong logic), so
// a condition that cannot be judged never lets anything pass by being turned round. The bits of an unknown say what is missing.
// A condition is made into a function when a policy is compiled, so that a decision asks for no kind and searches no list of names. It never throws and
// looks at nothing but the question; what costs something is worked out when the first criterion asks for it, and kept.
import { fieldValues, isNamed } from '../http/fields.ts';
import { mediaType } from '../http/media-type.ts';
import type { Fields } from '../http/message.ts';
import { type NormalisedPath, normalisePath } from '../http/path.ts';
import { cidrContains, embeddedIpv4, type IpAddress, parseIpAddress, unmapped } from '../net/ip-address.ts';
import { buildAddressSet, hasAddress } from './address-set.ts';
import { claimValues } from './claims.ts';
import type { Block, Condition, Criterion, List, ListUse, NamedGlobs, PortRange, SizeBound } from './condition.ts';
import { type Glob, matchesAnyGlob } from './glob.ts';
import { createHostIndex, fileUnderHosts, isFiled } from './host-index.ts';
import { type HostPattern, matchesHost } from './host-pattern.ts';
import { registrableDomain } from './public-suffix.ts';
import { parameterValues } from './query.ts';
import { type GreetingFacts, type Identity, type Question, UNSEEN } from './question.ts';
import type { Regex } from './regex.ts';
import { isWithin } from './time-window.ts';

/** FALSE, TRUE, or the sum of the reasons why it is neither. */
export type Truth = number;
export const FALSE = 0;
export const TRUE = 1;
/** Who asks could still be found out. */
export const NEEDS_IDENTITY = 2;
/** The name has not been resolved. */
export const NEEDS_ADDRESS = 4;
/** The origin has not answered. */
export const NEEDS_RESPONSE = 8;
/** Nobody here will ever see it: it is inside a tunnel, or behind a parent proxy. */
export const HIDDEN = 16;
/** There is a value, and no single reading of it. */
export const UNUSABLE_PATH = 32;
export const UNUSABLE_QUERY = 64;
export const UNUSABLE_FIELD = 128;
export const UNUSABLE_TYPE = 256;
/** `Subject.isPathShut`: whether the path matters is to be found out before it is looked at. */
export const PATH_IS_SHUT = 512;
export const UNUSABLE_ADDRESS = 1024;
/** The client has not begun to speak inside its tunnel. */
export const NEEDS_HELLO = 2048;
/** It has too many parts for a list. */
export const UNUSABLE_URL = 4096;

/** A question under judgement, with what was worked out about it. */
export interface Subject {
  readonly question: Question;
  /** While set, path criteria answer PATH_IS_SHUT. */
  isPathShut: boolean;
  normalised: NormalisedPath | null;
  address: IpAddress | null;
  domain: string | null | undefined;
}

export function createSubject(question: Question): Subject {
  return { question, isPathShut: false, normalised: null, address: null, domain: undefined };
}

/** A condition as a function. @throws never */
export type Judgement = (subject: Subject) => Truth;

/** Made once for a condition, however many rules use it. */
export function judgementOf(condition: Condition): Judgement {
  let judgement = JUDGEMENTS.get(condition);
  if (judgement === undefined) {
    judgement = makeJudgement(condition);
    JUDGEMENTS.set(condition, judgement);
  }
  return judgement;
}

/** @throws never */
export function judge(condition: Condition, subject: Subject): Truth {
  return judgementOf(condition)(subject);
}

/** The path in normal form; `null` inside a tunnel. */
export function lookAtPath(subject: Subject): NormalisedPath | null {
  const { pathAndQuery } = subject.question;
  if (subject.normalised === null && pathAndQuery !== null) subject.normalised = normalisePath(pathAndQuery);
  return subject.normalised;
}

/** The registrable domain of the host, worked out once. */
export function domainOf(subject: Subject): string | null {
  if (subject.domain === undefined) subject.domain = registrableDomain(subject.question.host);
  return subject.domain;
}

/**
 * The question as a list of requests that holds it does: as it came, or with its path in normal form. Such lists are made to block, of addresses as
 * browsers show them, so another spelling of the path is no way past them, and the path is sent as it came.
 */
export function listedReading(list: List & { kind: 'requests' }, question: Question): Question {
  return list.matchesRequest(question) === false ? (withNormalPath(question) ?? question) : question;
}

export function isInRanges(ranges: readonly PortRange[], port: number): boolean {
  for (const range of ranges) if (port >= range.from && port <= range.to) return true;
  return false;
}

function makeJudgement(condition: Condition): Judgement {
  switch (condition.kind) {
    case 'all':
      return allHold(condition.of.map(judgementOf));
    case 'any':
      return anyHolds(condition.of.map(judgementOf));
    case 'not':
      return isNot(judgementOf(condition.of));
    case 'group-use':
      return judgementOf(condition.condition);
    case 'list-use':
      return isListed(condition);
    default:
      return criterionHolds(condition);
  }
}

function allHold(parts: readonly Judgement[]): Judgement {
  if (parts.length === 1) return parts[0]!;
  return (subject) => {
    let missing = 0;
    for (let i = 0; i < parts.length; i += 1) {
      const truth = parts[i]!(subject);
      if (truth === FALSE) return FALSE;
      if (truth !== TRUE) missing |= truth;
    }
    return missing === 0 ? TRUE : missing;
  };
}

function anyHolds(parts: readonly Judgement[]): Judgement {
  return (subject) => {
    let missing = 0;
    for (let i = 0; i < parts.length; i += 1) {
      const truth = parts[i]!(subject);
      if (truth === TRUE) return TRUE;
      missing |= truth;
    }
    return missing;
  };
}

function isNot(part: Judgement): Judgement {
  return (subject) => {
    const truth = part(subject);
    return truth === TRUE ? FALSE : truth === FALSE ? TRUE : truth;
  };
}

function isListed({ list, of }: ListUse): Judgement {
  switch (list.kind) {
    case 'domains':
      return ({ question }) => truthOf(list.matchesHost(question.host));
    case 'addresses':
      if (of === 'client') return ({ question }) => truthOf(list.matchesAddress(question.clientAddress));
      return (subject) => judgeAddress(subject, ({ text }) => list.matchesAddress(text));
    case 'requests':
      return ({ question }) => judgeRequest(list, question);
    default:
      return list satisfies never;
  }
}

function judgeRequest(list: List & { kind: 'requests' }, question: Question): Truth {
  let isHeld = list.matchesRequest(question);
  const other = isHeld === false ? withNormalPath(question) : null;
  if (other !== null) isHeld = list.matchesRequest(other);
  if (isHeld === null) return UNUSABLE_URL;
  if (isHeld) return TRUE;
  return question.pathAndQuery === null ? HIDDEN : FALSE;
}

/** `null` when it has no path, or has it already. */
function withNormalPath(question: Question): Question | null {
  if (question.pathAndQuery === null) return null;
  const { pathAndQuery } = normalisePath(question.pathAndQuery);
  return pathAndQuery === question.pathAndQuery ? null : { ...question, pathAndQuery };
}

function criterionHolds(criterion: Criterion): Judgement {
  switch (criterion.kind) {
    case 'host':
      return hostHolds(matchesAnyHost(criterion.patterns));
    case 'host_regex':
      return ({ question }) => truthOf(matchesAnyRegex(criterion.patterns, question.host));
    case 'domain': {
      const names = new Set<string | null>(criterion.names);
      return (subject) => truthOf(names.has(domainOf(subject)));
    }
    case 'address': {
      const holds = isInBlocks(criterion.blocks);
      return (subject) => judgeAddress(subject, holds);
    }
    case 'port':
      return ({ question }) => truthOf(isInRanges(criterion.ranges, question.port));
    case 'scheme':
      return ({ question }) => truthOf(criterion.schemes.includes(question.scheme));
    case 'method':
      return ({ question }) => truthOf(criterion.methods.includes(question.method));
    case 'path':
      return pathHolds((path) => matchesAnyGlob(criterion.globs, path));
    case 'path_regex':
      return pathHolds((path) => matchesAnyRegex(criterion.patterns, path));
    case 'query':
      return ({ question: { pathAndQuery } }) => (pathAndQuery === null ? HIDDEN : judgeQuery(criterion.parameters, pathAndQuery));
    case 'field':
      return ({ question }) => judgeFields(criterion.fields, question);
    case 'request_size':
      return ({ question }) => (question.scheme === 'tunnel' ? HIDDEN : truthOf(isWithinBounds(criterion.bounds, question.contentLength)));
    case 'response_type':
      return ({ question }) => judgeResponseType(criterion.types, question);
    case 'response_size':
      return ({ question }) => judgeResponseSize(criterion.bounds, question);
    case 'sni': {
      const holds = matchesAnyHost(criterion.patterns);
      return ofGreeting(({ serverName }) => serverName !== null && holds(serverName));
    }
    case 'sni_agrees':
      return ofGreeting((hello, { host }) => agrees(hello, host) === criterion.agrees);
    case 'tunnel_protocol':
      return ofGreeting(({ protocol }) => criterion.protocols.includes(protocol));
    case 'upgrade':
      return ({ question: { scheme, upgrade } }) =>
        scheme === 'tunnel' ? HIDDEN : truthOf(upgrade !== null && criterion.protocols.includes(upgrade));
    case 'user': {
      const fits = fitsAnyOf(criterion.globs);
      return ofIdentity(({ user }) => fits(user));
    }
    case 'group': {
      const names = new Set(criterion.names);
      return ofIdentity(({ groups }) => groups.some((name) => names.has(name)));
    }
    case 'claim':
      return ofIdentity(({ claims }) => criterion.claims.every((claim) => hasClaim(claims, claim)));
    case 'client': {
      const holds = isInBlocks(criterion.blocks);
      return ({ question }) => truthOf(holds(parseClient(question.clientAddress)));
    }
    case 'listener':
      return ({ question }) => truthOf(criterion.names.includes(question.listener));
    case 'time':
      return ({ question }) => truthOf(isWithin(criterion.window, question.nowMs));
    default:
      return criterion satisfies never;
  }
}

function matchesAnyHost(patterns: readonly HostPattern[]): (host: string) => boolean {
  if (patterns.length > FEW) {
    const index = createHostIndex();
    fileUnderHosts(index, patterns, 0);
    return (host) => isFiled(index, host);
  }
  return (host) => {
    for (let i = 0; i < patterns.length; i += 1) if (matchesHost(patterns[i]!, host)) return true;
    return false;
  };
}

function hostHolds(holds: (host: string) => boolean): Judgement {
  return ({ question }) => truthOf(holds(question.host));
}

function pathHolds(holds: (path: string) => boolean): Judgement {
  return (subject) => {
    if (subject.question.pathAndQuery === null) return HIDDEN;
    if (subject.isPathShut) return PATH_IS_SHUT;
    const normalised = lookAtPath(subject)!;
    return normalised.isUsable ? truthOf(holds(normalised.path)) : UNUSABLE_PATH;
  };
}

function ofIdentity(holds: (identity: Identity) => boolean): Judgement {
  return ({ question: { identity } }) => {
    if (identity === 'unasked') return NEEDS_IDENTITY;
    return identity === 'nobody' ? FALSE : truthOf(holds(identity));
  };
}

/** What nobody has looked into yet may still be looked into where it is a tunnel; elsewhere nothing was said. */
function ofGreeting(holds: (hello: GreetingFacts, question: Question) => boolean): Judgement {
  return ({ question }) => {
    const { hello } = question;
    if (hello !== null) return truthOf(holds(hello, question));
    return question.scheme === 'tunnel' ? NEEDS_HELLO : FALSE;
  };
}

/** A name is said for a name, and none for an address (RFC 6066 §3). */
function agrees({ serverName }: GreetingFacts, host: string): boolean {
  return serverName === null ? parseIpAddress(host) !== null : serverName === host;
}

/**
 * An IPv6 address may carry an IPv4 address, to which a translator or a relay delivers. When that one is meant and the address itself is not, nobody
 * can say where it leads: to deny the IPv4 address must not be passed by, and to allow it must not let anybody's IPv6 network in.
 */
function judgeAddress(subject: Subject, holds: (ip: IpAddress) => boolean): Truth {
  if (subject.question.address === null) return NEEDS_ADDRESS;
  if (subject.question.address === UNSEEN) return HIDDEN;
  const ip = addressOf(subject);
  if (ip === null) return FALSE;
  if (holds(ip)) return TRUE;
  return embeddedIpv4(ip).some(holds) ? UNUSABLE_ADDRESS : FALSE;
}

function judgeQuery(parameters: readonly NamedGlobs[], pathAndQuery: string): Truth {
  let missing = 0;
  for (const { name, globs } of parameters) {
    const values = parameterValues(pathAndQuery, name);
    const truth = values === null ? UNUSABLE_QUERY : judgeValues(values, globs, UNUSABLE_QUERY);
    if (truth === FALSE) return FALSE;
    if (truth !== TRUE) missing |= truth;
  }
  return missing === 0 ? TRUE : missing;
}

/** What the CONNECT does not say, the requests inside its tunnel may. */
function judgeFields(fields: readonly NamedGlobs[], question: Question): Truth {
  let missing = 0;
  for (const { name, globs } of fields) {
    let truth = judgeField(question.fields, name, globs);
    if (truth === FALSE && question.scheme === 'tunnel') truth = HIDDEN;
    if (truth === FALSE) return FALSE;
    if (truth !== TRUE) missing |= truth;
  }
  return missing === 0 ? TRUE : missing;
}

function judgeField(fields: Fields, name: string, globs: readonly Glob[]): Truth {
  let count = 0;
  for (let i = 0; i < fields.length; i += 1) if (isNamed(fields[i]!.name, name)) count += 1;
  return count === 0 ? FALSE : judgeValues(fieldValues(fields, name), globs, UNUSABLE_FIELD);
}

/** Two values of which one matches: which of them the origin takes, nobody knows. */
function judgeValues(values: readonly string[], globs: readonly Glob[], unusable: Truth): Truth {
  let matching = 0;
  for (const value of values) if (matchesAnyGlob(globs, value)) matching += 1;
  return matching === 0 ? FALSE : matching === values.length ? TRUE : unusable;
}

function judgeResponseType(types: readonly Glob[], { response, scheme }: Question): Truth {
  if (response === null) return scheme === 'tunnel' ? HIDDEN : NEEDS_RESPONSE;
  const type = mediaType(response.contentTypes);
  if (type === null) return UNUSABLE_TYPE;
  if (matchesAnyGlob(types, type)) return TRUE;
  return type === SEVERAL_RANGES ? UNUSABLE_TYPE : FALSE;
}

function judgeResponseSize(bounds: readonly SizeBound[], { response, scheme }: Question): Truth {
  if (response === null) return scheme === 'tunnel' ? HIDDEN : NEEDS_RESPONSE;
  return truthOf(isWithinBounds(bounds, response.contentLength));
}

function hasClaim(claims: Identity['claims'], { name, globs }: NamedGlobs): boolean {
  return claimValues(claims, name).some((value) => matchesAnyGlob(globs, value));
}

/** Names without a star are looked up, so that a thousand of them cost as little as one. */
function fitsAnyOf(globs: readonly Glob[]): (text: string) => boolean {
  const names = new Set(globs.filter(({ pieces }) => pieces.length === 1).map(({ text }) => text));
  const withStars = globs.filter(({ pieces }) => pieces.length > 1);
  return (text) => names.has(text) || matchesAnyGlob(withStars, text);
}

function isWithinBounds(bounds: readonly SizeBound[], length: number): boolean {
  return bounds.some(({ relation, bytes }) => (relation === 'over' ? length > bytes : length < bytes));
}

function matchesAnyRegex(patterns: readonly Regex[], text: string): boolean {
  for (let i = 0; i < patterns.length; i += 1) if (patterns[i]!.matches(text)) return true;
  return false;
}

function isInBlocks(blocks: readonly Block[]): (ip: IpAddress | null) => boolean {
  if (blocks.length > FEW) {
    const set = buildAddressSet(blocks.map(({ cidr }) => cidr));
    return (ip) => ip !== null && hasAddress(set, ip);
  }
  return (ip) => {
    if (ip === null) return false;
    for (let i = 0; i < blocks.length; i += 1) if (cidrContains(blocks[i]!.cidr, ip)) return true;
    return false;
  };
}

function addressOf(subject: Subject): IpAddress | null {
  const { address } = subject.question;
  if (subject.address === null && address !== null) subject.address = plain(address);
  return subject.address;
}

/** One client sends many requests: the address that was parsed last is kept. */
export function parseClient(text: string): IpAddress | null {
  if (text !== lastClientText) {
    lastClient = plain(text);
    lastClientText = text;
  }
  return lastClient;
}

function plain(text: string): IpAddress | null {
  const ip = parseIpAddress(text);
  return ip === null ? null : unmapped(ip);
}

function truthOf(holds: boolean): Truth {
  return holds ? TRUE : FALSE;
}

/** A client that asks for two ranges gets content of any type as parts of this one, each with a type of its own (RFC 9110 §14.6). */
const SEVERAL_RANGES = 'multipart/byteranges';
const JUDGEMENTS = new WeakMap<Condition, Judgement>();
/** So many values are tried one after the other as quickly as they are looked up. */
const FEW = 8;

let lastClientText = '';
let lastClient: IpAddress | null = null;
