// Owns the joints between the line and the cache: a request as the cache sees it, what of its answers goes back to the line, and the request that
// validates behind an answer. What is stored belongs to whoever may be connected to where it came from, and to nobody else.
import type { CacheContext, CachedResponse } from '../cache/cache.ts';
import { Lookup } from '../cache/lookup.ts';
import { type Found, reuseStored } from '../cache/reuse-stored.ts';
import { cacheKey } from '../cache/rules/cache-key.ts';
import { type CacheOverrides, NO_OVERRIDES } from '../cache/rules/options.ts';
import { answerFailure, type FetchedResponse, storeResponse, UnfitPart } from '../cache/store-response.ts';
import type { StoredResponse } from '../cache/stored-response.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import type { Rule } from '../policy/policy.ts';
import type { ClientResponse } from '../upstream/http1-client.ts';
import type { Authorized, Forwarded, Served, Soon, Step, Unsatisfied } from './exchange.ts';

export interface CacheJoint {
  readonly context: CacheContext;
  /** Whether this client may be connected to where a stored response came from. */
  readonly mayServe: (request: Authorized, origin: StoredResponse['origin']) => boolean;
  /** Begins an exchange of its own that validates what has just answered (RFC 5861 §3). */
  readonly revalidateBehind: (request: Authorized) => void;
}

/** @throws ProxyError 504, where only a stored response may answer and none does */
export function lookInCache(joint: CacheJoint, request: Authorized): Soon<Step<Unsatisfied, Served>> {
  const { received, decision, pathAndQuery } = request;
  const { incoming, scheme, authority } = received;
  const { head, body, flow, cancellation } = incoming;
  // What comes after a 101 is no response that could be stored.
  if (received.upgrade !== null) {
    if (joint.context.parts.offline) throw new ProxyError('proxy_internal_response', OFFLINE);
    return { next: { ...request, fetch: null } };
  }
  const overrides = overridesUnder(decision.rule);
  const lookup = new Lookup(
    {
      method: head.method,
      scheme,
      authority,
      pathAndQuery,
      fields: head.fields,
      hasContent: body !== null,
      key: cacheKey(scheme, authority, pathAndQuery, overrides, flow.user),
      overrides,
      receivedAtMs: flow.startedAtMs,
    },
    joint.context.directivesOf(head.fields),
    flow.user,
    cancellation,
    (origin) => joint.mayServe(request, origin),
    incoming.isBackground,
  );
  flow.cache = lookup.record;
  const found = reuseStored(joint.context, lookup);
  return found instanceof Promise ? found.then((later) => use(joint, request, later)) : use(joint, request, found);
}

/** What comes from an origin whose certificate is forgiven something is for those under that rule, and for now: it is neither stored nor looked up. */
function overridesUnder(rule: Rule | null): CacheOverrides {
  if (rule === null) return NO_OVERRIDES;
  return rule.acceptCertificate === null ? (rule.cache ?? NO_OVERRIDES) : NOT_TO_BE_KEPT;
}

/**
 * @returns what to ask for instead where a part came that fits nothing stored
 * @throws ProxyError  what the origin failed with, where nothing stored may answer in its place
 */
export function keepInCache(joint: CacheJoint, request: Unsatisfied, forwarded: Forwarded): Soon<Served | Unsatisfied> {
  const { fetch, received } = request;
  if (fetch === null) {
    if (forwarded.kind === 'failure') throw forwarded.thrown;
    return { response: forwarded.response, storedFrom: null };
  }
  if (forwarded.kind === 'failure') {
    const stale = answerFailure(joint.context, fetch, forwarded.thrown);
    if (stale === null) throw forwarded.thrown;
    return served(stale);
  }
  const { response, requestTimeMs, responseTimeMs } = forwarded;
  const { flow } = received.incoming;
  const { upstreamAddress, upstreamPort } = flow;
  const origin = flow.route === 'direct' && upstreamAddress !== null ? { address: upstreamAddress, port: upstreamPort } : null;
  const fetched: FetchedResponse = { head: response.head, body: response.body, requestTimeMs, responseTimeMs, origin };
  try {
    const kept = storeResponse(joint.context, fetch, fetched);
    return kept instanceof Promise ? kept.then(served) : served(kept);
  } catch (error) {
    // Only a GET without content is completed, so it may be repeated (RFC 9110 §9.2.2).
    if (error instanceof UnfitPart) return { ...request, fetch: error.whole };
    throw error;
  }
}

function use(joint: CacheJoint, request: Authorized, found: Found): Step<Unsatisfied, Served> {
  if (found.kind === 'fetch') return { next: { ...request, fetch: found.fetch } };
  if (found.revalidateBehind) joint.revalidateBehind(request);
  const { flow } = request.received.incoming;
  flow.firstByteMs = performance.now() - flow.startedMs;
  return { respond: served(found.response) };
}

function served({ head, body, origin }: CachedResponse): Served {
  const response: ClientResponse = { head, body, upgraded: null };
  return { response, storedFrom: origin };
}

const NOT_TO_BE_KEPT: CacheOverrides = { ...NO_OVERRIDES, bypass: true };
const OFFLINE = 'This proxy is offline: it answers with what it has stored, and switches to no other protocol.';
