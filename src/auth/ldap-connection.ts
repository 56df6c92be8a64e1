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
    // Said, so that no environment variable can unsay it.
    rejectUnauthorized: true,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== null && { ca }),
  });
  await once(secured, 'secureConnect', { signal });
  return secured.on('error', () => {});
}

/** @throws unless the directory agrees, and has said nothing else */
async function askForTls(socket: Socket, signal: AbortSignal): Promise<void> {
  socket.write(START_TLS_REQUEST);
  const answer = await readAnswer(socket, signal);
  const message = contentAt(answer, 0, SEQUENCE)!;
  if (message.end !== answer.length) throw new Error('its answer to StartTLS is followed by something else');
  const response = contentAt(answer, message.start + MESSAGE_ID_1.length, EXTENDED_RESPONSE);
  if (!hasAt(answer, message.start, MESSAGE_ID_1) || response === null || !hasAt(answer, response.start, SUCCESS))
    throw new Error('it does not start TLS');
}

/** One LDAP message, and whatever came together with its last octet. Nothing is read after that: it is TLS. */
function readAnswer(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let answer: Buffer = Buffer.alloc(0);
  const read = (bytes: Buffer): void => {
    answer = Buffer.concat([answer, bytes]);
    const message = contentAt(answer, 0, SEQUENCE);
    if (message !== null && message.end <= answer.length) {
      socket.pause();
      resolve(answer);
    } else if (answer[0] !== SEQUENCE || answer.length > MAX_ANSWER_BYTES) reject(new Error('its answer to StartTLS is not LDAP'));
  };
  const end = (): void => reject(new Error('it closed the connection instead of starting TLS'));
  const abort = (): void => reject(signal.reason);
  socket.on('data', read).once('close', end);
  signal.addEventListener('abort', abort, { once: true });
  return promise.finally(() => {
    socket.off('data', read).off('close', end);
    signal.removeEventListener('abort', abort);
  });
}

/** Where the content of a BER element begins and ends, its length being in either form (X.690 §8.1.3); `null` while that is not to be seen. */
function contentAt(bytes: Buffer, at: number, tag: number): { readonly start: number; readonly end: number } | null {
  const first = bytes[at + 1];
  if (bytes[at] !== tag || first === undefined) return null;
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  const octets = first & 0x7f;
  const start = at + 2 + octets;
  if (octets < 1 || octets > 4 || bytes.length < start) return null;
  return { start, end: start + bytes.readUIntBE(at + 2, octets) };
}

function hasAt(bytes: Buffer, at: number, expected: Buffer): boolean {
  return bytes.subarray(at, at + expected.length).equals(expected);
}

const SEQUENCE = 0x30;
const MESSAGE_ID_1 = Buffer.of(0x02, 0x01, 0x01);
const EXTENDED_RESPONSE = 0x78;
const SUCCESS = Buffer.of(0x0a, 0x01, 0x00);
const MAX_ANSWER_BYTES = 4_096;
/** SEQUENCE { messageID 1, extendedReq [APPLICATION 23] { requestName [0] } } */
const START_TLS_REQUEST = Buffer.concat([Buffer.from('301d02010177188016', 'hex'), Buffer.from('1.3.6.1.4.1.1466.20037')]);
