// Owns the way into a tunnel that the proxy opens: CONNECT, then TLS with whoever answers, under the proxy's own authority.
import { connect, type TLSSocket } from 'node:tls';
import { MessageReader } from './message-reader.ts';
import { BrokenError, MOST_SILENCE_MS, ProxyConnection } from './proxy-connection.ts';

/** The origins that are reached through opened tunnels have this name; by their address they are tunnelled. */
export const OPENED_HOST = 'localhost';

/** CONNECT alone. @throws Error when it is not answered 200 */
export async function connectTo(proxyPort: number, port: number): Promise<ProxyConnection> {
  const connection = await ProxyConnection.open(proxyPort);
  let status = '';
  const reader = new MessageReader(
    'response to CONNECT',
    ({ startLine }) => (status = startLine),
    () => {},
  );
  connection.send(`CONNECT ${OPENED_HOST}:${port} HTTP/1.1\r\nHost: ${OPENED_HOST}:${port}\r\n\r\n`);
  await connection.read(reader);
  if (!status.startsWith('HTTP/1.1 200 ')) throw new BrokenError(`CONNECT was answered ${status}`);
  return connection;
}

/** @param ca PEM, of the proxy's authority @throws Error when the handshake fails */
export async function openTunnel(proxyPort: number, port: number, ca: string, alpn: string): Promise<TLSSocket> {
  const transport = (await connectTo(proxyPort, port)).release();
  const socket = connect({ socket: transport, ca, servername: OPENED_HOST, ALPNProtocols: [alpn] });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject);
    socket.once('close', () => reject(new BrokenError('closed within the handshake')));
    socket.setTimeout(MOST_SILENCE_MS, () => socket.destroy());
  });
  socket.removeAllListeners('error').on('error', () => socket.destroy());
  return socket;
}
