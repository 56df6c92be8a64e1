// Owns TLS on an open connection to an origin, verified before anybody may send on it (RFC 9110 §4.3.4). Node is told to let every certificate
// pass and is asked afterwards what it thinks, since it would keep the details to itself; verify-origin.ts decides, and no variable or option
// of Node's reaches what it decides with. A client certificate goes out within the handshake, as TLS has it: before this side is sure.
import { isIP } from 'node:net';
import { connect, type SecureContext, type TLSSocket } from 'node:tls';
import { errorCode, fromSocketError } from '../errors/from-node.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import type { Cancellation } from '../net/cancellation.ts';
import type { Deadlines } from '../net/deadlines.ts';
import { readByRecord } from '../net/read-by-record.ts';
import { UpstreamConnection } from './connection.ts';
import { describeCertificate } from './describe-certificate.ts';
import type { OriginTls } from './tls-options.ts';
import type { KeptSession, Proven } from './tls-sessions.ts';
import { type AcceptedFaults, verifyOrigin } from './verify-origin.ts';

export interface TlsContext {
  readonly deadlines: Deadlines;
  readonly tls: OriginTls;
}

export interface TlsRequest {
  /** Canonical: a lower-case A-label name, dotted IPv4, or IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** What is offered, the best first; not empty. */
  readonly alpn: readonly string[];
  /** What the policy forgives this origin's certificate; `null` forgives nothing. */
  readonly accept: AcceptedFaults | null;
}

export interface Secured {
  readonly connection: UpstreamConnection;
  /** `http/1.1` where the origin does not choose. */
  readonly protocol: 'h2' | 'http/1.1';
}

/**
 * TLS on an open connection. Whoever gets one back may send: the origin is the one that was meant.
 *
 * @returns a connection that has `tls`
 * @throws ProxyError `tls_certificate_error`, `tls_protocol_error`, `tls_alert_received`, `connection_timeout`
 */
export function startTls(
  context: TlsContext,
  tcp: UpstreamConnection,
  request: TlsRequest,
  timeoutMs: number,
  cancellation: Cancellation,
): Promise<Secured> {
  return new Promise((resolve, reject) => {
    const { host } = request;
    const handshake = begin(context.tls, tcp, request);
    if (handshake instanceof ProxyError) {
      tcp.destroy();
      return reject(handshake);
    }
    const { socket } = handshake;
    const deadline = context.deadlines.create(() =>
      fail(new ProxyError('connection_timeout', `The TLS handshake with ${host} took longer than ${timeoutMs} ms.`)),
    );
    deadline.set(timeoutMs);
    const onError = (error: Error): void => fail(brokenHandshake(error, host));
    const onClose = (): void => fail(new ProxyError('tls_protocol_error', `${host} closed the connection during the TLS handshake.`));

    function fail(error: ProxyError): void {
      stopWaiting();
      // Whatever the socket still says belongs to a failure that is known already.
      socket.on('error', () => {});
      socket.destroy();
      tcp.destroy();
      reject(error);
    }
    function stopWaiting(): void {
      deadline.clear();
      cancellation.listen(null);
      socket.off('error', onError);
      socket.off('close', onClose);
    }
    socket.once('secureConnect', () => {
      const proven = prove(context.tls, handshake, request);
      if (proven instanceof ProxyError) return fail(proven);
      stopWaiting();
      keepSessions(context.tls, handshake, proven);
      const { certificate, forgiven: acceptedFaults } = proven;
      const facts = { version: socket.getProtocol(), certificate, isResumed: socket.isSessionReused(), acceptedFaults };
      const connection = UpstreamConnection.over(tcp, socket, facts);
      const protocol = socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1';
      if (protocol === 'http/1.1') readByRecord(socket);
      resolve({ connection, protocol });
    });
    socket.on('error', onError);
    socket.on('close', onClose);
    cancellation.listen({ cancel: () => fail(new ProxyError('connection_terminated', 'The client left before the connection stood.')) });
  });
}

/** A reset is told apart from one that comes when the request is out, and may have taken effect. */
function brokenHandshake(error: Error, host: string): ProxyError {
  if (errorCode(error) !== 'ECONNRESET') return fromSocketError(error, host);
  const message = `${host} reset the connection during the TLS handshake; it did not receive the request.`;
  return new ProxyError('connection_terminated', message, { cause: error });
}

interface Handshake {
  readonly socket: TLSSocket;
  /** What the session is kept under. */
  readonly key: string;
  readonly offered: KeptSession | null;
  /** Sessions that came before the handshake was judged; a server may send them with its last message. */
  readonly early: Buffer[];
  staple: Buffer | null;
}

/** What it takes is partly not ours (roots, a session, the client's protocols), and Node throws at once over what it cannot use. */
function begin(tls: OriginTls, tcp: UpstreamConnection, request: TlsRequest): Handshake | ProxyError {
  let secureContext: SecureContext;
  try {
    secureContext = tls.contextFor(request.host, request.port);
  } catch (cause) {
    return new ProxyError('proxy_configuration_error', 'The root certificates of this machine cannot be used for TLS.', { cause });
  }
  try {
    return beginWith(secureContext, tls, tcp, request);
  } catch (cause) {
    return new ProxyError('tls_protocol_error', `TLS with ${request.host} could not be begun.`, { cause });
  }
}

function beginWith(
  secureContext: SecureContext,
  tls: OriginTls,
  tcp: UpstreamConnection,
  { host, port, alpn, accept }: TlsRequest,
): Handshake {
  // Who we are there follows from the destination; a session that was forgiven something is not for those to whom nothing is.
  const key = `${host} ${port} ${accept === null ? '' : accept.toSorted().join()}`;
  const offered = tls.sessions.take(key, Date.now());
  const socket = connect({
    socket: tcp.socket,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    secureContext,
    ALPNProtocols: [...alpn],
    requestOCSP: true,
    ...(offered === null ? {} : { session: offered.session }),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  const handshake: Handshake = { socket, key, offered, early: [], staple: null };
  socket.on('OCSPResponse', (response: Buffer | null) => {
    handshake.staple = response;
  });
  socket.on('session', (session: Buffer) => handshake.early.push(session));
  tls.keyLog?.log(socket);
  return handshake;
}

/** What may be believed of whoever is at the other end now, or why nothing may. */
function prove(tls: OriginTls, handshake: Handshake, { host, accept }: TlsRequest): Proven | ProxyError {
  const { socket, offered, staple } = handshake;
  if (socket.isSessionReused() && offered !== null) return offered.proven;
  const leaf = socket.getPeerX509Certificate();
  if (leaf === undefined) return new ProxyError('tls_certificate_error', `${host} has shown no certificate.`);
  const issuers = [];
  for (let next = leaf.issuerCertificate; next !== undefined; next = next.issuerCertificate) issuers.push(next);
  const nowMs = Date.now();
  const verdict = verifyOrigin({ leaf, issuers, staple, objection: objectionOf(socket) }, host, accept ?? NOTHING, tls.roots, nowMs);
  if (verdict.kind === 'refused') return new ProxyError('tls_certificate_error', `The certificate of ${host} ${verdict.reason}.`);
  const { forgiven } = verdict;
  const certificate = describeCertificate(leaf, issuers);
  return { certificate, forgiven, untilMs: Math.min(nowMs + LONGEST_SESSION_MS, certificate.validToMs) };
}

function keepSessions(tls: OriginTls, { socket, key, offered, early }: Handshake, proven: Proven): void {
  const keep = (session: Buffer): void => tls.sessions.keep(key, session, proven);
  socket.removeAllListeners('session');
  early.forEach(keep);
  // In TLS 1.2 a session is good for more than once, and servers give no new one for it.
  if (early.length === 0 && offered !== null && socket.isSessionReused() && socket.getProtocol() === 'TLSv1.2') keep(offered.session);
  socket.on('session', keep);
}

/** Fails closed: a verdict that is not good is one, whatever Node calls it. */
function objectionOf({ authorized, authorizationError }: TLSSocket): string | null {
  if (authorized) return null;
  // Node's type says Error; it is the code of one.
  return String(authorizationError ?? 'no verdict');
}

const NOTHING: AcceptedFaults = Object.freeze([]);
const LONGEST_SESSION_MS = 3_600_000;
