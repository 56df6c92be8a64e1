// Owns the values of a rule's criteria: texts of the file → hosts, ports, methods and paths in the form they are compared in.
// Refuses a value that could never match what is asked, or would match something else than it seems to.
import { ProxyError } from '../errors/proxy-error.ts';
import { parseHost } from '../http/authority.ts';
import { normalisePath } from '../http/path.ts';
import type { HostPattern } from '../match/host-pattern.ts';
import type { Criterion, PortRange } from '../match/matcher.ts';
import { type PathPattern, pathPattern } from '../match/path-pattern.ts';
import { parseCidr } from '../net/ip-address.ts';
import { type Entry, readTexts, report, type Source, shown, type Text } from './yaml-source.ts';

export const CRITERIA = ['host', 'port', 'method', 'path'] as const;

/** Criteria in the order in which they are judged; a value that is a problem is reported and left out. */
export function readCriteria(source: Source, entries: ReadonlyMap<string, Entry>): readonly Criterion[] {
  const criteria: Criterion[] = [];
  for (const kind of CRITERIA) {
    const entry = entries.get(kind);
    if (entry !== undefined) criteria.push(readCriterion(source, kind, entry));
  }
  return criteria;
}

function readCriterion(source: Source, kind: Criterion['kind'], entry: Entry): Criterion {
  switch (kind) {
    case 'host':
      return { kind, patterns: readValues(source, entry, kind, 'a host such as example.com, .example.com or *.example.com', hostPattern) };
    case 'port':
      return { kind, ranges: readValues(source, entry, kind, PORT_EXPECTED, portRange) };
    case 'method':
      return { kind, methods: readValues(source, entry, kind, 'a method such as GET', method) };
    case 'path':
      return { kind, patterns: readValues(source, entry, kind, 'a path such as /pool/*', path) };
    default:
      return kind satisfies never;
  }
}

/** @param parse the value, or a sentence that says what is wrong with it */
export function readValues<T extends object | string>(
  source: Source,
  entry: Entry,
  key: string,
  expected: string,
  parse: (text: string) => T | Refused,
): readonly T[] {
  return readTexts(source, entry, key, expected).flatMap((text: Text) => {
    const value = parse(text.text);
    if (!(value instanceof Refused)) return [value];
    report(source, text.offset, `${key}: ${value.message}`);
    return [];
  });
}

/** Why a value cannot be taken. */
export class Refused {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** `443` or `8000-8999`. */
export function portRange(text: string): PortRange | Refused {
  const match = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(text);
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? match?.[1]);
  if (match === null || from > 65535 || to > 65535) return new Refused(`expected ${PORT_EXPECTED}, from 1 to 65535; found ${shown(text)}`);
  return from <= to ? { from, to } : new Refused(`the range ${text} runs backwards; write ${to}-${from}`);
}

/** `10.0.0.0/8` or one address. */
export function cidrBlock(text: string): string | Refused {
  if (parseCidr(text) !== null) return text;
  return new Refused(`expected a CIDR block such as 10.0.0.0/8 or fc00::/7, with no bits set behind its length; found ${shown(text)}`);
}

function hostPattern(text: string): HostPattern | Refused {
  if (text === '*') return new Refused(`'*' is not a host; to match every host, leave 'host' out`);
  if (parseCidr(text) !== null && text.includes('/')) {
    return new Refused(
      `${shown(text)} is a CIDR block, not a host; rules judge the host that is asked for, allow_private the address behind it`,
    );
  }
  if (text.includes('/')) return new Refused(`expected a host alone; found ${shown(text)}. A path goes under 'path', without the scheme`);
  const withPort = /^([^:]+|\[.*\]):(\d+)$/.exec(text);
  if (withPort !== null)
    return new Refused(`expected a host alone; found ${shown(text)}. Write ${shown(withPort[1]!)} and 'port: ${withPort[2]}'`);
  const kind = text.startsWith('*.') ? 'one-label' : text.startsWith('.') ? 'below' : 'exact';
  const name = kind === 'exact' ? text : text.slice(kind === 'below' ? 1 : 2);
  if (name.includes('*')) return new Refused(`${shown(text)}: a * stands only for the whole first label, as in *.example.com`);
  return canonicalPattern(kind, name, text);
}

function canonicalPattern(kind: HostPattern['kind'], name: string, text: string): HostPattern | Refused {
  try {
    const host = parseHost(name);
    if (host.kind === 'name' || kind === 'exact') return { kind, name: host.host };
    return new Refused(`${shown(text)}: there is nothing below an IP address; write ${host.host}`);
  } catch (error) {
    if (error instanceof ProxyError) return new Refused(error.message);
    throw error;
  }
}

function method(text: string): string | Refused {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)) return new Refused(`${shown(text)} is not a method name (RFC 9110 section 5.6.2)`);
  const upper = text.toUpperCase();
  if (text === upper || !KNOWN_METHODS.has(upper)) return text;
  return new Refused(`method names are case-sensitive (RFC 9110 section 9.1): ${shown(text)} is not ${upper}; write ${upper}`);
}

function path(text: string): PathPattern | Refused {
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
  return { text, pieces: pathPattern(octets).pieces };
}

const PORT_EXPECTED = 'a port, or a range such as 8000-8999';
const KNOWN_METHODS = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']);
