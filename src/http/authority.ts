// Owns the authority: a host and a port (RFC 9110 §4.2, RFC 3986 §3.2), in the one canonical form on which policy decides and connections are made.
// Hosts come out in lower case, as A-labels (UTS 46, non-transitional), without the trailing dot. An IPv4 address in any spelling that a
// resolver would read as one becomes that address, and so does an IPv4-mapped IPv6 address; another host that ends in a number is refused.
// Refuses user information (RFC 9110 §4.2.4), percent-encoding, zone identifiers, empty ports (RFC 3986 would take them) and port 0.
import { domainToASCII } from 'node:url';
import { ProxyError } from '../errors/proxy-error.ts';
import { endsInNumber, parseIpAddress, parseIpv4Number, unmapped } from '../net/ip-address.ts';

export type HostKind = 'name' | 'ipv4' | 'ipv6';

export interface Host {
  /** A name in lower-case A-labels, a dotted quad, or IPv6 text by RFC 5952 without brackets. */
  readonly host: string;
  readonly kind: HostKind;
}

export interface Authority extends Host {
  /** 1 to 65535. */
  readonly port: number;
}

/**
 * Reads `host` or `host:port` as it stands in a request target or a Host field: octets as ISO-8859-1 text, in which a name beyond ASCII is UTF-8.
 *
 * @param defaultPort  the port of an authority that names none; `null` where it has to (CONNECT, RFC 9110 §9.3.6)
 * @throws ProxyError `http_request_error`, 400
 */
export function parseAuthority(text: string, defaultPort: number | null): Authority {
  const colon = text.indexOf(':');
  const host = colon === -1 ? text : text.slice(0, colon);
  const kind = canonicalKind(host);
  const port = colon === -1 ? defaultPort : portAt(text, colon + 1);
  if (kind !== null && port !== null && port !== 0) return { host, kind, port };
  return parseUnusualAuthority(text, defaultPort);
}

/** The authority as a Host field or a CONNECT target carries it: IPv6 in brackets, the port left out when it is `defaultPort`. */
export function formatAuthority(authority: Authority, defaultPort?: number): string {
  const host = authority.kind === 'ipv6' ? `[${authority.host}]` : authority.host;
  return authority.port === defaultPort ? host : `${host}:${authority.port}`;
}

/**
 * Reads a host alone, as policies and settings name it: Unicode text, IPv6 with or without brackets.
 *
 * @throws ProxyError `http_request_error`, 400
 */
export function parseHost(text: string): Host {
  if (text.startsWith('[') && text.endsWith(']')) return parseIpv6Host(text.slice(1, -1), text);
  if (text.includes(':')) return parseIpv6Host(text, text);
  return parseRegisteredName(text);
}

/** What a host is that already stands in canonical form, else `null`. One pass over a name: nearly every request takes this way. */
function canonicalKind(host: string): 'name' | 'ipv4' | null {
  let labelStart = 0;
  for (let i = 0; i < host.length; i += 1) {
    const c = host.charCodeAt(i);
    if (c === DOT) {
      if (i === labelStart || i - labelStart > MAX_LABEL) return null;
      labelStart = i + 1;
    } else if (!((c >= LETTER_A && c <= LETTER_Z) || isDigit(c) || c === HYPHEN || c === UNDERSCORE)) return null;
  }
  const lastLabel = host.length - labelStart;
  if (lastLabel === 0 || lastLabel > MAX_LABEL || host.length > MAX_NAME) return null;
  if (!isDigit(host.charCodeAt(labelStart))) return 'name';
  return parseIpAddress(host) === null ? null : 'ipv4';
}

function parseUnusualAuthority(text: string, defaultPort: number | null): Authority {
  // First, so that no later message repeats a password.
  if (text.includes('@')) throw refusal('User information in a request target is refused; send credentials in an Authorization field.');
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (close === -1) throw refusal(`"${shown(text)}" lacks the "]" that ends an IPv6 address.`);
    if (close + 1 < text.length && text.charCodeAt(close + 1) !== COLON) {
      throw refusal(`After "]" in "${shown(text)}" only ":" and a port may follow.`);
    }
    const { host, kind } = parseIpv6Host(text.slice(1, close), text);
    return { host, kind, port: close + 1 === text.length ? requirePort(text, defaultPort) : parsePort(text, close + 2) };
  }
  const colon = text.indexOf(':');
  if (colon !== text.lastIndexOf(':'))
    throw refusal(`"${shown(text)}" has more than one colon; an IPv6 address needs brackets, as in [2001:db8::1]:443.`);
  const { host, kind } = parseRegisteredName(decodeOctets(colon === -1 ? text : text.slice(0, colon)));
  return { host, kind, port: colon === -1 ? requirePort(text, defaultPort) : parsePort(text, colon + 1) };
}

function parseIpv6Host(text: string, whole: string): Host {
  if (text.includes('%')) throw refusal(`"${shown(whole)}" has a zone identifier, which means nothing to a proxy; leave it out.`);
  const ip = parseIpAddress(text);
  if (ip === null || ip.version !== 6) throw refusal(`"${shown(whole)}" is not an IPv6 address.`);
  const address = unmapped(ip);
  return { host: address.text, kind: address.version === 4 ? 'ipv4' : 'ipv6' };
}

/** A name or an IPv4 address: what RFC 3986 §3.2.2 calls reg-name and IPv4address, in Unicode. */
function parseRegisteredName(text: string): Host {
  const name = withoutTrailingDot(toAscii(text));
  if (endsInNumber(name)) {
    const ip = parseIpv4Number(name);
    if (ip === null) throw refusal(`"${shown(text)}" ends in a number but is not an IPv4 address.`);
    return { host: ip.text, kind: 'ipv4' };
  }
  if (name === '') throw refusal(text === '' ? 'The host is empty.' : `"${shown(text)}" is not a host name.`);
  if (name.length > MAX_NAME) throw refusal(`The host name is ${name.length} characters long; DNS allows ${MAX_NAME}.`);
  for (const label of name.split('.')) {
    if (label === '') throw refusal(`"${shown(text)}" has an empty label.`);
    if (label.length > MAX_LABEL) throw refusal(`A label of the host name is ${label.length} characters long; DNS allows ${MAX_LABEL}.`);
  }
  return { host: name, kind: 'name' };
}

/**
 * Lower case, as A-labels. `domainToASCII` parses its argument as the host of a URL: it decodes percent-codes, drops tabs and line ends and
 * stops at a slash, so it only sees characters that mean nothing to it, and what it makes of them is looked at again.
 */
function toAscii(text: string): string {
  if (!checkCharacters(text)) return text.toLowerCase();
  if (text.length > MAX_UNICODE_NAME) throw refusal(`The host name is ${text.length} characters long; DNS allows ${MAX_NAME}.`);
  const ascii = domainToASCII(text);
  if (ascii === '' || checkCharacters(ascii)) throw refusal(`"${shown(text)}" is not an internationalised host name (UTS 46).`);
  return ascii;
}

/** Whether the text holds characters beyond ASCII. Those of ASCII have to be letters, digits, hyphens, underscores and dots. */
function checkCharacters(text: string): boolean {
  let isBeyondAscii = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c > 0x7f) isBeyondAscii = true;
    else if (c === PERCENT) throw refusal(`"${shown(text)}" has a percent-code in the host; write the character itself.`);
    else if (!isNameCharacter(c)) throw refusal(`"${shown(text)}" has a character that no host name may hold, at position ${i + 1}.`);
  }
  return isBeyondAscii;
}

function isNameCharacter(c: number): boolean {
  const lower = c | 0x20;
  return (lower >= LETTER_A && lower <= LETTER_Z) || isDigit(c) || c === DOT || c === HYPHEN || c === UNDERSCORE;
}

/** Octets that came as ISO-8859-1 text, read as UTF-8. */
function decodeOctets(text: string): string {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c > 0xff) throw refusal('The host is not text of single octets.');
    bytes[i] = c;
  }
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new ProxyError('http_request_error', `"${shown(text)}" is neither ASCII nor UTF-8.`, { cause });
  }
}

function withoutTrailingDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

function requirePort(text: string, defaultPort: number | null): number {
  if (defaultPort === null) throw refusal(`"${shown(text)}" names no port; write host:port.`);
  return defaultPort;
}

function parsePort(text: string, start: number): number {
  const port = portAt(text, start);
  if (port === 0) throw refusal(`The port in "${shown(text)}" is not a number from 1 to 65535.`);
  return port;
}

/** The port from `start` to the end, or 0: digits only and no leading zero, so that every port has one spelling. */
function portAt(text: string, start: number): number {
  let port = 0;
  if (text.length - start > 5) return 0;
  for (let i = start; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (!isDigit(c) || (i > start && port === 0)) return 0;
    port = port * 10 + c - ZERO;
  }
  return port > 65535 ? 0 : port;
}

function refusal(message: string): ProxyError {
  return new ProxyError('http_request_error', message);
}

/** Client text for a message: short, and printable ASCII only. */
function shown(text: string): string {
  const start = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return start.replace(/[^ -~]/g, '?');
}

function isDigit(c: number): boolean {
  return c >= ZERO && c <= 0x39;
}

const MAX_LABEL = 63; // octets: RFC 1035 §2.3.4
const MAX_NAME = 253; // the 255 octets of RFC 1035 §2.3.4, less the first length octet and the root label
// An A-label is never shorter than its characters, of two code units at most; the bound keeps Punycode's quadratic work small.
const MAX_UNICODE_NAME = 2 * MAX_NAME;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const PERCENT = 0x25;
const HYPHEN = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const UNDERSCORE = 0x5f;
const LETTER_A = 0x61;
const LETTER_Z = 0x7a;
