// Owns whether a response is stored (RFC 9111 §3, §3.5), and the closed table of reasons why or why not.
// More than the RFC forbids is left out where one client's request would decide what others get: a request with content, a status that is about this
// one request (RFC 6585 forbids four of those itself), and Set-Cookie without a lifetime of its origin's choice.
// What could never be reused is not stored either: neither fresh nor with anything to validate it by.
import { type Authority, formatAuthority } from '../../http/authority.ts';
import { fieldValues, hasField } from '../../http/fields.ts';
import type { Fields } from '../../http/message.ts';
import { DEFAULT_PORTS, type Scheme } from '../../http/target.ts';
import { type ResponseDirectives, requestDirectives } from './cache-control.ts';
import { isHeuristicallyCacheable, type ResponseFacts } from './freshness.ts';
import type { CacheOverrides } from './options.ts';
import { varyOf } from './vary.ts';

export interface StoringReason {
  /** Where the rule stands. */
  readonly section: string;
  readonly sentence: string;
  readonly isStored: boolean;
}

export const STORING_REASONS = {
  'stored-explicit': { section: 'RFC 9111 §3, §4.2.1', sentence: 'It says how long it stays fresh.', isStored: true },
  'stored-heuristic': {
    section: 'RFC 9111 §3, §4.2.2',
    sentence: 'Its status may be stored, and its Last-Modified gives it a lifetime.',
    isStored: true,
  },
  'stored-public': {
    section: 'RFC 9111 §5.2.2.9, §4.2.2',
    sentence: 'It is public, and its Last-Modified gives it a lifetime.',
    isStored: true,
  },
  'stored-to-validate': {
    section: 'RFC 9111 §3, §4.3',
    sentence: 'It has a validator: the origin can be asked whether it still holds.',
    isStored: true,
  },
  'stored-stale': { section: 'RFC 9111 §4.2.4, RFC 5861', sentence: 'It says that it may answer although it is stale.', isStored: true },
  'stored-partial': { section: 'RFC 9111 §3.3', sentence: 'It is one range, and answers ranges within it.', isStored: true },
  'stored-post': {
    section: 'RFC 9110 §9.3.3',
    sentence: 'It answers POST, is fresh, and names its own target in Content-Location.',
    isStored: true,
  },
  'forced-by-policy': {
    section: 'against RFC 9111 §3',
    sentence: 'A rule of the policy stores it whatever its directives say.',
    isStored: true,
  },
  'stored-by-policy': {
    section: 'against RFC 9111 §4.2.1, §4.2.3',
    sentence: 'A rule of the policy says how long it stays fresh.',
    isStored: true,
  },
  'policy-bypass': { section: 'policy', sentence: 'A rule of the policy keeps the cache out of it.', isStored: false },
  method: { section: 'RFC 9111 §3', sentence: 'Only answers to GET are stored, and few to POST.', isStored: false },
  'post-not-reusable': {
    section: 'RFC 9110 §9.3.3',
    sentence: 'An answer to POST needs status 200, a lifetime, and its own target in Content-Location.',
    isStored: false,
  },
  'request-content': { section: 'RFC 9110 §9.3.1', sentence: 'The request had content, which is no part of the key.', isStored: false },
  'request-no-store': { section: 'RFC 9111 §5.2.1.5', sentence: 'The client asks that nothing of it be stored.', isStored: false },
  'not-final': { section: 'RFC 9111 §3', sentence: 'It is an interim response.', isStored: false },
  'not-modified': {
    section: 'RFC 9111 §4.3.4',
    sentence: 'It answers a condition of the client, and has no content of its own.',
    isStored: false,
  },
  'status-about-request': {
    section: 'RFC 9110 §15.5, RFC 6585',
    sentence: 'Its status is about this one request and not about what it asked for.',
    isStored: false,
  },
  'status-not-understood': {
    section: 'RFC 9111 §5.2.2.3',
    sentence: 'It asks to be understood, and nothing is known of its status.',
    isStored: false,
  },
  'no-store': { section: 'RFC 9111 §5.2.2.5', sentence: 'It says no-store.', isStored: false },
  private: { section: 'RFC 9111 §5.2.2.7', sentence: 'It is private, and this cache is shared.', isStored: false },
  authorization: {
    section: 'RFC 9111 §3.5',
    sentence: 'The request had Authorization, and none of public, must-revalidate and s-maxage allows it.',
    isStored: false,
  },
  'vary-star': { section: 'RFC 9111 §4.1', sentence: 'Its Vary is * or malformed, so it answers no other request.', isStored: false },
  'partial-unusable': {
    section: 'RFC 9111 §3.3',
    sentence: 'It is partial, but not one range of octets of known position.',
    isStored: false,
  },
  'set-cookie': {
    section: 'RFC 9111 §7.3',
    sentence: 'It sets a cookie, and neither a lifetime nor public shows that others may have it too.',
    isStored: false,
  },
  'no-cache': { section: 'RFC 9111 §5.2.2.4', sentence: 'It has to be validated at every use, and has no validator.', isStored: false },
  'already-stale': { section: 'RFC 9111 §4.2', sentence: 'It is stale as it comes, and has no validator.', isStored: false },
  'status-needs-lifetime': {
    section: 'RFC 9111 §3, RFC 9110 §15.1',
    sentence: 'A response of this status is stored only with a lifetime of its own, or as public.',
    isStored: false,
  },
  'store-refused': {
    section: 'settings cache.max_object, cache.memory, cache.disk',
    sentence: 'It is larger than the store takes, or the disk has failed or is full.',
    isStored: false,
  },
  incomplete: { section: 'RFC 9111 §3.3', sentence: 'It broke off before its end, or everybody who wanted it had left.', isStored: false },
  'no-freshness': {
    section: 'RFC 9111 §3',
    sentence: 'It has neither a lifetime nor a validator.',
    isStored: false,
  },
} as const satisfies Record<string, StoringReason>;

export type StoringCode = keyof typeof STORING_REASONS;

/** The request as the client sent it. */
export interface StoringRequest {
  readonly method: string;
  readonly scheme: Scheme;
  readonly authority: Authority;
  readonly pathAndQuery: string;
  readonly fields: Fields;
  readonly hasContent: boolean;
}

export interface StoringResponse {
  readonly status: number;
  readonly fields: Fields;
  /** Of a 206: its Content-Range is one range of octets that can be kept (rules/ranges.ts). Otherwise not looked at. */
  readonly isUsableRange: boolean;
}

/** The first reason that decides; what is forbidden comes before what is allowed. Never throws. */
export function storability(
  request: StoringRequest,
  response: StoringResponse,
  facts: ResponseFacts,
  overrides: CacheOverrides,
): StoringCode {
  if (overrides.bypass) return 'policy-bypass';
  const refusal = refusalByRequest(request, response, facts) ?? refusalByStatus(response, facts.directives);
  if (refusal !== null) return refusal;
  if (varyOf(response.fields) === '*') return 'vary-star';
  if (facts.isForced) return 'forced-by-policy';
  return refusalByDirectives(request, facts.directives) ?? reasonToStore(request, response, facts);
}

/** Whether a response to a request with Authorization may answer others (§3.5), those without it and those with another one. */
export function maySatisfyOthers({ isPublic, mustRevalidate, sMaxAge }: ResponseDirectives): boolean {
  return isPublic || mustRevalidate || typeof sMaxAge === 'number';
}

function refusalByRequest(request: StoringRequest, response: StoringResponse, facts: ResponseFacts): StoringCode | null {
  if (request.method === 'POST') {
    if (!isReusablePost(request, response, facts)) return 'post-not-reusable';
  } else if (request.method !== 'GET') return 'method';
  else if (request.hasContent) return 'request-content';
  return requestDirectives(request.fields).noStore ? 'request-no-store' : null;
}

function refusalByStatus({ status, isUsableRange }: StoringResponse, directives: ResponseDirectives): StoringCode | null {
  if (status < 200) return 'not-final';
  if (status === 304) return 'not-modified';
  if (ABOUT_THE_REQUEST.has(status)) return 'status-about-request';
  if (status === 206 && !isUsableRange) return 'partial-unusable';
  return directives.mustUnderstand && !UNDERSTOOD.has(status) ? 'status-not-understood' : null;
}

function refusalByDirectives({ fields }: StoringRequest, directives: ResponseDirectives): StoringCode | null {
  // The status is understood here, and then must-understand stands above no-store (§5.2.2.3).
  if (directives.noStore && !directives.mustUnderstand) return 'no-store';
  if (directives.isPrivate === true) return 'private';
  return hasField(fields, 'authorization') && !maySatisfyOthers(directives) ? 'authorization' : null;
}

/** §3, last: something has to allow it, and it has to be of use. */
function reasonToStore(request: StoringRequest, response: StoringResponse, facts: ResponseFacts): StoringCode {
  const { directives, lifetimeSeconds, lifetimeFrom } = facts;
  const isExplicit = lifetimeFrom !== 'heuristic' && lifetimeFrom !== 'none';
  const isAllowed = isExplicit || directives.isPublic || isHeuristicallyCacheable(response.status);
  if (!isAllowed) return 'status-needs-lifetime';
  if (setsCookie(response.fields, directives) && !directives.isPublic && !saysLifetime(facts)) return 'set-cookie';
  const isFreshOnce = lifetimeSeconds * 1000 > facts.initialAgeMs && directives.noCache !== true;
  if (!isFreshOnce && !hasValidator(response.fields)) return reasonToStoreStale(facts);
  if (response.status === 206) return 'stored-partial';
  if (!isFreshOnce) return 'stored-to-validate';
  if (request.method === 'POST') return 'stored-post';
  if (isExplicit) return lifetimeFrom === 'policy' ? 'stored-by-policy' : 'stored-explicit';
  return isHeuristicallyCacheable(response.status) ? 'stored-heuristic' : 'stored-public';
}

/** Of a response that is not fresh even now, and cannot be validated. */
function reasonToStoreStale({ directives, lifetimeFrom }: ResponseFacts): StoringCode {
  if (directives.noCache === true) return 'no-cache';
  if (lifetimeFrom === 'none') return 'no-freshness';
  const mayBeStale = (directives.staleWhileRevalidate ?? 0) > 0 || (directives.staleIfError ?? 0) > 0;
  return mayBeStale ? 'stored-stale' : 'already-stale';
}

/** Whether Set-Cookie would be stored: it is not when no-cache or private names it (rules/stored-fields.ts). */
export function setsCookie(fields: Fields, { noCache, isPrivate }: ResponseDirectives): boolean {
  const isNamed = [noCache, isPrivate].some((names) => typeof names !== 'boolean' && names.includes('set-cookie'));
  return !isNamed && hasField(fields, 'set-cookie');
}

/** Whether the origin itself gives it a lifetime; the `ttl` of a rule does not say that its cookies are for everybody. */
export function saysLifetime({ directives, lifetimeFrom, lifetimeSeconds }: ResponseFacts): boolean {
  const said = directives.sMaxAge ?? directives.maxAge;
  if (said !== null) return typeof said === 'number' && said > 0;
  return lifetimeFrom === 'Expires' && lifetimeSeconds > 0;
}

export function hasValidator(fields: Fields): boolean {
  return hasField(fields, 'etag') || hasField(fields, 'last-modified');
}

/** RFC 9110 §9.3.3: fresh by its own words, and a representation of what the request was sent to. */
function isReusablePost(request: StoringRequest, response: StoringResponse, facts: ResponseFacts): boolean {
  const isExplicit = facts.lifetimeFrom !== 'heuristic' && facts.lifetimeSeconds * 1000 > facts.initialAgeMs;
  return response.status === 200 && isExplicit && isOwnLocation(fieldValues(response.fields, 'content-location'), request);
}

/** Whether Content-Location, relative to the target (RFC 9110 §8.7), is the target. */
function isOwnLocation(locations: readonly string[], { scheme, authority, pathAndQuery }: StoringRequest): boolean {
  const target = `${scheme}://${formatAuthority(authority, DEFAULT_PORTS[scheme])}${pathAndQuery}`;
  const location = locations.length === 1 ? URL.parse(locations[0]!, target) : null;
  return location !== null && location.hash === '' && location.href === URL.parse(target)?.href;
}

/** 407 speaks of a proxy, 412, 416 and 417 of a condition, a range and an expectation, and RFC 6585 forbids to store the others. */
const ABOUT_THE_REQUEST: ReadonlySet<number> = new Set([407, 412, 416, 417, 428, 429, 431, 511]);

/** Final statuses of RFC 9110 §15, whose caching is known here; 304 and those above never come so far. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  ...[
    200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 413, 414, 415,
  ],
  ...[421, 422, 426, 500, 501, 502, 503, 504, 505],
]);
