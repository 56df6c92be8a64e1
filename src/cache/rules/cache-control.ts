// Owns the directives of Cache-Control (RFC 9111 §5.2), of responses and of requests, and Pragma (§5.4). RFC 5861 and RFC 8246 add three.
// Where a field breaks the grammar or contradicts itself, the reading that reuses less is taken (§4.2.1): a directive that forbids something
// counts with any argument, one that allows something only as it is defined, and a number that is none is `invalid`, which makes a response stale.
// Of several values for one directive the first counts. One pass over each line; nothing here looks back.
import { isNamed, splitList } from '../../http/fields.ts';
import type { Fields } from '../../http/message.ts';
import { IS_TOKEN, isToken } from '../../http/token.ts';

/** Seconds, 0 to MAX_DELTA_SECONDS; `invalid` when there is a directive without a proper number; `null` when there is none. */
export type Delta = number | 'invalid' | null;

export interface ResponseDirectives {
  readonly maxAge: Delta;
  readonly sMaxAge: Delta;
  readonly noStore: boolean;
  /** `true`, or the lower-case names of the only fields that it is about (§5.2.2.4). */
  readonly noCache: boolean | readonly string[];
  /** `true`, or the lower-case names of the only fields that it is about (§5.2.2.7). */
  readonly isPrivate: boolean | readonly string[];
  readonly isPublic: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly isImmutable: boolean;
  readonly staleWhileRevalidate: number | null;
  readonly staleIfError: number | null;
}

/** Of a request. A number that is none counts as no directive: all of these are advice (§5.2.1). */
export interface RequestDirectives {
  readonly maxAge: number | null;
  readonly maxStale: number | 'any' | null;
  readonly minFresh: number | null;
  readonly noCache: boolean;
  readonly noStore: boolean;
  readonly onlyIfCached: boolean;
  readonly staleIfError: number | null;
}

/** What a larger number of seconds is read as (§1.2.2). */
export const MAX_DELTA_SECONDS = 2 ** 31;

/** What Cache-Control says about a response; Pragma says nothing there (§5.4). */
export function responseDirectives(fields: Fields): ResponseDirectives {
  let found: Writable<ResponseDirectives> | null = null;
  for (let i = 0; i < fields.length; i += 1) {
    const { name, value } = fields[i]!;
    if (name.length !== CACHE_CONTROL.length || !isNamed(name, CACHE_CONTROL)) continue;
    found ??= { ...NO_RESPONSE_DIRECTIVES };
    readDirectives(value, found, takeResponseDirective);
  }
  return found ?? NO_RESPONSE_DIRECTIVES;
}

/** What the client asks of the cache. Most requests ask nothing, and share one answer. */
export function requestDirectives(fields: Fields): RequestDirectives {
  let found: Writable<RequestDirectives> | null = null;
  let hasPragma = false;
  for (let i = 0; i < fields.length; i += 1) {
    const { name, value } = fields[i]!;
    if (name.length === CACHE_CONTROL.length) {
      if (!isNamed(name, CACHE_CONTROL)) continue;
      found ??= { ...NO_REQUEST_DIRECTIVES };
      readDirectives(value, found, takeRequestDirective);
    } else if (name.length === PRAGMA.length && isNamed(name, PRAGMA)) hasPragma ||= hasNoCache(value);
  }
  return found ?? (hasPragma ? PRAGMA_NO_CACHE : NO_REQUEST_DIRECTIVES);
}

function takeResponseDirective(into: Writable<ResponseDirectives>, name: string, argument: string | null): void {
  switch (name) {
    case 'max-age':
      into.maxAge ??= delta(argument);
      break;
    case 's-maxage':
      into.sMaxAge ??= delta(argument);
      break;
    case 'no-store':
      into.noStore = true;
      break;
    case 'no-cache':
      into.noCache = withArgument(into.noCache, argument);
      break;
    case 'private':
      into.isPrivate = withArgument(into.isPrivate, argument);
      break;
    case 'public':
      into.isPublic ||= argument === null;
      break;
    case 'must-revalidate':
      into.mustRevalidate = true;
      break;
    case 'proxy-revalidate':
      into.proxyRevalidate = true;
      break;
    case 'must-understand':
      into.mustUnderstand ||= argument === null;
      break;
    case 'immutable':
      into.isImmutable ||= argument === null;
      break;
    case 'stale-while-revalidate':
      into.staleWhileRevalidate ??= seconds(argument);
      break;
    case 'stale-if-error':
      into.staleIfError ??= seconds(argument);
      break;
  }
}

function takeRequestDirective(into: Writable<RequestDirectives>, name: string, argument: string | null): void {
  switch (name) {
    case 'max-age':
      into.maxAge ??= seconds(argument);
      break;
    case 'max-stale':
      into.maxStale ??= argument === null ? 'any' : seconds(argument);
      break;
    case 'min-fresh':
      into.minFresh ??= seconds(argument);
      break;
    case 'no-cache':
      into.noCache = true;
      break;
    case 'no-store':
      into.noStore = true;
      break;
    case 'only-if-cached':
      into.onlyIfCached = true;
      break;
    case 'stale-if-error':
      into.staleIfError ??= seconds(argument);
      break;
  }
}

/**
 * Calls `take` for every directive of one line (§5.2): its name in lower case, and its argument without quotes; `null` without one, and MALFORMED
 * where what stands with the name is nothing that the grammar has. A quotation mark opens a string only after `=`, and only if the string ends:
 * else a stray one could hide a no-store. What comes after one that does not end counts as malformed, so that it allows nothing.
 */
function readDirectives<T>(line: string, into: T, take: (into: T, name: string, argument: string | null) => void): void {
  let isBroken = false;
  for (let start = memberStart(line, 0); start < line.length; ) {
    const nameStart = tokenStart(line, start);
    const nameEnd = tokenEnd(line, nameStart);
    const isQuoted = line.startsWith('="', nameEnd);
    const close = isQuoted ? closingQuote(line, nameEnd + 2) : -1;
    const end = memberEnd(line, close === -1 ? nameEnd : close);
    isBroken ||= isQuoted && close === -1;
    const isMalformed = isBroken || nameStart > start;
    take(into, line.slice(nameStart, nameEnd).toLowerCase(), isMalformed ? MALFORMED : argumentOf(line, nameEnd, close, end));
    start = memberStart(line, end);
  }
}

/** @param close  where the quoted string ends that the argument begins with; -1 without one */
function argumentOf(line: string, nameEnd: number, close: number, end: number): string | null {
  if (close !== -1) return isBlankBetween(line, close + 1, end) ? unquoted(line.slice(nameEnd + 2, close)) : MALFORMED;
  if (isBlankBetween(line, nameEnd, end)) return null;
  return line[nameEnd] === '=' ? line.slice(nameEnd + 1, withoutBlanksBefore(line, end, nameEnd)) : MALFORMED;
}

function memberStart(line: string, at: number): number {
  let start = at;
  while (start < line.length && (isBlank(line.charCodeAt(start)) || line.charCodeAt(start) === COMMA)) start += 1;
  return start;
}

/** The first character of a token in a member; its end when there is none. */
function tokenStart(line: string, at: number): number {
  let start = at;
  while (start < line.length && line.charCodeAt(start) !== COMMA && IS_TOKEN[line.charCodeAt(start)] !== 1) start += 1;
  return start;
}

function tokenEnd(line: string, start: number): number {
  let end = start;
  while (end < line.length && IS_TOKEN[line.charCodeAt(end)] === 1) end += 1;
  return end;
}

function memberEnd(line: string, start: number): number {
  const comma = line.indexOf(',', start);
  return comma === -1 ? line.length : comma;
}

/** Where the quoted string ends that began before `start`; -1 when it does not. */
function closingQuote(line: string, start: number): number {
  for (let i = start; i < line.length; i += 1) {
    const c = line.charCodeAt(i);
    if (c === BACKSLASH) i += 1;
    else if (c === QUOTE) return i;
  }
  return -1;
}

function unquoted(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/gs, '$1') : text;
}

function isBlankBetween(line: string, start: number, end: number): boolean {
  return withoutBlanksBefore(line, end, start) === start;
}

/** The end of what stands before `end`, without the blanks there. */
function withoutBlanksBefore(line: string, end: number, start: number): number {
  let last = end;
  while (last > start && isBlank(line.charCodeAt(last - 1))) last -= 1;
  return last;
}

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x09;
}

function hasNoCache(pragma: string): boolean {
  return splitList(pragma).some((member) => member.toLowerCase() === 'no-cache');
}

/** What a directive is about that may name fields, after one more occurrence of it: without names, or with bad ones, it is about the response. */
function withArgument(known: boolean | readonly string[], argument: string | null): boolean | readonly string[] {
  if (known === true || argument === null) return true;
  const names = fieldNames(argument);
  if (names === null) return true;
  return known === false ? names : [...known, ...names];
}

/** Field names of a list, in lower case; `null` when there are none, or something else is among them. */
export function fieldNames(list: string): readonly string[] | null {
  const names = splitList(list.toLowerCase());
  return names.length > 0 && names.every(isToken) ? names : null;
}

function delta(argument: string | null): number | 'invalid' {
  return seconds(argument) ?? 'invalid';
}

/** Delta-seconds (§1.2.2): digits and nothing else. */
function seconds(argument: string | null): number | null {
  if (argument === null || argument === MALFORMED) return null;
  let number = 0;
  for (let i = 0; i < argument.length; i += 1) {
    const digit = argument.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return null;
    number = Math.min(number * 10 + digit, MAX_DELTA_SECONDS);
  }
  return number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export const NO_RESPONSE_DIRECTIVES: ResponseDirectives = Object.freeze({
  maxAge: null,
  sMaxAge: null,
  noStore: false,
  noCache: false,
  isPrivate: false,
  isPublic: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  isImmutable: false,
  staleWhileRevalidate: null,
  staleIfError: null,
});

export const NO_REQUEST_DIRECTIVES: RequestDirectives = Object.freeze({
  maxAge: null,
  maxStale: null,
  minFresh: null,
  noCache: false,
  noStore: false,
  onlyIfCached: false,
  staleIfError: null,
});
const PRAGMA_NO_CACHE: RequestDirectives = Object.freeze({ ...NO_REQUEST_DIRECTIVES, noCache: true });

const CACHE_CONTROL = 'cache-control';
const PRAGMA = 'pragma';
/** No argument that the grammar of any directive has. */
const MALFORMED = '';
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
