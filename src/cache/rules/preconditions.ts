// Owns validators and the conditions that name them, as a cache evaluates them on a stored response: RFC 9110 §8.8, §13.1; RFC 9111 §4.3.2.
// If-Match and If-Unmodified-Since ask for the state of the origin: a cache cannot answer them, and they are sent on (§13.2.1).
// Malformed entity tags (`abc` without quotes, `w/"abc"`) mean nothing more than their octets: equal ones match in If-None-Match, and they are
// never strong.
import { parseHttpDate } from '../../http/date.ts';
import { fieldValue, isNamed } from '../../http/fields.ts';
import type { Fields } from '../../http/message.ts';
import type { StoredResponse } from '../stored-response.ts';

/** Whether the origin alone can evaluate what a request asks for: If-Match, If-Unmodified-Since (RFC 9110 §13.1.1, §13.1.4). */
export function asksForOriginState(fields: Fields): boolean {
  for (let i = 0; i < fields.length; i += 1) {
    const { name } = fields[i]!;
    if (name.length === 8 ? isNamed(name, 'if-match') : name.length === 19 && isNamed(name, 'if-unmodified-since')) return true;
  }
  return false;
}

/** Whether a request asks for content only where it has changed: If-None-Match, If-Modified-Since. */
export function isConditional(fields: Fields): boolean {
  for (let i = 0; i < fields.length; i += 1) {
    const { name } = fields[i]!;
    if (name.length === 13 ? isNamed(name, 'if-none-match') : name.length === 17 && isNamed(name, 'if-modified-since')) return true;
  }
  return false;
}

/**
 * Whether a client that asks with these conditions has what is stored already, and is answered 304 (RFC 9110 §13.2.2 steps 3 and 4).
 *
 * @param nowMs  for the years of RFC 850 dates
 */
export function isNotModified(fields: Fields, stored: StoredResponse, nowMs: number): boolean {
  if (!isConditional(fields)) return false;
  const tag = fieldValue(stored.fields, 'etag');
  let isTagAsked = false;
  for (const { name, value } of fields) {
    if (name.length !== 13 || !isNamed(name, 'if-none-match')) continue;
    isTagAsked = true;
    if (value === '*' || (tag !== undefined && listsTag(value, tag))) return true;
  }
  // With If-None-Match, If-Modified-Since is not looked at: RFC 9110 §13.1.3.
  return !isTagAsked && isUnmodifiedSince(fields, stored, nowMs);
}

/**
 * Whether the Range of a request may be answered from this representation: If-Range is absent, or names it by a strong validator
 * (RFC 9110 §13.1.5).
 */
export function ifRangeHolds(fields: Fields, stored: StoredResponse): boolean {
  const condition = fieldValue(fields, 'if-range');
  return (
    condition === undefined || condition === strongTag(stored.fields) || condition === strongDate(stored.fields, stored.responseTimeMs)
  );
}

/**
 * What names this representation octet for octet, as If-Range takes it: its strong entity tag, else a Last-Modified that is strong
 * (RFC 9110 §8.8.1); `null` when there is nothing of the kind.
 */
export function strongValidator({ fields, responseTimeMs }: { readonly fields: Fields; readonly responseTimeMs: number }): string | null {
  // Beside an entity tag, however weak, a date says nothing more: the origin has chosen what tells its representations apart.
  return fieldValue(fields, 'etag') === undefined ? strongDate(fields, responseTimeMs) : strongTag(fields);
}

/** Strong entity tag in its own right: one ETag line, quoted, without `W/`. */
export function strongTag(fields: Fields): string | null {
  const tag = singleValue(fields, 'etag');
  return tag !== null && isOpaque(tag, 0) ? tag : null;
}

/** Weak comparison (RFC 9110 §8.8.3.2): equal but for `W/`. */
export function tagsMatch(one: string, other: string): boolean {
  if (one === other) return true;
  const start = opaqueStart(one);
  const otherStart = opaqueStart(other);
  return start !== otherStart && isOpaque(one, start) && isOpaque(other, otherStart) && one.slice(start) === other.slice(otherStart);
}

/** The value of a field that may come once; `null` when it is absent or its lines disagree. */
export function singleValue(fields: Fields, lower: string): string | null {
  let found: string | null = null;
  for (const { name, value } of fields) {
    if (!isNamed(name, lower)) continue;
    if (found !== null && found !== value) return null;
    found = value;
  }
  return found;
}

/**
 * Whether a list of entity tags holds one that matches, without making the list. A backslash in a tag is no escape (RFC 9110 §8.8.3), so a quoted
 * tag ends at the next quote.
 */
function listsTag(list: string, tag: string): boolean {
  let start = 0;
  while (start < list.length) {
    let end = start;
    let isQuoted = false;
    for (; end < list.length; end += 1) {
      const c = list.charCodeAt(end);
      if (c === QUOTE) isQuoted = !isQuoted;
      else if (c === COMMA && !isQuoted) break;
    }
    const next = end + 1;
    while (end > start && isBlank(list.charCodeAt(end - 1))) end -= 1;
    while (start < end && isBlank(list.charCodeAt(start))) start += 1;
    if (tagsMatch(list.slice(start, end), tag)) return true;
    start = next;
  }
  return false;
}

/** RFC 9111 §4.3.2: by Last-Modified; without it by Date, and without that by the time of receipt. */
function isUnmodifiedSince(fields: Fields, stored: StoredResponse, nowMs: number): boolean {
  const condition = singleValue(fields, 'if-modified-since');
  const since = condition === null ? null : parseHttpDate(condition, nowMs);
  if (since === null) return false;
  const modified = fieldValue(stored.fields, 'last-modified') ?? fieldValue(stored.fields, 'date');
  if (modified === undefined) return stored.responseTimeMs <= since;
  const modifiedMs = parseHttpDate(modified, stored.responseTimeMs);
  // What is no date can still be the same text.
  return modifiedMs === null ? modified === condition : modifiedMs <= since;
}

/** Last-Modified, where it is strong (RFC 9110 §8.8.2.2): the origin answered so long after it that a second change cannot share its second. */
function strongDate(fields: Fields, responseTimeMs: number): string | null {
  const modified = singleValue(fields, 'last-modified');
  const date = singleValue(fields, 'date');
  if (modified === null || date === null) return null;
  const modifiedMs = parseHttpDate(modified, responseTimeMs);
  const dateMs = parseHttpDate(date, responseTimeMs);
  return modifiedMs !== null && dateMs !== null && dateMs - modifiedMs >= STRONG_AFTER_MS ? modified : null;
}

function opaqueStart(tag: string): number {
  return tag.startsWith('W/') ? 2 : 0;
}

function isOpaque(tag: string, start: number): boolean {
  return tag.length >= start + 2 && tag.charCodeAt(start) === QUOTE && tag.indexOf('"', start + 1) === tag.length - 1;
}

/** One second would do if Date and Last-Modified surely came from one clock; a minute covers the usual difference between two. */
const STRONG_AFTER_MS = 60_000;

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x09;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
