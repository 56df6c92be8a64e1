// Owns one tunnel as its client sees it: CONNECT (RFC 9110 section 9.3.6) through a proxy on 127.0.0.1, then counts of octets.
// It is load, and must cost less than what it measures: all sockets read into the same memory, and nothing keeps what was read.
import { connect, type Socket } from 'node:net';

export interface TunnelTarget {
  readonly proxyPort: number;
  /** On 127.0.0.1 too. */
  readonly originPort: number;
}

export interface TunnelEvents {
  opened(socket: Socket): void;
  /** Octets through the open tunnel. */
  received(count: number): void;
  /** At most once: it did not open, or something other than its own client closed it. The socket is destroyed. */
  failed(reason: string): void;
}

/** @returns the socket; to end the tunnel, destroy it */
export function openTunnel({ proxyPort, originPort }: TunnelTarget, events: TunnelEvents): Socket {
  let head = '';
  let isOpen = false;
  let hasFailed = false;
  const fail = (reason: string) => {
    if (hasFailed) return;
    hasFailed = true;
    socket.destroy();
    events.failed(reason);
  };
  const read = (count: number): boolean => {
    if (isOpen) events.received(count);
    else {
      head += READ_BUFFER.toString('latin1', 0, count);
      if (!head.includes('\r\n\r\n')) return true;
      isOpen = head.startsWith('HTTP/1.1 200 ');
      if (isOpen) events.opened(socket);
      else fail(head.slice(0, head.indexOf('\r\n')));
    }
    return true;
  };
  const socket = connect({ port: proxyPort, host: '127.0.0.1', noDelay: true, onread: { buffer: READ_BUFFER, callback: read } });
  socket.on('connect', () => socket.write(`CONNECT 127.0.0.1:${originPort} HTTP/1.1\r\nHost: 127.0.0.1:${originPort}\r\n\r\n`));
  socket.on('error', (error) => fail(error.message));
  socket.on('end', () => fail('the proxy closed it'));
  socket.resume();
  return socket;
}

const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);
