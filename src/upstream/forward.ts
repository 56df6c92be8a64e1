// STAGE forward: an authorized request → the origin's response head and its content as it comes. Also the way to a tunnel's other end.
// route → resolve → judge → connect → send. What is dialled is an address that was judged for this very request; nothing is looked up twice.
// Repeated is only what RFC 9110 §9.2.2 allows: an idempotent request without content, on a kept connection that broke before any answer.
// Towards a parent proxy, names are resolved by the parent: the address guard then judges addresses, `localhost` and names of the hosts file, no others.
import { isIP } from 'node:net';
import { ProxyError } from '../errors/proxy-error.ts';
import { type Authority, formatAuthority } from '../http/authority.ts';
import { isNamed } from '../http/fields.ts';
import type { Body, Fields, ResponseHead } from '../http/message.ts';
import { DEFAULT_PORTS, type Scheme } from '../http/target.ts';
import type { Cancellation } from '../net/cancellation.ts';
import { connectTcp } from './connect.ts';
import type { UpstreamConnection } from './connection.ts';
import type { UpstreamFacts } from './facts.ts';
import { type ClientResponse, Http1Client } from './http1-client.ts';
import type { UpstreamOptions } from './options.ts';
import { connectThroughParent, refusal } from './parent.ts';
import type { ConnectionPool } from './pool.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { Resolver } from './resolve.ts';
import type { Route } from './route.ts';
import { startTls, type TlsContext } from './start-tls.ts';

/** What the address guard needs to know of a request. */
export interface GuardQuestion {
  readonly isLocalClient: boolean;
  readonly allowPrivate: 'none' | 'private' | readonly string[];
  /** The only addresses that the policy lets pass; `null` when it has not asked for them. */
  readonly addresses: readonly string[] | null;
}

export type IsAddressAllowed = (
  address: string,
  port: number,
  question: GuardQuestion,
) => { readonly allowed: boolean; readonly reason: string };

export interface TunnelRequest {
  readonly authority: Authority;
  /** As they go out: hop-by-hop fields removed, ours added. A tunnel's other end sees none of them, a parent proxy Via alone; so they are made when asked for. */
  outgoingFields(): Fields;
  readonly guard: GuardQuestion;
  readonly facts: UpstreamFacts;
  readonly cancellation: Cancellation;
}

export interface ForwardRequest extends TunnelRequest {
  readonly method: string;
  readonly scheme: Scheme;
  readonly pathAndQuery: string;
  readonly body: Body | null;
  readonly onInterim: (head: ResponseHead) => void;
}

export interface UpstreamParts extends TlsContext {
  /** What connections that speak plain HTTP read into, and what tunnels do. */
  readonly buffers: ReadBuffers;
  readonly tunnelBuffers: ReadBuffers;
  readonly options: UpstreamOptions;
  readonly resolver: Resolver;
  readonly route: (host: string, port: number) => Route;
  readonly pool: ConnectionPool;
  readonly isAddressAllowed: IsAddressAllowed;
}

export interface Upstream {
  /** @throws ProxyError */
  forward(request: ForwardRequest): Promise<ClientResponse>;
  /** @returns the open connection and octets that came with it; @throws ProxyError */
  openTunnel(request: TunnelRequest): Promise<{ readonly connection: UpstreamConnection; readonly early: Buffer }>;
  /** Whether a client may have what came from an address once, or through a parent proxy (`null`): whether it could be connected there itself. */
  permits(authority: Authority, from: { readonly address: string; readonly port: number } | null, guard: GuardQuestion): boolean;
}

export function createUpstream(parts: UpstreamParts): Upstream {
  return {
    forward: (request) => forward(parts, request),
    openTunnel: (request) => openTunnel(parts, request),
    permits: (authority, from, guard) => permits(parts, authority, from, guard),
  };
}

async function forward(parts: UpstreamParts, request: ForwardRequest): Promise<ClientResponse> {
  const { authority, facts, scheme } = request;
  const route = parts.route(authority.host, authority.port);
  const isAbsolute = route.kind === 'parent' && scheme === 'http';
  const key = poolKey(scheme, authority, route);
  const mayRepeat = request.body === null && IDEMPOTENT.has(request.method);
  facts.route = routeName(route);

  const kept = parts.pool.take(
    key,
    (client) => mayReuse(parts, request, route, client),
    mayRepeat ? Number.POSITIVE_INFINITY : SURELY_ALIVE_MS,
  );
  if (kept !== null) {
    facts.reusedConnection = true;
    noteAddress(facts, kept.connection);
    try {
      return refused407(await exchange(kept, request, route, isAbsolute), kept, authority, route);
    } catch (error) {
      if (!mayRepeat || kept.hasAnswered || request.cancellation.isCancelled || !isBrokenConnection(error)) throw error;
      facts.reusedConnection = false;
    }
  }
  const connection = await connectFor(parts, request, route, scheme, isAbsolute);
  const client = new Http1Client(
    connection,
    nameOf(authority, route),
    parts.options,
    parts.deadlines,
    (free) => parts.pool.give(key, free),
    (gone) => parts.pool.remove(key, gone),
  );
  return refused407(await exchange(client, request, route, isAbsolute), client, authority, route);
}

async function openTunnel(parts: UpstreamParts, request: TunnelRequest): Promise<{ connection: UpstreamConnection; early: Buffer }> {
  const { authority } = request;
  const route = parts.route(authority.host, authority.port);
  request.facts.route = routeName(route);
  if (route.kind === 'direct') {
    return {
      connection: await dialJudged(parts, request, parts.tunnelBuffers),
      early: NOTHING,
    };
  }
  return throughParent(parts, request, route, parts.tunnelBuffers);
}

function exchange(client: Http1Client, request: ForwardRequest, route: Route, isAbsolute: boolean): Promise<ClientResponse> {
  const { authority, scheme, cancellation } = request;
  const fields = request.outgoingFields();
  const host = formatAuthority(authority, DEFAULT_PORTS[scheme]);
  cancellation.listen(client);
  return client.exchange({
    method: request.method,
    target: isAbsolute ? absoluteForm(scheme, host, request.pathAndQuery) : request.pathAndQuery,
    host,
    fields:
      isAbsolute && route.kind === 'parent' && route.authorization !== null
        ? [...fields, { name: 'Proxy-Authorization', value: route.authorization }]
        : fields,
    body: request.body,
    onInterim: request.onInterim,
  });
}

/** Credentials for a proxy are between the client and us; nobody behind us may ask for them (RFC 9110 §15.5.8). */
function refused407(response: ClientResponse, client: Http1Client, authority: Authority, route: Route): ClientResponse {
  if (response.head.status !== 407) return response;
  client.abort();
  if (route.kind === 'parent') throw refusal(407, nameOf(authority, route));
  throw new ProxyError('http_protocol_error', `${nameOf(authority, route)} answered 407, which only a proxy may.`);
}

/** A new connection that is ready for HTTP with the origin, or with the parent when `isAbsolute`. */
async function connectFor(
  parts: UpstreamParts,
  request: ForwardRequest,
  route: Route,
  scheme: Scheme,
  isAbsolute: boolean,
): Promise<UpstreamConnection> {
  const { authority, facts } = request;
  const startedMs = performance.now();
  let connection: UpstreamConnection;
  const buffers = scheme === 'https' ? null : parts.buffers;
  if (route.kind === 'direct') connection = await dialJudged(parts, request, buffers);
  else if (isAbsolute) connection = await dialParent(parts, request, route, buffers);
  else connection = (await throughParent(parts, request, route, buffers)).connection;
  if (scheme === 'http') return connection;
  const connectedMs = performance.now();
  // A parent's answer has a time limit of its own.
  const spentMs = route.kind === 'direct' ? connectedMs - startedMs : 0;
  const leftMs = Math.max(1, parts.options.connectTimeoutMs - spentMs);
  const { host, port } = authority;
  const secure = await startTls(parts, connection, { host, port, alpn: HTTP1_ALONE, accept: null }, leftMs, request.cancellation);
  facts.tlsMs = performance.now() - connectedMs;
  return secure.connection;
}

async function throughParent(
  parts: UpstreamParts,
  request: TunnelRequest,
  route: Route & { kind: 'parent' },
  buffers: ReadBuffers | null,
): Promise<{ connection: UpstreamConnection; early: Buffer }> {
  const connection = await dialParent(parts, request, route, buffers);
  const { deadlines, options } = parts;
  const fields = request.outgoingFields().filter(({ name }) => isNamed(name, 'via'));
  if (route.authorization !== null) fields.push({ name: 'Proxy-Authorization', value: route.authorization });
  const early = await connectThroughParent(
    connection,
    formatAuthority(request.authority),
    fields,
    nameOf(request.authority, route),
    options,
    deadlines,
    request.cancellation,
  );
  return { connection, early };
}

/** The operator named the parent, so its own address is not judged; the destination is, as far as it is known without DNS. */
function dialParent(
  parts: UpstreamParts,
  request: TunnelRequest,
  route: Route & { kind: 'parent' },
  buffers: ReadBuffers | null,
): Promise<UpstreamConnection> {
  const { authority, guard, facts } = request;
  const known = parts.resolver.known(authority.host);
  // Which of them the parent dials is not ours to say, so none may be refused.
  if (known !== null) for (const address of known) judged(parts, [address], authority.port, guard, facts, authority.host);
  const { host, port } = route.parent;
  return dial(parts, request, { host, port, name: nameOf(authority, route), addresses: null }, buffers, (addresses) => addresses);
}

function dialJudged(parts: UpstreamParts, request: TunnelRequest, buffers: ReadBuffers | null): Promise<UpstreamConnection> {
  const { authority, guard, facts } = request;
  const { host, port } = authority;
  return dial(parts, request, { host, port, name: formatAuthority(authority), addresses: guard.addresses }, buffers, (addresses) =>
    judged(parts, addresses, port, guard, facts, host),
  );
}

/** @param peer who is dialled, how messages call it, and its addresses where the policy has had them looked up */
async function dial(
  parts: UpstreamParts,
  request: TunnelRequest,
  peer: { readonly host: string; readonly port: number; readonly name: string; readonly addresses: readonly string[] | null },
  buffers: ReadBuffers | null,
  survivors: (addresses: readonly string[]) => readonly string[],
): Promise<UpstreamConnection> {
  const { facts, cancellation } = request;
  const startedMs = performance.now();
  const found = peer.addresses === null ? parts.resolver.resolve(peer.host) : ({ addresses: peer.addresses, from: 'cache' } as const);
  const resolved = found instanceof Promise ? await found : found;
  facts.resolvedFrom = resolved.from;
  const resolvedMs = performance.now();
  if (resolved.from !== 'literal') facts.resolveMs = resolvedMs - startedMs;
  const addresses = survivors(resolved.addresses);
  const leftMs = Math.max(1, parts.options.connectTimeoutMs - (resolvedMs - startedMs));
  const connection = await connectTcp(parts, addresses, peer.port, peer.name, leftMs, cancellation, buffers);
  facts.connectMs = performance.now() - resolvedMs;
  noteAddress(facts, connection);
  return connection;
}

/**
 * The addresses that may be dialled, in order.
 *
 * @throws ProxyError `destination_ip_prohibited` when none may
 */
function judged(
  parts: UpstreamParts,
  addresses: readonly string[],
  port: number,
  guard: GuardQuestion,
  facts: UpstreamFacts,
  host: string,
): readonly string[] {
  const verdicts = addresses.map((address) => ({ address, ...parts.isAddressAllowed(address, port, guard) }));
  facts.judged = verdicts;
  const allowed = verdicts.filter((verdict) => verdict.allowed);
  if (allowed.length === verdicts.length) return addresses;
  if (allowed.length > 0) return allowed.map(({ address }) => address);
  const reason = verdicts[0]?.reason ?? 'it has no address';
  throw new ProxyError(
    'destination_ip_prohibited',
    isIP(host) !== 0 ? `${reason}.` : `${host} leads to an address that may not be used: ${reason}.`,
  );
}

function mayReuse(parts: UpstreamParts, request: ForwardRequest, route: Route, client: Http1Client): boolean {
  return permits(parts, request.authority, route.kind === 'parent' ? null : client.connection, request.guard);
}

function permits(
  parts: UpstreamParts,
  { host, port }: Authority,
  from: { readonly address: string; readonly port: number } | null,
  guard: GuardQuestion,
): boolean {
  if (from !== null) return parts.isAddressAllowed(from.address, from.port, guard).allowed;
  return parts.resolver.known(host)?.every((address) => parts.isAddressAllowed(address, port, guard).allowed) ?? true;
}

/** Everything that a connection depends on. Plain HTTP towards one parent shares its connections over all destinations. */
function poolKey(scheme: Scheme, authority: Authority, route: Route): string {
  if (route.kind === 'direct') return `${scheme} ${authority.host} ${authority.port}`;
  const parent = `${route.parent.host} ${route.parent.port} ${route.parent.user ?? ''}`;
  return scheme === 'http' ? `parent ${parent}` : `${scheme} ${authority.host} ${authority.port} ${parent}`;
}

function absoluteForm(scheme: Scheme, host: string, pathAndQuery: string): string {
  return pathAndQuery === '*' ? `${scheme}://${host}` : `${scheme}://${host}${pathAndQuery}`;
}

function routeName(route: Route): string {
  return route.kind === 'direct' ? 'direct' : `${route.parent.host}:${route.parent.port}`;
}

function nameOf(authority: Authority, route: Route): string {
  return route.kind === 'direct' ? formatAuthority(authority) : `The parent proxy ${routeName(route)}`;
}

function noteAddress(facts: UpstreamFacts, connection: UpstreamConnection): void {
  facts.upstreamAddress = connection.address;
  facts.upstreamPort = connection.port;
}

function isBrokenConnection(error: unknown): boolean {
  return error instanceof ProxyError && error.code === 'connection_terminated';
}

const NOTHING = Buffer.alloc(0);
const HTTP1_ALONE = ['http/1.1'] as const;
/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** A request that may not be repeated takes a kept connection only if it was used this recently: origins close idle ones, but not that soon. */
const SURELY_ALIVE_MS = 1_000;
