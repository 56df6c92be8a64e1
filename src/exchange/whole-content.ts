// Owns content that is looked at as a whole before it goes on: collecting it, up to a bound of octets or time, and passing it on from its beginning where
// there is more. A client that leaves meanwhile ends the collecting, and nothing more is read for it.
import { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, type Fields, FULL, NO_FIELDS, TAKEN, type Taken } from '../http/message.ts';
import type { Cancellation } from '../net/cancellation.ts';
import type { RequestBody } from './exchange.ts';

export type Collected =
  | { readonly kind: 'whole'; readonly content: Buffer; readonly trailers: Fields }
  /** There is more than was asked for, or will be: all of it, from its beginning, still to be started. */
  | { readonly kind: 'more'; readonly body: Body; readonly isSlow: boolean };

/**
 * @param maxMs  how long to wait for its end; `null` waits for as long as it takes
 * @returns once it has ended, or it is known that it does not within the bounds; rejects with the ProxyError that broke it off
 */
export function collectContent(body: Body, maxBytes: number, maxMs: number | null, cancellation: Cancellation): Promise<Collected> {
  if (body.length !== null && body.length > maxBytes) return Promise.resolve({ kind: 'more', body, isSlow: false });
  return new Promise((resolve, reject) => new Collector(body, maxBytes, { resolve, reject, cancellation }).start(maxMs));
}

/** Content that is there already. */
export class WholeContent implements RequestBody {
  readonly failure = null;
  /** Before trailers there is none: they come behind content whose end alone tells its length. */
  readonly length: number | null;
  readonly #content: Buffer;
  readonly #trailers: Fields;
  #sink: BodySink | null = null;

  constructor(content: Buffer, trailers: Fields = NO_FIELDS) {
    this.length = trailers.length === 0 ? content.length : null;
    this.#content = content;
    this.#trailers = trailers;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    const isFull = this.#content.length > 0 && sink.write(this.#content) === FULL;
    if (!isFull) this.resume();
  }

  resume(): void {
    const sink = this.#sink;
    this.#sink = null;
    sink?.end(this.#trailers);
  }

  cancel(): void {
    this.#sink = null;
  }
}

interface Waiting {
  readonly resolve: (collected: Collected) => void;
  readonly reject: (error: ProxyError) => void;
  readonly cancellation: Cancellation;
}

class Collector implements BodySink {
  readonly #body: Body;
  readonly #maxBytes: number;
  readonly #waiting: Waiting;
  readonly #pieces: Buffer[] = [];
  #timer: NodeJS.Timeout | null = null;
  #length = 0;
  #isOver = false;
  #rest: Rest | null = null;

  constructor(body: Body, maxBytes: number, waiting: Waiting) {
    this.#body = body;
    this.#maxBytes = maxBytes;
    this.#waiting = waiting;
  }

  start(maxMs: number | null): void {
    if (maxMs !== null) this.#timer = setTimeout(() => this.#passOn(true), maxMs);
    this.#waiting.cancellation.listen(this);
    if (!this.#isOver) this.#body.start(this);
  }

  /** The client has left. */
  cancel(): void {
    this.#body.cancel();
    this.fail(new ProxyError('connection_terminated', 'The client has left.'));
  }

  write(bytes: Buffer): Taken {
    if (this.#rest !== null) return this.#rest.write(bytes);
    // A copy, so that the memory may be used again at once.
    this.#pieces.push(Buffer.from(bytes));
    this.#length += bytes.length;
    if (this.#length <= this.#maxBytes) return TAKEN;
    this.#passOn(false).isProducerFull = true;
    return FULL;
  }

  end(trailers: Fields): void {
    if (this.#rest !== null) this.#rest.end(trailers);
    else if (this.#finish()) this.#waiting.resolve({ kind: 'whole', content: Buffer.concat(this.#pieces, this.#length), trailers });
  }

  fail(error: ProxyError): void {
    if (this.#rest !== null) this.#rest.fail(error);
    else if (this.#finish()) this.#waiting.reject(error);
  }

  #passOn(isSlow: boolean): Rest {
    const rest = new Rest(this.#body, this.#pieces);
    if (this.#finish()) {
      this.#rest = rest;
      this.#waiting.resolve({ kind: 'more', body: rest, isSlow });
    }
    return rest;
  }

  /** @returns whether it was not over before */
  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#waiting.cancellation.listen(null);
    return true;
  }
}

/** What was collected, and what comes behind it. */
class Rest implements Body, BodySink {
  readonly length: number | null;
  /** It was told to send no more until it hears of room. */
  isProducerFull = false;
  readonly #body: Body;
  readonly #pieces: Buffer[];
  #sink: BodySink | null = null;
  #isSinkFull = false;
  /** How it has ended, while that could not be said yet. */
  #ended: { readonly trailers: Fields } | { readonly error: ProxyError } | null = null;

  constructor(body: Body, pieces: Buffer[]) {
    this.length = body.length;
    this.#body = body;
    this.#pieces = pieces;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.resume();
  }

  resume(): void {
    this.#isSinkFull = false;
    while (this.#sink !== null && this.#pieces.length > 0) {
      if (this.#sink.write(this.#pieces.shift()!) !== FULL) continue;
      this.#isSinkFull = true;
      return;
    }
    const sink = this.#sink;
    // It may have cancelled.
    if (sink === null) return;
    if (this.#ended === null) this.#resumeProducer();
    else if ('error' in this.#ended) sink.fail(this.#ended.error);
    else sink.end(this.#ended.trailers);
  }

  cancel(): void {
    this.#sink = null;
    this.#pieces.length = 0;
    this.#body.cancel();
  }

  write(bytes: Buffer): Taken {
    if (!this.#isPassing()) {
      this.#pieces.push(Buffer.from(bytes));
      this.isProducerFull = true;
      return FULL;
    }
    const taken = this.#sink!.write(bytes);
    if (taken === FULL) this.#isSinkFull = this.isProducerFull = true;
    return taken;
  }

  end(trailers: Fields): void {
    if (this.#isPassing()) this.#sink!.end(trailers);
    else this.#ended = { trailers };
  }

  fail(error: ProxyError): void {
    if (this.#isPassing()) this.#sink!.fail(error);
    else this.#ended = { error };
  }

  #isPassing(): boolean {
    return this.#sink !== null && !this.#isSinkFull && this.#pieces.length === 0;
  }

  #resumeProducer(): void {
    if (!this.isProducerFull) return;
    this.isProducerFull = false;
    this.#body.resume();
  }
}
