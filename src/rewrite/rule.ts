// Owns what a rewriting rule is: which exchanges it is about, and what it does to them. Reading rules is parse-rules.ts; what they do to messages is
// rewrite-request.ts and rewrite-response.ts. A rule is an operator's: it departs from what origins say on purpose, and says so in the record.
import type { Authority } from '../http/authority.ts';
import type { Fields } from '../http/message.ts';
import type { Scheme } from '../http/target.ts';
import type { SourcePosition } from '../policy/policy.ts';

/** Whose content. */
export type Side = 'request' | 'response';

/** Which exchanges a rule or a breakpoint is about, by a filter. @typeParam Subject what it looks at */
export interface Match<Subject> {
  /** What the subject has not, and would decide, does not fit. */
  readonly fits: (subject: Subject) => boolean;
  /** Whether content that the subject has not would decide; `null` where the filter looks into none. */
  readonly awaits: ((subject: Subject, content: Side) => boolean) | null;
}

export interface RewriteRule<Subject> extends Match<Subject> {
  /** Unique in its file; the record names it. */
  readonly name: string;
  readonly position: SourcePosition;
  readonly isOn: boolean;
  /** As written, in the filter language. */
  readonly match: string;
  readonly request: RequestChanges | null;
  readonly response: ResponseChanges | null;
  /** What the exchange ends with, and no later rule is looked at. */
  readonly ending: Ending | null;
  /** Milliseconds before the request goes on. */
  readonly delayMs: number;
  readonly throttle: Throttle | null;
}

export interface RequestChanges {
  /** Where it goes instead; the path of the request goes behind `basePath`. */
  readonly remote: { readonly scheme: Scheme; readonly authority: Authority; readonly basePath: string } | null;
  readonly urls: readonly Replacement[];
  readonly set: Fields;
  /** In lower case. */
  readonly remove: readonly string[];
  readonly content: readonly Replacement[];
}

export interface ResponseChanges {
  /** `null` leaves it. */
  readonly status: number | null;
  readonly set: Fields;
  /** In lower case. */
  readonly remove: readonly string[];
  readonly content: readonly Replacement[];
  /** Its content ends in the middle. */
  readonly isBrokenOff: boolean;
}

/** Every occurrence; the text it is used on has one character an octet, or is Unicode. @throws never */
export interface Replacement {
  /** As written. */
  readonly text: string;
  replaceIn(text: string): string;
}

export type Ending =
  | { readonly kind: 'answer'; readonly status: number; readonly fields: Fields; readonly content: Buffer }
  /** An absolute path: a file, or a folder that the path of the request goes on in. */
  | { readonly kind: 'local'; readonly path: string }
  /**
   * `reset`: the client's connection breaks, or its stream of HTTP/2. `empty`: it ends in order, without an answer. `timeout`: nothing is said for as long
   * as the client waits. `offline`: the proxy answers as it does where no origin can be reached.
   */
  | { readonly kind: 'fail'; readonly how: Exclude<FailureKind, 'truncate'> };

/** `truncate` is about the response: `ResponseChanges.isBrokenOff`. */
export const FAILURE_KINDS = ['reset', 'empty', 'timeout', 'offline', 'truncate'] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** All exchanges that a rule touches share what it allows. */
export interface Throttle {
  /** Octets a second; `null` leaves them. */
  readonly downBytesPerSecond: number | null;
  readonly upBytesPerSecond: number | null;
  readonly latencyMs: number;
}

/** Some usual networks. */
export const THROTTLE_PROFILES: Readonly<Record<string, Throttle>> = {
  gprs: { downBytesPerSecond: 6_250, upBytesPerSecond: 2_500, latencyMs: 500 },
  'slow-3g': { downBytesPerSecond: 50_000, upBytesPerSecond: 50_000, latencyMs: 400 },
  '3g': { downBytesPerSecond: 180_000, upBytesPerSecond: 84_000, latencyMs: 150 },
  '4g': { downBytesPerSecond: 1_125_000, upBytesPerSecond: 187_500, latencyMs: 60 },
  dsl: { downBytesPerSecond: 250_000, upBytesPerSecond: 125_000, latencyMs: 5 },
};

/** What one rule replaces in content. */
export interface ContentChange {
  readonly rule: string;
  readonly replacement: Replacement;
}

/** What a rule, or a person at a breakpoint, has done to an exchange: for the record. */
export interface Change {
  readonly stage: Side;
  readonly rule: string;
  readonly what: string;
  /** It says why the rule did not fit, and nothing was done. */
  readonly isMiss?: true;
}
