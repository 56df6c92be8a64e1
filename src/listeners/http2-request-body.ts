// Owns the content of a request on a stream of HTTP/2: the octets of DATA as they come, pushed into whatever sink was started. While that is full the
// stream is paused, its window stays used up (RFC 9113 §6.9), and the client has to wait; other streams of the connection do not.
import type { ServerHttp2Stream } from 'node:http2';
import { ProxyError } from '../errors/proxy-error.ts';
import type { RequestBody } from '../exchange/exchange.ts';
import { type FieldList, octetsOf } from '../http/field-list.ts';
import { type BodySink, FULL } from '../http/message.ts';
import { forwardedTrailers } from '../http/trailers.ts';
import { readTrailers } from './http2-fields.ts';

/** What the exchange does for its content. */
export interface BodyWatch {
  /** Somebody wants octets, and it is the client's turn to send them. */
  contentAwaited(): void;
  /** It is not any more. */
  contentNotAwaited(): void;
}

export class Http2RequestBody implements RequestBody {
  readonly length: number | null;
  readonly #stream: ServerHttp2Stream;
  readonly #trailerBytes: number;
  readonly #watch: BodyWatch;
  #sink: BodySink | null = null;
  #isFull = false;
  #isOver = false;
  /** The end was seen while the sink had no room, or was not there yet. */
  #endWaits = false;
  #trailers: FieldList = [];
  /** Why the content broke off, once it has. */
  failure: ProxyError | null = null;
  /** Octets of content given to the sink, and of trailers. */
  octets = 0;

  /** @param length what Content-Length says */
  constructor(stream: ServerHttp2Stream, length: number | null, trailerBytes: number, watch: BodyWatch) {
    this.#stream = stream;
    this.length = length;
    this.#trailerBytes = trailerBytes;
    this.#watch = watch;
    stream.once('trailers', (_byName, _flags, list: string[]) => {
      this.#trailers = list;
    });
    // From the beginning, since Node ends a stream without content that nobody reads yet. In a turn of its own: whoever hears the end may reset the
    // stream, and Node 26 ends the whole process when one whose answer may have trailers is reset within its own `end`.
    stream.once('end', () => setImmediate(() => this.#ended()));
  }

  /** Read to its end, cancelled or broken off. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isStarted(): boolean {
    return this.#sink !== null;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    if (this.failure !== null) {
      sink.fail(this.failure);
      return;
    }
    if (this.#endWaits) {
      this.#finish();
      return;
    }
    this.#watch.contentAwaited();
    this.#stream.on('data', (bytes: Buffer) => this.#read(bytes));
  }

  resume(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    if (this.#isOver) return;
    if (this.#endWaits) {
      this.#finish();
      return;
    }
    this.#watch.contentAwaited();
    this.#stream.resume();
  }

  /** What still comes is read over, so that the stream can end. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watch.contentNotAwaited();
    this.#stream.resume();
  }

  /** The content broke off. */
  fail(error: ProxyError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.failure = error;
    this.#watch.contentNotAwaited();
    this.#stream.resume();
    this.#sink?.fail(error);
  }

  #read(bytes: Buffer): void {
    if (this.#isOver) return;
    this.octets += bytes.length;
    // Its memory is never this chunk's alone: Node cuts all DATA that came in one read out of one piece.
    if (this.#sink!.write(bytes) !== FULL || this.#isOver) return;
    this.#isFull = true;
    // The origin is slow, not the client: its rate is not judged meanwhile.
    this.#watch.contentNotAwaited();
    this.#stream.pause();
  }

  #ended(): void {
    // Node says `end` for a stream that was reset too. Before our answer is complete only a reset closes one, whatever its code says.
    if (this.#isOver || this.#stream.closed) return;
    if (this.#isFull || this.#sink === null) this.#endWaits = true;
    else this.#finish();
  }

  #finish(): void {
    const octets = octetsOf(this.#trailers);
    this.octets += octets;
    if (octets > this.#trailerBytes) {
      const message = `The trailer section of the request has ${octets} octets; ${this.#trailerBytes} are allowed.`;
      this.fail(new ProxyError('http_request_error', message, { status: 431 }));
      return;
    }
    this.#isOver = true;
    this.#watch.contentNotAwaited();
    this.#sink!.end(forwardedTrailers(readTrailers(this.#trailers)));
  }
}
