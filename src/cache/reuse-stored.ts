// STAGE reuseStored: a request → a stored response that answers it, or what to ask the origin for and why (RFC 9111 §4).
// Whoever asks for what is being fetched already waits for that (collapse.ts). What turns out gone or damaged when it is opened is a miss.
import { ProxyError } from '../errors/proxy-error.ts';
import { hasField } from '../http/fields.ts';
import type { Body, Fields } from '../http/message.ts';
import { type Cancellable, Cancellation } from '../net/cancellation.ts';
import { asResponse, joined, type Opened, openAnswer, openWhole } from './answer-from-store.ts';
import type { ArrivingResponse } from './arriving.ts';
import type { CacheContext, CachedResponse } from './cache.ts';
import { type CacheRecord, createCacheRecord } from './cache-record.ts';
import type { PendingFetch, Waiter } from './collapse.ts';
import type { Granted } from './neighbours.ts';
import type { RequestDirectives } from './rules/cache-control.ts';
import { currentAgeSeconds } from './rules/freshness.ts';
import { isConditional } from './rules/preconditions.ts';
import { type CacheRequest, judgeReuse, mayServeStale, type Reuse } from './rules/reuse.ts';
import { STORING_REASONS } from './rules/storability.ts';
import { outgoingFields } from './rules/validation.ts';
import { matches } from './rules/vary.ts';
import type { Extent, StoredResponse } from './stored-response.ts';
import type { Soon } from './stores/cache-store.ts';

/** What comes of asking the cache. */
export type Found =
  | { readonly kind: 'answer'; readonly response: CachedResponse; readonly revalidateBehind: boolean }
  | { readonly kind: 'fetch'; readonly fetch: Fetch };

export type ForwardedReuse = Exclude<Reuse, { kind: 'hit' }>;

/** One request at the cache: what it may be answered with, and how that is found out. */
export class Lookup {
  readonly request: CacheRequest;
  /** Who asks, as the key has it where a rule keeps users apart. */
  readonly user: string | null;
  readonly directives: RequestDirectives;
  readonly record: CacheRecord;
  /** Of whoever asks. */
  readonly cancellation: Cancellation;
  /** Whether this client may have what came from there. */
  readonly mayServe: (origin: StoredResponse['origin']) => boolean;
  /** It is asked on nobody's behalf, to freshen what is stored. */
  readonly isBackground: boolean;
  /** It has waited for a response that turned out not to be for sharing, and does not wait again. */
  hasWaited = false;
  /** Other processes have been asked whether they fetch it, or have stored it. */
  hasLookedAround = false;

  constructor(
    request: CacheRequest,
    directives: RequestDirectives,
    user: string | null,
    cancellation: Cancellation,
    mayServe: Lookup['mayServe'],
    isBackground: boolean,
  ) {
    this.request = request;
    this.directives = directives;
    this.user = user;
    this.record = createCacheRecord(request.key);
    this.cancellation = cancellation;
    this.mayServe = mayServe;
    this.isBackground = isBackground;
  }
}

/** What is stored, opened before the origin is asked. */
interface Held {
  readonly opened: Opened | null;
  readonly part: Body | null;
}

/** Why the origin is asked. */
interface FetchBasis {
  readonly lookup: Lookup;
  readonly reuse: ForwardedReuse;
  readonly all: readonly StoredResponse[];
  readonly held: Held;
}

/** What the origin is asked for, and all that its answer will be judged by. Whoever asked may leave while others wait for the same. */
export class Fetch implements Cancellable {
  readonly lookup: Lookup;
  readonly reuse: ForwardedReuse;
  /** Everything stored under the key, as it was found. */
  readonly all: readonly StoredResponse[];
  /** Where it is to be validated, what it answers then, opened ahead: nobody promises that it is still there later. */
  readonly opened: Opened | null;
  /** Where it is to be completed, the content of the part that is stored. */
  readonly part: Body | null;
  /** What others may wait for; whoever has it settles it. */
  readonly pending: PendingFetch | null;
  /** What is invalidated after it outdates the answer (invalidations.ts): before the request goes out, or once the answer has invalidated. */
  moment: number;
  /** Stops the request to the origin. */
  readonly cancellation = new Cancellation();

  constructor(basis: FetchBasis, pending: PendingFetch | null, moment: number) {
    const { lookup, reuse, all, held } = basis;
    this.lookup = lookup;
    this.reuse = reuse;
    this.all = all;
    this.opened = held.opened;
    this.part = held.part;
    this.pending = pending;
    this.moment = moment;
    lookup.cancellation.listen(this);
  }

  /** The client has left. */
  cancel(): void {
    if (this.pending === null) this.cancellation.cancel();
    else this.pending.leaderLeft(this.cancellation);
  }

  /** Fields of the request to the origin: the client's, but for conditions and ranges that we ask on our own account. */
  fieldsToForward(fields: Fields): Fields {
    return this.reuse.kind === 'miss' ? fields : outgoingFields(fields, this.reuse);
  }
}

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
    throw new ProxyError('proxy_internal_response', isOnlyIfCached ? ONLY_IF_CACHED : offlineWords(reuse));
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
    : lookedAround(context, basis, pending, granted);
}

function lookedAround(context: CacheContext, basis: FetchBasis, pending: PendingFetch, granted: Granted | null): Soon<Found> {
  const { lookup } = basis;
  const { key } = lookup.request;
  if (granted === null) return reuseOfOthers(context, basis, pending);
  pending.claim = context.hold(key, granted);
  return granted.isBehind ? askUnlessStored(context, basis, pending) : ask(context, basis, pending);
}

/** Another process has fetched it, and let go. */
async function reuseOfOthers(context: CacheContext, { lookup, held }: FetchBasis, pending: PendingFetch): Promise<Found> {
  context.catchUp(lookup.request.key);
  letGo(held);
  pending.settle();
  const found = await goAlone(context, lookup);
  if (found.kind === 'answer') lookup.record.isCollapsed = true;
  return found;
}

function askUnlessStored(context: CacheContext, basis: FetchBasis, pending: PendingFetch): Soon<Found> {
  const { key } = basis.lookup.request;
  if (!context.catchUp(key)) return ask(context, basis, pending);
  const all = context.parts.store.find(key);
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
  if (reuse.kind === 'miss' && !SHARED_MISSES.has(reuse.why)) return false;
  if (hasField(request.fields, 'range') || hasField(request.fields, 'authorization')) return false;
  const last = context.lastCode(request.key);
  return last === null || last === 'incomplete' || STORING_REASONS[last].isStored;
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
      return goOn(join(context, lookup, arriving));
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
  const { request, directives, record, mayServe } = lookup;
  if (!mayServe(stored.origin)) return null;
  const reuse = judgeReuse(request, directives, [stored], context.factsUnder(request.overrides), context.parts.now());
  if (reuse.kind !== 'hit' && !(reuse.kind === 'validate' && CONFIRMED.has(reuse.why))) return null;
  const { facts, ageSeconds } = reuse;
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

function offlineWords({ kind, why }: ForwardedReuse): string {
  if (why === 'method') return 'This proxy is offline and answers only GET and HEAD, with what it has stored.';
  if (why === 'uri-miss') return 'This proxy is offline and has nothing stored for this address.';
  if (kind === 'validate') return 'This proxy is offline, and what it has stored for this address is stale.';
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
/** Why a response had to be validated, so that its validation is all it takes. */
const CONFIRMED: ReadonlySet<string> = new Set(['stale', 'response-no-cache', 'request-no-cache']);
/** Misses that say nothing against the next response. */
const SHARED_MISSES: ReadonlySet<string> = new Set(['uri-miss', 'vary-miss', 'authorization', 'partial']);
const ONLY_IF_CACHED = 'The request asks for a stored response only (only-if-cached), and none can answer it.';
