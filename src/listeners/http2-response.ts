// Owns a final response on its way to a stream of HTTP/2: its content within what the head announced, its trailers, and how it ends. It ends with
// END_STREAM only when it is complete; anything else is a reset (RFC 9113 §8.1.1), whose code says NO_ERROR only where an origin's did.
import { constants, type ServerHttp2Stream } from 'node:http2';
import { ProxyError } from '../errors/proxy-error.ts';
import { EndedByReset } from '../http/ended-by-reset.ts';
import { fieldsByName } from '../http/field-list.ts';
import { type BodySink, type Fields, FULL, KEPT, NO_FIELDS, TAKEN, type Taken } from '../http/message.ts';
import { forwardedTrailers } from '../http/trailers.ts';

/** What the exchange does for its response. */
export interface ResponseWatch {
  /** The client has no room for more. */
  responseBlocked(): void;
  /** Everything was given to the stream (`null`), or the content broke off. */
  responded(error: ProxyError | null): void;
  /** Everything that came has left, and the origin has ended it with a reset: so shall this stream. Its response was begun with `waitForTrailers`. */
  respondedUpToReset(error: EndedByReset): void;
}

export class Http2Response implements BodySink {
  readonly #stream: ServerHttp2Stream;
  readonly #watch: ResponseWatch;
  #left: number | null;
  #trailers: Fields = NO_FIELDS;
  readonly #mayHaveTrailers: boolean;
  #isDone = false;
  #isToClose = false;
  /** Octets of content given to the stream. */
  octets = 0;

  /**
   * @param stream whose head was written
   * @param length what the head announced; `null` for nothing
   * @param mayHaveTrailers whether the head was written with `waitForTrailers`, as one without a length always is
   */
  constructor(stream: ServerHttp2Stream, length: number | null, mayHaveTrailers: boolean, watch: ResponseWatch) {
    this.#stream = stream;
    this.#left = length;
    this.#watch = watch;
    this.#mayHaveTrailers = mayHaveTrailers;
    if (mayHaveTrailers) stream.once('wantTrailers', () => this.#sendTrailers());
  }

  write(bytes: Buffer): Taken {
    const stream = this.#stream;
    if (this.#isDone || bytes.length === 0 || stream.closed) return TAKEN;
    if (this.#left !== null) {
      this.#left -= bytes.length;
      if (this.#left < 0) {
        this.fail(new ProxyError('proxy_internal_error', 'More content came than the head of the message announced.'));
        return TAKEN;
      }
    }
    this.octets += bytes.length;
    const isCopied = bytes.length <= CHEAP_TO_COPY;
    const hasRoom = stream.write(isCopied ? Buffer.from(bytes) : bytes);
    if (hasRoom) return isCopied ? TAKEN : KEPT;
    this.#watch.responseBlocked();
    return FULL;
  }

  end(trailers: Fields): void {
    if (this.#isDone) return;
    if (this.#left !== null && this.#left > 0) {
      this.fail(new ProxyError('http_response_incomplete', 'Less content came than the head of the message announced.'));
      return;
    }
    this.#isDone = true;
    this.#trailers = forwardedTrailers(trailers);
    this.#stream.end();
    this.#watch.responded(null);
  }

  fail(error: ProxyError): void {
    if (this.#isDone) return;
    this.#isDone = true;
    if (error instanceof EndedByReset && this.#left === null) this.#failWhenSent(error);
    else this.#watch.responded(error);
  }

  /** The reset must not overtake what comes before it: a client that takes this end for one would be short of content. */
  #failWhenSent(error: EndedByReset): void {
    const stream = this.#stream;
    this.#watch.responseBlocked();
    stream.write(NOTHING, () => setImmediate(() => stream.closed || this.#watch.respondedUpToReset(error)));
  }

  /**
   * Ends the client's direction too, once all of ours has left: what it still sends is for nobody (§8.1). Not before: a reset could overtake the end of
   * ours, and Node 26 writes without end, and without reading on, when a session is destroyed whose stream was closed within its own `end()`.
   */
  closeWhenSent(): void {
    if (this.#mayHaveTrailers) this.#isToClose = true;
    else this.#stream.once('finish', () => setImmediate(() => this.#close()));
  }

  #close(): void {
    if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #sendTrailers(): void {
    this.#stream.sendTrailers(fieldsByName(this.#trailers));
    // Node sends them in the next turn; a reset before that would take them away.
    if (this.#isToClose) setImmediate(() => this.#close());
  }
}

const NOTHING = Buffer.alloc(0);
/** Up to this many octets a copy costs less than memory that its owner cannot use again until the client's window has let it go. */
const CHEAP_TO_COPY = 16 * 1024;
