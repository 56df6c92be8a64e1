// Owns the values of criteria: texts of the file → hosts, ports, paths and the rest in the form in which they are compared.
// Refuses a value that could never match what is asked, or would match something else than it seems to.
import { parseHost } from '../http/authority.ts';
import { normalisePath } from '../http/path.ts';
import { isToken } from '../http/token.ts';
import type { Criterion, CriterionKind, NamedGlobs, SizeBound } from '../match/condition.ts';
import { type Glob, glob } from '../match/glob.ts';
import type { HostPattern } from '../match/host-pattern.ts';
import { registrableDomain } from '../match/public-suffix.ts';
import type { GreetingFacts } from '../match/question.ts';
import { regex } from '../match/regex.ts';
import { parseOctets } from '../match/units.ts';
import { parseCidr, parseIpAddress } from '../net/ip-address.ts';
import { readTime } from './parse-time.ts';
import {
  addressBlock,
  asOctets,
  BLOCK_EXPECTED,
  oneOf,
  PORT_EXPECTED,
  portRange,
  type ReadValue,
  Refused,
  readValue,
  readValues,
  refusing,
} from './parse-values.ts';
import { type Entry, readMapping, report, type Source, shown } from './yaml-source.ts';

/** One criterion; a value that is a problem is reported and left out. @returns `null`, and a problem, when nothing is left to ask */
export function readCriterion(source: Source, kind: CriterionKind, entry: Entry): Criterion | null {
  const values = <T>(expected: string, read: ReadValue<T>) => readValues(source, entry, kind, expected, read);
  switch (kind) {
    case 'host':
      return { kind, patterns: values('a host such as example.com, .example.com or *.example.com', hostPattern) };
    case 'host_regex':
    case 'path_regex':
      return { kind, patterns: values('a regular expression', refusing(regex)) };
    case 'domain':
      return { kind, names: values('a registrable domain such as example.co.uk', domain) };
    case 'address':
    case 'client':
      return { kind, blocks: values(BLOCK_EXPECTED, addressBlock) };
    case 'port':
      return { kind, ranges: values(PORT_EXPECTED, portRange) };
    case 'scheme':
      return { kind, schemes: values('http, https or tunnel', oneOf(SCHEMES)) };
    case 'method':
      return { kind, methods: values('a method such as GET', method) };
    case 'path':
      return { kind, globs: values('a path such as /pool/*', path) };
    case 'query':
      return { kind, parameters: readNamed(source, entry, kind, 'the name of a parameter', (name) => name, glob) };
    case 'field':
      return { kind, fields: readNamed(source, entry, kind, 'the name of a request field', fieldName, fieldValue) };
    case 'claim':
      return { kind, claims: readNamed(source, entry, kind, 'the name of a claim', (name) => name, glob) };
    case 'request_size':
    case 'response_size':
      return { kind, bounds: values(SIZE_EXPECTED, sizeBound) };
    case 'response_type':
      return { kind, types: values('a media type such as text/html or image/*', mediaTypeGlob) };
    case 'sni':
      return { kind, patterns: values('a server name such as example.com, .example.com or *.example.com', serverName) };
    case 'sni_agrees': {
      const agrees = readValue(source, entry, kind, 'true or false', oneOf(['true', 'false']));
      return agrees === null ? null : { kind, agrees: agrees === 'true' };
    }
    case 'tunnel_protocol':
      return { kind, protocols: values('tls, http or other', oneOf(PROTOCOLS)) };
    case 'upgrade':
      return { kind, protocols: values('websocket', oneOf(['websocket'])) };
    case 'user':
      return { kind, globs: values('a user such as alice, bot-*, or * for everybody who has said who they are', glob) };
    case 'group':
      return { kind, names: values('a group that users are in', (text) => text) };
    case 'listener':
      return { kind, names: values('the name of a listener', (text) => text) };
    case 'time':
      return readTime(source, entry);
    default:
      return kind satisfies never;
  }
}

/** A mapping of names to globs; each name is a condition of its own. */
function readNamed(
  source: Source,
  entry: Entry,
  key: string,
  what: string,
  readName: ReadValue<string>,
  readGlob: ReadValue<Glob>,
): readonly NamedGlobs[] {
  const entries = readMapping(source, entry.value, key, what, entry.offset);
  if (entries === null) return [];
  if (entries.size === 0) report(source, entry.offset, `${key}: an empty mapping asks for nothing; leave it out`);
  const named: NamedGlobs[] = [];
  for (const [written, values] of entries) {
    const name = readName(written);
    if (name instanceof Refused) report(source, values.offset, `${key}: ${name.message}`);
    else if (named.some((other) => other.name === name))
      report(source, values.offset, `${key}: '${name}' is given twice; make it one list`);
    else
      named.push({
        name,
        globs: readValues(source, values, `${key} ${written}`, 'a text, in which * stands for any characters', readGlob),
      });
  }
  return named;
}

function hostPattern(text: string): HostPattern | Refused {
  if (text === '*') return new Refused(`'*' is not a host; to match every host, leave 'host' out`);
  if (parseCidr(text) !== null && text.includes('/'))
    return new Refused(`${shown(text)} is a CIDR block, not a host; what a host resolves to is matched by 'address'`);
  if (text.includes('/')) return new Refused(`expected a host alone; found ${shown(text)}. A path goes under 'path', without the scheme`);
  const withPort = /^([^:]+|\[.*\]):(\d+)$/.exec(text);
  if (withPort !== null)
    return new Refused(`expected a host alone; found ${shown(text)}. Write ${shown(withPort[1]!)} and 'port: ${withPort[2]}'`);
  const kind = text.startsWith('*.') ? 'one-label' : text.startsWith('.') ? 'below' : 'exact';
  const name = kind === 'exact' ? text : text.slice(kind === 'below' ? 1 : 2);
  if (name.includes('*')) return new Refused(`${shown(text)}: a * stands only for the whole first label, as in *.example.com`);
  const host = canonicalHost(name);
  if (host instanceof Refused) return host;
  if (host.kind === 'name' || kind === 'exact') return { kind, name: host.host };
  return new Refused(`${shown(text)}: there is nothing below an IP address; write ${host.host}`);
}

/** RFC 6066 §3: literal addresses are not permitted. */
function serverName(text: string): HostPattern | Refused {
  const pattern = hostPattern(text);
  if (pattern instanceof Refused || parseIpAddress(pattern.name) === null) return pattern;
  return new Refused(`${shown(text)} is an address, and TLS names no server by its address; use 'sni_agrees' or 'host'`);
}

const canonicalHost = refusing(parseHost);

function domain(text: string): string | Refused {
  const name = text.replace(/^\*?\./, '');
  const host = canonicalHost(name);
  if (host instanceof Refused) return host;
  if (host.kind !== 'name') return new Refused(`${shown(text)} is an address, and belongs to no domain; use 'host' or 'address'`);
  const registrable = registrableDomain(host.host);
  if (registrable === null)
    return new Refused(`below ${host.host} anybody may register a name; write one that somebody has, such as example.${host.host}`);
  if (registrable !== host.host)
    return new Refused(`${shown(text)} is only a part of what its owner has; write ${registrable}, or use 'host'`);
  return name === text
    ? registrable
    : new Refused(`a domain is all that its owner has; write ${registrable} without what stands before it`);
}

function method(text: string): string | Refused {
  if (!isToken(text)) return new Refused(`${shown(text)} is not a method name (RFC 9110 section 5.6.2)`);
  const upper = text.toUpperCase();
  if (text === upper || !KNOWN_METHODS.has(upper)) return text;
  return new Refused(`method names are case-sensitive (RFC 9110 section 9.1): ${shown(text)} is not ${upper}; write ${upper}`);
}

function path(text: string): Glob | Refused {
  if (!text.startsWith('/') && !text.startsWith('*')) return new Refused(`a path begins with / or *; found ${shown(text)}`);
  if (text.includes('?')) return new Refused(`${shown(text)} has a query; paths are compared without it, so end the path before the ?`);
  // What a person writes beyond ASCII comes over the wire as codes.
  const octets = text.toWellFormed().replace(/[^\0-\x7f]+/g, encodeURIComponent);
  const lead = text.startsWith('/') ? '' : '/';
  const normalised = normalisePath(lead + octets);
  if (!normalised.isUsable)
    return new Refused(`${shown(text)} can never match: it ${normalised.problem}, and such a path is denied wherever a path is asked for`);
  const normal = normalised.path.slice(lead.length);
  if (normal !== octets)
    return new Refused(`${shown(text)} can never match: paths are compared in their normal form; write ${shown(normal)}`);
  return { text, pieces: glob(octets).pieces };
}

function fieldName(text: string): string | Refused {
  return isToken(text) ? text.toLowerCase() : new Refused(`${shown(text)} is not a field name (RFC 9110 section 5.1)`);
}

function fieldValue(text: string): Glob {
  return { text, pieces: glob(asOctets(text)).pieces };
}

function sizeBound(text: string): SizeBound | Refused {
  const [, relation, amount] = /^(over|under) +(\S.*)$/.exec(text) ?? [];
  if (relation === undefined || amount === undefined) return new Refused(`expected ${SIZE_EXPECTED}; found ${shown(text)}`);
  const bytes = refusing(parseOctets)(amount);
  if (bytes instanceof Refused) return bytes;
  if (relation === 'under' && bytes === 0) return new Refused('nothing is under 0 octets');
  return { relation: relation === 'over' ? 'over' : 'under', bytes, text: amount };
}

function mediaTypeGlob(text: string): Glob | Refused {
  if (text.includes(';')) return new Refused(`${shown(text)} has parameters; media types are compared without them`);
  const [type, subtype, ...others] = text.split('/');
  if (type === undefined || subtype === undefined || others.length > 0 || !isToken(type) || !isToken(subtype))
    return new Refused(`expected a media type such as text/html or image/*; found ${shown(text)}`);
  return glob(text.toLowerCase());
}

const SCHEMES = ['http', 'https', 'tunnel'] as const;
export const PROTOCOLS = ['tls', 'http', 'other'] as const satisfies readonly GreetingFacts['protocol'][];
const SIZE_EXPECTED = `a size such as 'over 10MiB' or 'under 1KiB'`;
const KNOWN_METHODS = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']);
