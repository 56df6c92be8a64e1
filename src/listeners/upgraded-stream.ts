// Owns a stream of HTTP/2 that has become a WebSocket (RFC 8441 §5) as a socket that octets are relayed over: its end is that of the stream, and what
// breaks it off is a reset of the stream alone. The connection under it goes on.
import { constants, type ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';

export class UpgradedStream extends Duplex {
  readonly #stream: ServerHttp2Stream;
  /** As of a TLSSocket: what it reads lies in memory that others use, too. */
  readonly encrypted = true;
  bytesRead = 0;
  bytesWritten = 0;

  /** @param stream whose head was answered */
  constructor(stream: ServerHttp2Stream) {
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
    if (!this.#stream.closed)
      this.#stream.close(this.writableFinished && this.readableEnded ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL);
    done(error);
  }

  /** As of a TCP connection (RFC 8441 §5). */
  resetAndDestroy(): this {
    this.#stream.close(constants.NGHTTP2_CANCEL);
    return this.destroy();
  }
}
