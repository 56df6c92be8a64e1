// Owns a stream of HTTP/2 that has become a WebSocket (RFC 8441 §5), a client's or one towards an origin, as a socket that octets are relayed over: its
// end is that of the stream, and what breaks it off is a reset of the stream alone. The connection under it goes on.
import { constants, type Http2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import { cancelStream } from './cancel-stream.ts';

export class UpgradedStream extends Duplex {
  readonly #stream: Http2Stream;
  /** As of a TLSSocket: what it reads lies in memory that others use, too. */
  readonly encrypted = true;
  bytesRead = 0;
  bytesWritten = 0;

  /** @param stream whose request was answered */
  constructor(stream: Http2Stream) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    // Its `close` says all there is to say.
    this.on('error', () => {});
    stream.on('data', (bytes: Buffer) => {
      this.bytesRead += bytes.length;
      if (!this.push(bytes)) stream.pause();
    });
    stream.on('end', () => {
      // Node says `end` for a stream that was reset too.
      if (!stream.closed || stream.rstCode === constants.NGHTTP2_NO_ERROR) this.push(null);
    });
    // Node ends a stream that has brought nothing before anybody listens.
    if (stream.readableEnded && !stream.closed) this.push(null);
    stream.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.bytesWritten += bytes.length;
    this.#stream.write(bytes, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#stream.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Once both directions have ended it closes by itself.
    if (!this.writableFinished || !this.readableEnded) cancelStream(this.#stream);
    done(error);
  }

  /** As of a TCP connection (RFC 8441 §5). */
  resetAndDestroy(): this {
    cancelStream(this.#stream);
    return this.destroy();
  }
}
