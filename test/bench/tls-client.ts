// Owns one opened tunnel as its client sees it: CONNECT (RFC 9110 section 9.3.6) through a proxy on 127.0.0.1, then TLS 1.3 with a client that believes
// the proxy's CA and nobody else. A tunnel that was passed instead shows the origin's certificate, which is of another CA, and fails.
import { connect } from 'node:net';
import { type SecureContext, connect as secure, type TLSSocket } from 'node:tls';

export interface SecuredTarget {
  readonly proxyPort: number;
  readonly host: string;
  readonly port: number;
  readonly secureContext: SecureContext;
  readonly protocol: 'h2' | 'http/1.1';
  /** To resume; `null` for a handshake in full. */
  readonly session: Buffer | null;
}

export interface SecuredEvents {
  opened(socket: TLSSocket): void;
  /** A session that could be resumed. */
  session?(session: Buffer): void;
  /** At most once: it did not open, or broke before its own client ended it. All is destroyed. */
  failed(reason: string): void;
}

export function openSecured(target: SecuredTarget, events: SecuredEvents): void {
  const { proxyPort, host, port } = target;
  const socket = connect({ port: proxyPort, host: '127.0.0.1', noDelay: true });
  let secured: TLSSocket | null = null;
  let hasFailed = false;
  let stage = 'before CONNECT was answered';
  const fail = (reason: string) => {
    if (hasFailed || secured?.writableEnded) return;
    hasFailed = true;
    secured?.destroy();
    socket.destroy();
    events.failed(`${stage}: ${reason}`);
  };
  let head = '';
  const read = (bytes: Buffer) => {
    // Nobody speaks before the client's hello, so nothing follows the head.
    head += bytes.toString('latin1');
    if (!head.endsWith('\r\n\r\n')) return;
    socket.removeListener('data', read);
    if (head.startsWith('HTTP/1.1 200 ')) secured = startTls();
    else fail(head.slice(0, head.indexOf('\r\n')));
  };
  const startTls = (): TLSSocket => {
    const { secureContext, protocol, session } = target;
    stage = 'during the handshake';
    const resumed = session === null ? {} : { session };
    const opening = secure({ socket, servername: host, secureContext, ALPNProtocols: [protocol], ...resumed });
    opening.on('error', (error) => fail(error.message));
    opening.on('close', () => fail('the proxy closed it'));
    if (events.session !== undefined) opening.on('session', events.session);
    opening.on('secureConnect', () => {
      stage = 'in the open tunnel';
      events.opened(opening);
    });
    return opening;
  };
  socket.on('data', read);
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the proxy closed it'));
  socket.on('connect', () => socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`));
}
