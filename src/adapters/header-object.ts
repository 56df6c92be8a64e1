// Owns fields as the object that Node makes of them, and what a program has done to such an object. A field that nobody has touched stays as it came, with
// its case, its place and its lines; what was changed is checked, since it goes on the wire.
import type { IncomingHttpHeaders } from 'node:http';
import { ProxyError } from '../errors/proxy-error.ts';
import type { Field, Fields } from '../http/message.ts';
import { isToken } from '../http/token.ts';
import { isFieldText } from '../http1/syntax.ts';

/** What programs may put there. */
export type HeaderValue = string | number | readonly string[] | undefined;
export type HeaderObject = Record<string, HeaderValue>;

/** Names in lower case; lines of one name joined as Node joins them, but for Set-Cookie, which is an array. */
export function headersOf(fields: Fields): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  for (const { name, value } of fields) {
    const lower = name.toLowerCase();
    const before = headers[lower];
    if (lower === 'set-cookie') (headers['set-cookie'] ??= []).push(value);
    else if (before === undefined) headers[lower] = value;
    else if (!SINGLE.has(lower)) headers[lower] = `${String(before)}${lower === 'cookie' ? '; ' : ', '}${value}`;
  }
  return headers;
}

/**
 * The fields after a program has had their object in its hands.
 *
 * @returns `fields` itself where nothing has changed
 * @throws ProxyError when a name or a value cannot be written as HTTP
 */
export function changedFields(fields: Fields, after: Readonly<HeaderObject>): Fields {
  const before: HeaderObject = headersOf(fields);
  if (isUntouched(before, after)) return fields;
  const wanted = new Map<string, Field[]>();
  for (const [name, value] of Object.entries(after)) {
    if (value !== undefined) wanted.set(name.toLowerCase(), linesOf(name, value));
  }
  const changed: Field[] = [];
  const settled = new Set<string>();
  let isSame = true;
  for (const field of fields) {
    const lower = field.name.toLowerCase();
    const lines = wanted.get(lower);
    if (lines !== undefined && isValue(before[lower], lines)) changed.push(field);
    else {
      isSame = false;
      // All of its lines at the place of the first.
      if (lines !== undefined && !settled.has(lower)) changed.push(...checked(lines));
    }
    settled.add(lower);
  }
  for (const [lower, lines] of wanted) {
    if (settled.has(lower)) continue;
    isSame = false;
    changed.push(...checked(lines));
  }
  return isSame ? fields : changed;
}

/** @throws ProxyError `proxy_internal_error`: the program that embeds the proxy has made something that is no field */
export function linesOf(name: string, value: Exclude<HeaderValue, undefined>): Field[] {
  return typeof value === 'object' ? value.map((each) => ({ name, value: String(each) })) : [{ name, value: String(value) }];
}

export function checked(lines: Field[]): Field[] {
  for (const { name, value } of lines) {
    if (!isToken(name) || !isFieldText(value)) {
      throw new ProxyError('proxy_internal_error', `A hook has set a field that cannot be written: ${JSON.stringify(name.slice(0, 60))}.`);
    }
  }
  return lines;
}

/** Most exchanges: told without a list of lines for each field. What is no text has to be looked at line by line. */
function isUntouched(before: Readonly<HeaderObject>, after: Readonly<HeaderObject>): boolean {
  const names = Object.keys(after);
  for (const name of names) if (typeof after[name] !== 'string' || after[name] !== before[name]) return false;
  return names.length === Object.keys(before).length;
}

function isValue(before: HeaderValue, lines: readonly Field[]): boolean {
  if (typeof before !== 'object') return lines.length === 1 && lines[0]!.value === before;
  return before.length === lines.length && before.every((value, at) => lines[at]!.value === value);
}

/** Of these Node keeps the first line alone; most may come but once anyway. */
const SINGLE: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'content-length',
  'content-type',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
]);
