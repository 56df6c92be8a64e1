// Owns byte ranges: Range and Content-Range (RFC 9110 §14), and which octets of a stored response a request is about.
// Ranges of other units, of unreadable syntax, in several lines and in greater number than MAX_RANGES are ignored, as §14.2 lets any server do; so
// are several that overlap or that would cost more than the whole (§17.15).
//
// A 206 whose Content-Range and content disagree in length is nobody's mistake but the origin's, and RFC 9110 is silent on it. As long as nothing
// could be combined with it (it has no strong validator), ranges are cut from it as its client would: suffixes from the end, all others from the
// start of what came. With a strong validator a wrong position could corrupt a representation that somebody assembles: it answers nothing.
import { isNamed, splitList } from '../../http/fields.ts';
import type { Fields } from '../../http/message.ts';
import { type Extent, isComplete, type StoredResponse } from '../stored-response.ts';
import { ifRangeHolds, singleValue, strongValidator } from './preconditions.ts';

/** `first-last`, `first-` with `last` null, or with `first` null the last `last` octets (RFC 9110 §14.1.2). */
export interface ByteRange {
  readonly first: number | null;
  readonly last: number | null;
}

export interface ContentRange {
  readonly first: number;
  readonly last: number;
  readonly completeLength: number | null;
}

/** Octets of a stored response: where they stand in the representation, and where in the content that is stored. */
export interface Section {
  readonly first: number;
  readonly length: number;
  readonly offset: number;
}

/** Octets of a representation that are not stored; with `last` null, up to its end. */
export interface MissingRange {
  readonly first: number;
  readonly last: number | null;
}

/**
 * What of a stored response answers a request: all of it, as 200 or whatever its status is; sections, as 206; `unsatisfiable`, as 416; or
 * `beyond`: what is asked for is not all stored.
 */
export type ContentChoice = 'whole' | 'beyond' | 'unsatisfiable' | readonly Section[];

export function contentFor(method: string, fields: Fields, stored: StoredResponse): ContentChoice {
  const whole = isComplete(stored.extent) && !contradictsItself(stored) ? 'whole' : 'beyond';
  if (method !== 'GET' || (stored.status !== 200 && stored.status !== 206)) return whole;
  const ranges = parseRange(fields);
  if (ranges === null || !ifRangeHolds(fields, stored)) return whole;
  if (whole === 'whole') return satisfy(ranges, stored.extent.length);
  return contradictsItself(stored) ? cutAsItCame(ranges, stored) : within(ranges, stored.extent);
}

/**
 * The ranges of a request.
 *
 * @returns `null` when there is no Range, or none to be heeded
 */
export function parseRange(fields: Fields): ByteRange[] | null {
  let value: string | null = null;
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields[i]!;
    if (field.name.length !== 5 || !isNamed(field.name, 'range')) continue;
    if (value !== null) return null;
    value = field.value;
  }
  if (value === null || value.length > MAX_RANGE_LENGTH || value.slice(0, 6).toLowerCase() !== 'bytes=') return null;
  const ranges: ByteRange[] = [];
  for (const member of splitList(value.slice(6))) {
    const range = parseByteRange(member);
    if (range === null || ranges.length === MAX_RANGES) return null;
    ranges.push(range);
  }
  return ranges.length === 0 ? null : ranges;
}

/**
 * Which sections of a complete representation ranges ask for (RFC 9110 §14.1.2, §15.3.7).
 *
 * @returns `whole` where Range is better ignored; sections in the order of the request
 */
export function satisfy(ranges: readonly ByteRange[], completeLength: number): 'whole' | 'unsatisfiable' | Section[] {
  // No Content-Range can speak of an empty section, and 416 would say that there is an error.
  if (completeLength === 0) return 'whole';
  const sections: Section[] = [];
  let total = 0;
  for (const range of ranges) {
    const [first, last] = positions(range, completeLength);
    if (first > last || first >= completeLength) continue;
    const length = Math.min(last, completeLength - 1) - first + 1;
    sections.push({ first, length, offset: first });
    total += length + PART_OVERHEAD;
  }
  if (sections.length === 0) return 'unsatisfiable';
  return sections.length > 1 && (total >= completeLength || overlap(sections)) ? 'whole' : sections;
}

/** `bytes 0-4/10`, with `*` where nobody knows the complete length; `null` for anything else, that of a 416 too. */
export function parseContentRange(value: string): ContentRange | null {
  const dash = value.indexOf('-');
  const slash = value.indexOf('/');
  if (value.length > 64 || dash < 0 || slash < dash || value.slice(0, 6).toLowerCase() !== 'bytes ') return null;
  const first = parsePosition(value.slice(6, dash));
  const last = parsePosition(value.slice(dash + 1, slash));
  const complete = value.slice(slash + 1);
  const completeLength = complete === '*' ? null : parsePosition(complete);
  if (first === null || last === null || last < first || last >= Number.MAX_SAFE_INTEGER) return null;
  if (complete !== '*' && (completeLength === null || completeLength <= last)) return null;
  return { first, last, completeLength };
}

export function formatContentRange(first: number, length: number, completeLength: number | null): string {
  return `bytes ${first}-${first + length - 1}/${completeLength ?? '*'}`;
}

/** Whether Content-Range says another length than came. */
export function contradictsItself({ status, fields, extent }: StoredResponse): boolean {
  if (status !== 206) return false;
  const value = singleValue(fields, 'content-range');
  const range = value === null ? null : parseContentRange(value);
  return range === null || range.first !== extent.first || range.last - range.first + 1 !== extent.length;
}

/** First and last position of a range; the last of an open one is the last octet. */
export function positions({ first, last }: ByteRange, completeLength: number): [first: number, last: number] {
  if (first === null) return last === 0 ? [1, 0] : [Math.max(0, completeLength - (last ?? 0)), completeLength - 1];
  return [first, last ?? completeLength - 1];
}

/** Sections of a part: every range has to lie in it entirely (RFC 9111 §3.3). Several are left to the origin. */
function within(ranges: readonly ByteRange[], { first, length, completeLength }: Extent): ContentChoice {
  const range = ranges[0]!;
  if (ranges.length > 1 || (completeLength === null && (range.first === null || range.last === null))) return 'beyond';
  const [from, to] = positions(range, completeLength ?? Number.MAX_SAFE_INTEGER);
  const last = completeLength === null ? to : Math.min(to, completeLength - 1);
  if (from > last || from < first || last >= first + length) return 'beyond';
  return [{ first: from, length: last - from + 1, offset: from - first }];
}

function cutAsItCame(ranges: readonly ByteRange[], stored: StoredResponse): ContentChoice {
  const { first, length, completeLength } = stored.extent;
  const range = ranges[0]!;
  if (ranges.length > 1 || completeLength === null || first + length > completeLength || strongValidator(stored) !== null) return 'beyond';
  if (range.first === null) {
    const suffix = range.last ?? 0;
    return suffix > 0 && suffix <= length ? [{ first: completeLength - suffix, length: suffix, offset: length - suffix }] : 'beyond';
  }
  const last = range.last ?? first + length - 1;
  if (range.first < first || last < range.first || last >= first + length) return 'beyond';
  return [{ first: range.first, length: last - range.first + 1, offset: range.first - first }];
}

function overlap(sections: readonly Section[]): boolean {
  const sorted = [...sections].sort((a, b) => a.first - b.first);
  return sorted.some((section, i) => i > 0 && section.first < sorted[i - 1]!.first + sorted[i - 1]!.length);
}

function parseByteRange(text: string): ByteRange | null {
  const dash = text.indexOf('-');
  if (dash < 0) return null;
  const first = dash === 0 ? null : parsePosition(text.slice(0, dash));
  const last = dash === text.length - 1 ? null : parsePosition(text.slice(dash + 1));
  if ((dash > 0 && first === null) || (dash < text.length - 1 && last === null) || (first === null && last === null)) return null;
  return first !== null && last !== null && last < first ? null : { first, last };
}

/** Digits only; beyond what any content has, the greatest number there is. */
function parsePosition(text: string): number | null {
  if (text === '') return null;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c < 0x30 || c > 0x39) return null;
  }
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

const MAX_RANGES = 16;
const MAX_RANGE_LENGTH = 1024;
/** Octets that one part costs beside its content: boundary, Content-Type, Content-Range. */
const PART_OVERHEAD = 160;
