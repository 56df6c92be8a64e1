// Owns content of unknown length under a rule that asks for its size: it passes until there is more of it than the rule lets pass, and then it is
// broken off, with the denial as the reason. What was passed on by then cannot be called back, and is never shown as complete.
import { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, FULL, type Taken } from '../http/message.ts';
import type { ContentLimit } from '../policy/authorize.ts';
import { explainShort } from '../policy/explain.ts';
import type { Decision } from '../policy/policy.ts';

/** Content became what the policy denies. */
export class ContentDenied extends ProxyError {
  readonly decision: Decision;

  constructor(decision: Decision, maxBytes: number) {
    super('http_request_denied', `More than ${maxBytes} octets of content: ${explainShort(decision)}.`);
    this.decision = decision;
  }
}

export class LimitedContent implements Body {
  /** Set once there was too much. */
  failure: ContentDenied | null = null;
  readonly length: number | null;
  readonly #body: Body;
  readonly #limit: ContentLimit;
  #octets = 0;

  constructor(body: Body, limit: ContentLimit) {
    this.length = body.length;
    this.#body = body;
    this.#limit = limit;
  }

  start(sink: BodySink): void {
    this.#body.start({
      write: (bytes) => this.#write(sink, bytes),
      end: (trailers) => {
        if (this.failure === null) sink.end(trailers);
      },
      fail: (error) => {
        if (this.failure === null) sink.fail(error);
      },
    });
  }

  resume(): void {
    if (this.failure === null) this.#body.resume();
  }

  cancel(): void {
    if (this.failure === null) this.#body.cancel();
  }

  #write(sink: BodySink, bytes: Buffer): Taken {
    this.#octets += bytes.length;
    if (this.failure === null && this.#octets <= this.#limit.maxBytes) return sink.write(bytes);
    if (this.failure === null) {
      this.failure = new ContentDenied(this.#limit.denial, this.#limit.maxBytes);
      sink.fail(this.failure);
      this.#body.cancel();
    }
    return FULL;
  }
}
