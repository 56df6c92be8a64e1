// Owns a message that was received, as the IncomingMessage that programs written for Node expect: its head as properties, its content as a stream. The
// content is asked for when somebody reads the stream, and not before; read or not, it waits at its source until then.
import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, type Fields, FULL, type HttpVersion, NO_FIELDS, TAKEN, type Taken } from '../http/message.ts';
import { headersOf } from './header-object.ts';

export class ReceivedMessage extends IncomingMessage implements BodySink {
  readonly #body: Body | null;
  /** Those of `trailers`, as they came. */
  trailerLines: Fields = NO_FIELDS;
  #isStarted = false;
  #isFull = false;
  /** All of it has come. */
  #isOver = false;
  /** Who is given the content in the place of whoever reads the stream. */
  #hands: Omit<BodySink, 'fail'> | null = null;

  /** Paused, as long as nobody resumes it. */
  constructor(version: HttpVersion, fields: Fields, body: Body | null, socket: Socket) {
    super(socket);
    this.#body = body;
    this.httpVersion = version === '2' ? '2.0' : version;
    this.httpVersionMajor = Number(this.httpVersion[0]);
    this.httpVersionMinor = Number(this.httpVersion[2]);
    this.headers = headersOf(fields);
    this.rawHeaders = fields.flatMap(({ name, value }) => [name, value]);
    this.pause();
  }

  /** Somebody has taken hold of the content, who has to get it even where it passes unchanged. */
  get isRead(): boolean {
    return READING.some((event) => this.listenerCount(event) > 0);
  }

  /** Gives the content to somebody without making a stream of it; begins at once. */
  handTo(hands: Omit<BodySink, 'fail'>): void {
    this.#hands = hands;
  }

  /** Of a message that was handed over: begins. */
  startHanding(): void {
    if (this.#body === null) this.end(NO_FIELDS);
    else {
      this.#isStarted = true;
      this.#body.start(this);
    }
  }

  /** Of a message that was handed over: there is room again. */
  askForMore(): void {
    if (!this.destroyed) this.#body?.resume();
  }

  // BodySink: what the content's source says

  write(bytes: Buffer): Taken {
    // A copy: whoever keeps a chunk keeps it for longer than its memory is ours.
    const copy = Buffer.from(bytes);
    if (this.#hands !== null) return this.#hands.write(copy);
    if (this.push(copy)) return TAKEN;
    this.#isFull = true;
    return FULL;
  }

  end(trailers: Fields): void {
    this.trailerLines = trailers;
    if (trailers.length > 0) this.trailers = headersOf(trailers) as NodeJS.Dict<string>;
    this.complete = true;
    this.#isOver = true;
    if (this.#hands === null) this.push(null);
    else this.#hands.end(trailers);
  }

  fail(error: ProxyError): void {
    this.destroy(error);
  }

  override _read(): void {
    if (this.#hands !== null) return;
    if (this.#body === null) this.push(null);
    else if (!this.#isStarted) {
      this.#isStarted = true;
      this.#body.start(this);
    } else if (this.#isFull) {
      this.#isFull = false;
      this.#body.resume();
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#isOver) this.#body?.cancel();
    done(error);
  }
}

const READING = ['data', 'readable', 'end'] as const;
