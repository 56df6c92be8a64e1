// Owns the way from an authority to an open connection: route → resolve → judge → connect → TLS. What is dialled is an address that was judged for
// this very request; nothing is looked up twice.
// Towards a parent proxy, names are resolved by the parent: the address guard then judges addresses, `localhost` and names of the hosts file, no others.
import { isIP } from 'node:net';
import { ProxyError } from '../errors/proxy-error.ts';
import { type Authority, formatAuthority } from '../http/authority.ts';
import { isNamed } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';
import type { Cancellation } from '../net/cancellation.ts';
import { connectTcp } from './connect.ts';
import type { UpstreamConnection } from './connection.ts';
import type { UpstreamFacts } from './facts.ts';
import type { UpstreamOptions } from './options.ts';
import { connectThroughParent } from './parent.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { Resolver } from './resolve.ts';
import type { Route } from './route.ts';
import { type Secured, startTls, type TlsContext, type TlsRequest } from './start-tls.ts';

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

/** The open connection of a tunnel, and octets that came with it. */
export interface RawConnection {
  readonly connection: UpstreamConnection;
  readonly early: Buffer;
}

export interface ConnectParts extends TlsContext {
  /** What connections that speak plain HTTP read into, and what tunnels do. */
  readonly buffers: ReadBuffers;
  readonly tunnelBuffers: ReadBuffers;
  readonly options: UpstreamOptions;
  readonly resolver: Resolver;
  readonly isAddressAllowed: IsAddressAllowed;
}

/** A connection that is ready for plain HTTP with the origin, or with the parent proxy, which then is asked in absolute-form. */
export function openPlain(parts: ConnectParts, request: TunnelRequest, route: Route): Promise<UpstreamConnection> {
  return route.kind === 'direct' ? dialJudged(parts, request, parts.buffers) : dialParent(parts, request, route, parts.buffers);
}

/** A connection that is ready for HTTP with an origin that was verified. */
export async function openSecure(
  parts: ConnectParts,
  request: TunnelRequest,
  route: Route,
  tls: Pick<TlsRequest, 'alpn' | 'accept'>,
): Promise<Secured> {
  const { authority, facts, cancellation } = request;
  const startedMs = performance.now();
  const tcp =
    route.kind === 'direct' ? await dialJudged(parts, request, null) : (await throughParent(parts, request, route, null)).connection;
  const connectedMs = performance.now();
  // A parent's answer has a time limit of its own.
  const spentMs = route.kind === 'direct' ? connectedMs - startedMs : 0;
  const leftMs = timeLeftMs(parts.options.connectTimeoutMs, spentMs);
  const { host, port } = authority;
  const secured = await startTls(parts, tcp, { host, port, alpn: tls.alpn, accept: tls.accept }, leftMs, cancellation);
  facts.tlsMs = performance.now() - connectedMs;
  noteAddress(facts, secured.connection);
  return secured;
}

/** A connection on which whoever asks speaks to the origin as it likes. */
export function openRaw(parts: ConnectParts, request: TunnelRequest, route: Route): Promise<RawConnection> {
  if (route.kind === 'parent') return throughParent(parts, request, route, parts.tunnelBuffers);
  return dialJudged(parts, request, parts.tunnelBuffers).then(asItIs);
}

/** It was not asked anything. */
function asItIs(connection: UpstreamConnection): RawConnection {
  return { connection, early: NOTHING };
}

async function throughParent(
  parts: ConnectParts,
  request: TunnelRequest,
  route: Route & { kind: 'parent' },
  buffers: ReadBuffers | null,
): Promise<RawConnection> {
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
  parts: ConnectParts,
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

function dialJudged(parts: ConnectParts, request: TunnelRequest, buffers: ReadBuffers | null): Promise<UpstreamConnection> {
  const { authority, guard, facts } = request;
  const { host, port } = authority;
  return dial(parts, request, { host, port, name: formatAuthority(authority), addresses: guard.addresses }, buffers, (addresses) =>
    judged(parts, addresses, port, guard, facts, host),
  );
}

/** @param peer who is dialled, how messages call it, and its addresses where the policy has had them looked up */
async function dial(
  parts: ConnectParts,
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
  const leftMs = timeLeftMs(parts.options.connectTimeoutMs, resolvedMs - startedMs);
  const connection = await connectTcp(parts, addresses, peer.port, peer.name, leftMs, cancellation, buffers);
  facts.connectMs = performance.now() - resolvedMs;
  noteAddress(facts, connection);
  return connection;
}

/** What earlier steps have left of the time for all of them: whole milliseconds, as messages tell them. */
function timeLeftMs(timeoutMs: number, spentMs: number): number {
  return Math.max(1, Math.ceil(timeoutMs - spentMs));
}

/**
 * The addresses that may be dialled, in order.
 *
 * @throws ProxyError `destination_ip_prohibited` when none may
 */
function judged(
  parts: ConnectParts,
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

export function routeName(route: Route): string {
  return route.kind === 'direct' ? 'direct' : `${route.parent.host}:${route.parent.port}`;
}

/** As messages call whoever answers. */
export function nameOf(authority: Authority, route: Route): string {
  return route.kind === 'direct' ? formatAuthority(authority) : `The parent proxy ${routeName(route)}`;
}

export function noteAddress(facts: UpstreamFacts, connection: UpstreamConnection): void {
  facts.upstreamAddress = connection.address;
  facts.upstreamPort = connection.port;
  facts.originTls = connection.tls;
}

const NOTHING = Buffer.alloc(0);
