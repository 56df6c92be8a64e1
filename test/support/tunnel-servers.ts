// What a tunnel leads to in a test: an echo, a source and a sink. Content is made from its position, so that a checksum finds any octet
// lost, doubled or swapped, and nothing has to be kept.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type RawServer, startRawServer } from './origin.ts';

/** Returns every octet, and a FIN for a FIN. */
export function startEcho(): Promise<RawServer> {
  return startRawServer((connection) => {
    const socket = connection.release();
    socket.pipe(socket);
  });
}

/** Sends `length` octets to everybody who connects, then a FIN. */
export function startSource(length: number): Promise<RawServer> {
  return startRawServer((connection) => Readable.from(blocks(length)).pipe(connection.release()));
}

export interface Received {
  readonly length: number;
  /** SHA-256, in hexadecimal. */
  readonly sha256: string;
}

export interface Sink extends RawServer {
  /** What each connection brought, in the order in which they ended; those that broke are not here. */
  readonly received: readonly Received[];
}

/** Takes octets until the FIN, answers it with `<length> <sha256>\n` and a FIN of its own. */
export async function startSink(): Promise<Sink> {
  const received: Received[] = [];
  const server = await startRawServer(async (connection) => {
    const socket = connection.release();
    const content = await digest(socket).catch(() => null);
    if (content === null) return;
    received.push(content);
    socket.end(`${content.length} ${content.sha256}\n`);
  });
  return Object.assign(server, { received });
}

/** What arrives on a socket, or from a program, until its end, as a length and a checksum; nothing is kept: `digest(client.release())`. */
export function digest(source: Readable): Promise<Received> {
  const hash = createHash('sha256');
  let length = 0;
  source.on('data', (bytes: Buffer) => {
    hash.update(bytes);
    length += bytes.length;
  });
  return new Promise((resolve, reject) => {
    source.once('end', () => resolve({ length, sha256: hash.digest('hex') }));
    source.once('error', reject);
  });
}

/** What a source of that length sends, as `digest` would see it. */
export function expectedContent(length: number): Received {
  const hash = createHash('sha256');
  for (const bytes of blocks(length)) hash.update(bytes);
  return { length, sha256: hash.digest('hex') };
}

/** Content of that length, made as it is asked for: a pattern, with its position written over the start of every block. */
export function* blocks(length: number): Generator<Buffer> {
  for (let start = 0; start < length; start += PATTERN.length) {
    const bytes = Buffer.from(PATTERN.subarray(0, length - start));
    if (bytes.length >= 8) bytes.writeBigUInt64BE(BigInt(start));
    yield bytes;
  }
}

const PATTERN = Buffer.from(Array.from({ length: 65_536 }, (_, index) => (index * 31 + (index >> 8)) & 0xff));
