// Owns the content of the request under way on a connection of HTTP/1: reading no faster than it is taken, the memory that it lies in, the least rate at
// which it has to come (408), and whether what nobody took can be read over. It is one object for all requests of a connection, made with it.
import { asProxyError, ProxyError } from '../errors/proxy-error.ts';
import type { ClientSocket } from '../exchange/exchange.ts';
import { expectsContinue } from '../http/forwarding.ts';
import { CHUNKED, type Framing } from '../http/framing.ts';
import type { RequestHead } from '../http/message.ts';
import { type BodySource, IncomingBody } from '../http1/incoming-body.ts';
import { CHEAP_TO_COPY, type Http1Reader } from '../http1/reader.ts';
import type { Deadline } from '../net/deadlines.ts';
import { freeMemory, readsIntoOwnMemory } from '../net/free-memory.ts';
import type { ListenerOptions } from './listener.ts';

/** The connection, as far as its content goes by it. */
export interface RequestContentOwner {
  /** The client does not take its answer. */
  readonly isResponseBlocked: boolean;
}

export class RequestContent implements BodySource {
  readonly #socket: ClientSocket;
  readonly #reader: Http1Reader;
  readonly #deadline: Deadline;
  readonly #options: ListenerOptions;
  readonly #owner: RequestContentOwner;
  #body: IncomingBody | null = null;
  /** What was read last, while the origin has no room for it. */
  #held: Buffer | null = null;
  /** Content's octets when its rate was looked at last. */
  #octetsSeen = 0;
  /** 100 has gone out: content that was held back for it (RFC 9110 §10.1.1) is due from there on. */
  #wasToldToContinue = false;

  /** @param deadline the connection's, which calls `judgeRate` when it is over within an exchange and the response is not what it was set for */
  constructor(socket: ClientSocket, reader: Http1Reader, deadline: Deadline, options: ListenerOptions, owner: RequestContentOwner) {
    this.#socket = socket;
    this.#reader = reader;
    this.#deadline = deadline;
    this.#options = options;
    this.#owner = owner;
  }

  /** Null when the request has none, and between requests. */
  get body(): IncomingBody | null {
    return this.#body;
  }

  /** A request with content begins. */
  begin(framing: Framing): void {
    this.#body = new IncomingBody(framing === CHUNKED ? null : framing, this.#reader, this, asProxyError);
    this.#octetsSeen = 0;
    this.#held = null; // an origin may be busy with it still, and it is not this one
    this.#wasToldToContinue = false;
  }

  /** A request without content begins, or none does. */
  beginWithout(): void {
    this.#body = null;
  }

  /** Passes on what is in the reader, if somebody takes it. @param bytes that were fed to it last */
  takeUp(bytes: Buffer): void {
    const body = this.#body;
    if (!body?.isStarted || body.isOver) return;
    body.pump();
    this.#letGo(bytes, body);
  }

  toldToContinue(): void {
    this.#wasToldToContinue = true;
    this.watchAgain();
  }

  /** The deadline is free for the content again. */
  watchAgain(): void {
    if (this.#body?.isStarted && !this.#body.isOver) this.#watch();
  }

  /** Whether the request will be over when its answer is: sure, or likely when a success of open length is made of what the origin still reads. */
  isOverByThen(status: number, framing: Framing | null): boolean {
    if (this.#canSkip()) return true;
    const body = this.#body!;
    return framing === CHUNKED && status < 300 && body.isStarted && !body.isOver;
  }

  /** Its answer is written: what is left of it is read over, if the connection is to go on. @returns whether it can */
  leave(mayPersist: boolean): boolean {
    const body = this.#body;
    if (body === null || body.hasEnded) return mayPersist;
    body.cancel();
    if (!mayPersist || !this.#canSkip()) return false;
    for (let event = this.#reader.next(); event !== null && event.kind !== 'end'; event = this.#reader.next());
    return true;
  }

  /** A time of grace is over: content that came too slowly fails. @param head of the request that it belongs to */
  judgeRate(head: RequestHead | undefined): void {
    const body = this.#body;
    if (body === null || body.isOver) return;
    const { contentMinBytesPerSecond, contentGraceMs } = this.#options;
    const came = body.octets + this.#reader.buffered - this.#octetsSeen;
    this.#octetsSeen += came;
    if (came * 1000 >= contentMinBytesPerSecond * contentGraceMs || this.#awaitsContinue(body, head)) {
      this.#watch();
      return;
    }
    const error = new ProxyError(
      'http_request_error',
      `The content of the request came slower than ${contentMinBytesPerSecond} octets a second.`,
      { status: 408 },
    );
    body.fail(error);
  }

  // BodySource: what the consumer of the content says

  pauseReading(): void {
    // The origin is slow, not the client: its rate is not judged meanwhile.
    this.#unwatch();
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#watch();
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  memoryFreed(): void {
    const held = this.#held;
    if (held === null || this.#reader.buffered > CHEAP_TO_COPY) return;
    this.#held = null;
    this.#reader.detach();
    this.#reader.freeCopy();
    if (readsIntoOwnMemory(this.#socket)) freeMemory(held);
  }

  contentEnded(): void {
    this.#unwatch();
    // Paused for a slow origin or for want of one, it would not hear the client leave.
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  contentCancelled(): void {
    this.#unwatch();
  }

  contentFailed(_error: ProxyError): void {
    this.#unwatch();
  }

  /** Frees octets that were all passed on: now, or when the origin has taken them. Anything else is left to the collector. */
  #letGo(bytes: Buffer, body: IncomingBody): void {
    const isKept = body.hasKeptBytes;
    body.hasKeptBytes = false;
    this.#held = body.isFull ? bytes : null;
    if (isKept || this.#reader.buffered > CHEAP_TO_COPY) return;
    this.#reader.detach();
    this.#reader.freeCopy();
    if (readsIntoOwnMemory(this.#socket)) freeMemory(bytes);
  }

  /** Whether what is left of it is here already, so that reading over it is all it takes to go on. Never after content that failed. */
  #canSkip(): boolean {
    const body = this.#body;
    if (body === null || body.hasEnded) return true;
    return body.failure === null && body.length !== null && body.length - body.octets <= this.#reader.buffered;
  }

  /** Content must keep coming at the least rate, once its grace is over. Until somebody takes it, it is the client that waits. */
  #watch(): void {
    const { contentMinBytesPerSecond, contentGraceMs } = this.#options;
    if (contentMinBytesPerSecond > 0 && !this.#owner.isResponseBlocked) this.#deadline.set(contentGraceMs);
  }

  #unwatch(): void {
    if (!this.#owner.isResponseBlocked) this.#deadline.suspend();
  }

  /** The client holds its content back until the origin has said 100; how long that may take is between us and the origin. */
  #awaitsContinue(body: IncomingBody, head: RequestHead | undefined): boolean {
    if (head === undefined || this.#wasToldToContinue || body.octets + this.#reader.buffered > 0) return false;
    return expectsContinue(head.version, head.fields);
  }
}
