// Owns content on its way out of a reader: pulled event by event into whatever sink was started, and left in the reader while that is full.
import type { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, FULL, TAKEN } from '../http/message.ts';
import type { Http1Reader } from './reader.ts';

/** What the connection that feeds the reader does for its body. */
export interface BodySource {
  pauseReading(): void;
  resumeReading(): void;
  /** A sink that was full has let go of all it was given: of what was read last, only what the reader still holds is in use. */
  memoryFreed(): void;
  /** The message has ended; called before the sink hears of it, so that the connection may be used again from there on. */
  contentEnded(): void;
  /** Nobody wants the rest. */
  contentCancelled(): void;
  /** The content cannot be read on; called before the sink hears of it. */
  contentFailed(error: ProxyError): void;
}

export class IncomingBody implements Body {
  readonly length: number | null;
  readonly #reader: Http1Reader;
  readonly #source: BodySource;
  readonly #asProxyError: (thrown: unknown) => ProxyError;
  #sink: BodySink | null = null;
  #isFull = false;
  #isOver = false;
  /** Why the content broke off, once it has. */
  failure: ProxyError | null = null;
  /** Set when the peer will send no more: what the content fails with, unless it turns out complete. */
  #cutOff: ProxyError | null = null;
  /** Read to its end, and not cancelled or broken off. */
  hasEnded = false;
  /** Octets of content given to the sink so far. */
  octets = 0;
  /** Set when a sink kept memory that it was given; the feeder must not use that memory again. The feeder clears it. */
  hasKeptBytes = false;

  constructor(length: number | null, reader: Http1Reader, source: BodySource, toProxyError: (thrown: unknown) => ProxyError) {
    this.length = length;
    this.#reader = reader;
    this.#source = source;
    this.#asProxyError = toProxyError;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Its sink has no room; reading is paused. */
  get isFull(): boolean {
    return this.#isFull;
  }

  get isStarted(): boolean {
    return this.#sink !== null;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    if (this.failure !== null) sink.fail(this.failure);
    else this.pump();
    if (!this.#isFull && !this.#isOver) this.#source.resumeReading();
  }

  resume(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    // What is over has nothing to say about memory: the next message may be in it by now.
    if (this.#isOver) return;
    // Room again means that nothing is left of what was kept.
    this.hasKeptBytes = false;
    this.pump();
    if (!this.hasKeptBytes) this.#source.memoryFreed();
    if (!this.#isFull && !this.#isOver) this.#source.resumeReading();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#source.contentCancelled();
  }

  /** Moves what the reader has. Call after each feed. */
  pump(): void {
    const sink = this.#sink;
    if (sink === null) return;
    while (!this.#isFull && !this.#isOver) {
      let event: ReturnType<Http1Reader['next']>;
      try {
        event = this.#reader.next();
      } catch (thrown) {
        this.fail(this.#asProxyError(thrown));
        return;
      }
      if (event === null) {
        if (this.#cutOff === null) return;
        if (this.#reader.finish() !== 'complete') this.fail(this.#cutOff);
      } else if (event.kind === 'content') {
        this.octets += event.bytes.length;
        const taken = sink.write(event.bytes);
        if (taken !== TAKEN) {
          this.hasKeptBytes = true;
          this.#reader.keepCopy();
        }
        if (taken === FULL && !this.#isOver) {
          this.#isFull = true;
          this.#source.pauseReading();
        }
      } else if (event.kind === 'end') {
        this.#isOver = true;
        this.hasEnded = true;
        this.#source.contentEnded();
        sink.end(event.trailers);
      }
    }
  }

  /** The peer will send no more. What is still in the reader is delivered first; then the content is complete, or fails with `cutOff`. */
  finish(cutOff: ProxyError): void {
    this.#cutOff = cutOff;
    this.pump();
  }

  /** The content broke off. */
  fail(error: ProxyError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.failure = error;
    this.#source.contentFailed(error);
    this.#sink?.fail(error);
  }
}
