// Owns content whose turn comes later, behind other content. It is begun at once and held back at its first piece: its source then knows that we are
// the slow ones, and neither gathers the rest in memory nor runs a deadline against the origin.
import type { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, FULL, NO_FIELDS, type Taken } from '../http/message.ts';

export class Postponed implements Body, BodySink {
  readonly length: number | null;
  readonly #body: Body;
  #sink: BodySink | null = null;
  #first: Buffer | null = null;
  /** How it ended before its turn had come. */
  #ending: 'complete' | ProxyError | null = null;

  constructor(body: Body) {
    this.length = body.length;
    this.#body = body;
    body.start(this);
  }

  // Body: what the sink says

  start(sink: BodySink): void {
    this.#sink = sink;
    const first = this.#first;
    this.#first = null;
    if (first === null || sink.write(first) !== FULL) this.#goOn(sink, first !== null);
  }

  resume(): void {
    if (this.#sink !== null) this.#goOn(this.#sink, true);
  }

  cancel(): void {
    this.#ending = null;
    this.#body.cancel();
  }

  // BodySink: what the body says

  write(bytes: Buffer): Taken {
    if (this.#sink !== null) return this.#sink.write(bytes);
    // Its own: told to go on, the source takes the memory back, and the sink may have kept it.
    this.#first = Buffer.from(bytes);
    return FULL;
  }

  end(): void {
    if (this.#sink === null) this.#ending = 'complete';
    else this.#sink.end(NO_FIELDS);
  }

  fail(error: ProxyError): void {
    if (this.#sink === null) this.#ending = error;
    else this.#sink.fail(error);
  }

  #goOn(sink: BodySink, isHeld: boolean): void {
    const ending = this.#ending;
    this.#ending = null;
    if (ending === 'complete') sink.end(NO_FIELDS);
    else if (ending !== null) sink.fail(ending);
    else if (isHeld) this.#body.resume();
  }
}
