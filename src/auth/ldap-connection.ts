// Owns the way to a directory: TCP, and TLS from the beginning (`ldaps:`) or after StartTLS (RFC 4511 §4.14), with the server's name verified.
// StartTLS is done here and not by the client library, for two reasons. Nothing but its answer may have come before the handshake: octets that
// somebody put behind it would count as the directory's own. And a connection that breaks is never opened again without TLS under way.
import { once } from 'node:events';
import { isIP, connect as openTcp, type Socket } from 'node:net';
import { connect as openTls, type TLSSocket } from 'node:tls';

export interface DirectoryAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: 'from-the-start' | 'start-tls' | 'none';
  /** PEM of who vouches for the directory; `null` for the system's roots. */
  readonly ca: string | null;
}

/** @param signal ends the attempt @throws Node's error, or one in words */
export async function connectToDirectory(address: DirectoryAddress, signal: AbortSignal): Promise<Socket> {
  const { host, port, tls } = address;
  const socket = openTcp({ host, port, noDelay: true });
  // What breaks it is told by whoever reads or writes; nobody listens in between.
  socket.on('error', () => {});
  // It does not keep a process alive that has nothing else to do.
  socket.unref();
  try {
    await once(socket, 'connect', { signal });
    if (tls === 'none') return socket;
    if (tls === 'start-tls') await askForTls(socket, signal);
    return await secure(socket, address, signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function secure(socket: Socket, { host, ca }: DirectoryAddress, signal: AbortSignal): Promise<TLSSocket> {
  const secured = openTls({
    socket,
    host,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== null && { ca }),
  });
  await once(secured, 'secureConnect', { signal });
  return secured.on('error', () => {});
}

async function askForTls(socket: Socket, signal: AbortSignal): Promise<void> {
  socket.write(START_TLS_REQUEST);
  let answer: Buffer = Buffer.alloc(0);
  while (!isWhole(answer)) {
    // Node keeps what is not read in the socket, and TLS takes it from there; so it is read as it comes, until the answer is whole.
    const chunk: Buffer | null = socket.read();
    if (chunk === null) await once(socket, 'readable', { signal });
    else answer = Buffer.concat([answer, chunk]);
    if (chunk === null && socket.readableEnded) throw new Error('it closed the connection instead of starting TLS');
  }
  if (answer.length !== START_TLS_LENGTH_BEFORE_CONTENT + answer[1]!)
    throw new Error('its answer to StartTLS is followed by something else');
  // messageID 1, extendedResp [APPLICATION 24], resultCode success.
  if (answer[4] !== 1 || answer[5] !== 0x78 || answer[7] !== 0x0a || answer[9] !== 0) throw new Error('it does not start TLS');
}

/** Whether all octets of the message are there (its length takes one octet: the answer is short). */
function isWhole(answer: Buffer): boolean {
  if (answer.length > 0 && answer[0] !== 0x30) throw new Error('its answer to StartTLS is not LDAP');
  if (answer.length > 1 && answer[1]! > 0x7f) throw new Error('its answer to StartTLS is too long');
  return answer.length > 1 && answer.length >= START_TLS_LENGTH_BEFORE_CONTENT + answer[1]!;
}

/** SEQUENCE { messageID 1, extendedReq [APPLICATION 23] { requestName [0] } } */
const START_TLS_REQUEST = Buffer.concat([Buffer.from('301d02010177188016', 'hex'), Buffer.from('1.3.6.1.4.1.1466.20037')]);
const START_TLS_LENGTH_BEFORE_CONTENT = 2;
