// Owns how a request is carried by HTTP/2: on which session, open or new, and what may be said of it once that is lost (session and streams are in
// http2-session.ts, which sessions there are in http2-sessions.ts).
import { ProxyError } from '../errors/proxy-error.ts';
import { formatAuthority } from '../http/authority.ts';
import type { Body, Fields } from '../http/message.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import type { UpstreamConnection } from './connection.ts';
import type { ClientResponse } from './http1-client.ts';
import { Http2Client } from './http2-client.ts';
import type { Http2Session } from './http2-session.ts';
import { nameOf, noteAddress, openSecure } from './open-connection.ts';
import {
  acceptedFaults,
  type ForwardRequest,
  isRepeatable,
  mayReuse,
  refused407,
  SURELY_ALIVE_MS,
  type UpstreamParts,
} from './request-to-forward.ts';
import type { Route } from './route.ts';
import type { SharedUpload } from './shared-upload.ts';

type Found =
  | { readonly session: Http2Session; readonly isReused: boolean }
  | { readonly session: null; readonly connection: UpstreamConnection | null };

/** An open session, or a new one; where somebody is making one already, that one. */
export async function findSession(
  parts: UpstreamParts,
  request: ForwardRequest,
  route: Route,
  key: string,
  upload: SharedUpload | null,
): Promise<Found> {
  const { http2 } = parts.pool;
  const maxQuietMs = isRepeatable(request) ? LIKELY_ALIVE_MS : SURELY_ALIVE_MS;
  let content: Parameters<typeof http2.take>[1] = upload === null ? 'none' : 'apart';
  for (;;) {
    if (request.cancellation.isCancelled) throw new ProxyError('connection_terminated', 'The client left before the connection stood.');
    if (http2.speaksHttp1Alone(key)) return { session: null, connection: null };
    const kept = http2.take(key, content, (session) => mayReuse(parts, request, route, session.connection));
    if (kept === 'busy') {
      const { options, deadlines } = parts;
      await http2.waiting.wait(key, nameOf(request.authority, route), options.responseTimeoutMs, deadlines, request.cancellation);
      continue;
    }
    if (kept !== null) {
      // In this turn: who comes in the next shall see it.
      upload?.goOver(kept);
      if (await kept.isAlive(maxQuietMs)) return { session: kept, isReused: true };
      upload?.goOver(null);
      kept.release();
      continue;
    }
    const attempt = http2.attempt(key);
    const isAboutUploads = http2.has(key) && content === 'apart';
    // Once: what is made for many goes to the first of them, and an origin may take no more connections.
    if (isAboutUploads) content = 'beside';
    if (attempt === null || (isAboutUploads && upload?.isLarge)) {
      try {
        return await openSession(parts, request, route, key, upload);
      } catch (error) {
        if (!isAboutUploads) throw error;
        continue;
      }
    }
    const failure = await attempt;
    if (isAboutUploads) continue;
    // Somebody else's connection was not for this request if the policy has said which addresses are.
    if (failure !== null && request.guard.addresses === null && concernsEverybody(failure)) throw failure;
  }
}

export async function openSession(
  parts: UpstreamParts,
  request: ForwardRequest,
  route: Route,
  key: string,
  upload: SharedUpload | null,
): Promise<Found> {
  const alpn = { alpn: HTTP2_TOO, accept: acceptedFaults(request) };
  const made = await parts.pool.http2.connect(key, parts.deadlines, () => openSecure(parts, request, route, alpn));
  if (made.session === null) return made;
  upload?.goOver(made.session);
  return { session: made.session, isReused: false };
}

/** @returns `null` where no session is open that takes it, or the origin has not acted on it there */
export async function webSocketOnOpen(
  parts: UpstreamParts,
  request: ForwardRequest,
  route: Route,
  key: string,
  fields: Fields,
): Promise<ClientResponse | null> {
  const { authority, facts, cancellation } = request;
  const session = parts.pool.http2.takeForWebSocket(key, (open) => mayReuse(parts, request, route, open.connection));
  if (session === null) return null;
  if (!(await session.isAlive(SURELY_ALIVE_MS))) {
    session.release();
    return null;
  }
  const client = clientOn(session, parts, request, route, true);
  try {
    return refused407(await exchangeByHttp2(client, request, fields, null, true), client, authority, route);
  } catch (error) {
    if (cancellation.isCancelled || (!client.wasRefused && !client.needsHttp1)) throw error;
    facts.reusedConnection = false;
    return null;
  }
}

/** For one exchange on a session, of which the record is told. */
export function clientOn(
  session: Http2Session,
  parts: UpstreamParts,
  request: ForwardRequest,
  route: Route,
  isReused: boolean,
): Http2Client {
  const { authority, facts } = request;
  facts.upstreamProtocol = '2';
  facts.reusedConnection = isReused;
  noteAddress(facts, session.connection);
  return new Http2Client(session, nameOf(authority, route), parts.options, parts.deadlines);
}

export function exchangeByHttp2(
  client: Http2Client,
  request: ForwardRequest,
  fields: Fields,
  body: Body | null,
  isWebSocket: boolean,
): Promise<ClientResponse> {
  request.cancellation.listen({ cancel: () => client.abort() });
  return client.exchange({
    method: request.method,
    target: request.pathAndQuery,
    host: formatAuthority(request.authority, DEFAULT_PORTS.https),
    fields,
    body,
    onInterim: request.onInterim,
    wantsTrailers: request.wantsTrailers,
    isWebSocket,
  });
}

export function mayRepeatAfter(client: Http2Client, request: ForwardRequest, isReused: boolean): boolean {
  if (request.body !== null) return false;
  if (client.wasRefused) return true;
  return isRepeatable(request) && !client.hasAnswered && (client.needsHttp1 || client.wasCrowdedOut || (client.wasLost && isReused));
}

/** A failure to connect that is not due to the one client that tried. */
function concernsEverybody(failure: unknown): boolean {
  return failure instanceof ProxyError && failure.code !== 'destination_ip_prohibited' && failure.code !== 'connection_terminated';
}

const HTTP2_TOO = ['h2', 'http/1.1'] as const;
/** A session of HTTP/2 that has been silent for longer is asked for a sign of life first. */
const LIKELY_ALIVE_MS = 10_000;
