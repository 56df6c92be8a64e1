// Owns content that a client reads from the disk and memory keeps in passing: copied as it goes by, and only if it came whole.
// It costs the disk nothing, and the client waits for nothing.
import type { ProxyError } from '../../errors/proxy-error.ts';
import type { Body, BodySink, Fields, Taken } from '../../http/message.ts';
import type { MemoryWriter } from './memory-writer.ts';

export interface Promotion {
  /** Called when the content begins to move. @returns `null` when there is no room now */
  begin(): MemoryWriter | null;
  /** The content is whole. */
  finish(writer: MemoryWriter): void;
  /** Called once after `begin`, whatever came of it. */
  end(): void;
}

export class PromotedBody implements Body, BodySink {
  readonly length: number | null;
  readonly #body: Body;
  readonly #promotion: Promotion;
  #sink: BodySink | null = null;
  #writer: MemoryWriter | null = null;

  constructor(body: Body, promotion: Promotion) {
    this.length = body.length;
    this.#body = body;
    this.#promotion = promotion;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#writer = this.#promotion.begin();
    this.#body.start(this);
  }

  resume(): void {
    this.#body.resume();
  }

  cancel(): void {
    this.#body.cancel();
    this.#over();
  }

  write(bytes: Buffer): Taken {
    if (this.#writer?.write(bytes) === false) this.#letGo();
    return this.#sink!.write(bytes);
  }

  end(trailers: Fields): void {
    const sink = this.#sink!;
    if (this.#writer !== null) this.#promotion.finish(this.#writer);
    this.#over();
    sink.end(trailers);
  }

  fail(error: ProxyError): void {
    const sink = this.#sink!;
    this.#over();
    sink.fail(error);
  }

  #letGo(): void {
    this.#writer?.abandon();
    this.#writer?.release();
    this.#writer = null;
  }

  #over(): void {
    this.#letGo();
    if (this.#sink !== null) this.#promotion.end();
    this.#sink = null;
  }
}
