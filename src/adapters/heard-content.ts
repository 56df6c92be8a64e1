// Owns content that passes by unseen, but for its breaking off, of which somebody wants to be told.
import type { ProxyError } from '../errors/proxy-error.ts';
import type { Body, BodySink, Fields, Taken } from '../http/message.ts';

export class HeardContent implements Body, BodySink {
  readonly length: number | null;
  readonly #body: Body;
  readonly #onFailure: (error: ProxyError) => void;
  #sink: BodySink | null = null;

  constructor(body: Body, onFailure: (error: ProxyError) => void) {
    this.length = body.length;
    this.#body = body;
    this.#onFailure = onFailure;
  }

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

  write(bytes: Buffer): Taken {
    return this.#sink!.write(bytes);
  }

  end(trailers: Fields): void {
    this.#sink!.end(trailers);
  }

  fail(error: ProxyError): void {
    this.#sink!.fail(error);
    this.#onFailure(error);
  }
}
