// Owns the memory that TLS sockets on sockets of ours read into. Left alone, each read of theirs is a piece of memory, a view of it, a chunk in a stream
// and a turn of its own to see whether there is more; with `onread`, which Node has for sockets that dial themselves, it is one call. Here what `onread`
// sets is set by hand: all sockets read into one buffer, and hand on a copy, which costs less than memory of its own as long as it is small. A socket
// whose records are full is given memory of its own for the next one, as content is passed on from where it was read.
//
// The names are documented nowhere. Where Node has others, sockets read as they always did.
import type { TLSSocket } from 'node:tls';

/**
 * From now on `data` events come straight from the reads. To be called when the handshake is done, on a socket that is read by its events: what takes hold
 * of sockets below them, as HTTP/2 of Node does, has no use for it. It pauses and resumes as ever.
 */
export function readByRecord(socket: TLSSocket): void {
  const { _handle: handle } = socket as { readonly _handle?: { readonly useUserBuffer?: (memory: Buffer) => void } | null };
  const own = Object.getOwnPropertySymbols(socket);
  const [memory, callback, next] = NAMES.map((name) => own.find(({ description }) => description === name));
  if (!memory || !callback || !next || typeof handle?.useUserBuffer !== 'function') return;
  const reads = new Reads(socket);
  Object.assign(socket, {
    [memory]: LENT,
    [callback]: (size: number, filled: Buffer) => reads.heard(size, filled),
    [next]: () => reads.memory,
  });
  handle.useUserBuffer(LENT);
}

class Reads {
  /** For the next one. */
  memory = LENT;
  readonly #socket: TLSSocket;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
  }

  /** @returns whether to go on reading */
  heard(size: number, filled: Buffer): boolean {
    const isFull = size === RECORD_BYTES;
    const bytes = isFull && filled !== LENT ? filled : Buffer.from(filled.subarray(0, size));
    this.memory = isFull ? Buffer.allocUnsafeSlow(RECORD_BYTES) : LENT;
    const socket = this.#socket;
    // TLS has decrypted more when somebody pauses: it waits in the stream, and so does what comes behind it.
    if (socket.isPaused() || socket.readableLength > 0 || !socket.emit('data', bytes)) return socket.push(bytes);
    return true;
  }
}

/** What TLS decrypts at a time: a whole record (RFC 8446 §5.1). */
const RECORD_BYTES = 16 * 1024;
const LENT = Buffer.allocUnsafeSlow(RECORD_BYTES);
const NAMES = ['kBuffer', 'kBufferCb', 'kBufferGen'];
