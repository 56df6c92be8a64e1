// Owns the four forms of a request target (RFC 9112 §3.2) and their meaning to a proxy.
// Refuses fragments, user information, control characters and schemes that are not served, before anything is resolved or dialled.
// One departure: octets above 0x7F, which RFC 3986 does not allow, are percent-encoded, as every browser would have done.
import { ProxyError } from '../errors/proxy-error.ts';
import { type Authority, parseAuthority } from './authority.ts';

export type Scheme = 'http' | 'https';

export type Target =
  | { readonly form: 'absolute-form'; readonly scheme: Scheme; readonly authority: Authority; readonly pathAndQuery: string }
  | { readonly form: 'authority-form'; readonly authority: Authority }
  | { readonly form: 'origin-form'; readonly pathAndQuery: string }
  | { readonly form: 'asterisk-form' };

export const DEFAULT_PORTS: Readonly<Record<Scheme, number>> = { http: 80, https: 443 };

/**
 * @param method as sent; CONNECT takes the authority-form and nothing else does (§3.2.3)
 * @param target the request target as sent, one character an octet
 * @throws ProxyError `http_request_error` 400; its message never repeats user information
 */
export function parseTarget(method: string, target: string): Target {
  if (method === 'CONNECT') return { form: 'authority-form', authority: parseAuthority(target, null) };
  if (target === '*') {
    if (method !== 'OPTIONS') throw refused('The request target "*" belongs to OPTIONS alone.');
    return { form: 'asterisk-form' };
  }
  if (target.charCodeAt(0) === SLASH) return { form: 'origin-form', pathAndQuery: safePath(target) };
  const scheme = schemeOf(target);
  const start = scheme.length + 3;
  const end = authorityEnd(target, start);
  const authority = parseAuthority(target.slice(start, end), DEFAULT_PORTS[scheme]);
  return { form: 'absolute-form', scheme, authority, pathAndQuery: originPath(method, target, end) };
}

function schemeOf(target: string): Scheme {
  if (target.startsWith('http://')) return 'http';
  if (target.startsWith('https://')) return 'https';
  const colon = target.indexOf('://');
  const scheme = colon < 0 ? '' : target.slice(0, colon).toLowerCase();
  if (scheme === 'http' || scheme === 'https') return scheme;
  if (colon > 0 && /^[a-z][a-z0-9+.-]{0,30}$/.test(scheme))
    throw refused(`The scheme "${scheme}:" is not served here; use http: or https:.`);
  throw refused('The request target is not an absolute URI such as http://example.com/; a proxy needs one.');
}

function authorityEnd(target: string, start: number): number {
  for (let i = start; i < target.length; i += 1) {
    const c = target.charCodeAt(i);
    if (c === SLASH || c === QUESTION || c === HASH) return i;
  }
  return target.length;
}

/** The origin-form to send (§3.2.1); an OPTIONS without path asks about the whole server (§3.2.4). */
function originPath(method: string, target: string, start: number): string {
  if (start === target.length) return method === 'OPTIONS' ? '*' : '/';
  const path = safePath(target.slice(start));
  return path.charCodeAt(0) === SLASH ? path : `/${path}`;
}

function safePath(path: string): string {
  let isPlain = true;
  for (let i = 0; i < path.length; i += 1) {
    const c = path.charCodeAt(i);
    if (c === HASH) throw refused('The request target has a fragment ("#"), which stays with the client.');
    if (c <= 0x20 || c === 0x7f) throw refused('The request target has a blank or a control character in it.');
    if (c > 0x7f) isPlain = false;
  }
  return isPlain ? path : path.replace(/[\x80-\xff]/g, (octet) => `%${octet.charCodeAt(0).toString(16).toUpperCase()}`);
}

function refused(message: string): ProxyError {
  return new ProxyError('http_request_error', message);
}

const SLASH = 0x2f;
const QUESTION = 0x3f;
const HASH = 0x23;
