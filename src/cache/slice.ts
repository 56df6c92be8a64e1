// Owns a stretch of content: what comes before it and behind it is read and dropped. Content of another length than was announced is a failure, at its
// end: it would not be what the stretch was cut from.
import { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, NO_FIELDS, TAKEN, type Taken } from '../http/message.ts';

export class Slice implements Body, BodySink {
  readonly length: number;
  readonly #body: Body;
  readonly #first: number;
  readonly #expected: number;
  #sink: BodySink | null = null;
  #seen = 0;

  /** Octets `first` to `first + length - 1` of content that is `expected` octets long. */
  constructor(body: Body, first: number, length: number, expected: number) {
    this.#body = body;
    this.#first = first;
    this.length = length;
    this.#expected = expected;
  }

  // Body: what the sink says

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#body.start(this);
  }

  resume(): void {
    this.#body.resume();
  }

  cancel(): void {
    this.#body.cancel();
  }

  // BodySink: what the body says

  write(bytes: Buffer): Taken {
    const from = Math.max(0, this.#first - this.#seen);
    const to = Math.min(bytes.length, this.#first + this.length - this.#seen);
    this.#seen += bytes.length;
    return from < to ? this.#sink!.write(bytes.subarray(from, to)) : TAKEN;
  }

  end(): void {
    if (this.#seen === this.#expected) this.#sink!.end(NO_FIELDS);
    else this.fail(new ProxyError('http_response_incomplete', `${this.#seen} octets came of ${this.#expected} that were announced.`));
  }

  fail(error: ProxyError): void {
    this.#sink!.fail(error);
  }
}
