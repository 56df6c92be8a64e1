// Owns what is forwarded, and what holds of it whichever protocol carries it: which connections it may share, which addresses are for it, and whether
// it may go out twice.
import { ProxyError } from '../errors/proxy-error.ts';
import type { Authority } from '../http/authority.ts';
import type { Body, ResponseHead } from '../http/message.ts';
import type { Scheme } from '../http/target.ts';
import type { UpstreamConnection } from './connection.ts';
import type { ClientResponse } from './http1-client.ts';
import { type ConnectParts, type GuardQuestion, nameOf, type TunnelRequest } from './open-connection.ts';
import { refusal } from './parent.ts';
import type { ConnectionPool } from './pool.ts';
import type { Route } from './route.ts';
import type { AcceptedFaults } from './verify-origin.ts';

export interface ForwardRequest extends TunnelRequest {
  readonly method: string;
  readonly scheme: Scheme;
  readonly pathAndQuery: string;
  readonly body: Body | null;
  readonly onInterim: (head: ResponseHead) => void;
  /** What the client's own connection speaks, and what is forgiven the origin's certificate; `null` is HTTP/1.1, and nothing. */
  readonly tls: { readonly alpn: 'h2' | 'http/1.1'; readonly accept: AcceptedFaults | null } | null;
  /** Whether the client has said `TE: trailers`. */
  readonly wantsTrailers: boolean;
}

export interface UpstreamParts extends ConnectParts {
  readonly route: (host: string, port: number) => Route;
  readonly pool: ConnectionPool;
}

/** Where something came from. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/**
 * Everything that a connection depends on; the certificate that we show depends on the host. Plain HTTP towards one parent shares its connections
 * over all destinations.
 */
export function poolKey({ scheme, authority, tls }: ForwardRequest, route: Route): string {
  if (scheme === 'http') return route.kind === 'direct' ? `http ${authority.host} ${authority.port}` : `parent ${parentKey(route)}`;
  const origin = `https ${authority.host} ${authority.port}`;
  const accept = tls?.accept ?? null;
  const faults = accept === null ? '' : ` accepts ${[...accept].sort().join(' ')}`;
  return route.kind === 'direct' ? `${origin}${faults}` : `${origin}${faults} ${parentKey(route)}`;
}

function parentKey({ parent }: Route & { kind: 'parent' }): string {
  return `${parent.host} ${parent.port} ${parent.user ?? ''}`;
}

export function acceptedFaults({ tls }: ForwardRequest): AcceptedFaults | null {
  return tls?.accept ?? null;
}

export function isRepeatable({ body, method }: ForwardRequest): boolean {
  return body === null && SAFE.has(method);
}

export function mayReuse(parts: UpstreamParts, request: ForwardRequest, route: Route, connection: UpstreamConnection): boolean {
  return permits(parts, request.authority, route.kind === 'parent' ? null : connection, request.guard);
}

export function permits(parts: UpstreamParts, { host, port }: Authority, from: Peer | null, guard: GuardQuestion): boolean {
  if (from !== null) return parts.isAddressAllowed(from.address, from.port, guard).allowed;
  return parts.resolver.known(host)?.every((address) => parts.isAddressAllowed(address, port, guard).allowed) ?? true;
}

/** Credentials for a proxy are between the client and us; nobody behind us may ask for them (RFC 9110 §15.5.8). */
export function refused407(response: ClientResponse, client: { abort(): void }, authority: Authority, route: Route): ClientResponse {
  if (response.head.status !== 407) return response;
  client.abort();
  if (route.kind === 'parent') throw refusal(407, nameOf(authority, route));
  throw new ProxyError('http_protocol_error', `${nameOf(authority, route)} answered 407, which only a proxy may.`);
}

/** RFC 9110 §9.2.1. PUT and DELETE could be repeated, too, but what somebody else has stored between the two would be lost. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** A request that may not be repeated takes a kept connection only if it was used this recently: origins close idle ones, but not that soon. */
export const SURELY_ALIVE_MS = 1_000;
