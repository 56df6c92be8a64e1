// Owns content that ends in the middle because a rewriting rule says so: half of it where its length is known, else half of its first piece. What has
// passed reaches the client before the connection, or its stream, breaks.
import { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, type Fields, TAKEN, type Taken } from '../http/message.ts';

export class BrokenOffBody implements Body, BodySink {
  readonly length: number | null;
  readonly #body: Body;
  readonly #rule: string;
  /** Octets that pass; `null` where it is not known of how many. */
  #left: number | null;
  #sink: BodySink | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(body: Body, rule: string) {
    this.length = body.length;
    this.#body = body;
    this.#rule = rule;
    this.#left = body.length === null ? null : Math.floor(body.length / 2);
  }

  // Body: what the sink says

  start(sink: BodySink): void {
    this.#sink = sink;
    if (this.#left === 0) this.#breakOff();
    else this.#body.start(this);
  }

  resume(): void {
    if (this.#timer === null) this.#body.resume();
  }

  cancel(): void {
    this.#sink = null;
    if (this.#timer === null) this.#body.cancel();
    else clearTimeout(this.#timer);
  }

  // BodySink: what the body says

  write(bytes: Buffer): Taken {
    if (this.#timer !== null) return TAKEN;
    if (this.#left !== null && bytes.length < this.#left) {
      this.#left -= bytes.length;
      return this.#sink!.write(bytes);
    }
    // A copy, since nobody will say when the sink is done with it.
    this.#sink!.write(Buffer.from(bytes.subarray(0, this.#left ?? Math.ceil(bytes.length / 2))));
    if (this.#sink !== null) this.#breakOff();
    return TAKEN;
  }

  /** It had no octets. */
  end(_trailers: Fields): void {
    if (this.#timer === null) this.#breakOff();
  }

  fail(error: ProxyError): void {
    if (this.#timer === null) this.#sink?.fail(error);
  }

  #breakOff(): void {
    this.#timer = setTimeout(() => {
      this.#sink?.fail(new ProxyError('http_response_incomplete', `The rewriting rule '${this.#rule}' broke the answer off.`));
    }, UNTIL_IT_BREAKS_MS);
    this.#body.cancel();
  }
}

/** For head and content to leave by: what is not written yet goes with the connection. */
const UNTIL_IT_BREAKS_MS = 50;
