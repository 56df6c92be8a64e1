// Owns getting from judged addresses to one open connection: TCP by the staggered race of RFC 8305 §5, then TLS where the scheme asks for it.
// It dials what it is given and nothing else: no name reaches this file.
import { isIP } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { fromSocketError } from '../errors/from-node.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import type { Cancellation } from '../net/cancellation.ts';
import type { Deadlines } from '../net/deadlines.ts';
import { UpstreamConnection } from './connection.ts';
import type { ReadBuffers } from './read-buffers.ts';

export interface ConnectContext {
  readonly deadlines: Deadlines;
  /** For TLS to origins; null uses the platform's roots. */
  readonly secureContext: SecureContext | null;
}

/**
 * Connects to the first address that answers.
 *
 * @param addresses judged, in the order to try, at least one
 * @param name who is being connected to, for messages
 * @param timeoutMs for the whole of it
 * @param buffers what the connection reads into; null when TLS will run on it
 * @throws ProxyError `connection_refused`, `connection_timeout`, `destination_ip_unroutable`, `connection_limit_reached`, ...
 */
export function connectTcp(
  context: ConnectContext,
  addresses: readonly string[],
  port: number,
  name: string,
  timeoutMs: number,
  cancellation: Cancellation,
  buffers: ReadBuffers | null,
): Promise<UpstreamConnection> {
  return new Promise((resolve, reject) => {
    const attempts = new Set<UpstreamConnection>();
    let next = 0;
    let isSettled = false;
    let stagger: ReturnType<typeof setTimeout> | null = null;
    const deadline = context.deadlines.create(() =>
      settle(null, new ProxyError('connection_timeout', `${name} did not accept a connection within ${timeoutMs} ms.`)),
    );
    deadline.set(timeoutMs);
    cancellation.listen({
      cancel: () => settle(null, new ProxyError('connection_terminated', 'The client left before the connection stood.')),
    });

    function settle(winner: UpstreamConnection | null, error: ProxyError | null): void {
      if (isSettled) return;
      isSettled = true;
      deadline.clear();
      cancellation.listen(null);
      if (stagger !== null) clearTimeout(stagger);
      for (const attempt of attempts) if (attempt !== winner) attempt.destroy();
      if (winner !== null) resolve(winner);
      else reject(error);
    }

    function tryNext(): void {
      if (isSettled || next === addresses.length) return;
      const address = addresses[next]!;
      next += 1;
      const attempt = UpstreamConnection.dial(address, port, buffers);
      attempts.add(attempt);
      attempt.socket.once('connect', () => settle(attempt, null));
      attempt.consume({
        read: () => true,
        ended: () => {},
        drained: () => {},
        closed: (error) => {
          attempts.delete(attempt);
          if (next < addresses.length) tryNext();
          else if (attempts.size === 0)
            settle(null, fromSocketError(error, addresses.length === 1 ? name : `${name} (at each of its ${addresses.length} addresses)`));
        },
      });
      if (next < addresses.length) {
        if (stagger !== null) clearTimeout(stagger);
        stagger = setTimeout(tryNext, ATTEMPT_DELAY_MS);
      }
    }

    if (!isSettled) tryNext();
  });
}

/**
 * TLS on an open connection, verified: chain, validity and name (RFC 9110 §4.3.4).
 *
 * @throws ProxyError `tls_certificate_error`, `tls_protocol_error`, `tls_alert_received`, `connection_timeout`
 */
export function startTls(
  context: ConnectContext,
  tcp: UpstreamConnection,
  host: string,
  timeoutMs: number,
  cancellation: Cancellation,
): Promise<UpstreamConnection> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      socket: tcp.socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(context.secureContext === null ? {} : { secureContext: context.secureContext }),
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      // Said, so that no environment variable can unsay it.
      rejectUnauthorized: true,
    });
    const deadline = context.deadlines.create(() =>
      fail(new ProxyError('connection_timeout', `The TLS handshake with ${host} took longer than ${timeoutMs} ms.`)),
    );
    deadline.set(timeoutMs);
    const onError = (error: Error): void => fail(fromSocketError(error, host));
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
      stopWaiting();
      resolve(UpstreamConnection.over(tcp, socket));
    });
    socket.on('error', onError);
    socket.on('close', onClose);
    cancellation.listen({ cancel: () => fail(new ProxyError('connection_terminated', 'The client left before the connection stood.')) });
  });
}

/** RFC 8305 §8: Connection Attempt Delay. */
const ATTEMPT_DELAY_MS = 250;
