// Owns a message that a program writes: fields that it sets, and content that it writes, as a Node stream on the one side and a `Body` on the other. It
// begins with the first octet, or when it is ended without any; until then its head may be changed. What is written waits until somebody takes it.
import { Writable } from 'node:stream';
import { asProxyError, ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, type Field, type Fields, FULL, NO_FIELDS } from '../http/message.ts';
import { checked, type HeaderValue, linesOf } from './header-object.ts';

type Done = (error?: Error | null) => void;

export abstract class WrittenMessage extends Writable implements Body {
  /** Octets that were announced; `null` when only the end will tell. */
  length: number | null = null;
  /** Sent behind the content. */
  trailerLines: Fields = NO_FIELDS;
  /** Its content goes nowhere, as that of an answer to HEAD. */
  protected isWithoutContent = false;
  readonly #fields = new Map<string, { readonly name: string; readonly value: Exclude<HeaderValue, undefined> }>();
  #octets = 0;
  #hasBegun = false;
  #sink: BodySink | null = null;
  /** What was written while nobody could take it. */
  #waiting: { readonly bytes: Buffer; readonly done: Done } | null = null;
  /** Called when the sink, which was full, has room again. */
  #resumed: Done | null = null;
  #ended: Done | null = null;

  constructor() {
    super();
    // Whoever breaks it off knows why.
    this.on('error', () => {});
  }

  /** The head is settled. @param length octets of all content, where that is known already */
  protected abstract begin(length: number | null): void;

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  // Fields, as of Node's OutgoingMessage

  setHeader(name: string, value: Exclude<HeaderValue, undefined>): this {
    checked(linesOf(name, value));
    this.#fields.set(name.toLowerCase(), { name, value });
    return this;
  }

  getHeader(name: string): HeaderValue {
    return this.#fields.get(name.toLowerCase())?.value;
  }

  getHeaders(): Record<string, HeaderValue> {
    return Object.fromEntries([...this.#fields].map(([lower, { value }]) => [lower, value]));
  }

  getHeaderNames(): string[] {
    return [...this.#fields.keys()];
  }

  hasHeader(name: string): boolean {
    return this.#fields.has(name.toLowerCase());
  }

  removeHeader(name: string): void {
    this.#fields.delete(name.toLowerCase());
  }

  flushHeaders(): void {
    this.#begin(null);
  }

  /** What was set, as lines. */
  protected fieldLines(): Field[] {
    return [...this.#fields.values()].flatMap(({ name, value }) => linesOf(name, value));
  }

  // Writable

  override write(chunk: unknown, encoding?: BufferEncoding | Done, done?: Done): boolean {
    this.#begin(null);
    return typeof encoding === 'function' ? super.write(chunk, encoding) : super.write(chunk, encoding ?? 'utf8', done);
  }

  override end(chunk?: unknown, encoding?: BufferEncoding | (() => void), done?: () => void): this {
    const content = typeof chunk === 'function' || chunk === null ? undefined : chunk;
    this.#begin(content === undefined ? 0 : lengthOf(content, encoding));
    const called = [chunk, encoding, done].find((each): each is () => void => typeof each === 'function');
    if (content !== undefined) super.write(content, typeof encoding === 'string' ? encoding : 'utf8');
    return super.end(called);
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#octets += bytes.length;
    if (this.isWithoutContent) done();
    else if (this.length !== null && this.#octets > this.length) done(this.#unlike(this.length));
    else if (this.#sink === null) this.#waiting = { bytes, done };
    else this.#pass(this.#sink, bytes, done);
  }

  override _final(done: Done): void {
    if (!this.isWithoutContent && this.length !== null && this.#octets < this.length) done(this.#unlike(this.length));
    else if (this.#sink === null && !this.isWithoutContent) this.#ended = done;
    else {
      this.#sink?.end(this.trailerLines);
      done();
    }
  }

  override _destroy(error: Error | null, done: Done): void {
    const sink = this.#sink;
    this.#sink = null;
    if (!this.writableFinished) sink?.fail(asProxyError(error ?? new Error('a hook has broken a message off')));
    done(error);
  }

  // Body

  start(sink: BodySink): void {
    this.#sink = sink;
    const waiting = this.#waiting;
    this.#waiting = null;
    const ended = this.#ended;
    if (waiting !== null) this.#pass(sink, waiting.bytes, waiting.done);
    else if (ended !== null) {
      sink.end(this.trailerLines);
      ended();
    } else if (this.destroyed) sink.fail(asProxyError(this.errored));
  }

  resume(): void {
    const resumed = this.#resumed;
    this.#resumed = null;
    resumed?.();
  }

  cancel(): void {
    this.#sink = null;
    this.destroy();
  }

  /** Breaks it off: what was written is not shown as complete. */
  breakOff(error: ProxyError): void {
    this.destroy(error);
  }

  #begin(length: number | null): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.begin(length);
  }

  /** What was announced is what the peer would believe. */
  #unlike(length: number): ProxyError {
    return new ProxyError(
      'proxy_internal_error',
      `A hook has written ${this.#octets} octets where Content-Length says ${length}: delete that header where content is changed.`,
    );
  }

  #pass(sink: BodySink, bytes: Buffer, done: Done): void {
    if (sink.write(bytes) === FULL) this.#resumed = done;
    else done();
  }
}

function lengthOf(content: unknown, encoding: unknown): number {
  if (content instanceof Uint8Array) return content.byteLength;
  return Buffer.byteLength(String(content), typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
}
