// Owns one stream of a client's HTTP/2 connection: one request and its response (RFC 9113 §8.1), their timers and their record; or a WebSocket, once
// it has become one (RFC 8441). The exchange is over when the stream is, so what a client resets before it has all of its answer counts as aborted.
import { randomBytes } from 'node:crypto';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { asProxyError, ProxyError } from '../errors/proxy-error.ts';
import type { Client, ClientSocket, Incoming, OpenedTunnel, Responder } from '../exchange/exchange.ts';
import { createFlow, type FlowOrigin } from '../flows/flow.ts';
import type { EndedByReset } from '../http/ended-by-reset.ts';
import { type FieldList, fieldsByName, octetsOf } from '../http/field-list.ts';
import { fieldValue, isNamed } from '../http/fields.ts';
import { expectsContinue } from '../http/forwarding.ts';
import { type Body, type Fields, NO_FIELDS, type RequestHead } from '../http/message.ts';
import { UpgradedStream } from '../http/upgraded-stream.ts';
import { acceptFor } from '../http/websocket-accept.ts';
import { Cancellation } from '../net/cancellation.ts';
import type { Deadline } from '../net/deadlines.ts';
import type { Linked } from '../net/linked-set.ts';
import type { ConnectionContext } from './client-connection.ts';
import { readRequestHead, responseFieldList } from './http2-fields.ts';
import { type BodyWatch, Http2RequestBody } from './http2-request-body.ts';
import { Http2Response, type ResponseWatch } from './http2-response.ts';

/** What a stream is given by its connection. */
export interface StreamOwner {
  readonly context: ConnectionContext;
  readonly client: Client;
  readonly origin: FlowOrigin;
  readonly tunnel: OpenedTunnel;
  /** The stream is closed. @param wasCutOff by the client, before its answer was complete, or for breaking the rules of HTTP/2 */
  streamClosed(exchange: Http2Exchange, wasCutOff: boolean): void;
}

/** `answering`: no final head yet. `responding`: within the final response. `responded`: all of it is on its way. `taken-over`: a WebSocket now. */
type State = 'answering' | 'responding' | 'responded' | 'taken-over' | 'over';

export class Http2Exchange implements Responder, BodyWatch, ResponseWatch, Linked<Http2Exchange> {
  previous: Http2Exchange | null = null;
  next: Http2Exchange | null = null;
  readonly #stream: ServerHttp2Stream;
  readonly #owner: StreamOwner;
  readonly #incoming: Incoming;
  readonly #body: Http2RequestBody | null = null;
  /** That of a WebSocket that is asked for: HTTP/1.1 needs one, HTTP/2 has none. */
  readonly #webSocketKey: string | null = null;
  #state: State = 'answering';
  #response: Http2Response | null = null;
  #responseBody: Body | null = null;
  #isResponseBlocked = false;
  /** We have reset it ourselves. */
  #isCutOff = false;
  #hasFailed = false;
  /** Made when it is needed first: most exchanges need none. */
  #deadline: Deadline | null = null;
  /** Content's octets when its rate was looked at last. */
  #contentSeen = 0;
  /** 100 has gone out: content that was held back for it (RFC 9110 §10.1.1) is due from there on. */
  #wasToldToContinue = false;

  constructor(stream: ServerHttp2Stream, fields: FieldList, owner: StreamOwner) {
    this.#stream = stream;
    this.#owner = owner;
    // Its `close` says all there is to say; without a listener the error of a reset would end the process.
    stream.on('error', ignore);
    stream.on('close', () => this.#closed());
    stream.on('drain', () => this.#drained());
    let head = NO_HEAD;
    let problem: ProxyError | null = null;
    try {
      const request = readRequestHead(fields, owner.context.options);
      head = request.head;
      if (request.isWebSocket) {
        this.#webSocketKey = randomBytes(16).toString('base64');
        head = withKey(head, this.#webSocketKey);
      } else if (!stream.endAfterHeaders && head.method !== 'CONNECT') {
        this.#body = new Http2RequestBody(stream, request.contentLength, owner.context.options.trailerBytes, this);
      }
    } catch (thrown) {
      problem = asProxyError(thrown);
    }
    const { client, origin, tunnel, context } = owner;
    const flow = createFlow(origin);
    flow.bytesFromClient = octetsOf(fields);
    this.#incoming = {
      head,
      body: this.#body,
      client,
      flow,
      cancellation: new Cancellation(),
      responder: this,
      tunnel,
      isBackground: false,
    };
    if (problem === null) context.startExchange(this.#incoming);
    else context.answerUnreadable(this.#incoming, problem);
  }

  /** It ends here, and the record says that it was we who did it; whoever calls this closes the connection. */
  stop(): void {
    if (this.#state === 'taken-over' || this.#state === 'over') return;
    this.#state = 'over';
    this.#hasFailed = true;
    this.#incoming.flow.outcome = 'failed';
    this.#incoming.flow.error = new ProxyError('connection_terminated', 'The proxy was stopped before the exchange had ended.');
    this.#finish(false);
  }

  // Responder: what the exchange says

  interim(status: number, _reason: string, fields: Fields): void {
    // There is no 101 in HTTP/2 (RFC 9113 §8.6).
    if (this.#state !== 'answering' || status === 101 || this.#stream.closed) return;
    if (status === 100) this.#toldToContinue();
    const byName = fieldsByName(fields);
    this.#incoming.flow.bytesToClient += octetsOf(fields.flatMap(({ name, value }) => [name, value]));
    this.#stream.additionalHeaders({ ...byName, ':status': status });
  }

  respond(status: number, _reason: string, fields: Fields, body: Body | null, announcedLength: number | null, lines?: string): void {
    const stream = this.#stream;
    if (this.#state !== 'answering' || stream.closed) {
      body?.cancel();
      // A head is out already, and a defect led here.
      if (this.#state === 'responding') this.abort();
      return;
    }
    const { cancellation, flow } = this.#incoming;
    this.#state = 'responding';
    cancellation.listen(body);
    flow.status = status;
    // Node has ended the stream of a HEAD before anybody could write to it.
    const isHead = stream.writableEnded;
    const hasContent = !isHead && body !== null && mayHaveContent(status);
    const length = contentLengthOf(status, isHead, body, announcedLength);
    const list = responseFieldList(status, fields, lines, length);
    flow.bytesToClient += octetsOf(list);
    const mayHaveTrailers = hasContent && (length === null || this.#mayPassTrailers());
    stream.respond(list, { endStream: !hasContent, waitForTrailers: mayHaveTrailers });
    const response = new Http2Response(stream, hasContent ? length : 0, mayHaveTrailers, this);
    this.#response = response;
    if (hasContent) {
      this.#responseBody = body;
      body.start(response);
    } else {
      body?.cancel();
      this.responded(null);
    }
  }

  abort(isInOrder = false): void {
    if (isInOrder) this.#cutOff(constants.NGHTTP2_NO_ERROR);
    else this.#breakOff();
  }

  takeOver(status: number, _reason: string, fields: Fields): { socket: ClientSocket; early: Buffer } {
    const { flow } = this.#incoming;
    this.#state = 'taken-over';
    this.#deadline?.clear();
    const isAccepted =
      status === 101 && this.#webSocketKey !== null && fieldValue(fields, 'sec-websocket-accept') === acceptFor(this.#webSocketKey);
    // RFC 8441 §5: 200 stands for 101. What does not prove that it is a WebSocket's server is not passed on.
    flow.status = isAccepted ? status : 502;
    const list = isAccepted ? responseFieldList(200, fields.filter(isOfWebSocket), undefined, null) : [':status', '502'];
    flow.bytesToClient += octetsOf(list);
    // A client that has just reset it is noticed at its `close`, by whoever relays.
    if (!this.#stream.closed) this.#stream.respond(list, { endStream: !isAccepted });
    const socket = new UpgradedStream(this.#stream);
    if (!isAccepted) socket.destroy();
    return { socket, early: NOTHING };
  }

  // BodyWatch: whose turn it is to go on with the request's content

  contentAwaited(): void {
    const { contentMinBytesPerSecond, contentGraceMs } = this.#owner.context.options;
    if (contentMinBytesPerSecond > 0 && !this.#isResponseBlocked) this.#timer().set(contentGraceMs);
  }

  contentNotAwaited(): void {
    // The one deadline serves both directions; while the client does not read, it is kept for that.
    if (!this.#isResponseBlocked) this.#deadline?.suspend();
  }

  // ResponseWatch: how the response goes

  responseBlocked(): void {
    this.#isResponseBlocked = true;
    this.#timer().set(this.#owner.context.options.writeTimeoutMs);
  }

  responded(error: ProxyError | null): void {
    this.#letGoOfContent();
    if (error !== null) {
      this.#noteFailure(error);
      this.#breakOff();
      return;
    }
    this.#state = 'responded';
    const isRequestWhole = this.#stream.endAfterHeaders || this.#stream.readableEnded;
    this.#body?.cancel();
    // The client takes what is still on its way in time, or it is cut off.
    this.responseBlocked();
    if (!isRequestWhole) this.#response?.closeWhenSent();
  }

  respondedUpToReset(error: EndedByReset): void {
    this.#letGoOfContent();
    this.#noteFailure(error);
    this.#cutOff(constants.NGHTTP2_NO_ERROR);
  }

  /**
   * Whether trailers may come behind content whose length is known: in HTTP/2, to a client that has said it takes them. Of others they are not awaited,
   * since that costs a frame.
   */
  #mayPassTrailers(): boolean {
    const { flow, head } = this.#incoming;
    return flow.upstreamProtocol === '2' && fieldValue(head.fields, 'te') === 'trailers';
  }

  #letGoOfContent(): void {
    this.#incoming.cancellation.listen(null);
    this.#responseBody = null;
  }

  #noteFailure(error: ProxyError): void {
    const { flow } = this.#incoming;
    this.#hasFailed = true;
    flow.error = error;
    flow.outcome = 'failed';
  }

  #drained(): void {
    if (!this.#isResponseBlocked || this.#state === 'responded') return;
    this.#isResponseBlocked = false;
    this.#deadline?.suspend();
    if (this.#body?.isStarted && !this.#body.isOver && !this.#stream.isPaused()) this.contentAwaited();
    this.#responseBody?.resume();
  }

  /** The last event of a stream. */
  #closed(): void {
    const wasIn = this.#state;
    this.#state = 'over';
    const isWhole = wasIn === 'taken-over' || (wasIn === 'responded' && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR);
    if (wasIn !== 'taken-over' && wasIn !== 'over') this.#finish(isWhole);
    this.#owner.streamClosed(this, !isWhole && !this.#isCutOff);
  }

  #finish(isWhole: boolean): void {
    const { flow, cancellation } = this.#incoming;
    this.#deadline?.clear();
    if (!isWhole && !this.#hasFailed) flow.outcome = 'aborted';
    this.#body?.fail(new ProxyError('http_request_error', 'The client closed the stream before its request was complete.'));
    flow.bytesFromClient += this.#body?.octets ?? 0;
    flow.bytesToClient += this.#response?.octets ?? 0;
    flow.contentToClient += this.#response?.octets ?? 0;
    flow.totalMs = performance.now() - flow.startedMs;
    if (!isWhole) cancellation.cancel();
    this.#owner.context.emit(flow);
  }

  #cutOff(code: number): void {
    this.#isCutOff = true;
    this.#stream.close(code);
  }

  /** With INTERNAL_ERROR. `close` would end the stream first, and END_STREAM come before the reset, or in its place. */
  #breakOff(): void {
    this.#isCutOff = true;
    this.#stream.destroy(BROKEN_OFF);
  }

  #timer(): Deadline {
    return (this.#deadline ??= this.#owner.context.deadlines.create(() => this.#timedOut()));
  }

  #timedOut(): void {
    if (this.#isResponseBlocked) this.#cutOff(constants.NGHTTP2_CANCEL);
    else if (this.#body !== null && !this.#body.isOver) this.#judgeRate(this.#body);
  }

  #judgeRate(body: Http2RequestBody): void {
    const { contentMinBytesPerSecond, contentGraceMs } = this.#owner.context.options;
    const arrived = body.octets + this.#stream.readableLength;
    const came = arrived - this.#contentSeen;
    this.#contentSeen = arrived;
    if (came * 1000 >= contentMinBytesPerSecond * contentGraceMs || this.#awaitsContinue(arrived)) {
      this.contentAwaited();
      return;
    }
    body.fail(
      new ProxyError('http_request_error', `The content of the request came slower than ${contentMinBytesPerSecond} octets a second.`, {
        status: 408,
      }),
    );
  }

  #toldToContinue(): void {
    this.#wasToldToContinue = true;
    if (this.#body?.isStarted && !this.#body.isOver) this.contentAwaited();
  }

  /** The client holds its content back until the origin has said 100; how long that may take is between us and the origin. */
  #awaitsContinue(arrived: number): boolean {
    const { version, fields } = this.#incoming.head;
    return !this.#wasToldToContinue && arrived === 0 && expectsContinue(version, fields);
  }
}

function withKey(head: RequestHead, key: string): RequestHead {
  const fields = head.fields.filter(({ name }) => !isNamed(name, 'sec-websocket-key'));
  return { ...head, fields: [...fields, { name: 'Sec-WebSocket-Key', value: key }] };
}

/** What proves nothing to a client that has sent no key stays here (RFC 8441 §5). */
function isOfWebSocket({ name }: Fields[number]): boolean {
  return !isNamed(name, 'sec-websocket-accept');
}

/** RFC 9110 §6.4.1; of 205, §15.3.6. */
function mayHaveContent(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

/** What Content-Length says: of HEAD, of the content that a GET would bring. */
function contentLengthOf(status: number, isHead: boolean, body: Body | null, announcedLength: number | null): number | null {
  if (!mayHaveContent(status)) return null;
  if (isHead) return announcedLength;
  return body === null ? 0 : body.length;
}

function ignore(): void {}

const BROKEN_OFF = new Error('The response broke off.');

/** Stands for the head of a request that could not be read. */
const NO_HEAD: RequestHead = { method: '', target: '', version: '2', fields: NO_FIELDS };
const NOTHING = Buffer.alloc(0);
