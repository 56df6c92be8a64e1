// STAGE reuseStored: a request → a stored response that answers it, or what to ask the origin for and why (RFC 9111 §4).
// Whoever asks for what is being fetched already waits for that (collapse.ts). What turns out gone or damaged when it is opened is a miss.
import { ProxyError } from '../errors/proxy-error.ts';
import { hasField } from '../http/fields.ts';
import type { Body } from '../http/message.ts';
import { asResponse, joined, type Opened, openAnswer, openWhole } from './answer-from-store.ts';
import type { ArrivingResponse } from './arriving.ts';
import type { CacheContext, CachedResponse } from './cache.ts';
import type { PendingFetch, Waiter } from './collapse.ts';
import { Fetch, type FetchBasis, type ForwardedReuse, type Held } from './fetch.ts';
import type { Lookup } from './lookup.ts';
import type { Granted } from './neighbours.ts';
import { NO_REQUEST_DIRECTIVES } from './rules/cache-control.ts';
import { currentAgeSeconds, type ResponseFacts } from './rules/freshness.ts';
import { isConditional } from './rules/preconditions.ts';
import { judgeReuse, mayServeStale, type Reuse } from './rules/reuse.ts';
import { STORING_REASONS } from './rules/storability.ts';
import { matches } from './rules/vary.ts';
import type { Extent, StoredResponse } from './stored-response.ts';
import type { Soon } from './stores/cache-store.ts';

/** What comes of asking the cache. */
export type Found =
  | { readonly kind: 'answer'; readonly response: CachedResponse; readonly revalidateBehind: boolean }
  | { readonly kind: 'fetch'; readonly fetch: Fetch };

/** @throws ProxyError `proxy_internal_response`, 504, where only what is stored may answer and nothing does */
export function reuseStored(context: CacheContext, lookup: Lookup): Soon<Found> {
  const { method, overrides, key } = lookup.request;
  if ((method !== 'GET' && method !== 'HEAD') || overrides.bypass) return judge(context, lookup, NOTHING_STORED);
  const all = context.parts.store.find(key);
  return all instanceof Promise ? all.then((found) => judge(context, lookup, found)) : judge(context, lookup, all);
}

function judge(context: CacheContext, lookup: Lookup, all: readonly StoredResponse[]): Soon<Found> {
  const { parts } = context;
  const { request, directives, record, mayServe, isBackground } = lookup;
  const served = isAllServed(all, lookup) ? all : all.filter(({ origin }) => mayServe(origin));
  const judged = judgeReuse(request, directives, served, context.factsUnder(request.overrides), parts.now());
  const reuse: Reuse = isBackground && judged.kind === 'hit' ? { ...judged, kind: 'validate', why: 'stale' } : judged;
  record.reuse = reuse;
  if (reuse.kind === 'miss') return fetchOrJoin(context, lookup, reuse, served, NOTHING_HELD);
  if (reuse.kind === 'complete') {
    const part = openWhole(context, reuse.stored);
    return part instanceof Promise
      ? part.then((found) => withPart(context, lookup, reuse, served, found))
      : withPart(context, lookup, reuse, served, part);
  }
  // Its content is of no use: nobody is answered.
  if (isBackground && reuse.kind === 'validate') return fetchOrJoin(context, lookup, reuse, served, NOTHING_HELD);
  const opened = openAnswer(context, request, reuse.stored, reuse.ageSeconds);
  return opened instanceof Promise
    ? opened.then((found) => withAnswer(context, lookup, reuse, served, found))
    : withAnswer(context, lookup, reuse, served, opened);
}

/** Nearly always; then no list is made, and no function. */
function isAllServed(all: readonly StoredResponse[], lookup: Lookup): boolean {
  for (let i = 0; i < all.length; i += 1) if (!lookup.mayServe(all[i]!.origin)) return false;
  return true;
}

function withAnswer(
  context: CacheContext,
  lookup: Lookup,
  reuse: Extract<Reuse, { kind: 'hit' | 'validate' }>,
  all: readonly StoredResponse[],
  opened: Opened | null,
): Soon<Found> {
  // Gone or damaged: everything is judged again without it.
  if (opened === null)
    return judge(
      context,
      lookup,
      all.filter((each) => each !== reuse.stored),
    );
  const { request, record } = lookup;
  const isStaleAnswer = reuse.kind === 'validate' && mayAnswerStale(context, lookup, reuse);
  if (reuse.kind === 'validate' && !isStaleAnswer) return fetchOrJoin(context, lookup, reuse, all, { opened, part: null });
  record.outcome = 'hit';
  record.ttlSeconds = reuse.facts.lifetimeSeconds - reuse.ageSeconds;
  const isDue = isStaleAnswer || (reuse.kind === 'hit' && reuse.revalidateBehind);
  return { kind: 'answer', response: asResponse(request, reuse.stored, opened), revalidateBehind: isDue && mayAskBehind(context, lookup) };
}

/** Once is enough, whoever else asks meanwhile; and not for somebody who wants no network in it at all. */
function mayAskBehind({ parts, fetches }: CacheContext, { request, directives }: Lookup): boolean {
  return !parts.offline && !directives.onlyIfCached && fetches.find(request.key) === undefined;
}

/** Where the operator takes stale responses (`stale_ok`): however old, unless the origin forbids it or the client wants another. */
function mayAnswerStale({ parts }: CacheContext, { directives }: Lookup, reuse: Extract<Reuse, { kind: 'validate' }>): boolean {
  if (!parts.staleOk) return false;
  // What a client would rather have cannot be had while no origin is asked.
  if (!parts.offline && (reuse.why !== 'stale' || directives.maxAge !== null || directives.minFresh !== null)) return false;
  return mayServeStale(reuse, directives, parts.now(), { ...parts.rules, maxStaleSeconds: Number.POSITIVE_INFINITY }, 'unreachable');
}

function withPart(
  context: CacheContext,
  lookup: Lookup,
  reuse: Extract<Reuse, { kind: 'complete' }>,
  all: readonly StoredResponse[],
  part: Body | null,
): Soon<Found> {
  if (part === null)
    return judge(
      context,
      lookup,
      all.filter((each) => each !== reuse.stored),
    );
  return fetchOrJoin(context, lookup, reuse, all, { opened: null, part });
}

function fetchOrJoin(
  context: CacheContext,
  lookup: Lookup,
  reuse: ForwardedReuse,
  all: readonly StoredResponse[],
  held: Held,
): Soon<Found> {
  const { key, overrides } = lookup.request;
  const isOnlyIfCached = reuse.kind === 'miss' && reuse.why === 'only-if-cached';
  if (isOnlyIfCached || context.parts.offline) {
    letGo(held);
    lookup.record.outcome = 'none';
    throw new ProxyError('proxy_internal_response', isOnlyIfCached ? ONLY_IF_CACHED : offlineWords(context, lookup, reuse));
  }
  const basis = { lookup, reuse, all, held };
  if (!mayJoin(context, lookup, reuse)) return ask(context, basis, null);
  const pending = context.fetches.find(key);
  if (pending === undefined) {
    if (!mayLead(lookup, reuse)) return ask(context, basis, null);
    return lookAround(context, basis, context.fetches.lead(key, overrides));
  }
  if (pending.overrides !== overrides) return ask(context, basis, null);
  if (pending.arriving !== null) {
    const found = mayReuse(context, lookup, pending.arriving.response) ? join(context, lookup, pending.arriving) : null;
    if (found !== null) letGo(held);
    return found ?? ask(context, basis, null);
  }
  letGo(held);
  return new Promise((resolve, reject) => pending.wait(createWaiter(context, lookup, pending, resolve, reject)));
}

/** Where other processes share the store, one of them may be fetching the same, or have stored it a moment ago. */
function lookAround(context: CacheContext, basis: FetchBasis, pending: PendingFetch): Soon<Found> {
  const { lookup } = basis;
  const { neighbours } = context.parts;
  if (neighbours === null || lookup.hasLookedAround) return ask(context, basis, pending);
  lookup.hasLookedAround = true;
  const granted = neighbours.claim(lookup.request.key);
  return granted instanceof Promise
    ? granted.then((later) => lookedAround(context, basis, pending, later))
    : grantedAtOnce(context, basis, pending, granted);
}

function grantedAtOnce(context: CacheContext, basis: FetchBasis, pending: PendingFetch, granted: Granted | null): Soon<Found> {
  if (granted === null) return reuseOfOthers(context, basis, pending);
  const { key } = basis.lookup.request;
  pending.claim = context.hold(key, granted);
  return granted.isBehind && context.catchUp(key) ? askUnlessStored(context, basis, pending) : ask(context, basis, pending);
}

/** While this process asked, another one may have stored it and let go. */
function lookedAround(context: CacheContext, basis: FetchBasis, pending: PendingFetch, granted: Granted | null): Soon<Found> {
  if (granted === null) return reuseOfOthers(context, basis, pending);
  const { key } = basis.lookup.request;
  pending.claim = context.hold(key, granted);
  context.lookAnew(key);
  return askUnlessStored(context, basis, pending);
}

/** Another process has fetched it, and let go. */
async function reuseOfOthers(context: CacheContext, { lookup, held }: FetchBasis, pending: PendingFetch): Promise<Found> {
  context.lookAnew(lookup.request.key);
  letGo(held);
  pending.settle();
  const found = await goAlone(context, lookup);
  if (found.kind === 'answer') lookup.record.isCollapsed = true;
  return found;
}

function askUnlessStored(context: CacheContext, basis: FetchBasis, pending: PendingFetch): Soon<Found> {
  const all = context.parts.store.find(basis.lookup.request.key);
  const lookAgain = (found: readonly StoredResponse[]): Soon<Found> => {
    if (found.every(({ id }) => basis.all.some((one) => one.id === id))) return ask(context, basis, pending);
    letGo(basis.held);
    pending.settle();
    return judge(context, basis.lookup, found);
  };
  return all instanceof Promise ? all.then(lookAgain) : lookAgain(all);
}

function ask(context: CacheContext, basis: FetchBasis, pending: PendingFetch | null): Found {
  return { kind: 'fetch', fetch: new Fetch(basis, pending, context.invalidations.moment) };
}

/**
 * Whether a response to somebody else could be the one to this request, for all that is known before it has come. Keys whose last response was not for
 * sharing are not waited for: everybody would wait in vain.
 */
function mayJoin(context: CacheContext, { request, hasWaited, isBackground }: Lookup, reuse: ForwardedReuse): boolean {
  // However it is asked for, once is enough.
  if (isBackground && reuse.kind === 'validate') return !hasWaited;
  if (request.method !== 'GET' || hasWaited || reuse.kind === 'complete') return false;
  if (reuse.kind === 'miss' ? !SHARED_MISSES.has(reuse.why) : !mayBeConfirmedForMany(reuse.facts)) return false;
  if (hasField(request.fields, 'range') || hasField(request.fields, 'authorization')) return false;
  const last = context.lastCode(request.key);
  return (
    last === null ||
    last === 'incomplete' ||
    (STORING_REASONS[last].isStored && (last !== 'stored-to-validate' || reuse.kind === 'validate'))
  );
}

/** With conditions of the client's own, the origin's answer may be a 304 that is of no use to others. */
function mayLead({ request }: Lookup, reuse: ForwardedReuse): boolean {
  return reuse.kind === 'validate' || !isConditional(request.fields);
}

function createWaiter(
  context: CacheContext,
  lookup: Lookup,
  pending: PendingFetch,
  resolve: (found: Soon<Found>) => void,
  reject: (error: unknown) => void,
): Waiter {
  const goOn = (found: Soon<Found> | null): boolean => {
    if (found !== null) resolve(found);
    return found !== null;
  };
  // Who works for the client from here on listens to it in our place.
  const stopWaiting = (): void => lookup.cancellation.listen(null);
  const waiter: Waiter = {
    joins(arriving) {
      stopWaiting();
      return goOn(mayShare(context, lookup, arriving.response, TO_COME) ? join(context, lookup, arriving) : null);
    },
    confirmed(stored) {
      stopWaiting();
      return goOn(answerConfirmed(context, lookup, stored));
    },
    released() {
      stopWaiting();
      try {
        goOn(goAlone(context, lookup));
      } catch (error) {
        reject(error);
      }
    },
  };
  lookup.cancellation.listen({
    cancel: () => {
      pending.leave(waiter);
      reject(new ProxyError('connection_terminated', 'The client has left.'));
    },
  });
  return waiter;
}

function goAlone(context: CacheContext, lookup: Lookup): Soon<Found> {
  lookup.hasWaited = true;
  return reuseStored(context, lookup);
}

/** What somebody else had the origin confirm meanwhile. @returns `null` where that is not what this request would have asked */
function answerConfirmed(context: CacheContext, lookup: Lookup, stored: StoredResponse): Soon<Found> | null {
  const { request, record, mayServe } = lookup;
  if (!mayServe(stored.origin) || !mayShare(context, lookup, stored, stored.extent)) return null;
  const facts = context.factsOf(stored, request.overrides);
  const ageSeconds = currentAgeSeconds(facts, context.parts.now());
  const answered = (opened: Opened | null): Soon<Found> => {
    if (opened === null) return goAlone(context, lookup);
    record.outcome = 'validated';
    record.isCollapsed = true;
    record.forwardStatus = 304;
    record.ttlSeconds = facts.lifetimeSeconds - ageSeconds;
    return { kind: 'answer', response: asResponse(request, stored, opened), revalidateBehind: false };
  };
  const opened = openAnswer(context, request, stored, ageSeconds);
  return opened instanceof Promise ? opened.then(answered) : answered(opened);
}

/**
 * Whether what one request brought may answer those who had asked before it came. What they ask beyond its freshness is done: it has come from the
 * origin since. But its origin has to let it be reused at all (RFC 9111 §4): one that wants to be asked each time (no-cache, no lifetime) may have
 * something else for everybody. The time that it took is nobody's age here: else what is slow would be fetched by all at once.
 */
function mayShare(context: CacheContext, { request }: Lookup, response: StoredResponse, extent: Extent): boolean {
  const facts = context.factsOf(response, request.overrides);
  const atOnce = { ...facts, initialAgeMs: Math.max(facts.apparentAgeSeconds, facts.ageValueSeconds) * 1000 };
  const shared = judgeReuse(request, NO_REQUEST_DIRECTIVES, [{ ...response, extent }], () => atOnce, facts.responseTimeMs);
  return shared.kind === 'hit';
}

/** Whether the origin, asked whether it still holds, may confirm it for more than one request at a time. */
function mayBeConfirmedForMany({ directives, lifetimeSeconds }: ResponseFacts): boolean {
  return directives.noCache !== true && (lifetimeSeconds > 0 || (directives.staleWhileRevalidate ?? 0) > 0);
}

/** Whoever asks once the head is here reuses it as if it were stored already: it has to be fresh, and need no validation (RFC 9111 §4). */
function mayReuse(context: CacheContext, { request, directives }: Lookup, response: StoredResponse): boolean {
  const facts = context.factsOf(response, request.overrides);
  return judgeReuse(request, directives, [{ ...response, extent: TO_COME }], () => facts, context.parts.now()).kind === 'hit';
}

/** Reads along with what is coming for somebody else. @returns `null` where it would not be right for this request */
function join(context: CacheContext, lookup: Lookup, arriving: ArrivingResponse): Found | null {
  const { request, record } = lookup;
  const { response } = arriving;
  // A part that nobody asked for stands in for the whole with whoever got it, and with nobody else.
  if (response.status === 206 || !arriving.isShareable || !lookup.mayServe(response.origin) || !matches(response, request.fields))
    return null;
  const facts = context.factsOf(response, request.overrides);
  const ageSeconds = currentAgeSeconds(facts, context.parts.now());
  record.isCollapsed = true;
  record.ttlSeconds = facts.lifetimeSeconds - ageSeconds;
  return { kind: 'answer', response: joined(context, request, arriving, ageSeconds), revalidateBehind: false };
}

function offlineWords({ parts }: CacheContext, { directives }: Lookup, reuse: ForwardedReuse): string {
  const { kind, why } = reuse;
  if (why === 'method') return 'This proxy is offline and answers only GET and HEAD, with what it has stored.';
  if (why === 'uri-miss') return 'This proxy is offline and has nothing stored for this address.';
  if (kind === 'validate') {
    const unbounded = { ...parts.rules, maxStaleSeconds: Number.POSITIVE_INFINITY };
    return mayServeStale(reuse, directives, parts.now(), unbounded, 'unreachable') ? OFFLINE_STALE : OFFLINE_FORBIDDEN;
  }
  return 'This proxy is offline, and nothing that it has stored for this address answers this request.';
}

function letGo({ opened, part }: Held): void {
  opened?.body?.cancel();
  part?.cancel();
}

/** Of content that will be whole, if it is at all. */
const TO_COME: Extent = Object.freeze({ first: 0, length: 0, completeLength: 0 });
const NOTHING_HELD: Held = Object.freeze({ opened: null, part: null });
const NOTHING_STORED: readonly StoredResponse[] = Object.freeze([]);
/** Misses that say nothing against the next response. */
const SHARED_MISSES: ReadonlySet<string> = new Set(['uri-miss', 'vary-miss', 'authorization', 'partial']);
const OFFLINE_STALE =
  'This proxy is offline, and what it has stored for this address is stale. With --stale-ok, its operator lets older copies answer.';
const OFFLINE_FORBIDDEN =
  'This proxy is offline, and what it has stored for this address may not be used stale: its origin forbids that, or a later request has invalidated it.';
const ONLY_IF_CACHED = 'The request asks for a stored response only (only-if-cached), and none can answer it.';
