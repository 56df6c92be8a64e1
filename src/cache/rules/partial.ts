// Owns parts of representations: what is missing of one, and joining it to what came (RFC 9111 §3.3, §3.4; RFC 9110 §15.3.7.3).
// Only a strong validator that both have makes two parts one representation. Without one the rest is never asked for: what came could not be joined
// to what is stored, and the whole would have to be asked for after all.
import { fieldValue } from '../../http/fields.ts';
import type { Field, Fields } from '../../http/message.ts';
import type { Extent, StoredResponse } from '../stored-response.ts';
import type { CacheRuleOptions } from './options.ts';
import { ifRangeHolds, isConditional, singleValue, strongTag, strongValidator } from './preconditions.ts';
import { updatedTags } from './purge-tags.ts';
import {
  type ContentRange,
  contradictsItself,
  formatContentRange,
  type MissingRange,
  parseContentRange,
  parseRange,
  positions,
} from './ranges.ts';
import { replacedFields } from './validation.ts';

/** A 206 as it arrives. */
export interface ArrivingPart {
  readonly status: number;
  readonly fields: Fields;
  readonly requestTimeMs: number;
  readonly responseTimeMs: number;
}

/** Two parts as one, and where its octets come from, in their order. */
export interface Combination {
  /** With a new id: it replaces the stored one. */
  readonly response: StoredResponse;
  readonly pieces: readonly Piece[];
  /** Octets that have to arrive: fewer, or more, and nothing may be combined. */
  readonly arrivingLength: number;
}

/** Octets of the content that is stored, or of the one that arrives. */
export interface Piece {
  readonly from: 'stored' | 'arriving';
  readonly first: number;
  readonly length: number;
}

/**
 * What to ask the origin for so that a stored part and the answer together are what a request wants: the octets behind what is stored or before it.
 *
 * @returns `null` where that cannot be done: no strong validator, nothing of it stored, two gaps, a condition of the client to be evaluated
 */
export function missingFor(
  { method, fields }: { readonly method: string; readonly fields: Fields },
  stored: StoredResponse,
): MissingRange | null {
  const { first, length, completeLength } = stored.extent;
  if (method !== 'GET' || length === 0 || (stored.status !== 200 && stored.status !== 206)) return null;
  if (isConditional(fields) || strongValidator(stored) === null || contradictsItself(stored)) return null;
  const end = first + length;
  const ranges = parseRange(fields);
  if (ranges === null || !ifRangeHolds(fields, stored)) return first === 0 ? { first: end, last: null } : null;
  const range = ranges[0]!;
  if (ranges.length > 1 || (range.first === null && completeLength === null)) return null;
  const [from, to] = positions(range, completeLength ?? Number.MAX_SAFE_INTEGER);
  const last = completeLength === null ? to : Math.min(to, completeLength - 1);
  if (from >= first && from < end && last >= end) {
    return { first: end, last: range.last === null && completeLength === null ? null : last };
  }
  return from < first && last >= first && last < end ? { first: from, last: first - 1 } : null;
}

/**
 * Whether a 206 continues a stored response (RFC 9111 §3.4): the same strong validator, complete lengths that agree, and no gap between them.
 */
export function combinable(stored: StoredResponse, part: ArrivingPart): boolean {
  const range = rangeOf(part);
  if (range === null || (stored.status !== 200 && stored.status !== 206) || contradictsItself(stored)) return false;
  const { first, length, completeLength } = stored.extent;
  if (completeLength !== null && range.completeLength !== null && completeLength !== range.completeLength) return false;
  // A part that reaches beyond what the other knows as the end is one of another representation.
  if (completeLength !== null && range.last >= completeLength) return false;
  if (range.completeLength !== null && first + length > range.completeLength) return false;
  return length > 0 && range.first <= first + length && range.last + 1 >= first && isSameRepresentation(stored, part);
}

/**
 * Joins a 206 to a stored response. What both hold is taken from the store; fields of the 206 replace the stored ones, as those of a 304 do.
 *
 * @param id  for the response that comes of it
 * @returns `null` where they cannot be combined
 */
export function combine(stored: StoredResponse, part: ArrivingPart, id: string, options: CacheRuleOptions): Combination | null {
  const range = rangeOf(part);
  if (range === null || !combinable(stored, part)) return null;
  const { first, length } = stored.extent;
  const end = Math.max(first + length, range.last + 1);
  const start = Math.min(first, range.first);
  const pieces: Piece[] = [];
  if (range.first < first) pieces.push({ from: 'arriving', first: 0, length: first - range.first });
  pieces.push({ from: 'stored', first: 0, length });
  if (end > first + length) pieces.push({ from: 'arriving', first: first + length - range.first, length: end - first - length });
  const extent = { first: start, length: end - start, completeLength: stored.extent.completeLength ?? range.completeLength };
  return { response: { ...asPart(stored, part, extent, options), id }, pieces, arrivingLength: range.last - range.first + 1 };
}

function asPart(stored: StoredResponse, part: ArrivingPart, extent: Extent, options: CacheRuleOptions): StoredResponse {
  const { first, length, completeLength } = extent;
  const isWhole = first === 0 && length === completeLength;
  const fields: Field[] = replacedFields(stored.fields, part, options).filter(({ name }) => !DESCRIBES_PART.has(name.toLowerCase()));
  if (!isWhole) fields.push({ name: 'Content-Range', value: formatContentRange(first, length, completeLength) });
  fields.push({ name: 'Content-Length', value: String(length) });
  return {
    ...stored,
    status: isWhole ? 200 : 206,
    reason: isWhole ? 'OK' : 'Partial Content',
    fields,
    requestTimeMs: part.requestTimeMs,
    responseTimeMs: part.responseTimeMs,
    extent,
    isInvalidated: false,
    tags: updatedTags(stored.tags, part.fields, fields),
  };
}

/** The one range that a 206 holds; `null` for several, for none, and where Content-Length says otherwise. */
function rangeOf({ status, fields }: ArrivingPart): ContentRange | null {
  const value = status === 206 ? singleValue(fields, 'content-range') : null;
  const range = value === null ? null : parseContentRange(value);
  const length = fieldValue(fields, 'content-length');
  return range === null || (length !== undefined && length !== String(range.last - range.first + 1)) ? null : range;
}

/** By the entity tag, or where neither has one, by a Last-Modified that is strong in both (RFC 9110 §15.3.7.3). */
function isSameRepresentation(stored: StoredResponse, part: ArrivingPart): boolean {
  const tag = strongTag(stored.fields);
  if (tag !== null) return tag === strongTag(part.fields);
  const validator = strongValidator(stored);
  return validator !== null && validator === strongValidator(part);
}

/** What is said of the octets in one message, and made anew for those that are stored. */
const DESCRIBES_PART: ReadonlySet<string> = new Set(['content-range', 'content-length', 'content-md5', 'content-digest']);
