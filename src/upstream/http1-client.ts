// Owns HTTP/1.1 on one upstream connection: one exchange at a time, and whether the connection may be used again after it.
// It may only in a proven clean state: request sent whole, answer read whole, nothing over, no `close`, no error.
import { fromSocketError } from '../errors/from-node.ts';
import { asProxyError, ProxyError } from '../errors/proxy-error.ts';
import { authenticatesConnection, isPersistent } from '../http/forwarding.ts';
import { CHUNKED, UNTIL_CLOSE } from '../http/framing.ts';
import { type Body, type Fields, FULL, NO_FIELDS, type ResponseHead } from '../http/message.ts';
import { IncomingBody } from '../http1/incoming-body.ts';
import { CHEAP_TO_COPY, Http1Reader } from '../http1/reader.ts';
import { MessageWriter, requestHeadText, writeSmall } from '../http1/writer.ts';
import type { Deadline, Deadlines } from '../net/deadlines.ts';
import type { Consumer, UpstreamConnection } from './connection.ts';
import type { UpstreamOptions } from './options.ts';

export interface ClientRequest {
  readonly method: string;
  /** origin-form, or absolute-form towards a parent proxy. */
  readonly target: string;
  readonly host: string;
  readonly fields: Fields;
  readonly body: Body | null;
  readonly onInterim: (head: ResponseHead) => void;
}

export interface ClientResponse {
  readonly head: ResponseHead;
  /** null when the response has no content. */
  readonly body: Body | null;
  /** Set on 101: the connection belongs to the caller from here on, `early` came behind the head. */
  readonly upgraded: { readonly connection: UpstreamConnection; readonly early: Buffer } | null;
}

/** Of what the origin sends, nothing is wanted. */
export function letGo({ body, upgraded }: ClientResponse): void {
  body?.cancel();
  upgraded?.connection.destroy();
}

/**
 * `idle`: between exchanges. `awaiting-head`, `content`: an exchange is on. `over`: the connection is closed or was handed on.
 */
type State = 'idle' | 'awaiting-head' | 'content' | 'over';

export class Http1Client implements Consumer {
  readonly connection: UpstreamConnection;
  readonly #options: UpstreamOptions;
  readonly #name: string;
  readonly #reader: Http1Reader;
  readonly #deadline: Deadline;
  /** Told when the connection may be used again, and when it is gone. */
  readonly #onFree: (client: Http1Client) => void;
  readonly #onGone: (client: Http1Client) => void;
  #state: State = 'idle';
  #request: ClientRequest | null = null;
  #body: IncomingBody | null = null;
  #settle: { resolve: (response: ClientResponse) => void; reject: (error: ProxyError) => void } | null = null;
  #isRequestSent = false;
  #mayPersist = false;
  /** The content ends with a FIN, which has not come: a reset is no end (RFC 9112 §8). */
  #isFinDue = false;
  #isUploadBlocked = false;
  /** What was read last, while the client has no room for it. */
  #held: Buffer | null = null;
  #interimCount = 0;
  /** Whether any octet of the answer has come: none may be repeated after that (RFC 9110 §9.2.2). */
  hasAnswered = false;
  /** `performance.now()` when it became free last. */
  freeSinceMs = 0;

  constructor(
    connection: UpstreamConnection,
    name: string,
    options: UpstreamOptions,
    deadlines: Deadlines,
    onFree: (client: Http1Client) => void,
    onGone: (client: Http1Client) => void,
  ) {
    this.connection = connection;
    this.#name = name;
    this.#options = options;
    this.#reader = new Http1Reader('response', {
      headBytes: options.headBytes,
      targetBytes: 0,
      fieldCount: options.fieldCount,
      trailerBytes: options.trailerBytes,
    });
    this.#deadline = deadlines.create(() => this.#timedOut());
    this.#onFree = onFree;
    this.#onGone = onGone;
    connection.consume(this);
  }

  get isIdle(): boolean {
    return this.#state === 'idle' && this.connection.isOpen;
  }

  /**
   * Sends a request and resolves with the final response's head.
   *
   * @throws ProxyError `connection_terminated`, `http_response_timeout`, `http_protocol_error`, ... The connection is closed then.
   */
  exchange(request: ClientRequest): Promise<ClientResponse> {
    this.#state = 'awaiting-head';
    this.#request = request;
    this.#isRequestSent = false;
    this.#interimCount = 0;
    this.hasAnswered = false;
    this.#reader.expectResponseTo(request.method);
    this.#deadline.set(this.#options.responseTimeoutMs);
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#send(request);
    });
  }

  /** Keeps the free connection for a while. */
  idleFor(milliseconds: number): void {
    this.#deadline.set(milliseconds);
  }

  /** Nobody waits for the answer any more. */
  cancel(): void {
    this.abort();
  }

  /** Ends the exchange, whatever its state, by closing the connection. */
  abort(): void {
    this.connection.destroy();
  }

  // Consumer: what the connection says

  read(bytes: Buffer): boolean {
    this.hasAnswered = true;
    // With its last octets the content is over and forgotten here, but its sink may have kept them all the same.
    const body = this.#body;
    this.#reader.feed(bytes);
    if (this.#state === 'content') {
      this.#deadline.set(this.#options.gapTimeoutMs);
      body?.pump();
    } else if (this.#state === 'awaiting-head') this.#readHead();
    // An answer that nobody asked for: nothing of it reaches anybody.
    else this.abort();
    const isFree = this.#isMemoryFree(body);
    this.#held = !isFree && body !== null && body.isFull ? bytes : null;
    return isFree;
  }

  ended(): void {
    this.#mayPersist = false;
    this.#isFinDue = false;
    if (this.#state === 'content') this.#body?.finish(this.#incomplete(null));
    else this.abort();
  }

  drained(): void {
    if (!this.#isUploadBlocked) return;
    this.#isUploadBlocked = false;
    this.#deadline.set(this.#options.responseTimeoutMs);
    this.#request?.body?.resume();
  }

  closed(error: Error | null): void {
    const state = this.#state;
    this.#state = 'over';
    this.#deadline.clear();
    this.#onGone(this);
    if (state === 'awaiting-head') this.#failHead(this.#brokenOff(error));
    else if (state === 'content' && this.#isFinDue) this.#body?.fail(this.#incomplete(error));
    else if (state === 'content') this.#body?.finish(this.#incomplete(error));
    this.#request?.body?.cancel();
    this.#request = null;
  }

  // BodySource: what the response's consumer says

  pauseReading(): void {
    // The client is slow, not the origin: no deadline runs against the origin meanwhile.
    this.#deadline.suspend();
    this.connection.socket.pause();
  }

  resumeReading(): void {
    this.#deadline.set(this.#options.gapTimeoutMs);
    if (this.connection.socket.isPaused()) this.connection.socket.resume();
  }

  memoryFreed(): void {
    const held = this.#held;
    if (held === null || this.#reader.buffered > CHEAP_TO_COPY) return;
    this.#held = null;
    this.#reader.detach();
    this.#reader.freeCopy();
    this.connection.giveBack(held);
  }

  contentEnded(): void {
    this.#exchangeEnded();
  }

  contentCancelled(): void {
    this.abort();
  }

  contentFailed(_error: ProxyError): void {
    this.abort();
  }

  #send(request: ClientRequest): void {
    const { body } = request;
    const framing = body === null ? 0 : (body.length ?? CHUNKED);
    const head = requestHeadText(request.method, request.target, request.host, request.fields, framing);
    if (body === null) {
      writeSmall(this.connection.socket, head);
      this.#isRequestSent = true;
      return;
    }
    const writer = new MessageWriter(this.connection.socket, head, framing, (error) => this.#uploadDone(error));
    body.start({
      write: (bytes) => {
        const taken = writer.write(bytes);
        if (taken === FULL) {
          this.#isUploadBlocked = true;
          this.#deadline.set(this.#options.writeTimeoutMs);
        } else this.#deadline.set(this.#options.responseTimeoutMs);
        return taken;
      },
      // Trailers are dropped: they could carry what a head may not, proxy credentials among them (RFC 9110 §6.5.1).
      end: () => writer.end(NO_FIELDS),
      fail: (error) => writer.fail(error),
    });
    // An origin that waits for the head before the content shall have it (Expect), whenever the first content comes.
    writer.flush();
  }

  #uploadDone(error: ProxyError | null): void {
    // A request that broke off cannot be completed any more; neither may the origin take what it has for the whole.
    if (error !== null) this.abort();
    else this.#isRequestSent = true;
  }

  #readHead(): void {
    try {
      for (let event = this.#reader.next(); event !== null; event = this.#reader.next()) {
        if (event.kind === 'interim') this.#interim(event.head);
        else if (event.kind === 'response') {
          this.#response(event.head, event.framing);
          return;
        }
      }
    } catch (thrown) {
      this.#failHead(asProxyError(thrown));
      this.abort();
    }
  }

  #interim(head: ResponseHead): void {
    this.#interimCount += 1;
    if (this.#interimCount > this.#options.interimResponses) {
      throw new ProxyError('http_protocol_error', `${this.#name} sent more than ${this.#options.interimResponses} interim responses.`);
    }
    this.#deadline.set(this.#options.responseTimeoutMs);
    this.#request?.onInterim(head);
  }

  #response(head: ResponseHead, framing: number): void {
    if (head.status === 101) {
      this.#upgraded(head);
      return;
    }
    const settle = this.#settle;
    this.#settle = null;
    this.#mayPersist = isPersistent(head.version, head.fields) && !authenticatesConnection(this.#request?.fields ?? NO_FIELDS, head.fields);
    this.#deadline.set(this.#options.gapTimeoutMs);
    this.#state = 'content';
    this.#isFinDue = framing === UNTIL_CLOSE;
    const body = framing === 0 ? null : new IncomingBody(framing > 0 ? framing : null, this.#reader, this, asProxyError);
    this.#body = body;
    if (body === null) {
      this.#reader.next(); // the end event of a message without content
      this.#exchangeEnded();
    }
    settle?.resolve({ head, body, upgraded: null });
  }

  #upgraded(head: ResponseHead): void {
    if (!this.#request?.fields.some(({ name }) => name === 'Upgrade')) {
      throw new ProxyError('http_protocol_error', `${this.#name} switched protocols without being asked.`);
    }
    this.#state = 'over';
    this.#deadline.clear();
    this.#onGone(this);
    this.#reader.detach();
    const early = this.#reader.takeRest();
    this.connection.socket.pause();
    this.#settle?.resolve({ head, body: null, upgraded: { connection: this.connection, early } });
    this.#settle = null;
  }

  #exchangeEnded(): void {
    const isClean = this.#isRequestSent && this.#mayPersist && this.#reader.isBetweenMessages && this.connection.isOpen;
    this.#body = null;
    this.#deadline.suspend();
    if (!isClean) {
      this.#state = 'over';
      this.#request?.body?.cancel();
      this.#request = null;
      this.abort();
      return;
    }
    this.#request = null;
    this.#state = 'idle';
    // Paused for a slow client, it would hear neither its next answer nor the origin's close.
    if (this.connection.socket.isPaused()) this.connection.socket.resume();
    this.freeSinceMs = performance.now();
    this.#onFree(this);
  }

  #isMemoryFree(body: IncomingBody | null): boolean {
    const { buffered } = this.#reader;
    // A short answer waits in the reader until its head has been acted on: copying it costs less than another buffer.
    if (buffered > 0 && buffered <= CHEAP_TO_COPY) this.#reader.detach();
    else if (buffered > 0) return false;
    if (body?.hasKeptBytes) {
      body.hasKeptBytes = false;
      return false;
    }
    this.#reader.freeCopy();
    return true;
  }

  #failHead(error: ProxyError): void {
    const settle = this.#settle;
    this.#settle = null;
    settle?.reject(error);
  }

  #incomplete(error: Error | null): ProxyError {
    return new ProxyError('http_response_incomplete', `${this.#name} broke its answer off.`, { cause: error ?? undefined });
  }

  #brokenOff(error: Error | null): ProxyError {
    if (this.hasAnswered)
      return new ProxyError('http_response_incomplete', `${this.#name} closed the connection in the middle of its answer's head.`, {
        cause: error ?? undefined,
      });
    if (error !== null) return fromSocketError(error, this.#name);
    return new ProxyError('connection_terminated', `${this.#name} closed the connection without answering.`);
  }

  #timedOut(): void {
    if (this.#state === 'awaiting-head') {
      const { responseTimeoutMs, writeTimeoutMs } = this.#options;
      this.#failHead(
        this.#isUploadBlocked
          ? new ProxyError('connection_write_timeout', `${this.#name} did not read the request for ${writeTimeoutMs} ms.`)
          : new ProxyError('http_response_timeout', `${this.#name} did not answer within ${responseTimeoutMs} ms.`),
      );
    } else if (this.#state === 'content') {
      this.#body?.fail(
        new ProxyError('connection_read_timeout', `${this.#name} sent nothing more of its answer for ${this.#options.gapTimeoutMs} ms.`),
      );
    }
    this.abort();
  }
}
