// Owns the beginning and the end of storing one response: the store is asked to take it, those who wait for it are let in, and with its last octet it
// takes the place of what it replaces. What has been invalidated meanwhile is stored as what has to be validated (RFC 9111 §4.4).
import type { Body } from '../http/message.ts';
import { ArrivingResponse } from './arriving.ts';
import type { CacheContext } from './cache.ts';
import type { Fetch } from './reuse-stored.ts';
import { STORING_REASONS, type StoringCode } from './rules/storability.ts';
import type { Extent, SelectingField, StoredResponse } from './stored-response.ts';
import type { Soon } from './stores/cache-store.ts';

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
  const { pending, lookup, moment } = fetch;
  const { store } = context.parts;
  const mayStore = STORING_REASONS[code].isStored;
  const writer = mayStore ? store.create(body.length) : null;
  context.note(lookup.record, mayStore && writer === null ? 'store-refused' : code, stored.status);
  if (writer === null) {
    pending?.settle();
    return null;
  }
  const isOutdated = (): boolean => context.invalidations.isSince(moment, stored.key);
  let final: StoredResponse | null = null;
  let hasReplaced = false;
  const commitOver = (whole: StoredResponse, all: readonly StoredResponse[]): Soon<boolean> => {
    hasReplaced = all.length > 0;
    return writer.commit(whole, replacedBy(whole, all));
  };
  const commit = (length: number): Soon<boolean> => {
    const whole = finalOf(stored, length, isOutdated());
    final = whole;
    if (whole === null) {
      writer.abandon();
      return false;
    }
    // Of those who fetch the same apart from each other, each takes the place of the one before.
    const all = pending === null ? store.find(stored.key) : fetch.all;
    return all instanceof Promise ? all.then((found) => commitOver(whole, found)) : commitOver(whole, all);
  };
  const arriving = new ArrivingResponse(stored, body, writer, commit, (outcome) => {
    if (outcome !== 'stored') context.note(lookup.record, outcome === 'incomplete' ? 'incomplete' : 'store-refused', stored.status);
    // Invalidated while it was written, it was not found to be marked.
    else {
      if (final !== null && !final.isInvalidated && isOutdated()) store.update({ ...final, isInvalidated: true });
      if (hasReplaced) context.replaced(stored.key);
      pending?.claim?.stored();
    }
    pending?.settle();
  });
  pending?.share(arriving);
  // Other processes cannot read along, and shall not wait for long.
  if (body.length === null || body.length > MOST_AWAITED_BYTES) pending?.claim?.release();
  return arriving;
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
function replacedBy(stored: StoredResponse, all: readonly StoredResponse[]): readonly StoredResponse[] {
  const replaced = all.filter(
    (each) =>
      isSameSelection(each.selectedBy, stored.selectedBy) &&
      each.responseTimeMs <= stored.responseTimeMs &&
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

/** Content that other processes wait for instead of fetching it themselves. */
const MOST_AWAITED_BYTES = 1 << 20;
/** Stored under one key, selections and parts together. */
const MOST_VARIANTS = 64;
