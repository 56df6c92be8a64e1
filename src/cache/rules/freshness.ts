// Owns freshness: how long a response lives (RFC 9111 §4.2.1, §4.2.2), how old it is (§4.2.3), and whether it is fresh (§4.2).
// Expires counts from Date, never from our clock, so that an origin whose clock is wrong means what it says. The age does look at our clock: a Date
// that is long ago makes a response old, as the apparent age of §4.2.3 has it.
// Invalid freshness is no freshness: a lifetime of nothing, and never a heuristic one.
import { parseHttpDate } from '../../http/date.ts';
import { fieldValue, fieldValues, splitList } from '../../http/fields.ts';
import type { Fields } from '../../http/message.ts';
import { type Delta, MAX_DELTA_SECONDS, type ResponseDirectives } from './cache-control.ts';
import type { CacheOverrides, CacheRuleOptions } from './options.ts';
import { CACHE_CONTROL, type Control, controlOf } from './targeted.ts';

/** What the facts are made of; a stored response is one. */
export interface DatedResponse {
  readonly status: number;
  readonly fields: Fields;
  readonly requestTimeMs: number;
  readonly responseTimeMs: number;
}

export type LifetimeSource = 's-maxage' | 'max-age' | 'Expires' | 'heuristic' | 'policy' | 'none';

/** What of a response does not change while it is stored. */
export interface ResponseFacts {
  /** As they count here: without what a rule of the policy overrides. */
  readonly directives: ResponseDirectives;
  /** The field that they come from. */
  readonly controlledBy: string;
  /** A rule of the policy stores and reuses it in spite of the directives, and of Authorization. */
  readonly isForced: boolean;
  /** When the origin made it: Date, or the time of receipt where that is missing or unreadable. */
  readonly dateMs: number;
  /** Whole seconds, 0 to MAX_DELTA_SECONDS. */
  readonly lifetimeSeconds: number;
  readonly lifetimeFrom: LifetimeSource;
  /** The Age that it came with (age_value); 0 without one. */
  readonly ageValueSeconds: number;
  /** By Date and our clock (apparent_age). */
  readonly apparentAgeSeconds: number;
  /** What the way took at most (response_delay). */
  readonly responseDelayMs: number;
  /** The larger of both accounts (corrected_initial_age). */
  readonly initialAgeMs: number;
  readonly responseTimeMs: number;
}

/** Everything about a response that its reuse depends on and no later request changes. Never throws. */
export function factsOf(response: DatedResponse, options: CacheRuleOptions, overrides: CacheOverrides): ResponseFacts {
  const { fields, responseTimeMs } = response;
  const control = controlOf(fields, options.targeted);
  const isForced = overrides.force && overrides.ttlSeconds !== null;
  const directives = isForced ? withoutProhibitions(control.directives) : control.directives;
  const date = fieldValue(fields, 'date');
  const dateMs = (date === undefined ? null : parseHttpDate(date, responseTimeMs)) ?? responseTimeMs;
  const ageValueSeconds = ageValue(fields);
  const apparentAgeSeconds = Math.max(0, Math.floor((responseTimeMs - dateMs) / 1000));
  const responseDelayMs = Math.max(0, responseTimeMs - response.requestTimeMs);
  const initialAgeMs = Math.max(apparentAgeSeconds * 1000, ageValueSeconds * 1000 + responseDelayMs);
  const lifetime =
    overrides.ttlSeconds === null
      ? lifetimeOf(response, { directives, from: control.from }, dateMs, options)
      : lifetimeByPolicy(overrides.ttlSeconds, initialAgeMs);
  return {
    directives,
    controlledBy: control.from,
    isForced,
    dateMs,
    lifetimeSeconds: lifetime.seconds,
    lifetimeFrom: lifetime.from,
    ageValueSeconds,
    apparentAgeSeconds,
    responseDelayMs,
    initialAgeMs,
    responseTimeMs,
  };
}

/**
 * Current age of a stored response (RFC 9111 §4.2.3). While our clock stands before the time of receipt, it is the age that the response came with.
 *
 * @param nowMs  milliseconds since the epoch, from the caller's clock
 * @returns whole seconds, 0 to MAX_DELTA_SECONDS
 */
export function currentAgeSeconds(facts: ResponseFacts, nowMs: number): number {
  const residentMs = nowMs > facts.responseTimeMs ? nowMs - facts.responseTimeMs : 0;
  return Math.min(Math.floor((facts.initialAgeMs + residentMs) / 1000), MAX_DELTA_SECONDS);
}

/** Whether a stored response is fresh (RFC 9111 §4.2). */
export function isFresh(facts: ResponseFacts, nowMs: number): boolean {
  // Equal is stale: §4.2 asks for "greater than".
  return facts.lifetimeSeconds > currentAgeSeconds(facts, nowMs) && !isBeforeReceipt(facts, nowMs);
}

/**
 * Whether our clock stands so far before the receipt that it must have been set back since. How old a response is nobody knows then, and without
 * Date it would stay as young for as long as the clock was wrong by.
 */
export function isBeforeReceipt({ responseTimeMs }: { readonly responseTimeMs: number }, nowMs: number): boolean {
  return responseTimeMs - nowMs > CLOCK_STEP_MS;
}

/** Whether a response of this status may have a heuristic lifetime without `public` (RFC 9110 §15.1). */
export function isHeuristicallyCacheable(status: number): boolean {
  return HEURISTICALLY_CACHEABLE.has(status);
}

interface Lifetime {
  readonly seconds: number;
  readonly from: LifetimeSource;
}

/** A rule counts from the receipt: behind a cache that has kept a response for a month, no lifetime that people write would do. */
function lifetimeByPolicy(ttlSeconds: number, initialAgeMs: number): Lifetime {
  return { seconds: Math.min(ttlSeconds + Math.floor(initialAgeMs / 1000), MAX_DELTA_SECONDS), from: 'policy' };
}

/** The first that applies (§4.2.1). */
function lifetimeOf(response: DatedResponse, { directives, from }: Control, dateMs: number, options: CacheRuleOptions): Lifetime {
  if (directives.sMaxAge !== null) return { seconds: validSeconds(directives.sMaxAge), from: 's-maxage' };
  if (directives.maxAge !== null) return { seconds: validSeconds(directives.maxAge), from: 'max-age' };
  const expires = from === CACHE_CONTROL ? fieldValues(response.fields, 'expires') : NO_VALUES;
  if (expires.length > 0) return { seconds: untilExpires(expires, dateMs, response.responseTimeMs), from: 'Expires' };
  const mayGuess = isHeuristicallyCacheable(response.status) || directives.isPublic;
  const heuristic = mayGuess ? heuristicSeconds(response, dateMs, options) : null;
  return heuristic === null ? NO_LIFETIME : { seconds: heuristic, from: 'heuristic' };
}

function validSeconds(delta: Delta): number {
  return typeof delta === 'number' ? delta : 0;
}

/** Several Expires lines contradict each other, and what is no date has expired (§5.3). */
function untilExpires(expires: readonly string[], dateMs: number, responseTimeMs: number): number {
  const expiresMs = expires.length === 1 ? parseHttpDate(expires[0]!, responseTimeMs) : null;
  return expiresMs === null ? 0 : wholeSeconds(expiresMs - dateMs);
}

/** `null` where Last-Modified gives nothing to reckon with: missing, unreadable, or in the future by Date or by our clock. */
function heuristicSeconds({ fields, responseTimeMs }: DatedResponse, dateMs: number, options: CacheRuleOptions): number | null {
  const lastModified = fieldValue(fields, 'last-modified');
  const modifiedMs = lastModified === undefined ? null : parseHttpDate(lastModified, responseTimeMs);
  const unchangedMs = modifiedMs === null ? -1 : Math.min(dateMs, responseTimeMs) - modifiedMs;
  if (unchangedMs < 0) return null;
  return Math.min(wholeSeconds(unchangedMs * options.heuristicFraction), options.maxHeuristicSeconds);
}

function wholeSeconds(ms: number): number {
  return Math.min(Math.max(0, Math.floor(ms / 1000)), MAX_DELTA_SECONDS);
}

/** Of several members the first counts; what is no number is as if no Age came (§5.1). */
function ageValue(fields: Fields): number {
  const age = fieldValue(fields, 'age');
  if (age === undefined) return 0;
  const first = splitList(age)[0] ?? '';
  // One class without alternatives: it cannot backtrack.
  return /^[0-9]+$/.test(first) ? Math.min(Number(first), MAX_DELTA_SECONDS) : 0;
}

/** Without what `force` sets aside. Single fields that must not be stored are still not. */
function withoutProhibitions(directives: ResponseDirectives): ResponseDirectives {
  return {
    ...directives,
    noStore: false,
    noCache: directives.noCache === true ? false : directives.noCache,
    isPrivate: directives.isPrivate === true ? false : directives.isPrivate,
  };
}

/** What a clock is set back by in passing, where it is kept right. */
const CLOCK_STEP_MS = 60_000;
const NO_LIFETIME: Lifetime = { seconds: 0, from: 'none' };
const NO_VALUES: readonly string[] = [];
const HEURISTICALLY_CACHEABLE: ReadonlySet<number> = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);
