// Owns several pieces of content as one: each after the one before it, as they come.
import type { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, NO_FIELDS, type Taken } from '../http/message.ts';

export class Sequence implements Body, BodySink {
  readonly length: number | null;
  readonly #parts: readonly Body[];
  #current = 0;
  #sink: BodySink | null = null;
  #isOver = false;

  /** @param parts at least one */
  constructor(parts: readonly Body[]) {
    this.#parts = parts;
    this.length = parts.reduce<number | null>((sum, { length }) => (sum === null || length === null ? null : sum + length), 0);
  }

  // Body: what the sink says

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#parts[0]!.start(this);
  }

  resume(): void {
    if (!this.#isOver) this.#parts[this.#current]!.resume();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#cancelFrom(this.#current);
  }

  // BodySink: what the part says whose turn it is

  write(bytes: Buffer): Taken {
    return this.#sink!.write(bytes);
  }

  end(): void {
    if (this.#isOver) return;
    this.#current += 1;
    const next = this.#parts[this.#current];
    if (next !== undefined) {
      next.start(this);
      return;
    }
    this.#isOver = true;
    this.#sink!.end(NO_FIELDS);
  }

  fail(error: ProxyError): void {
    if (this.#isOver) return;
    this.#cancelFrom(this.#current + 1);
    this.#sink!.fail(error);
  }

  #cancelFrom(first: number): void {
    this.#isOver = true;
    for (const part of this.#parts.slice(first)) part.cancel();
  }
}
