// Owns whether a stored response answers a request, and if not, what to ask the origin for and why: RFC 9111 §4, §4.2.4, §5.2; RFC 5861; RFC 8246.
// `immutable` needs no line here: a fresh response is never validated on our own account, and a client that asks for it is heard all the same.
//
// The directives of requests are advice (§5.2.1), and heard. With `no-cache` a stored response is validated, not fetched again; with `no-store` it is
// not used, since whoever does not want to be remembered rarely means to be answered from memory.
// What marks a response as one for validation (no-cache, must-revalidate, s-maxage and the like) holds when it is stale and the origin is gone, too.
import type { StoredResponse } from '../stored-response.ts';
import type { RequestDirectives } from './cache-control.ts';
import { currentAgeSeconds, isBeforeReceipt, type ResponseFacts } from './freshness.ts';
import type { CacheOverrides, CacheRuleOptions } from './options.ts';
import { missingFor } from './partial.ts';
import { asksForOriginState } from './preconditions.ts';
import { contentFor, type MissingRange } from './ranges.ts';
import { maySatisfyOthers, type StoringRequest } from './storability.ts';
import { matches } from './vary.ts';

export interface CacheRequest extends StoringRequest {
  /** What a response that may answer it is stored under: cache-key.ts. */
  readonly key: string;
  readonly overrides: CacheOverrides;
  readonly receivedAtMs: number;
}

export type Reuse =
  | {
      readonly kind: 'hit';
      readonly stored: StoredResponse;
      readonly facts: ResponseFacts;
      readonly ageSeconds: number;
      readonly why: HitCode;
      /** It is stale, and to be validated once the client has been answered (RFC 5861 §3). */
      readonly revalidateBehind: boolean;
    }
  | {
      readonly kind: 'validate';
      readonly stored: StoredResponse;
      readonly facts: ResponseFacts;
      readonly ageSeconds: number;
      readonly why: ForwardCode;
    }
  | {
      /** It is a part: the origin is asked for what is missing of it. */
      readonly kind: 'complete';
      readonly stored: StoredResponse;
      readonly facts: ResponseFacts;
      readonly ageSeconds: number;
      readonly why: ForwardCode;
      readonly missing: MissingRange;
    }
  | { readonly kind: 'miss'; readonly why: ForwardCode /** Stored under this key. */; readonly variants: number };

/** What the origin did instead of answering: nothing, or a status of the 5xx class. */
export type OriginFailure = 'unreachable' | number;

export interface ReuseReason {
  /** Where the rule stands. */
  readonly section: string;
  /** About the stored response where it says "it". */
  readonly sentence: string;
  /** Why the request went to the origin, in the words of RFC 9211 §2.2; `null` where it did not. */
  readonly forward: 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial' | null;
}

export const REUSE_REASONS = {
  fresh: { section: 'RFC 9111 §4.2', sentence: 'It is fresh.', forward: null },
  'max-stale': { section: 'RFC 9111 §5.2.1.2', sentence: 'It is stale, and the request takes it so (max-stale).', forward: null },
  'stale-while-revalidate': {
    section: 'RFC 5861 §3',
    sentence: 'It is stale, and its stale-while-revalidate lets it answer while it is validated.',
    forward: null,
  },
  'stale-if-error': {
    section: 'RFC 5861 §4, RFC 9111 §4.3.3',
    sentence: 'It is stale, and the origin answered with an error.',
    forward: null,
  },
  'origin-unreachable': { section: 'RFC 9111 §4.2.4', sentence: 'It is stale, and the origin did not answer.', forward: null },
  'uri-miss': { section: 'RFC 9111 §4', sentence: 'Nothing is stored for this URI.', forward: 'uri-miss' },
  'vary-miss': {
    section: 'RFC 9111 §4.1',
    sentence: 'What is stored was selected by other values of the fields in its Vary.',
    forward: 'vary-miss',
  },
  authorization: {
    section: 'RFC 9111 §3.5',
    sentence: 'It answered a request with Authorization, and has neither public, must-revalidate nor s-maxage.',
    forward: 'miss',
  },
  partial: { section: 'RFC 9111 §3.3', sentence: 'Only a part of what is asked for is stored.', forward: 'partial' },
  method: { section: 'RFC 9111 §4', sentence: 'Only GET and HEAD are answered from the cache.', forward: 'method' },
  bypass: { section: 'RFC 9211 §2.2', sentence: 'A rule of the policy keeps the cache out of it.', forward: 'bypass' },
  'request-content': {
    section: 'RFC 9110 §9.3.1',
    sentence: 'The request has content, which the key of the cache does not tell apart.',
    forward: 'bypass',
  },
  'request-precondition': {
    section: 'RFC 9110 §13.2.1',
    sentence: 'The request asks for the state of the origin, by If-Match or If-Unmodified-Since.',
    forward: 'request',
  },
  'request-no-store': { section: 'RFC 9111 §5.2.1.5', sentence: 'The request says no-store.', forward: 'request' },
  'request-no-cache': { section: 'RFC 9111 §5.2.1.4', sentence: 'The request asks for validation (no-cache).', forward: 'request' },
  'request-max-age': { section: 'RFC 9111 §5.2.1.1', sentence: 'It is older than the request wants (max-age).', forward: 'request' },
  'request-min-fresh': {
    section: 'RFC 9111 §5.2.1.3',
    sentence: 'It does not stay fresh for as long as the request wants (min-fresh).',
    forward: 'request',
  },
  stale: { section: 'RFC 9111 §4.2', sentence: 'It is stale.', forward: 'stale' },
  'clock-set-back': {
    section: 'RFC 9111 §4.2.3',
    sentence: 'Our clock was set back behind its receipt, so nobody knows how old it is.',
    forward: 'stale',
  },
  'response-no-cache': { section: 'RFC 9111 §5.2.2.4', sentence: 'Its no-cache asks for validation at every use.', forward: 'stale' },
  'response-no-store': {
    section: 'RFC 9111 §5.2.2',
    sentence: 'An update of it has come to say no-store or private.',
    forward: 'stale',
  },
  invalidated: { section: 'RFC 9111 §4.4', sentence: 'A later request has invalidated it.', forward: 'stale' },
  'only-if-cached': {
    section: 'RFC 9111 §5.2.1.7',
    sentence: 'Nothing stored fits, and the request wants nothing else (only-if-cached).',
    forward: null,
  },
  offline: {
    section: 'RFC 9111 §4.2.4',
    sentence: 'Nothing stored fits, and no origin is asked while the proxy is offline.',
    forward: null,
  },
} as const satisfies Record<string, ReuseReason>;

export type HitCode = 'fresh' | 'max-stale' | 'stale-while-revalidate' | 'stale-if-error' | 'origin-unreachable';
export type ForwardCode = Exclude<keyof typeof REUSE_REASONS, HitCode>;

/**
 * Whether something stored answers a request (RFC 9111 §4). Of several that could, the one with the latest Date (§4.1).
 *
 * @param all  stored under the key of the request
 * @param nowMs  milliseconds since the epoch
 * @throws never
 */
export function judgeReuse(
  request: CacheRequest,
  directives: RequestDirectives,
  all: readonly StoredResponse[],
  factsOf: (stored: StoredResponse) => ResponseFacts,
  nowMs: number,
): Reuse {
  const refusal = refusalOf(request, directives);
  const reuse =
    refusal === null ? choose(request, directives, all, factsOf, nowMs) : { kind: 'miss' as const, why: refusal, variants: all.length };
  if (!directives.onlyIfCached || reuse.kind === 'hit') return reuse;
  return { kind: 'miss', why: 'only-if-cached', variants: all.length };
}

/**
 * Whether a stale response may answer in place of an origin that did not (RFC 9111 §4.2.4, RFC 5861 §4). A 502, 503 or 504 counts as no answer
 * (RFC 9111 §4.3.3); any other error is replaced only where the origin or the client has allowed it (stale-if-error).
 */
export function mayServeStale(
  { stored, facts }: { readonly stored: StoredResponse; readonly facts: ResponseFacts },
  directives: RequestDirectives,
  nowMs: number,
  options: CacheRuleOptions,
  failure: OriginFailure,
): boolean {
  if (stored.isInvalidated || directives.noCache || forbidsStale(facts) || forbidsReuse(facts)) return false;
  if (failure !== 'unreachable' && !REPLACEABLE.has(failure)) return false;
  // Whoever takes everything that is stale (stale_ok) takes this, too.
  if (wasNeverFresh(facts) && facts.directives.staleIfError === null && options.maxStaleSeconds !== Number.POSITIVE_INFINITY) return false;
  const ageSeconds = currentAgeSeconds(facts, nowMs);
  const allowed = larger(facts.directives.staleIfError, directives.staleIfError);
  if (allowed === null && failure === 500) return false;
  // A bound that somebody stated is one in both directions: RFC 5861 §4, "SHOULD NOT be used" beyond it.
  const most = allowed ?? options.maxStaleSeconds;
  const staleSeconds = ageSeconds - facts.lifetimeSeconds;
  // Stale for less than a second is stale: no bound lets it answer that is nothing.
  return staleSeconds < 0 || (most > 0 && staleSeconds <= most);
}

/** What no stored response could change. */
function refusalOf(request: CacheRequest, directives: RequestDirectives): ForwardCode | null {
  if (request.overrides.bypass) return 'bypass';
  if (request.method !== 'GET' && request.method !== 'HEAD') return 'method';
  if (request.hasContent) return 'request-content';
  if (directives.noStore) return 'request-no-store';
  return asksForOriginState(request.fields) ? 'request-precondition' : null;
}

function choose(
  request: CacheRequest,
  directives: RequestDirectives,
  all: readonly StoredResponse[],
  factsOf: (stored: StoredResponse) => ResponseFacts,
  nowMs: number,
): Reuse {
  let best: StoredResponse | null = null;
  let bestFacts: ResponseFacts | null = null;
  let why: ForwardCode = all.length === 0 ? 'uri-miss' : 'vary-miss';
  for (let i = 0; i < all.length; i += 1) {
    const stored = all[i]!;
    if (!matches(stored, request.fields)) continue;
    const facts = factsOf(stored);
    if (isReserved(stored, facts)) {
      if (why === 'vary-miss') why = 'authorization';
      continue;
    }
    why = 'partial';
    if (contentFor(request.method, request.fields, stored) === 'beyond') continue;
    if (bestFacts !== null && facts.dateMs <= bestFacts.dateMs) continue;
    best = stored;
    bestFacts = facts;
  }
  if (best !== null && bestFacts !== null) return judgeFreshness(best, bestFacts, directives, nowMs);
  const completed = why === 'partial' ? completing(request, all, factsOf, nowMs) : null;
  return completed ?? { kind: 'miss', why, variants: all.length };
}

function judgeFreshness(stored: StoredResponse, facts: ResponseFacts, directives: RequestDirectives, nowMs: number): Reuse {
  const ageSeconds = currentAgeSeconds(facts, nowMs);
  const why = isBeforeReceipt(facts, nowMs) ? 'clock-set-back' : reasonToValidate(stored, facts, ageSeconds, directives);
  if (why === null) return { kind: 'hit', stored, facts, ageSeconds, why: 'fresh', revalidateBehind: false };
  if (why === 'stale' && !forbidsStale(facts) && !(directives.maxAge !== null && isOlderThanAsked(ageSeconds, directives.maxAge))) {
    const staleSeconds = ageSeconds - facts.lifetimeSeconds;
    const { maxStale, minFresh } = directives;
    if (minFresh === null && maxStale !== null) {
      if (!wasNeverFresh(facts) && (maxStale === 'any' || staleSeconds <= maxStale))
        return { kind: 'hit', stored, facts, ageSeconds, why: 'max-stale', revalidateBehind: false };
    } else if (minFresh === null && mayAnswerMeanwhile(facts.directives.staleWhileRevalidate, staleSeconds)) {
      return { kind: 'hit', stored, facts, ageSeconds, why: 'stale-while-revalidate', revalidateBehind: true };
    }
  }
  return { kind: 'validate', stored, facts, ageSeconds, why };
}

/** RFC 5861 §3: within so many seconds of becoming stale; within none, never. */
function mayAnswerMeanwhile(staleWhileRevalidate: number | null, staleSeconds: number): boolean {
  return staleWhileRevalidate !== null && staleWhileRevalidate > 0 && staleSeconds <= staleWhileRevalidate;
}

/** Why what is stored may not answer as it is; `null` when it may, being fresh. */
function reasonToValidate(
  stored: StoredResponse,
  facts: ResponseFacts,
  ageSeconds: number,
  directives: RequestDirectives,
): ForwardCode | null {
  if (stored.isInvalidated) return 'invalidated';
  if (forbidsReuse(facts)) return 'response-no-store';
  if (facts.directives.noCache === true) return 'response-no-cache';
  if (directives.noCache) return 'request-no-cache';
  // Equal is stale: RFC 9111 §4.2 asks for "greater than".
  if (facts.lifetimeSeconds <= ageSeconds) return 'stale';
  if (directives.maxAge !== null && isOlderThanAsked(ageSeconds, directives.maxAge)) return 'request-max-age';
  if (directives.minFresh !== null && facts.lifetimeSeconds - ageSeconds < directives.minFresh) return 'request-min-fresh';
  return null;
}

/** Whoever sends `max-age=0` reloads, and means now: an age of less than a second is an age. */
export function isOlderThanAsked(ageSeconds: number, maxAge: number): boolean {
  return maxAge === 0 || ageSeconds > maxAge;
}

/** A part of which the origin is asked for the rest; the latest of several. */
function completing(
  request: CacheRequest,
  all: readonly StoredResponse[],
  factsOf: (stored: StoredResponse) => ResponseFacts,
  nowMs: number,
): Reuse | null {
  let found: Extract<Reuse, { kind: 'complete' }> | null = null;
  for (const stored of all) {
    const facts = factsOf(stored);
    if (!matches(stored, request.fields) || isReserved(stored, facts) || (found !== null && facts.dateMs <= found.facts.dateMs)) continue;
    const missing = missingFor(request, stored);
    if (missing === null) continue;
    found = { kind: 'complete', stored, facts, ageSeconds: currentAgeSeconds(facts, nowMs), why: 'partial', missing };
  }
  return found;
}

/** A response to a request with Authorization answers no other one unless it says so (RFC 9111 §3.5). */
function isReserved(stored: StoredResponse, { directives, isForced }: ResponseFacts): boolean {
  return stored.isFromAuthorized && !isForced && !maySatisfyOthers(directives);
}

/** Only a 304 can bring that about: with these directives nothing is stored in the first place. */
function forbidsReuse({ directives }: ResponseFacts): boolean {
  return (directives.noStore && !directives.mustUnderstand) || directives.isPrivate === true;
}

/** RFC 9111 §4.2.4; s-maxage has the meaning of proxy-revalidate (§5.2.2.10). */
function forbidsStale({ directives }: ResponseFacts): boolean {
  return directives.mustRevalidate || directives.proxyRevalidate || directives.sMaxAge !== null || directives.noCache === true;
}

/**
 * Whether its origin has never let it answer without being asked: with a validator alone, say, which many add to pages that they make for each user.
 * It has no lifetime to be past, so neither a client that takes what is stale nor an origin that is gone makes it one for everybody.
 */
function wasNeverFresh({ directives, lifetimeSeconds }: ResponseFacts): boolean {
  return lifetimeSeconds === 0 && !directives.isPublic;
}

function larger(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.max(one, other);
}

/** RFC 5861 §4. */
const REPLACEABLE: ReadonlySet<number> = new Set([500, 502, 503, 504]);
