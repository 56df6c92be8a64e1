// Owns whether one criterion holds: each is made into a function when a policy is compiled, so that a decision asks for no kind and searches no list of
// names. It never throws and looks at nothing but the question.
import { fieldValues, isNamed } from '../http/fields.ts';
import { mediaType } from '../http/media-type.ts';
import type { Fields } from '../http/message.ts';
import { cidrContains, embeddedIpv4, type IpAddress, parseIpAddress } from '../net/ip-address.ts';
import { buildAddressSet, hasAddress } from './address-set.ts';
import { claimValues } from './claims.ts';
import type { Block, Criterion, NamedGlobs, PortRange, SizeBound } from './condition.ts';
import { type Glob, matchesAnyGlob } from './glob.ts';
import { createHostIndex, fileUnderHosts, isFiled } from './host-index.ts';
import { type HostPattern, matchesHost } from './host-pattern.ts';
import { parameterValues } from './query.ts';
import { type GreetingFacts, type Identity, type Question, UNSEEN } from './question.ts';
import type { Regex } from './regex.ts';
import { addressOf, domainOf, lookAtPath, parseClient, type Subject } from './subject.ts';
import { isWithin } from './time-window.ts';
import {
  FALSE,
  HIDDEN,
  NEEDS_ADDRESS,
  NEEDS_HELLO,
  NEEDS_IDENTITY,
  NEEDS_RESPONSE,
  PATH_IS_SHUT,
  TRUE,
  type Truth,
  truthOf,
  UNUSABLE_ADDRESS,
  UNUSABLE_FIELD,
  UNUSABLE_PATH,
  UNUSABLE_QUERY,
  UNUSABLE_TYPE,
} from './truth.ts';

/** A condition as a function. @throws never */
export type Judgement = (subject: Subject) => Truth;

export function criterionHolds(criterion: Criterion): Judgement {
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

/**
 * An IPv6 address may carry an IPv4 address, to which a translator or a relay delivers. When that one is meant and the address itself is not, nobody
 * can say where it leads: to deny the IPv4 address must not be passed by, and to allow it must not let anybody's IPv6 network in.
 */
export function judgeAddress(subject: Subject, holds: (ip: IpAddress) => boolean): Truth {
  if (subject.question.address === null) return NEEDS_ADDRESS;
  if (subject.question.address === UNSEEN) return HIDDEN;
  const ip = addressOf(subject);
  if (ip === null) return FALSE;
  if (holds(ip)) return TRUE;
  return embeddedIpv4(ip).some(holds) ? UNUSABLE_ADDRESS : FALSE;
}

export function isInRanges(ranges: readonly PortRange[], port: number): boolean {
  for (const range of ranges) if (port >= range.from && port <= range.to) return true;
  return false;
}

/** A client that asks for two ranges gets content of any type as parts of this one, each with a type of its own (RFC 9110 §14.6). */
const SEVERAL_RANGES = 'multipart/byteranges';
/** So many values are tried one after the other as quickly as they are looked up. */
const FEW = 8;
