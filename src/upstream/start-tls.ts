// Owns TLS on an open connection to an origin, verified: chain, validity and name (RFC 9110 §4.3.4).
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { fromSocketError } from '../errors/from-node.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import type { Cancellation } from '../net/cancellation.ts';
import type { Deadlines } from '../net/deadlines.ts';
import { UpstreamConnection } from './connection.ts';
import type { OriginTls } from './tls-options.ts';
import type { AcceptedFaults } from './verify-origin.ts';

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
 * @throws ProxyError `tls_certificate_error`, `tls_protocol_error`, `tls_alert_received`, `connection_timeout`
 */
export function startTls(
  context: TlsContext,
  tcp: UpstreamConnection,
  { host, alpn }: TlsRequest,
  timeoutMs: number,
  cancellation: Cancellation,
): Promise<Secured> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      socket: tcp.socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(context.tls.secureContext === null ? {} : { secureContext: context.tls.secureContext }),
      ALPNProtocols: [...alpn],
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
      resolve({ connection: UpstreamConnection.over(tcp, socket), protocol: socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1' });
    });
    socket.on('error', onError);
    socket.on('close', onClose);
    cancellation.listen({ cancel: () => fail(new ProxyError('connection_terminated', 'The client left before the connection stood.')) });
  });
}
