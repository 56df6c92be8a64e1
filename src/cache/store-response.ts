// STAGE storeResponse: what the origin answered → what the client gets, and what is stored on the way (RFC 9111 §3, §4.3, §4.4).
// A 304 freshens what is stored and answers with that; a failure is answered with it where a stale answer is allowed (§4.2.4, RFC 5861 §4);
// unsafe methods invalidate; everything that may be stored is, while it passes.
import { ProxyError, type ProxyErrorCode } from '../errors/proxy-error.ts';
import { formatHttpDate } from '../http/date.ts';
import { hasField, isNamed } from '../http/fields.ts';
import { type Body, BytesBody, type Fields, type ResponseHead } from '../http/message.ts';
import { asResponse, type Opened, openAnswer } from './answer-from-store.ts';
import { beginStoring } from './begin-storing.ts';
import type { CacheContext, CachedResponse } from './cache.ts';
import { Fetch, type ForwardedReuse } from './fetch.ts';
import type { Lookup } from './lookup.ts';
import { Postponed } from './postponed.ts';
import { shapeAnswer } from './rules/answer.ts';
import { keysToInvalidate } from './rules/cache-key.ts';
import { currentAgeSeconds, type DatedResponse, factsOf } from './rules/freshness.ts';
import { invalidated } from './rules/invalidation.ts';
import { type Combination, combine } from './rules/partial.ts';
import { isNotModified, singleValue } from './rules/preconditions.ts';
import { tagsOf } from './rules/purge-tags.ts';
import { contentFor, parseContentRange } from './rules/ranges.ts';
import { type CacheRequest, mayServeStale, type OriginFailure } from './rules/reuse.ts';
import { STORING_REASONS, storability } from './rules/storability.ts';
import { storedFields } from './rules/stored-fields.ts';
import { fieldsForAsker, freshened, headUpdate } from './rules/validation.ts';
import { matches, selectingFields, varyOf } from './rules/vary.ts';
import { Sequence } from './sequence.ts';
import { Slice } from './slice.ts';
import type { Extent, StoredResponse } from './stored-response.ts';
import type { Soon } from './stores/cache-store.ts';

/** A response as the origin sent it. */
export interface FetchedResponse {
  readonly head: ResponseHead;
  /** `null` when it has no content. */
  readonly body: Body | null;
  readonly requestTimeMs: number;
  readonly responseTimeMs: number;
  /** `null` when a parent proxy fetched it. */
  readonly origin: StoredResponse['origin'];
}

type Validation = Extract<ForwardedReuse, { kind: 'validate' }>;

/** Part of a representation came that cannot be combined with what is stored of it (RFC 9110 §15.3.7.3). */
export class UnfitPart extends ProxyError {
  /** Asks for the whole instead, as the client did. */
  readonly whole: Fetch;

  constructor(whole: Fetch) {
    super('http_protocol_error', 'The origin sent a part that does not fit what is stored of the same. Ask again.');
    this.whole = whole;
  }
}

/** @throws UnfitPart */
export function storeResponse(context: CacheContext, fetch: Fetch, response: FetchedResponse): Soon<CachedResponse> {
  const { reuse, opened, part } = fetch;
  const { status } = response.head;
  // The connection may serve somebody else by now: from here on it is the content that a client lets go of.
  fetch.cancellation.listen(null);
  try {
    if (reuse.kind === 'validate') {
      if (status === 304) return validated(context, fetch, reuse, response);
      if (mayBeStale(context, fetch, reuse, status)) {
        response.body?.cancel();
        fetch.lookup.record.forwardStatus = status;
        return answerStale(context, fetch, reuse, opened);
      }
    }
    if (reuse.kind === 'complete' && part !== null) {
      if (status === 206) return completed(context, fetch, reuse.stored, part, response);
      // About a range that was ours and not the client's, which may reach from what is stored to an end that nobody knew.
      if (status === 416) throw unfit(context, fetch, reuse.stored, response);
    }
    opened?.body?.cancel();
    part?.cancel();
    const done = invalidate(context, fetch, response.head);
    return done === null ? received(context, fetch, response) : done.then(() => received(context, fetch, response));
  } catch (error) {
    fetch.pending?.settle();
    response.body?.cancel();
    throw error;
  }
}

/**
 * The origin could not be reached, or broke off before it had answered.
 *
 * @returns a stale response in its place (RFC 9111 §4.2.4), `null` where there is none or it is not allowed
 */
export function answerFailure(context: CacheContext, fetch: Fetch, thrown: unknown): CachedResponse | null {
  const { reuse, opened, part } = fetch;
  const isUnreachable = thrown instanceof ProxyError && UNREACHABLE.has(thrown.code);
  if (reuse.kind === 'validate' && isUnreachable && mayBeStale(context, fetch, reuse, 'unreachable')) {
    return answerStale(context, fetch, reuse, opened);
  }
  fetch.pending?.settle();
  opened?.body?.cancel();
  part?.cancel();
  return null;
}

/** RFC 9111 §4.3.4. */
function validated(context: CacheContext, fetch: Fetch, { stored }: Validation, response: FetchedResponse): Soon<CachedResponse> {
  const { lookup, pending } = fetch;
  const { request, record } = lookup;
  const { requestTimeMs, responseTimeMs } = response;
  response.body?.cancel();
  record.outcome = 'validated';
  record.forwardStatus = 304;
  const update = { fields: response.head.fields, requestTimeMs, responseTimeMs };
  const confirmed = freshened(stored, update, request.fields, context.parts.rules);
  const isOutdated = context.invalidations.isSince(fetch.moment, request.key);
  const updated = isOutdated ? { ...confirmed, isInvalidated: true } : confirmed;
  context.parts.store.update(updated);
  context.replaced(request.key);
  pending?.claim?.stored();
  // Those who wait had asked before it was invalidated, as this request had.
  pending?.confirm(confirmed);
  const own = fieldsForAsker(updated, update, context.parts.rules);
  const answering = own.length === 0 ? updated : { ...updated, fields: [...updated.fields, ...own] };
  return withContent(context, fetch, answering, noteAge(context, lookup, updated));
}

/** Its content was opened ahead, unless what the client gets of it has changed with the fields. */
function withContent(context: CacheContext, { lookup, opened }: Fetch, stored: StoredResponse, ageSeconds: number): Soon<CachedResponse> {
  const { request, isBackground } = lookup;
  const { now, newBoundary } = context.parts;
  const answer = shapeAnswer(request, stored, ageSeconds, now(), newBoundary);
  if (isBackground) return asResponse(request, stored, { answer, body: null });
  if (opened !== null && isSameContent(answer, opened.answer)) return asResponse(request, stored, { answer, body: opened.body });
  opened?.body?.cancel();
  const again = openAnswer(context, request, stored, ageSeconds);
  return again instanceof Promise ? again.then((found) => foundAgain(request, stored, found)) : foundAgain(request, stored, again);
}

function isSameContent(one: Opened['answer'], other: Opened['answer']): boolean {
  if (one.multipart !== null || other.multipart !== null) return false;
  return one.content?.first === other.content?.first && one.content?.length === other.content?.length;
}

function foundAgain(request: CacheRequest, stored: StoredResponse, opened: Opened | null): CachedResponse {
  if (opened !== null) return asResponse(request, stored, opened);
  throw new ProxyError('http_response_incomplete', 'The origin confirmed what is stored, and that turned out damaged. Ask again.');
}

/** A background request is not for answering anybody. */
function mayBeStale({ parts, invalidations }: CacheContext, { lookup, moment }: Fetch, reuse: Validation, failure: OriginFailure): boolean {
  const { now, rules } = parts;
  if (lookup.isBackground || invalidations.isSince(moment, lookup.request.key)) return false;
  return mayServeStale(reuse, lookup.directives, now(), rules, failure);
}

function answerStale(context: CacheContext, fetch: Fetch, { stored }: Validation, opened: Opened | null): CachedResponse {
  const { lookup, pending } = fetch;
  pending?.settle();
  lookup.record.outcome = 'stale';
  const age = String(noteAge(context, lookup, stored));
  // The content was opened for the head that was made then, with the boundary of its parts.
  const { answer, body } = opened!;
  const fields = answer.fields.map((field) => (isNamed(field.name, 'age') ? { name: 'Age', value: age } : field));
  return asResponse(lookup.request, stored, { answer: { ...answer, fields }, body });
}

/** The rest of a representation of which a part is stored, or what is missing of a range (RFC 9111 §3.4). */
function completed(context: CacheContext, fetch: Fetch, stored: StoredResponse, part: Body, response: FetchedResponse): CachedResponse {
  const { lookup } = fetch;
  const { request, record } = lookup;
  const { head, body, requestTimeMs, responseTimeMs } = response;
  const { parts } = context;
  const combination = combine(stored, { ...head, requestTimeMs, responseTimeMs }, parts.newId(), parts.rules);
  const content = combination === null || body === null ? null : combinedContent(combination, part, body);
  // With less than was asked for, it would be some other part than the client wants.
  if (combination === null || content === null || contentFor(request.method, request.fields, combination.response) === 'beyond') {
    throw unfit(context, fetch, stored, response);
  }
  const { response: whole } = combination;
  const ageSeconds = noteAge(context, lookup, whole);
  record.forwardStatus = head.status;
  const answer = shapeAnswer(request, whole, ageSeconds, parts.now(), parts.newBoundary);
  const wanted = answer.content ?? { first: 0, length: whole.extent.length };
  const facts = factsOf(whole, parts.rules, request.overrides);
  const code = storability(request, { ...whole, isUsableRange: true }, facts, request.overrides);
  const arriving = beginStoring(context, fetch, whole, content, code);
  const read = arriving?.read(wanted.first, wanted.length) ?? new Slice(content, wanted.first, wanted.length, whole.extent.length);
  return asResponse(request, whole, { answer, body: read });
}

/** @returns `null` where nothing of what arrives is missing */
function combinedContent({ pieces, arrivingLength }: Combination, part: Body, body: Body): Body | null {
  const missing = pieces.filter(({ from }) => from === 'arriving').length;
  if (missing === 0) return null;
  if (missing > 1) {
    // More came than was asked for: what is stored, and octets on both sides of it.
    part.cancel();
    return new Slice(body, 0, arrivingLength, arrivingLength);
  }
  const inTurn = pieces[0]!.from === 'stored' ? new Postponed(body) : body;
  return new Sequence(
    pieces.map(({ from, first, length }) => (from === 'stored' ? part : new Slice(inTurn, first, length, arrivingLength))),
  );
}

/** From here on nothing is found that could be completed: this request, and the next, ask for the whole. */
function unfit(context: CacheContext, { part, lookup, all }: Fetch, stored: StoredResponse, { body }: FetchedResponse): UnfitPart {
  part?.cancel();
  body?.cancel();
  context.parts.store.remove(stored);
  const others = all.filter((each) => each !== stored);
  const reuse: ForwardedReuse = { kind: 'miss', why: 'partial', variants: others.length };
  lookup.record.reuse = reuse;
  const basis = { lookup, reuse, all: others, held: { opened: null, part: null } };
  return new UnfitPart(new Fetch(basis, null, context.invalidations.moment));
}

/** A response of its own, to be passed on and stored where that is allowed. */
function received(context: CacheContext, fetch: Fetch, response: FetchedResponse): CachedResponse {
  const { lookup, pending, reuse } = fetch;
  const { request, record } = lookup;
  const { head, body, requestTimeMs, responseTimeMs, origin } = response;
  const { rules, newId, now } = context.parts;
  const dated = hasField(head.fields, 'date') ? head.fields : [...head.fields, { name: 'Date', value: formatHttpDate(responseTimeMs) }];
  const range = head.status === 206 ? extentOf(dated, body) : null;
  const arrived = { status: head.status, fields: dated, requestTimeMs, responseTimeMs, isUsableRange: range !== null };
  const facts = factsOf(arrived, rules, request.overrides);
  if (request.method === 'HEAD') updateByHead(context, fetch, arrived);
  const code = storability(request, arrived, facts, request.overrides);
  if (!STORING_REASONS[code].isStored) {
    if (request.method === 'GET') context.noteRefused(record, code, { status: head.status, fields: dated, facts });
    pending?.settle();
    return { head, body, origin };
  }
  const vary = varyOf(head.fields);
  const stored: StoredResponse = {
    id: newId(),
    key: request.key,
    selectedBy: vary === '*' ? [] : selectingFields(vary, request.fields, rules.secretFields),
    status: head.status,
    reason: head.reason,
    version: head.version,
    fields: storedFields(dated, facts.directives),
    requestTimeMs,
    responseTimeMs,
    extent: range ?? { first: 0, length: body?.length ?? 0, completeLength: body === null ? 0 : body.length },
    isFromAuthorized: hasField(request.fields, 'authorization'),
    isInvalidated: false,
    origin,
    tags: tagsOf(head.fields),
  };
  record.ttlSeconds = facts.lifetimeSeconds - currentAgeSeconds(facts, now());
  const arriving = beginStoring(context, fetch, stored, body ?? new BytesBody(NOTHING), code);
  if (arriving === null) return { head, body, origin };
  if (body === null) {
    arriving.keepAnyway();
    return { head, body, origin };
  }
  // The origin was asked with our conditions in place of the client's, which are due now (RFC 9111 §4.3.2).
  if (reuse.kind === 'validate' && head.status === 200 && isNotModified(request.fields, stored, now())) {
    arriving.keepAnyway();
    record.forwardStatus = head.status;
    const answer = shapeAnswer(request, stored, currentAgeSeconds(facts, now()), now(), context.parts.newBoundary);
    return asResponse(request, stored, { answer, body: null });
  }
  return { head: dated === head.fields ? head : { ...head, fields: dated }, body: arriving.read(), origin };
}

/** The one range that a 206 brings; `null` where it cannot be kept as one (RFC 9111 §3.3). */
function extentOf(fields: Fields, body: Body | null): Extent | null {
  const value = singleValue(fields, 'content-range');
  const range = value === null ? null : parseContentRange(value);
  if (range === null || body === null) return null;
  // Where the two disagree, the range is answered again as it came, and joined to nothing (rules/ranges.ts).
  return { first: range.first, length: body.length ?? range.last - range.first + 1, completeLength: range.completeLength };
}

/** RFC 9111 §4.3.5: what HEAD says of what is stored. */
function updateByHead(context: CacheContext, { lookup, all }: Fetch, head: DatedResponse): void {
  const { store, rules } = context.parts;
  for (const stored of all) {
    if (!matches(stored, lookup.request.fields)) continue;
    const update = headUpdate(stored, head);
    if (update === 'update') store.update(freshened(stored, head, lookup.request.fields, rules));
    else if (update === 'invalidate') store.update({ ...stored, isInvalidated: true });
    if (update !== 'nothing') context.replaced(lookup.request.key);
  }
}

/** RFC 9111 §4.4. @returns `null` when it is done at once */
function invalidate(context: CacheContext, fetch: Fetch, head: ResponseHead): Promise<unknown> | null {
  const { request, user } = fetch.lookup;
  const { isTarget, others } = invalidated(request, head);
  if (!isTarget) return null;
  const { scheme, authority, overrides } = request;
  const keys = [request.pathAndQuery, ...others].flatMap((target) => keysToInvalidate(scheme, authority, target, overrides, user));
  const { neighbours } = context.parts;
  const done = neighbours === null ? context.outdate(keys) : context.outdateEverywhere(keys, neighbours);
  // Not this answer itself.
  fetch.moment = context.invalidations.moment;
  return done;
}

/** @returns its age in seconds; the record says how long it stays fresh */
function noteAge(context: CacheContext, { request, record }: Lookup, stored: StoredResponse): number {
  const facts = context.factsOf(stored, request.overrides);
  const ageSeconds = currentAgeSeconds(facts, context.parts.now());
  record.ttlSeconds = facts.lifetimeSeconds - ageSeconds;
  return ageSeconds;
}

const NOTHING = Buffer.alloc(0);
/** Failures of an origin that has not answered; what we refuse ourselves is no such failure. */
const UNREACHABLE: ReadonlySet<ProxyErrorCode> = new Set([
  ...(['dns_timeout', 'dns_error', 'destination_unavailable', 'destination_ip_unroutable', 'connection_refused'] as const),
  ...(['connection_terminated', 'connection_timeout', 'connection_read_timeout', 'connection_write_timeout'] as const),
  ...(['http_response_timeout', 'http_response_incomplete'] as const),
]);
