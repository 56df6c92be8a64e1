// Owns content that is looked at as a whole before it goes on: collecting it, up to a bound, and passing it on unchanged where it is more than that.
import type { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, BytesBody, type Fields, FULL, TAKEN, type Taken } from '../http/message.ts';
import type { RequestBody } from './exchange.ts';

export type Collected =
  | { readonly kind: 'whole'; readonly content: Buffer; readonly trailers: Fields }
  /** There is more than was asked for: all of it, from its beginning, still to be started. */
  | { readonly kind: 'more'; readonly body: Body };

/** @returns once it has ended, or more of it has come; rejects with the ProxyError that broke it off */
export function collectContent(body: Body, maxBytes: number): Promise<Collected> {
  if (body.length !== null && body.length > maxBytes) return Promise.resolve({ kind: 'more', body });
  return new Promise((resolve, reject) => new Collector(body, maxBytes, resolve, reject).start());
}

/** Content of a request that is there already. */
export class WholeContent extends BytesBody implements RequestBody {
  readonly failure = null;
}

class Collector implements BodySink {
  readonly #body: Body;
  readonly #maxBytes: number;
  readonly #resolve: (collected: Collected) => void;
  readonly #reject: (error: ProxyError) => void;
  readonly #pieces: Buffer[] = [];
  #length = 0;
  #rest: Rest | null = null;

  constructor(body: Body, maxBytes: number, resolve: (collected: Collected) => void, reject: (error: ProxyError) => void) {
    this.#body = body;
    this.#maxBytes = maxBytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    this.#body.start(this);
  }

  write(bytes: Buffer): Taken {
    if (this.#rest !== null) return this.#rest.write(bytes);
    this.#pieces.push(Buffer.from(bytes));
    this.#length += bytes.length;
    // It is a copy, so that the memory may be used again.
    if (this.#length <= this.#maxBytes) return TAKEN;
    this.#rest = new Rest(this.#body, this.#pieces);
    this.#resolve({ kind: 'more', body: this.#rest });
    return FULL;
  }

  end(trailers: Fields): void {
    if (this.#rest !== null) this.#rest.end(trailers);
    else this.#resolve({ kind: 'whole', content: Buffer.concat(this.#pieces, this.#length), trailers });
  }

  fail(error: ProxyError): void {
    if (this.#rest !== null) this.#rest.fail(error);
    else this.#reject(error);
  }
}

/** What was collected, and what comes behind it. */
class Rest implements Body, BodySink {
  readonly length: number | null;
  readonly #body: Body;
  readonly #pieces: Buffer[];
  #sink: BodySink | null = null;
  /** What came to an end before anybody began to take it. */
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
    const sink = this.#sink;
    while (sink !== null && this.#pieces.length > 0) if (sink.write(this.#pieces.shift()!) === FULL) return;
    const ended = this.#ended;
    if (ended === null) this.#body.resume();
    else if ('error' in ended) sink?.fail(ended.error);
    else sink?.end(ended.trailers);
  }

  cancel(): void {
    this.#sink = null;
    this.#pieces.length = 0;
    this.#body.cancel();
  }

  write(bytes: Buffer): Taken {
    if (this.#sink !== null && this.#pieces.length === 0) return this.#sink.write(bytes);
    this.#pieces.push(Buffer.from(bytes));
    return FULL;
  }

  end(trailers: Fields): void {
    if (this.#sink !== null && this.#pieces.length === 0) this.#sink.end(trailers);
    else this.#ended = { trailers };
  }

  fail(error: ProxyError): void {
    if (this.#sink !== null && this.#pieces.length === 0) this.#sink.fail(error);
    else this.#ended = { error };
  }
}
