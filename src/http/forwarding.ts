// Owns what a proxy takes out of a message and puts into it on the way (RFC 9110 §7.6), in both directions.
// Removal comes first and ours are added after it, so a Connection field that nominates Via, Host or Content-Length removes nothing of ours.
import { ProxyError } from '../errors/proxy-error.ts';
import { hasField, isNamed, listMembers } from './fields.ts';
import type { Field, Fields, HttpVersion, PreparedFields } from './message.ts';

/**
 * Fields of a request on its way to an origin or parent: hop-by-hop and nominated fields removed (§7.6.1), framing and Host left out
 * (the writer makes them), proxy credentials and untrusted forwarding fields dropped, Via appended (§7.6.3).
 */
export function forwardRequestFields(fields: Fields, version: HttpVersion, via: string): Field[] {
  const kept =
    version === '1.0'
      ? keptFields(fields, OLD_REQUEST_DROPPED, OLD_REQUEST_DROPPED_LENGTHS)
      : keptFields(fields, REQUEST_DROPPED, REQUEST_DROPPED_LENGTHS);
  kept.push(viaField(version, via));
  return kept;
}

/**
 * Fields of a response on its way to a client: as above, without anything that speaks of proxy credentials (an origin must not ask for ours),
 * with Via appended and with Date when the origin sent none (§6.6.1).
 */
export function forwardResponseFields(fields: Fields, version: HttpVersion, via: string, date: () => string): Field[] {
  const kept = keptFields(fields, RESPONSE_DROPPED, RESPONSE_DROPPED_LENGTHS);
  if (!hasField(kept, 'date')) kept.push({ name: 'Date', value: date() });
  kept.push(viaField(version, via));
  return kept;
}

/** Those of `forwardResponseFields` that come behind the lines of `shared`, which `keptResponseFields` chose. `own` has nothing that ends at us. */
export function forwardBehindPrepared(shared: PreparedFields, own: Fields, version: HttpVersion, via: string, date: () => string): Field[] {
  const added = [...own];
  if (!shared.hasDate) added.push({ name: 'Date', value: date() });
  added.push(viaField(version, via));
  return added;
}

/** What of a response's fields goes to a client. Nothing is added to those of an interim response. */
export function keptResponseFields(fields: Fields): Field[] {
  return keptFields(fields, RESPONSE_DROPPED, RESPONSE_DROPPED_LENGTHS);
}

/** Whether a request has passed this proxy before (§7.6.3): its Via names us. */
export function isLoop(fields: Fields, via: string): boolean {
  for (const field of fields) {
    if (field.name.length !== 3 || !isNamed(field.name, 'via') || !field.value.includes(via)) continue;
    if (listMembers(fields, 'via').some((member) => member.split(/[ \t]+/)[1] === via)) return true;
  }
  return false;
}

/**
 * Max-Forwards of a TRACE or OPTIONS request (§7.6.2).
 *
 * @returns the number to act on, or `null` when the field is absent or no number
 */
export function maxForwards(method: string, fields: Fields): number | null {
  if (method !== 'TRACE' && method !== 'OPTIONS') return null;
  const field = fields.find(({ name }) => isNamed(name, 'max-forwards'));
  return field !== undefined && /^\d{1,9}$/.test(field.value) ? Number(field.value) : null;
}

/** The protocol a request asks to upgrade to, when it is one that we pass on: `websocket` (RFC 6455 §4.1); `h2c` and others never are. */
export function requestedUpgrade(fields: Fields): 'websocket' | null {
  if (!hasField(fields, 'upgrade')) return null;
  const isNominated = listMembers(fields, 'connection').some((option) => option.toLowerCase() === 'upgrade');
  const protocols = listMembers(fields, 'upgrade');
  return isNominated && protocols.length === 1 && protocols[0]!.toLowerCase() === 'websocket' ? 'websocket' : null;
}

/**
 * Whether the peer keeps the connection open after this message (RFC 9112 §9.3). `Proxy-Connection` counts as Connection towards HTTP/1.0
 * clients, which is the only place where it ever meant something.
 */
export function isPersistent(version: HttpVersion, fields: Fields): boolean {
  let isKept = version === '1.1';
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields[i]!;
    if (!isConnectionField(field.name)) continue;
    const value = field.value.toLowerCase();
    if (value === 'keep-alive') isKept = true;
    else if (value === 'close' || listHas(value, 'close')) return false;
    else if (listHas(value, 'keep-alive')) isKept = true;
  }
  return isKept;
}

/**
 * Whether an exchange authenticates the connection it is on instead of itself (NTLM, Negotiate): such a connection speaks for one user, and
 * nobody else may have it. RFC 9110 §11.6.1 does not know such schemes; RFC 4559 §6 warns proxies of them.
 */
export function authenticatesConnection(request: Fields, response: Fields): boolean {
  for (let i = 0; i < request.length; i += 1) {
    const { name, value } = request[i]!;
    if (name.length === 13 && CONNECTION_SCHEME.test(value) && isNamed(name, 'authorization')) return true;
  }
  for (let i = 0; i < response.length; i += 1) {
    const { name, value } = response[i]!;
    if (name.length === 16 && CONNECTION_SCHEME.test(value) && isNamed(name, 'www-authenticate')) return true;
  }
  return false;
}

/**
 * What the request expects (RFC 9110 §10.1.1).
 *
 * @throws ProxyError `http_request_error` 417 for any expectation but 100-continue
 */
export function expectsContinue(version: HttpVersion, fields: Fields): boolean {
  if (!hasField(fields, 'expect')) return false;
  const expectations = listMembers(fields, 'expect');
  if (expectations.length === 1 && expectations[0]!.toLowerCase() === '100-continue') return version !== '1.0';
  throw new ProxyError('http_request_error', 'The request expects something that is not served here; only 100-continue is.', {
    status: 417,
  });
}

let lastVia: Field = { name: 'Via', value: '' };

/** With its line, and made once for as long as the name and the version stay the same. */
function viaField(version: HttpVersion, via: string): Field {
  const value = `${version} ${via}`;
  if (lastVia.value !== value) lastVia = { name: 'Via', value, line: `Via: ${value}\r\n` };
  return lastVia;
}

function keptFields(fields: Fields, dropped: ReadonlySet<string>, lengths: number): Field[] {
  const nominated = nominatedFields(fields);
  const kept: Field[] = [];
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields[i]!;
    const length = field.name.length;
    // Most names are told apart by their length alone; only the rest is looked at.
    if (length < 32 && (lengths & (1 << length)) !== 0 && dropped.has(field.name.toLowerCase())) continue;
    if (nominated?.has(field.name.toLowerCase())) continue;
    kept.push(field);
  }
  return kept;
}

/** Field names that Connection lists (§7.6.1), in lower case; `null` when there are none beyond the options everybody sends. */
export function nominatedFields(fields: Fields): Set<string> | null {
  let nominated: Set<string> | null = null;
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields[i]!;
    if (!isConnectionField(field.name)) continue;
    const value = field.value.toLowerCase();
    if (value === 'keep-alive' || value === 'close') continue;
    nominated ??= new Set();
    for (const option of value.split(',')) nominated.add(option.trim());
  }
  return nominated;
}

function isConnectionField(name: string): boolean {
  return (name.length === 10 && isNamed(name, 'connection')) || (name.length === 16 && isNamed(name, 'proxy-connection'));
}

function listHas(list: string, option: string): boolean {
  return list.split(',').some((member) => member.trim() === option);
}

/** Fields about one connection, or about the proxy at its end (RFC 9110 §7.6.1, §11.7): nobody forwards them, or stores them (RFC 9111 §3.1). */
export const HOP_BY_HOP: readonly string[] = [
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'proxy-authorization',
  'proxy-authenticate',
  'proxy-authentication-info',
];
// X-Forwarded-For and Forwarded of a client are a claim that we cannot check: dropped, and nothing put in their place.
/** What no origin sees of a request as the client sent it, whoever names it. */
export const REQUEST_DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'content-length',
  'host',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'forwarded',
  'max-forwards',
]);
/** From a client of HTTP/1.0, an expectation is to be ignored: it could not be told to continue (RFC 9110 §10.1.1). */
const OLD_REQUEST_DROPPED: ReadonlySet<string> = new Set([...REQUEST_DROPPED, 'expect']);
/** An origin cannot promise that we keep a connection to one user (RFC 4559 §6). */
const RESPONSE_DROPPED: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'content-length', 'proxy-support']);
const REQUEST_DROPPED_LENGTHS = lengthMask(REQUEST_DROPPED);
const OLD_REQUEST_DROPPED_LENGTHS = lengthMask(OLD_REQUEST_DROPPED);
const RESPONSE_DROPPED_LENGTHS = lengthMask(RESPONSE_DROPPED);

/** The lengths of names below 32 characters, a bit each. */
export function lengthMask(names: ReadonlySet<string>): number {
  let mask = 0;
  for (const name of names) mask |= 1 << name.length;
  return mask;
}

const CONNECTION_SCHEME = /^(?:NTLM|Negotiate|Kerberos)\b/i;
