// Owns the beginning and the end of storing one response: the store is asked to take it, those who wait for it are let in, and with its last octet it
// takes the place of what it replaces. What has been invalidated meanwhile is stored as what has to be validated (RFC 9111 §4.4).
import type { Body } from '../http/message.ts';
import { type Arrival, type ArrivalOutcome, ArrivingResponse } from './arriving.ts';
import type { CacheContext } from './cache.ts';
import type { Fetch } from './fetch.ts';
import { isBeforeReceipt } from './rules/freshness.ts';
import { STORING_REASONS, type StoringCode } from './rules/storability.ts';
import type { Extent, SelectingField, StoredResponse } from './stored-response.ts';
import type { ContentWriter, Soon } from './stores/cache-store.ts';

/**
 * Has its content stored while it passes.
 *
 * @param code  what the rules say of storing it
 * @returns `null` when it is not stored, by the rules or by the store; it is passed on all the same
 */
export function beginStoring(
  context: CacheContext,
  fetch: Fetch,
  stored: StoredResponse,
  body: Body,
  code: StoringCode,
): ArrivingResponse | null {
  const { pending, lookup } = fetch;
  const { store } = context.parts;
  const mayStore = STORING_REASONS[code].isStored;
  const writer = mayStore ? store.create(body.length) : null;
  context.note(lookup.record, mayStore && writer === null ? 'store-refused' : code, stored.status);
  if (writer === null) {
    pending?.settle();
    return null;
  }
  const arriving = new ArrivingResponse(stored, body, writer, new Storing(context, fetch, stored, writer));
  pending?.share(arriving);
  pending?.claim?.releaseIn((body.length ?? 0) > MOST_AWAITED_BYTES ? 0 : MOST_AWAITED_MS);
  return arriving;
}

/** One response on its way into the store. */
class Storing implements Arrival {
  readonly #context: CacheContext;
  readonly #fetch: Fetch;
  readonly #stored: StoredResponse;
  readonly #writer: ContentWriter;
  /** With its real length; `null` until that is known, and where it must not be. */
  #final: StoredResponse | null = null;
  #hasReplaced = false;

  constructor(context: CacheContext, fetch: Fetch, stored: StoredResponse, writer: ContentWriter) {
    this.#context = context;
    this.#fetch = fetch;
    this.#stored = stored;
    this.#writer = writer;
  }

  commit(length: number): Soon<boolean> {
    const whole = finalOf(this.#stored, length, this.#isOutdated());
    this.#final = whole;
    if (whole === null) {
      this.#writer.abandon();
      return false;
    }
    // Of those who fetch the same apart from each other, each takes the place of the one before.
    const all = this.#fetch.pending === null ? this.#context.parts.store.find(whole.key) : this.#fetch.all;
    return all instanceof Promise ? all.then((found) => this.#commitOver(whole, found)) : this.#commitOver(whole, all);
  }

  ended(outcome: ArrivalOutcome): void {
    const { pending, lookup } = this.#fetch;
    if (outcome === 'stored') this.#isStored();
    else this.#context.note(lookup.record, outcome === 'incomplete' ? 'incomplete' : 'store-refused', this.#stored.status);
    pending?.settle();
  }

  #isStored(): void {
    const final = this.#final;
    // Invalidated while it was written, it was not found to be marked.
    if (final !== null && !final.isInvalidated && this.#isOutdated()) this.#context.parts.store.update({ ...final, isInvalidated: true });
    if (this.#hasReplaced) this.#context.replaced(this.#stored.key);
    this.#fetch.pending?.claim?.stored();
  }

  #commitOver(whole: StoredResponse, all: readonly StoredResponse[]): Soon<boolean> {
    this.#hasReplaced = all.length > 0;
    return this.#writer.commit(whole, this.#hasReplaced ? replacedBy(whole, all, this.#context.parts.now) : NOTHING);
  }

  #isOutdated(): boolean {
    return this.#context.invalidations.isSince(this.#fetch.moment, this.#stored.key);
  }
}

/** With its real length. @returns `null` when that contradicts its Content-Range */
function finalOf(stored: StoredResponse, length: number, isInvalidated: boolean): StoredResponse | null {
  const { extent, status } = stored;
  if (extent.length === length && extent.completeLength !== null && !isInvalidated) return stored;
  if (status === 206 && extent.length !== length) return null;
  const completeLength = status === 206 ? extent.completeLength : length;
  return { ...stored, extent: { ...extent, length, completeLength }, isInvalidated };
}

/** What a new response takes the place of: the one for the same selection, parts that lie within it, and the oldest where there are too many. */
function replacedBy(stored: StoredResponse, all: readonly StoredResponse[], now: () => number): readonly StoredResponse[] {
  const replaced = all.filter(
    (each) =>
      isSameSelection(each.selectedBy, stored.selectedBy) &&
      // Nothing has come later than now: that was by a clock that was set back since.
      (each.responseTimeMs <= stored.responseTimeMs || isBeforeReceipt(each, now())) &&
      (stored.status !== 206 || isWithin(each.extent, stored.extent)),
  );
  if (all.length - replaced.length < MOST_VARIANTS) return replaced;
  const oldest = all
    .filter((each) => !replaced.includes(each))
    .reduce((one, other) => (one.responseTimeMs <= other.responseTimeMs ? one : other));
  return [...replaced, oldest];
}

function isSameSelection(one: readonly SelectingField[], other: readonly SelectingField[]): boolean {
  return one.length === other.length && one.every(({ name, value }, index) => name === other[index]!.name && value === other[index]!.value);
}

function isWithin(inner: Extent, outer: Extent): boolean {
  return inner.first >= outer.first && inner.first + inner.length <= outer.first + outer.length;
}

/** Content that other processes wait for instead of fetching it themselves, and how long. */
const MOST_AWAITED_BYTES = 1 << 20;
const MOST_AWAITED_MS = 500;
/** Stored under one key, selections and parts together. */
const MOST_VARIANTS = 64;
const NOTHING: readonly never[] = Object.freeze([]);
