// Owns one exchange on one stream of HTTP/2 (RFC 9113 §8): request, response and both contents flow at the same time, trailers included. A WebSocket's
// handshake is one, too (RFC 8441); a stream that has become a WebSocket is given away.
// Whatever ends the stream early ends this exchange and no other; only a session that dies takes all its streams with it.
// A slow client pauses its stream: Node then gives the origin no more of the stream's window. A slow origin pauses the upload.
import { type ClientHttp2Stream, constants, sensitiveHeaders } from 'node:http2';
import { asProxyError, ProxyError } from '../errors/proxy-error.ts';
import { cancelStream } from '../http/cancel-stream.ts';
import { EndedByReset } from '../http/ended-by-reset.ts';
import { type FieldList, fieldsByName } from '../http/field-list.ts';
import { responseFraming } from '../http/framing.ts';
import { type Body, type BodySink, type Fields, FULL, KEPT, NO_FIELDS, type ResponseHead, TAKEN, type Taken } from '../http/message.ts';
import { forwardedTrailers } from '../http/trailers.ts';
import { UpgradedStream } from '../http/upgraded-stream.ts';
import type { Deadline, Deadlines } from '../net/deadlines.ts';
import { UpstreamConnection } from './connection.ts';
import type { ClientResponse } from './http1-client.ts';
import { type Http2Request, readResponseHead, readTrailers, requestFieldList, SECRET_FIELDS, switchedHead } from './http2-fields.ts';
import type { Http2Session } from './http2-session.ts';
import type { UpstreamOptions } from './options.ts';

/** `awaiting-head`: no final response yet. `content`: its content is on its way. `over`: nothing is. */
type State = 'awaiting-head' | 'content' | 'over';

/** For one exchange; it is the response's content, too. */
export class Http2Client implements Body {
  /** Of the response's content. */
  length: number | null = null;
  readonly #session: Http2Session;
  readonly #options: UpstreamOptions;
  readonly #name: string;
  readonly #deadline: Deadline;
  #state: State = 'awaiting-head';
  #stream: ClientHttp2Stream | null = null;
  #request: Http2Request | null = null;
  #settle: { resolve: (response: ClientResponse) => void; reject: (error: ProxyError) => void } | null = null;
  #sink: BodySink | null = null;
  #isFull = false;
  #octets = 0;
  #trailers: Fields = NO_FIELDS;
  /** What the content fails with; kept for a sink that comes later. */
  #failure: ProxyError | null = null;
  /** What had come whole when the session ended, while the sink was full. */
  #rest: Buffer | null = null;
  #interimCount = 0;
  #sent = 0;
  #isRequestSent = false;
  #isUploadBlocked = false;
  /** Whether anything of the answer has come. */
  hasAnswered = false;
  /** The origin has said that it did nothing with the request: anything may be sent again (RFC 9113 §8.7). */
  wasRefused = false;
  /** The session ended under the exchange. */
  wasLost = false;
  /** The origin had too much to do for others on the same session, and may have begun with it. */
  wasCrowdedOut = false;
  /** The origin wants this over HTTP/1.1 (§7). */
  needsHttp1 = false;

  constructor(session: Http2Session, name: string, options: UpstreamOptions, deadlines: Deadlines) {
    this.#session = session;
    this.#name = name;
    this.#options = options;
    this.#deadline = deadlines.create(() => this.#timedOut());
  }

  /**
   * Sends a request and resolves with the final response's head.
   *
   * @throws ProxyError `connection_terminated`, `http_response_timeout`, `http_protocol_error`, ... The stream is closed then.
   */
  exchange(request: Http2Request): Promise<ClientResponse> {
    this.#request = request;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      try {
        this.#open(request);
      } catch (thrown) {
        this.#over(asProxyError(thrown));
      }
    });
  }

  /** Ends the exchange, whatever its state; its session goes on. */
  abort(): void {
    this.#over(new ProxyError('connection_terminated', `The exchange with ${this.#name} was broken off.`));
  }

  // Body: what the response's consumer says

  start(sink: BodySink): void {
    this.#sink = sink;
    if (this.#failure !== null) sink.fail(this.#failure);
    else if (this.#rest !== null) this.#deliverRest();
    // Without content, Node ends a stream that nobody reads yet.
    else if (this.#state === 'over') sink.end(this.#trailers);
    else this.#stream?.on('data', (bytes: Buffer) => this.#content(bytes));
  }

  resume(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    if (this.#state === 'over') return;
    if (this.#rest !== null) {
      this.#deliverRest();
      return;
    }
    this.#deadline.set(this.#options.gapTimeoutMs);
    this.#stream?.resume();
  }

  /** Nobody wants the rest, or the answer at all. */
  cancel(): void {
    // The sink hears nothing more.
    this.#sink = null;
    this.abort();
  }

  #open(request: Http2Request): void {
    const { body } = request;
    const list = requestFieldList(request, body === null ? 0 : body.length);
    Reflect.set(list, sensitiveHeaders, SECRET_FIELDS);
    // Content without a length may have trailers behind it, as a call of gRPC does.
    const stream = this.#session.request(list, {
      endStream: body === null && !request.isWebSocket,
      waitForTrailers: body !== null && body.length === null,
    });
    this.#stream = stream;
    this.#deadline.set(this.#options.responseTimeoutMs);
    this.#listen(stream);
    if (body === null) this.#isRequestSent = !request.isWebSocket;
    else this.#upload(body, stream);
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on('headers', (_fields: object, _flags: number, raw: FieldList) => this.#interim(raw));
    stream.on('response', (_fields: object, flags: number, raw: FieldList) => this.#response(stream, flags, raw));
    stream.on('trailers', (_fields: object, _flags: number, raw: FieldList) => this.#readTrailers(raw));
    stream.on('end', () => this.#ended(stream));
    // What it says is in the code that the stream is closed with.
    stream.on('error', () => {});
    stream.on('close', () => this.#closed(stream));
  }

  #upload(body: Body, stream: ClientHttp2Stream): void {
    let trailers = NO_FIELDS;
    stream.on('drain', () => this.#drained());
    stream.on('wantTrailers', () => stream.sendTrailers(fieldsByName(trailers)));
    body.start({
      write: (bytes) => this.#send(bytes, body.length, stream),
      end: (ending) => {
        if (this.#state === 'over') return;
        if (body.length !== null && this.#sent !== body.length) {
          this.#over(new ProxyError('http_response_incomplete', 'Less content came than the head of the request announced.'));
          return;
        }
        trailers = forwardedTrailers(ending);
        this.#isRequestSent = true;
        stream.end();
      },
      // The origin must not take what it has for the whole: the stream is reset.
      fail: (error) => this.#over(error),
    });
  }

  #send(bytes: Buffer, length: number | null, stream: ClientHttp2Stream): Taken {
    if (this.#state === 'over' || bytes.length === 0) return TAKEN;
    this.#sent += bytes.length;
    if (length !== null && this.#sent > length) {
      this.#over(new ProxyError('proxy_internal_error', 'More content came than the head of the message announced.'));
      return TAKEN;
    }
    const hasRoom = stream.write(bytes);
    if (this.#state === 'content') this.#saidSomething();
    else this.#deadline.set(hasRoom ? this.#options.responseTimeoutMs : this.#options.writeTimeoutMs);
    if (hasRoom) return KEPT;
    this.#isUploadBlocked = true;
    return FULL;
  }

  #drained(): void {
    if (!this.#isUploadBlocked || this.#state === 'over') return;
    this.#isUploadBlocked = false;
    if (this.#state === 'awaiting-head') this.#deadline.set(this.#options.responseTimeoutMs);
    this.#request?.body?.resume();
  }

  #interim(raw: FieldList): void {
    if (this.#state !== 'awaiting-head') return;
    this.hasAnswered = true;
    this.#interimCount += 1;
    const { interimResponses, headBytes, responseTimeoutMs } = this.#options;
    try {
      if (this.#interimCount > interimResponses) {
        throw new ProxyError('http_protocol_error', `${this.#name} sent more than ${interimResponses} interim responses.`);
      }
      const head = readResponseHead(raw, headBytes, this.#name);
      this.#deadline.set(responseTimeoutMs);
      this.#request?.onInterim(head);
    } catch (thrown) {
      this.#over(asProxyError(thrown));
    }
  }

  #response(stream: ClientHttp2Stream, flags: number, raw: FieldList): void {
    if (this.#state !== 'awaiting-head') return;
    this.hasAnswered = true;
    this.#session.answered();
    let head: ResponseHead;
    let isEmpty: boolean;
    try {
      head = readResponseHead(raw, this.#options.headBytes, this.#name);
      const { status } = head;
      if (this.#request?.isWebSocket && status < 300) {
        this.#upgraded(stream, head, this.#request);
        return;
      }
      isEmpty = this.#request?.method === 'HEAD' || status === 204 || status === 304;
      const framing = isEmpty ? 0 : responseFraming(head.fields);
      this.length = framing >= 0 ? framing : null;
      if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) isEmpty = true;
    } catch (thrown) {
      this.#over(asProxyError(thrown));
      return;
    }
    const settle = this.#settle;
    this.#settle = null;
    this.#state = 'content';
    this.#deadline.set(this.#options.gapTimeoutMs);
    // Nothing comes, but only who reads hears of the end.
    if (isEmpty) stream.resume();
    settle?.resolve({ head, body: isEmpty ? null : this, upgraded: null });
  }

  /** The stream belongs to whoever relays from here on. */
  #upgraded(stream: ClientHttp2Stream, head: ResponseHead, request: Http2Request): void {
    const socket = new UpgradedStream(stream);
    // Nobody listens yet.
    socket.pause();
    const { address, port } = this.#session.connection;
    const settle = this.#settle;
    this.#settle = null;
    this.#state = 'over';
    this.#deadline.clear();
    this.#request = null;
    const connection = UpstreamConnection.ofStream(socket, address, port);
    settle?.resolve({ head: switchedHead(head, request), body: null, upgraded: { connection, early: NOTHING } });
  }

  #content(bytes: Buffer): void {
    if (this.#state !== 'content' || this.#sink === null) return;
    this.#octets += bytes.length;
    const taken = this.#sink.write(bytes);
    // Its sink may have ended it meanwhile.
    if ((this.#state as State) === 'over') return;
    if (taken !== FULL) {
      this.#saidSomething();
      return;
    }
    this.#isFull = true;
    // The client is slow, not the origin: no deadline runs against the origin meanwhile.
    this.#deadline.suspend();
    this.#stream?.pause();
  }

  #saidSomething(): void {
    if (!this.#isFull) this.#deadline.set(this.#options.gapTimeoutMs);
  }

  #readTrailers(raw: FieldList): void {
    if (this.#state === 'over') return;
    try {
      this.#trailers = forwardedTrailers(readTrailers(raw, this.#options.trailerBytes, this.#name));
    } catch (thrown) {
      this.#over(asProxyError(thrown));
    }
  }

  /** Everything that came has been read. */
  #ended(stream: ClientHttp2Stream): void {
    // Without an answer, `close` says what has happened.
    if (this.#state !== 'content') return;
    if (wasCutShort(stream) && this.#octets !== this.length) this.#over(this.#incomplete(stream));
    else this.#complete();
  }

  #complete(): void {
    this.#state = 'over';
    this.#deadline.clear();
    // What the origin has answered without, nobody need send it any more.
    if (!this.#isRequestSent) this.#letGoOfRequest();
    this.#request = null;
    this.#sink?.end(this.#trailers);
  }

  #closed(stream: ClientHttp2Stream): void {
    if (this.#state === 'over') return;
    const { rstCode } = stream;
    if (this.#state === 'content') {
      if (wasCutShort(stream)) this.#over(this.#incomplete(stream));
      else this.#keepRest(stream);
      return;
    }
    const { id } = stream;
    // Without an id it has not even been sent.
    this.wasRefused = rstCode === constants.NGHTTP2_REFUSED_STREAM || id === undefined || !this.#session.wasProcessed(id);
    if (this.wasRefused) this.#session.refused();
    this.wasCrowdedOut = rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM && id !== undefined && this.#session.calmed(id);
    this.needsHttp1 = rstCode === constants.NGHTTP2_HTTP_1_1_REQUIRED;
    this.wasLost = !this.wasRefused && this.#session.isDestroyed;
    this.#over(this.#withoutAnswer(rstCode));
  }

  /** The content came whole, and the session ended before a slow sink had all of it: Node still holds what it has read. */
  #keepRest(stream: ClientHttp2Stream): void {
    const pieces: Buffer[] = [];
    for (let piece: Buffer | null = stream.read(); piece !== null; piece = stream.read()) pieces.push(piece);
    this.#rest = Buffer.concat(pieces);
    if (!this.#isFull && this.#sink !== null) this.#deliverRest();
  }

  #deliverRest(): void {
    const rest = this.#rest ?? NOTHING;
    this.#rest = NOTHING;
    if (rest.length > 0) {
      this.#octets += rest.length;
      const taken = this.#sink?.write(rest);
      if (this.#state === 'over') return;
      this.#isFull = taken === FULL;
    }
    if (!this.#isFull) this.#complete();
  }

  /** Ends the exchange with an error, and the stream with it. */
  #over(error: ProxyError): void {
    if (this.#state === 'over') return;
    const isAwaited = this.#state === 'awaiting-head';
    this.#state = 'over';
    this.#deadline.clear();
    this.#letGoOfRequest();
    this.#request = null;
    if (isAwaited) {
      this.#settle?.reject(error);
      this.#settle = null;
      return;
    }
    this.#failure = error;
    this.#sink?.fail(error);
  }

  #letGoOfRequest(): void {
    const body = this.#request?.body ?? null;
    const stream = this.#stream;
    if (stream !== null && (body === null || body.length !== null)) cancelStream(stream);
    // A stream that awaits trailers must not be closed while its session reads: Node 26 fails an assertion then, and the process with it. Nor may it be
    // left to `close`, which waits for nghttp2: that says nothing of a stream that the origin has ended and nobody reads, or once it has given the
    // session up; and the session would wait for the stream.
    else if (stream !== null) setImmediate(cancelStream, stream);
    body?.cancel();
  }

  #incomplete({ rstCode }: ClientHttp2Stream): ProxyError {
    // A session that ends closes its streams with this code, too, and may have been ended by anybody on the way.
    const isReset = rstCode === constants.NGHTTP2_NO_ERROR && !this.#session.isDestroyed;
    if (isReset && this.length === null) return new EndedByReset(this.#name);
    return new ProxyError('http_response_incomplete', `${this.#name} broke its answer off.`, { cause: this.#session.error ?? undefined });
  }

  #withoutAnswer(rstCode: number): ProxyError {
    const cause = this.#session.error ?? undefined;
    const { fieldCount, headBytes } = this.#options;
    if (this.wasLost) return new ProxyError('connection_terminated', `${this.#name} closed the connection without answering.`, { cause });
    switch (rstCode) {
      case constants.NGHTTP2_PROTOCOL_ERROR:
        return new ProxyError('http_protocol_error', `${this.#name} answered in a way that HTTP/2 does not allow.`, { cause });
      // Node closes a stream with this code when a head is too large, and origins do when they have had too many requests.
      case constants.NGHTTP2_ENHANCE_YOUR_CALM:
        return new ProxyError(
          'http_protocol_error',
          `${this.#name} answered with more than ${fieldCount} field lines or ${headBytes} octets of them, or takes no more requests (ENHANCE_YOUR_CALM).`,
        );
      default:
        return new ProxyError('connection_terminated', `${this.#name} closed the stream without answering (code ${rstCode}).`, { cause });
    }
  }

  #timedOut(): void {
    const { responseTimeoutMs, writeTimeoutMs, gapTimeoutMs } = this.#options;
    if (this.#state === 'content') {
      this.#over(new ProxyError('connection_read_timeout', `${this.#name} sent nothing more of its answer for ${gapTimeoutMs} ms.`));
    } else if (this.#isUploadBlocked) {
      this.#over(new ProxyError('connection_write_timeout', `${this.#name} did not read the request for ${writeTimeoutMs} ms.`));
    } else this.#over(new ProxyError('http_response_timeout', `${this.#name} did not answer within ${responseTimeoutMs} ms.`));
  }
}

/**
 * Whether a reset stands where the end of the stream should. Node tells the reader of an end all the same; for a reset with NO_ERROR (§8.1) the one
 * sign is that it then destroys the stream at its end instead of closing it in order.
 */
function wasCutShort(stream: ClientHttp2Stream): boolean {
  return stream.rstCode !== constants.NGHTTP2_NO_ERROR || stream.listeners('end').includes(stream.destroy);
}

const NOTHING = Buffer.alloc(0);
