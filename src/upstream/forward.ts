// STAGE forward: an authorized request → the origin's response head and its content as it comes. Also the way to a tunnel's other end.
// It chooses: a kept connection or a new one (open-connection.ts), HTTP/1.1 or, where the client speaks it too and the origin offers it, HTTP/2. That is
// for a client of HTTP/1.1, too, where the origin speaks nothing else, which its handshake says; WebSockets among them (RFC 8441).
// Repeated is less than RFC 9110 §9.2.2 allows: a safe request without content on a kept connection that broke before any answer, and what
// an origin says it has not acted on (RFC 9113 §8.7).
import { ProxyError } from '../errors/proxy-error.ts';
import { type Authority, formatAuthority } from '../http/authority.ts';
import { fieldValues, hasField } from '../http/fields.ts';
import { authenticatesConnection } from '../http/forwarding.ts';
import { type Fields, NO_FIELDS } from '../http/message.ts';
import { DEFAULT_PORTS, type Scheme } from '../http/target.ts';
import { isWebSocketKey } from '../http/websocket-accept.ts';
import type { UpstreamConnection } from './connection.ts';
import { clientOn, exchangeByHttp2, findSession, mayRepeatAfter, openSession, webSocketOnOpen } from './find-session.ts';
import { type ClientResponse, Http1Client } from './http1-client.ts';
import {
  type GuardQuestion,
  type IsAddressAllowed,
  nameOf,
  noteAddress,
  openPlain,
  openRaw,
  openSecure,
  type RawConnection,
  routeName,
  type TunnelRequest,
} from './open-connection.ts';
import {
  acceptedFaults,
  type ForwardRequest,
  isRepeatable,
  mayReuse,
  type Peer,
  permits,
  poolKey,
  refused407,
  SURELY_ALIVE_MS,
  type UpstreamParts,
} from './request-to-forward.ts';
import type { Route } from './route.ts';
import { SharedUpload } from './shared-upload.ts';

export type { ForwardRequest, GuardQuestion, IsAddressAllowed, TunnelRequest, UpstreamParts };

export interface Upstream {
  /** @throws ProxyError */
  forward(request: ForwardRequest): Promise<ClientResponse>;
  /** @throws ProxyError */
  openTunnel(request: TunnelRequest): Promise<RawConnection>;
  /** Whether a client may have what came from an address once, or through a parent proxy (`null`): whether it could be connected there itself. */
  permits(authority: Authority, from: Peer | null, guard: GuardQuestion): boolean;
}

export function createUpstream(parts: UpstreamParts): Upstream {
  return {
    forward: (request) => forward(parts, request),
    openTunnel: (request) => openTunnel(parts, request),
    permits: (authority, from, guard) => permits(parts, authority, from, guard),
  };
}

function openTunnel(parts: UpstreamParts, request: TunnelRequest): Promise<RawConnection> {
  const route = parts.route(request.authority.host, request.authority.port);
  request.facts.route = routeName(route);
  return openRaw(parts, request, route);
}

function forward(parts: UpstreamParts, request: ForwardRequest): Promise<ClientResponse> {
  const { authority, facts, scheme } = request;
  const route = parts.route(authority.host, authority.port);
  const key = poolKey(request, route);
  facts.route = routeName(route);
  if (scheme === 'http' || request.tls?.alpn !== 'h2') return forwardByHttp1(parts, request, route, key, null);
  return forwardByHttp2(parts, request, route, key);
}

/** @param secured a new connection whose origin chose HTTP/1.1, when there is one already */
function forwardByHttp1(
  parts: UpstreamParts,
  request: ForwardRequest,
  route: Route,
  key: string,
  secured: UpstreamConnection | null,
): Promise<ClientResponse> {
  const { facts } = request;
  facts.upstreamProtocol = '1.1';
  const mayRepeat = isRepeatable(request);
  const kept = secured === null ? takeKept(parts, request, route, key, mayRepeat) : null;
  if (kept === null) return forwardOnNew(parts, request, route, key, secured);
  facts.reusedConnection = true;
  noteAddress(facts, kept.connection);
  return exchange(kept, request, route).then(
    (response) => refused407(response, kept, request.authority, route),
    (error: unknown) => {
      if (!mayRepeat || kept.hasAnswered || request.cancellation.isCancelled || !isBrokenConnection(error)) throw error;
      facts.reusedConnection = false;
      return forwardOnNew(parts, request, route, key, null);
    },
  );
}

function takeKept(parts: UpstreamParts, request: ForwardRequest, route: Route, key: string, mayRepeat: boolean): Http1Client | null {
  const maxIdleMs = mayRepeat ? Number.POSITIVE_INFINITY : SURELY_ALIVE_MS;
  return parts.pool.take(key, (client) => mayReuse(parts, request, route, client.connection), maxIdleMs);
}

async function forwardOnNew(
  parts: UpstreamParts,
  request: ForwardRequest,
  route: Route,
  key: string,
  secured: UpstreamConnection | null,
): Promise<ClientResponse> {
  const { authority } = request;
  let connection = secured;
  if (connection === null) {
    const { http2 } = parts.pool;
    const mayTurn = mayTurnToHttp2(request);
    if (mayTurn && http2.speaksHttp2Alone(key)) return turnToHttp2(parts, request, route, key);
    try {
      connection = await openForHttp1(parts, request, route, key);
    } catch (error) {
      if (!mayTurn || !isWithoutHttp1(error)) throw error;
      http2.noteHttp2Alone(key);
      return turnToHttp2(parts, request, route, key);
    }
  }
  const client = new Http1Client(
    connection,
    nameOf(authority, route),
    parts.options,
    parts.deadlines,
    (free) => parts.pool.give(key, free),
    (gone) => parts.pool.remove(key, gone),
  );
  return refused407(await exchange(client, request, route), client, authority, route);
}

/**
 * Whether HTTP/2 may be tried where HTTP/1.1 was turned down: for a client of HTTP/1.1, and for a WebSocket, which begins with HTTP/1.1 whoever asks. Not
 * for what is of HTTP/1.1 alone.
 */
function mayTurnToHttp2(request: ForwardRequest): boolean {
  if (request.scheme === 'http') return false;
  const fields = request.outgoingFields();
  return (request.tls?.alpn !== 'h2' || hasField(fields, 'upgrade')) && !authenticatesConnection(fields, NO_FIELDS);
}

/** It does not come back to HTTP/1.1 from there to be turned once more. */
function turnToHttp2(parts: UpstreamParts, request: ForwardRequest, route: Route, key: string): Promise<ClientResponse> {
  const fields = request.outgoingFields();
  if (hasField(fields, 'upgrade')) return forwardWebSocketByHttp2(parts, request, route, key, fields);
  return forwardByHttp2(parts, { ...request, tls: { alpn: 'h2', accept: acceptedFaults(request) } }, route, key);
}

/** The alert no_application_protocol (RFC 7301 §3.2): nothing of the request was sent. */
function isWithoutHttp1(error: unknown): boolean {
  return error instanceof ProxyError && error.code === 'tls_alert_received' && error.parameters['alert-id'] === NO_APPLICATION_PROTOCOL;
}

async function openForHttp1(parts: UpstreamParts, request: ForwardRequest, route: Route, key: string): Promise<UpstreamConnection> {
  if (request.scheme === 'http') return openPlain(parts, request, route);
  try {
    return (await openSecure(parts, request, route, { alpn: HTTP1_ALONE, accept: acceptedFaults(request) })).connection;
  } catch (error) {
    // It may have wanted HTTP/1.1 once and not speak it any more; the next request finds out.
    parts.pool.http2.forgetHttp1Alone(key);
    throw error;
  }
}

function exchange(client: Http1Client, request: ForwardRequest, route: Route): Promise<ClientResponse> {
  const { authority, scheme, cancellation } = request;
  const isAbsolute = route.kind === 'parent' && scheme === 'http';
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

/** Over HTTP/2 if the origin speaks it, else over the connection on which that was found out, or another of HTTP/1.1. */
async function forwardByHttp2(parts: UpstreamParts, request: ForwardRequest, route: Route, key: string): Promise<ClientResponse> {
  const { authority, cancellation } = request;
  const fields = request.outgoingFields();
  if (authenticatesConnection(fields, NO_FIELDS)) return forwardByHttp1(parts, request, route, key, null);
  if (hasField(fields, 'upgrade')) {
    // Over HTTP/1.1 where no session is open that takes it: most origins speak that which take any. It goes out a second time only where the origin has not
    // acted on the first, or wants HTTP/1.1 for it: CONNECT is not idempotent.
    return (await webSocketOnOpen(parts, request, route, key, fields)) ?? forwardByHttp1(parts, request, route, key, null);
  }
  for (let repeats = 0; ; repeats += 1) {
    const upload = request.body === null ? null : new SharedUpload(request.body);
    const found = await findSession(parts, request, route, key, upload);
    if (found.session === null) return forwardByHttp1(parts, request, route, key, found.connection);
    const client = clientOn(found.session, parts, request, route, found.isReused);
    try {
      return refused407(await exchangeByHttp2(client, request, fields, upload, false), client, authority, route);
    } catch (error) {
      if (repeats === MOST_REPEATS || cancellation.isCancelled || !mayRepeatAfter(client, request, found.isReused)) throw error;
      if (client.needsHttp1) parts.pool.http2.noteHttp1Alone(key);
    }
  }
}

/**
 * To an origin that turned HTTP/1.1 down: on an open session or a new one. The origin never sees the key, so whether it is one is looked at here.
 *
 * @throws ProxyError `http_upgrade_failed` where the origin takes no WebSockets on streams, `http_request_error` without a key
 */
async function forwardWebSocketByHttp2(
  parts: UpstreamParts,
  request: ForwardRequest,
  route: Route,
  key: string,
  fields: Fields,
): Promise<ClientResponse> {
  const { authority, cancellation } = request;
  const { pool, options } = parts;
  if (!isWebSocketKey(fieldValues(fields, 'sec-websocket-key'))) {
    throw new ProxyError('http_request_error', 'A WebSocket begins with one Sec-WebSocket-Key: 16 octets in Base64 (RFC 6455 §4.1).');
  }
  const response = await webSocketOnOpen(parts, request, route, key, fields);
  if (response !== null) return response;
  const name = formatAuthority(authority);
  if (pool.http2.refusesWebSockets(key, (open) => mayReuse(parts, request, route, open.connection))) throw withoutWebSockets(name);
  const made = await openSession(parts, request, route, key, null);
  if (made.session === null) return forwardByHttp1(parts, request, route, key, made.connection);
  const { session } = made;
  try {
    await session.settled(name, options.responseTimeoutMs, cancellation);
    if (!session.takesWebSockets) throw withoutWebSockets(name);
  } catch (error) {
    session.release();
    throw error;
  }
  const client = clientOn(session, parts, request, route, false);
  return refused407(await exchangeByHttp2(client, request, fields, null, true), client, authority, route);
}

function withoutWebSockets(name: string): ProxyError {
  return new ProxyError(
    'http_upgrade_failed',
    `${name} speaks HTTP/2 alone and takes no WebSockets there: its settings do not have ENABLE_CONNECT_PROTOCOL (RFC 8441).`,
  );
}

function absoluteForm(scheme: Scheme, host: string, pathAndQuery: string): string {
  return pathAndQuery === '*' ? `${scheme}://${host}` : `${scheme}://${host}${pathAndQuery}`;
}

function isBrokenConnection(error: unknown): boolean {
  return error instanceof ProxyError && error.code === 'connection_terminated';
}

const HTTP1_ALONE = ['http/1.1'] as const;
const NO_APPLICATION_PROTOCOL = 120;
/** An origin that ends its sessions after a few requests, as some do, refuses what was on the way; it may be so unlucky more than once. */
const MOST_REPEATS = 5;
