// Owns the criteria by which a rule is matched: what each asks of a request, whether it holds, and why in words.
// A new condition is one more member of `Criterion`; the compiler then points at every `switch`.
import { type HostPattern, matchesHost } from './host-pattern.ts';
import { matchesPath, type PathPattern } from './path-pattern.ts';

/** The values of one criterion are alternatives; a criterion holds when one of them does. */
export type Criterion = HostCriterion | PortCriterion | MethodCriterion | PathCriterion;

export interface HostCriterion {
  readonly kind: 'host';
  readonly patterns: readonly HostPattern[];
}

export interface PortCriterion {
  readonly kind: 'port';
  readonly ranges: readonly PortRange[];
}

export interface MethodCriterion {
  readonly kind: 'method';
  /** Exact bytes, as RFC 9110 §9.1 has it: `get` is not `GET`. */
  readonly methods: readonly string[];
}

export interface PathCriterion {
  readonly kind: 'path';
  readonly patterns: readonly PathPattern[];
}

/** Both ends included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** What criteria are asked about. */
export interface Subject {
  readonly method: string;
  /** Canonical. */
  readonly host: string;
  readonly port: number;
  /** In normal form, without the query; `null` where nobody sees one, and then no path criterion holds. */
  readonly path: string | null;
}

/** @throws never */
export function holds(criterion: Criterion, subject: Subject): boolean {
  switch (criterion.kind) {
    case 'host':
      return criterion.patterns.some((pattern) => matchesHost(pattern, subject.host));
    case 'port':
      return isInRanges(criterion.ranges, subject.port);
    case 'method':
      return criterion.methods.includes(subject.method);
    case 'path':
      return subject.path !== null && matchesAnyPath(criterion.patterns, subject.path);
    default:
      return criterion satisfies never;
  }
}

export function isInRanges(ranges: readonly PortRange[], port: number): boolean {
  for (const range of ranges) if (port >= range.from && port <= range.to) return true;
  return false;
}

/**
 * Why the criterion holds or does not, as the end of a sentence: `host api.example.com is not within example.org`.
 *
 * @param isTrue what `holds` said
 */
export function describeCriterion(criterion: Criterion, subject: Subject, isTrue: boolean): string {
  switch (criterion.kind) {
    case 'host': {
      const matching = isTrue ? criterion.patterns.filter((pattern) => matchesHost(pattern, subject.host)) : criterion.patterns;
      return `host ${subject.host} ${isTrue ? 'is' : 'is not'} ${listed(matching.map(hostWords))}`;
    }
    case 'port':
      return `port ${subject.port} ${isTrue ? 'is' : 'is not'} ${listed(criterion.ranges.map(portRangeText))}`;
    case 'method':
      return `method ${subject.method} ${isTrue ? 'is' : 'is not'} ${listed(criterion.methods)}`;
    case 'path':
      if (subject.path === null) return 'a path cannot be seen inside a tunnel';
      return `path ${subject.path} ${isTrue ? 'matches' : 'does not match'} ${listed(criterion.patterns.map((pattern) => pattern.text))}`;
    default:
      return criterion satisfies never;
  }
}

export function portRangeText(range: PortRange): string {
  return range.from === range.to ? String(range.from) : `${range.from}-${range.to}`;
}

function matchesAnyPath(patterns: readonly PathPattern[], path: string): boolean {
  for (const pattern of patterns) if (matchesPath(pattern, path)) return true;
  return false;
}

function hostWords(pattern: HostPattern): string {
  switch (pattern.kind) {
    case 'exact':
      return pattern.name;
    case 'below':
      return `within ${pattern.name}`;
    case 'one-label':
      return `one label below ${pattern.name}`;
    default:
      return pattern.kind satisfies never;
  }
}

/** `a`, `a or b`, `a, b or c`; a long list is cut, since the rule's own line is named beside it. */
function listed(words: readonly string[]): string {
  if (words.length > SHOWN_AT_MOST) return `${words.slice(0, SHOWN_AT_MOST).join(', ')} or one of ${words.length - SHOWN_AT_MOST} more`;
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

const SHOWN_AT_MOST = 8;
