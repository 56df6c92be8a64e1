// Owns messages between a client of HTTP/2 and us as lists of fields (RFC 9113 §8): a request's as our own head, and ours as Node takes them.
// The target becomes the absolute-form, so that `http/target.ts` reads it as strictly as any other. Nothing of a request is repaired: what two
// readers could take for different requests is refused, here or by nghttp2 before (http2-connection.ts says what that is).
import { ProxyError } from '../errors/proxy-error.ts';
import { parseAuthority } from '../http/authority.ts';
import { CONNECTION_SPECIFIC, type FieldList, fieldsOf, pushField } from '../http/field-list.ts';
import { isNamed } from '../http/fields.ts';
import type { Field, Fields, RequestHead } from '../http/message.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import { isToken } from '../http/token.ts';
import { isFieldText } from '../http1/syntax.ts';
import type { ListenerOptions } from './listener.ts';

export interface Http2RequestHead {
  readonly head: RequestHead;
  /** What Content-Length says; `null` when only the end will tell. */
  readonly contentLength: number | null;
  /** The stream is to become a WebSocket (RFC 8441 §5). `head` is then that of the upgrade in HTTP/1.1 that means the same, without its key. */
  readonly isWebSocket: boolean;
}

/**
 * Reads a request (§8.3.1).
 *
 * @throws ProxyError `http_request_error`: 400, 414, 431, or 501 for another protocol than WebSocket
 */
export function readRequestHead(
  list: FieldList,
  limits: Pick<ListenerOptions, 'headBytes' | 'targetBytes' | 'fieldCount'>,
): Http2RequestHead {
  const pseudo: PseudoFields = { method: null, scheme: null, authority: null, path: null, protocol: null };
  const fields = readFields(list, pseudo, limits);
  const { method, protocol } = pseudo;
  if (method === null || !isToken(method)) throw malformed('no method that is a token');
  if (method === 'CONNECT' && protocol === null) {
    // §8.5: an authority and nothing else. Whether it is served is not decided here.
    return { head: { method, target: pseudo.authority ?? '', version: '2', fields }, contentLength: null, isWebSocket: false };
  }
  const target = targetOf(pseudo, fields, method);
  if (target.length > limits.targetBytes) {
    throw refused(`The request target has ${target.length} octets; ${limits.targetBytes} are allowed.`, 414);
  }
  if (protocol === null)
    return { head: { method, target, version: '2', fields }, contentLength: contentLength(fields), isWebSocket: false };
  if (method !== 'CONNECT') throw malformed('":protocol" without CONNECT');
  if (protocol !== 'websocket') throw refused(`The protocol "${protocol.slice(0, 40)}" is not served here; only websocket is.`, 501);
  return { head: { method: 'GET', target, version: '2', fields: [...fields, ...UPGRADE] }, contentLength: null, isWebSocket: true };
}

/**
 * The head of a response.
 *
 * @param fields without framing fields
 * @param lines of more fields, which come before the others: as `http1/writer.ts` makes them
 * @param length what Content-Length shall say; `null` for none
 */
export function responseFieldList(status: number, fields: Fields, lines: string | undefined, length: number | null): string[] {
  // Node takes no status that RFC 9110 §15 does not know; a client that got one would take it for a 500 (§15).
  const list = [':status', String(status > 599 ? 500 : status)];
  if (lines !== undefined) pushLines(list, lines);
  for (let i = 0; i < fields.length; i += 1) {
    const { name, value } = fields[i]!;
    pushField(list, name, value);
  }
  if (length !== null) list.push('content-length', String(length));
  return list;
}

/** A client's trailer section. */
export function readTrailers(list: FieldList): Field[] {
  return fieldsOf(list).filter(({ name, value }) => isToken(name) && isFieldText(value));
}

interface PseudoFields {
  method: string | null;
  scheme: string | null;
  authority: string | null;
  path: string | null;
  protocol: string | null;
}

function readFields(
  list: FieldList,
  pseudo: PseudoFields,
  { headBytes, fieldCount }: Pick<ListenerOptions, 'headBytes' | 'fieldCount'>,
): Field[] {
  const fields: Field[] = [];
  let octets = 0;
  let cookieAt = -1;
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!;
    const value = list[i + 1]!;
    octets += name.length + value.length;
    if (name.charCodeAt(0) === COLON) {
      if (fields.length > 0) throw malformed(`"${name}" after a field that is no pseudo-header field`);
      notePseudo(pseudo, name, value);
    } else if (!isToken(name) || !isFieldText(value)) throw malformed('a field with characters that no field may have');
    else if (cookieAt >= 0 && name === 'cookie') {
      // Split up for the sake of compression; together again for everybody who does not know of that (§8.2.3).
      const before = fields[cookieAt]!.value;
      // An empty piece must not leave a blank at the end, which no field value has (RFC 9110 §5.5).
      fields[cookieAt] = { name, value: before === '' || value === '' ? before + value : `${before}; ${value}` };
    } else {
      if (name === 'cookie') cookieAt = fields.length;
      if (name !== 'te' || value.toLowerCase() !== 'trailers') refuseConnectionSpecific(name);
      fields.push({ name, value });
    }
  }
  if (fields.length > fieldCount) throw refused(`The request has more than ${fieldCount} fields.`, 431);
  if (octets > headBytes) throw refused(`The head of the request has ${octets} octets; ${headBytes} are allowed.`, 431);
  return fields;
}

function notePseudo(pseudo: PseudoFields, name: string, value: string): void {
  if (!isFieldText(value)) throw malformed(`a "${name}" with characters that no field may have`);
  const key = name.slice(1);
  if (!isPseudo(key) || pseudo[key] !== null) throw malformed('an unknown pseudo-header field, or one of them twice');
  pseudo[key] = value;
}

function isPseudo(key: string): key is keyof PseudoFields {
  return key === 'method' || key === 'scheme' || key === 'authority' || key === 'path' || key === 'protocol';
}

function refuseConnectionSpecific(name: string): void {
  if (name === 'te' || CONNECTION_SPECIFIC.has(name)) throw malformed(`the field "${name}", which HTTP/2 does not have`);
}

/**
 * The absolute-form. Each part is held to what it may be before they are put together: what looks like a piece of another part would be read as one.
 */
function targetOf({ scheme, authority, path }: PseudoFields, fields: Fields, method: string): string {
  if (scheme !== 'http' && scheme !== 'https') throw malformed('a ":scheme" that is neither http nor https');
  const host = authorityOf(authority, fields, scheme);
  if (host === '' || /[/?#]/.test(host)) throw malformed('no ":authority" that is a host and a port');
  if (path === '*' && method === 'OPTIONS') return `${scheme}://${host}`;
  if (path === null || path.charCodeAt(0) !== SLASH) throw malformed('a ":path" that does not begin with "/"');
  return `${scheme}://${host}${path}`;
}

/** `:authority`, or Host where there is none; two that say different things belong to two requests. */
function authorityOf(authority: string | null, fields: Fields, scheme: keyof typeof DEFAULT_PORTS): string {
  let host: string | null = null;
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields[i]!;
    if (!isNamed(field.name, 'host')) continue;
    if (host !== null) throw malformed('more than one Host field');
    host = field.value;
  }
  if (authority === null || host === null || host === authority) return authority ?? host ?? '';
  const one = parseAuthority(authority, DEFAULT_PORTS[scheme]);
  const other = parseAuthority(host, DEFAULT_PORTS[scheme]);
  if (one.host !== other.host || one.port !== other.port) throw malformed('a Host field that is not its ":authority"');
  return authority;
}

/** nghttp2 holds the content to it; here it only has to be a number that is exact. */
function contentLength(fields: Fields): number | null {
  let length: number | null = null;
  for (let i = 0; i < fields.length; i += 1) {
    const { name, value } = fields[i]!;
    if (name !== 'content-length') continue;
    if (length !== null || !/^\d{1,15}$/.test(value)) throw malformed('a Content-Length that is not one plain number of octets');
    length = Number(value);
  }
  return length;
}

function pushLines(list: string[], lines: string): void {
  for (let start = 0; start < lines.length; ) {
    const colon = lines.indexOf(':', start);
    const end = lines.indexOf('\r\n', colon);
    pushField(list, lines.slice(start, colon), lines.slice(colon + 2, end));
    start = end + 2;
  }
}

function malformed(what: string): ProxyError {
  return refused(`The request is malformed: it has ${what}.`, 400);
}

function refused(message: string, status: number): ProxyError {
  return new ProxyError('http_request_error', message, { status });
}

const UPGRADE: Fields = [
  { name: 'Connection', value: 'Upgrade' },
  { name: 'Upgrade', value: 'websocket' },
];
const COLON = 0x3a;
const SLASH = 0x2f;
