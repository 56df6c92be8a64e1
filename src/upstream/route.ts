// Owns the choice between reaching a destination directly and through a parent proxy: exceptions first, then the first parent that fits.
// The choice is made on the name, before DNS, so address blocks match only hosts that are written as addresses.
// Refuses parent proxies that are reached in another way than plain HTTP, and never repeats a password in a message.
import { LRUCache } from 'lru-cache';
import { ProxyError } from '../errors/proxy-error.ts';
import { parseHost } from '../http/authority.ts';
import { covers, type Destination, parseDestination } from '../match/destination.ts';
import { parseIpAddress } from '../net/ip-address.ts';
import type { ParentOptions, RouteOptions } from './options.ts';

export type Route =
  | { readonly kind: 'direct' }
  /** `authorization` is the value of the Proxy-Authorization field (RFC 7617), null without credentials. */
  | { readonly kind: 'parent'; readonly parent: ParentOptions; readonly authorization: string | null };

/**
 * Builds the choice once; the function it returns takes a canonical host and a port and never throws.
 *
 * @throws ProxyError `proxy_configuration_error` for a pattern that is none
 */
export function createRoute(options: RouteOptions): (host: string, port: number) => Route {
  if (options.parents.length === 0) return () => DIRECT;
  const exceptions = options.noProxy.map(parseDestination);
  const parents = options.parents.map((parent) => ({ destinations: parent.hosts.map(parseDestination), route: parentRoute(parent) }));

  const choose = (host: string, port: number): Route => {
    const address = parseIpAddress(host);
    const isIn = (destination: Destination) => covers(destination, host, address, port);
    if (exceptions.some(isIn)) return DIRECT;
    const chosen = parents.find(({ destinations }) => destinations.length === 0 || destinations.some(isIn));
    return chosen?.route ?? DIRECT;
  };

  // Asked for each request, mostly about the same few destinations.
  const chosen = new LRUCache<string, Route>({ max: 1_000 });
  return (host, port) => {
    const key = `${host}:${port}`;
    let route = chosen.get(key);
    if (route === undefined) {
      route = choose(host, port);
      chosen.set(key, route);
    }
    return route;
  };
}

/**
 * A parent proxy as `http://user:password@proxy.example:3128`; the scheme may be missing, and a missing port is 80 (RFC 9110 §4.2.1).
 * User and password are percent-encoded UTF-8 (RFC 3986 §3.2.1).
 *
 * @returns a parent for every host
 * @throws ProxyError `proxy_configuration_error` that names the part that is wrong, without what stands in it where that may be a secret
 */
export function parseParentUrl(text: string): ParentOptions {
  const schemeEnd = text.indexOf('://');
  const scheme = schemeEnd === -1 ? 'http' : text.slice(0, schemeEnd).toLowerCase();
  if (scheme !== 'http') throw refusal('A parent proxy is reached over plain HTTP: begin its URL with http://.');
  const rest = schemeEnd === -1 ? text : text.slice(schemeEnd + 3);
  const end = rest.search(/[/?#]/);
  if (end !== -1 && rest.slice(end) !== '/') {
    throw refusal("A parent proxy's URL ends with the port. Within the user or the password write / as %2F, ? as %3F and # as %23.");
  }
  const authority = end === -1 ? rest : rest.slice(0, end);
  const at = authority.lastIndexOf('@');
  return { ...parseProxyAddress(authority.slice(at + 1)), ...parseCredentials(authority.slice(0, Math.max(at, 0))), hosts: [] };
}

/**
 * The value of a NO_PROXY environment variable as entries for `RouteOptions.noProxy`. The variable is shared with other programs, so it is
 * read as they do: a name stands for itself and everything below, with or without a leading dot or `*.`; `*` for everything; what cannot be
 * understood matches nothing and is left out.
 *
 * @throws never
 */
export function noProxyFromEnvironment(value: string): string[] {
  return value.split(/[\s,]+/).flatMap((entry) => {
    const place = entry.replace(/^\*?\./, '');
    try {
      const { what } = parseDestination(place);
      return what.kind === 'pattern' && parseIpAddress(what.pattern.name) === null ? [`.${place}`] : [place];
    } catch {
      return [];
    }
  });
}

function parentRoute(parent: ParentOptions): Route {
  if (parent.user === null) return { kind: 'parent', parent, authorization: null };
  const credentials = Buffer.from(`${parent.user}:${parent.password ?? ''}`, 'utf8');
  return { kind: 'parent', parent, authorization: `Basic ${credentials.toString('base64')}` };
}

function parseProxyAddress(text: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = '80'] = /^(\[[^\]]*\]|[^:]+)(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  if (host === '') throw refusal("A parent proxy's URL needs a host and may have a port: http://proxy.example:3128.");
  if (Number(port) < 1 || Number(port) > 65_535) throw refusal("The parent proxy's port is not from 1 to 65535.");
  return { host: canonicalHost(host), port: Number(port) };
}

function parseCredentials(userinfo: string): { readonly user: string | null; readonly password: string | null } {
  if (userinfo === '') return { user: null, password: null };
  const colon = userinfo.indexOf(':');
  const user = decodeCredential(colon === -1 ? userinfo : userinfo.slice(0, colon), 'user');
  if (user.includes(':')) throw refusal("The parent proxy's user holds a colon, which Basic credentials cannot carry (RFC 7617 §2).");
  return { user, password: colon === -1 ? null : decodeCredential(userinfo.slice(colon + 1), 'password') };
}

function decodeCredential(text: string, part: 'user' | 'password'): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    // The cause would carry the text.
    throw refusal(`The parent proxy's ${part} is not percent-encoded UTF-8. Write % as %25.`);
  }
  if (/[\u0000-\u001f\u007f]/.test(decoded)) throw refusal(`The parent proxy's ${part} holds a control character (RFC 7617 §2).`);
  return decoded;
}

function canonicalHost(text: string): string {
  try {
    return parseHost(text).host;
  } catch (error) {
    throw refusal(error instanceof ProxyError ? error.message : `"${text}" is not a host.`);
  }
}

function refusal(message: string): ProxyError {
  return new ProxyError('proxy_configuration_error', message);
}

const DIRECT: Route = { kind: 'direct' };
