// Owns one client socket that speaks HTTP/1.1 or 1.0: reads requests one after another, writes their responses, keeps the timers, and gives the
// socket away when it becomes a tunnel. Requests that come early wait in the reader; each is judged anew when its turn comes. How a request's content
// is read is in http1-request-content.ts.
import { asProxyError, ProxyError } from '../errors/proxy-error.ts';
import type { Client, ClientSocket, Incoming, OpenedTunnel, Responder } from '../exchange/exchange.ts';
import { createFlow, type Flow, type FlowOrigin } from '../flows/flow.ts';
import { isPersistent } from '../http/forwarding.ts';
import { type Framing, UNTIL_CLOSE } from '../http/framing.ts';
import { type Body, type Fields, NO_FIELDS, type RequestHead } from '../http/message.ts';
import { Http1Reader, type ReaderEvent } from '../http1/reader.ts';
import { MessageWriter, responseHeadText } from '../http1/writer.ts';
import { breakOff } from '../net/break-off.ts';
import { Cancellation } from '../net/cancellation.ts';
import type { Deadline } from '../net/deadlines.ts';
import { releaseNow } from '../net/turn-writes.ts';
import { AcceptedSocket, copyOf } from './accepted-socket.ts';
import type { ClientConnection, ConnectionContext, SocketOwner } from './client-connection.ts';
import { RequestContent, type RequestContentOwner } from './http1-request-content.ts';
import { framingOf, ResponseSink } from './response.ts';

/**
 * `waiting`: for a request's first octet. `head`: within one. `exchange`: a request is being answered. `lingering`: the last response is written and
 * the client may finish what it was sending. `over`: closed, or given away.
 */
type State = 'waiting' | 'head' | 'exchange' | 'lingering' | 'over';

export class Http1Connection implements ClientConnection, Responder, RequestContentOwner {
  readonly #socket: ClientSocket;
  readonly #context: ConnectionContext;
  readonly #client: Client;
  readonly #origin: FlowOrigin;
  readonly #tunnel: OpenedTunnel | null;
  readonly #reader: Http1Reader;
  readonly #deadline: Deadline;
  readonly #content: RequestContent;
  readonly #acceptedMs = performance.now();
  #lingerMs = LINGER_MS;
  #state: State = 'waiting';
  #incoming: Incoming | null = null;
  #response: { writer: MessageWriter; body: Body | null } | null = null;
  #isResponseBlocked = false;
  #mayPersist = false;
  #isDraining = false;
  #isStopped = false;
  /** Octets that came in all, and up to the end of the last exchange. */
  #octetsIn = 0;
  #octetsBefore = 0;
  readonly #owner: SocketOwner;
  readonly #onData = (bytes: Buffer): void => this.#read(bytes);
  /** The socket, when what it reads comes in memory that is lent. */
  readonly #lender: AcceptedSocket | null;
  readonly #onEnd = (): void => this.#ended();
  readonly #onDrain = (): void => this.#drained();
  readonly #onClose = (): void => this.#closed();
  readonly #onResponded = (error: ProxyError | null): void => this.#responded(error);
  readonly #onBlocked = (): void => this.#blocked();

  /**
   * @param socket the client's, or a TLSSocket on it whose handshake is done
   * @param tunnel that the connection is the inside of; null outside of one
   */
  constructor(
    socket: ClientSocket,
    client: Client,
    origin: FlowOrigin,
    context: ConnectionContext,
    owner: SocketOwner,
    tunnel: OpenedTunnel | null = null,
  ) {
    this.#socket = socket;
    this.#tunnel = tunnel;
    this.#owner = owner;
    this.#client = client;
    this.#origin = origin;
    this.#context = context;
    this.#reader = new Http1Reader('request', context.options);
    this.#deadline = context.deadlines.create(() => this.#timedOut());
    this.#deadline.set(context.options.headTimeoutMs);
    this.#content = new RequestContent(socket, this.#reader, this.#deadline, context.options, this);
    this.#lender = tunnel === null && socket instanceof AcceptedSocket ? socket : null;
    if (this.#lender === null) socket.on('data', this.#onData);
    else this.#lender.hear((bytes, isLent) => this.#heard(bytes, isLent));
    socket.on('end', this.#onEnd);
    socket.on('drain', this.#onDrain);
    socket.on('close', this.#onClose);
  }

  drain(patienceMs: number): void {
    this.#isDraining = true;
    if (this.#state !== 'waiting') return;
    if (patienceMs === 0) this.#finish();
    else this.#deadline.set(patienceMs);
  }

  /** Closes it if it waits for a request: without a goodbye, which would keep its descriptor for as long. */
  letGoIfIdle(): boolean {
    if (this.#state !== 'waiting' || this.#socket.writableLength > 0) return false;
    // What a new client asks may be on its way.
    if (this.#octetsIn === 0 && performance.now() - this.#acceptedMs < NEW_MS) return false;
    this.#socket.destroy();
    return true;
  }

  /** Ends it at once. An answer under way breaks off, and its record says that it was we who did it. */
  stop(): void {
    const flow = this.#incoming?.flow;
    if (flow === undefined) {
      releaseNow(this.#socket);
      this.#socket.destroy();
      return;
    }
    this.#isStopped = true;
    flow.error = new ProxyError('connection_terminated', 'The proxy was stopped before the exchange had ended.');
    breakOff(this.#socket);
  }

  /** Answers with an error before anything is read, and closes. @param lingerMs for the client to finish what it is sending */
  refuse(error: ProxyError, lingerMs = LINGER_MS): void {
    this.#lingerMs = lingerMs;
    this.#unreadable(error);
  }

  // Responder: what the exchange says

  interim(status: number, reason: string, fields: Fields): void {
    const incoming = this.#incoming;
    if (incoming?.head.version !== '1.1' || this.#state !== 'exchange') return;
    if (status === 100) this.#content.toldToContinue();
    const head = responseHeadText(status, reason, fields, null, null);
    incoming.flow.bytesToClient += head.length;
    this.#socket.write(head, 'latin1');
  }

  respond(status: number, reason: string, fields: Fields, body: Body | null, announcedLength: number | null, lines?: string): void {
    const incoming = this.#incoming;
    if (incoming === null || this.#state !== 'exchange') {
      body?.cancel();
      return;
    }
    if (this.#response !== null) {
      // A head is out already, and a defect led here: a second one would be taken for content.
      body?.cancel();
      this.abort();
      return;
    }
    incoming.cancellation.listen(body);
    incoming.flow.status = status;
    const { method, version } = incoming.head;
    const framing = framingOf(method, version, status, body, announcedLength);
    // Whoever asks for what no proxy serves may mean what comes behind it otherwise than we would read it.
    if (incoming.flow.error?.status === 400) this.#mayPersist = false;
    // What comes behind a refused CONNECT was meant for a tunnel; it is never read as a request (RFC 9931).
    if (framing === UNTIL_CLOSE || method === 'CONNECT' || this.#isDraining || !this.#content.isOverByThen(status, framing))
      this.#mayPersist = false;
    const connection = this.#mayPersist ? null : 'close';
    const head = responseHeadText(status, reason, fields, framing, connection, lines);
    const writer = new MessageWriter(this.#socket, head, method === 'HEAD' ? null : framing, this.#onResponded);
    const sent = method === 'HEAD' ? null : body;
    if (sent !== body) body?.cancel();
    this.#response = { writer, body: sent };
    if (sent === null) writer.end(NO_FIELDS);
    else this.#send(sent, writer);
  }

  abort(isInOrder = false): void {
    if (isInOrder) this.#socket.end(() => this.#socket.destroy());
    else breakOff(this.#socket);
  }

  takeOver(status: number, reason: string, fields: Fields): { socket: ClientSocket; early: Buffer } {
    const { flow } = this.#incoming!;
    flow.status = status;
    const head = responseHeadText(status, reason, fields, null, null);
    this.#state = 'over';
    this.#deadline.clear();
    if (this.#lender !== null) this.#reader.detach();
    const early = this.#reader.takeRest();
    flow.bytesFromClient = this.#octetsIn - this.#octetsBefore - early.length;
    flow.bytesToClient += head.length;
    this.#incoming = null;
    if (this.#lender === null) this.#socket.off('data', this.#onData);
    else this.#lender.hear(null);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('drain', this.#onDrain);
    this.#socket.off('close', this.#onClose);
    this.#owner.takenOver();
    this.#socket.write(head, 'latin1');
    return { socket: this.#socket, early };
  }

  // RequestContentOwner: what the content of a request goes by

  /** The one deadline serves both directions; while the client does not read, it is kept for that. */
  get isResponseBlocked(): boolean {
    return this.#isResponseBlocked;
  }

  /** Heads are read where they lie. What lasts longer than the call is copied first: content, and requests that come early. */
  #heard(bytes: Buffer, isLent: boolean): void {
    if (!isLent) {
      this.#read(bytes);
    } else if (this.#state === 'exchange') {
      this.#read(copyOf(bytes));
    } else {
      this.#read(bytes);
      this.#reader.detach();
    }
  }

  #read(bytes: Buffer): void {
    this.#octetsIn += bytes.length;
    if (this.#state === 'lingering') return;
    this.#reader.feed(bytes);
    if (this.#state === 'exchange') {
      this.#content.takeUp(bytes);
      // Content that nobody takes yet, or requests that came early: enough is enough.
      if (this.#reader.buffered > MOST_UNREAD) this.#socket.pause();
      return;
    }
    this.#next();
  }

  /** Takes the next request out of the reader, if it is there. */
  #next(): void {
    if (this.#reader.buffered > 0 && this.#state === 'waiting') {
      this.#state = 'head';
      this.#deadline.set(this.#context.options.headTimeoutMs);
    }
    let event: ReaderEvent | null;
    try {
      event = this.#reader.next();
    } catch (thrown) {
      this.#unreadable(asProxyError(thrown));
      return;
    }
    if (event === null) return;
    if (event.kind !== 'request') throw new Error(`a request begins with its head, not with ${event.kind}`);
    this.#deadline.suspend();
    this.#begin(event.head, event.framing);
  }

  #begin(head: RequestHead, framing: Framing): void {
    this.#state = 'exchange';
    // A proxy keeps no connection to an HTTP/1.0 client, whatever it asks for (RFC 9112 §9.3).
    this.#mayPersist = head.version === '1.1' && isPersistent(head.version, head.fields);
    if (framing === 0) {
      this.#content.beginWithout();
      this.#reader.next(); // the end event of a request without content
    } else {
      if (this.#lender !== null) this.#reader.detach();
      this.#content.begin(framing);
    }
    this.#incoming = this.#createIncoming(head);
    this.#context.startExchange(this.#incoming);
  }

  #createIncoming(head: RequestHead): Incoming {
    const flow: Flow = createFlow(this.#origin);
    return {
      head,
      body: this.#content.body,
      client: this.#client,
      flow,
      cancellation: new Cancellation(),
      responder: this,
      tunnel: this.#tunnel,
      isBackground: false,
    };
  }

  #unreadable(error: ProxyError): void {
    this.#state = 'exchange';
    this.#mayPersist = false;
    this.#content.beginWithout();
    this.#reader.discard();
    this.#incoming = this.#createIncoming(NO_HEAD);
    this.#context.answerUnreadable(this.#incoming, error);
  }

  #send(body: Body, writer: MessageWriter): void {
    body.start(new ResponseSink(writer, this.#onBlocked));
    writer.flush();
  }

  #blocked(): void {
    this.#isResponseBlocked = true;
    this.#deadline.set(this.#context.options.writeTimeoutMs);
  }

  #drained(): void {
    if (!this.#isResponseBlocked) return;
    this.#isResponseBlocked = false;
    this.#deadline.suspend();
    if (!this.#socket.isPaused()) this.#content.watchAgain();
    this.#response?.body?.resume();
  }

  /** The response was written, or broke off. */
  #responded(error: ProxyError | null): void {
    const incoming = this.#incoming;
    if (incoming === null) return;
    const { flow } = incoming;
    flow.bytesToClient += this.#response?.writer.bytesWritten ?? 0;
    flow.contentToClient += this.#response?.writer.contentWritten ?? 0;
    this.#response = null;
    this.#isResponseBlocked = false;
    incoming.cancellation.listen(null);
    if (error !== null) {
      flow.error = error;
      flow.outcome = 'failed';
      this.#end(flow);
      this.#state = 'over';
      // The client must not take what it has for the whole: a reset can't be mistaken for an end.
      breakOff(this.#socket);
      return;
    }
    this.#mayPersist = this.#content.leave(this.#mayPersist);
    this.#end(flow);
    if (!this.#mayPersist || this.#isDraining) this.#finish();
    else this.#awaitNext();
  }

  #end(flow: Flow): void {
    const octets = this.#octetsIn - this.#reader.buffered;
    flow.bytesFromClient = octets - this.#octetsBefore;
    this.#octetsBefore = octets;
    flow.totalMs = performance.now() - flow.startedMs;
    this.#incoming = null;
    this.#context.emit(flow);
  }

  #awaitNext(): void {
    this.#state = 'waiting';
    this.#content.beginWithout();
    this.#deadline.set(this.#context.options.idleTimeoutMs);
    if (this.#socket.isPaused()) this.#socket.resume();
    // In a turn of its own: requests that are answered as soon as they are read would be answered one inside the other.
    if (this.#reader.buffered > 0)
      queueMicrotask(() => {
        if (this.#state === 'waiting') this.#next();
      });
  }

  /** Says goodbye (FIN) and lets the client finish what it was sending: closing at once could take our answer from it (RFC 9112 §9.6). */
  #finish(): void {
    this.#state = 'lingering';
    this.#reader.discard();
    this.#socket.resume();
    if (this.#socket.writableLength === 0) {
      this.#socket.end();
      this.#deadline.set(this.#lingerMs);
      return;
    }
    // A slow client takes the rest of its answer first.
    this.#deadline.set(this.#context.options.writeTimeoutMs);
    this.#socket.end(() => this.#deadline.set(this.#lingerMs));
  }

  #ended(): void {
    if (this.#state === 'exchange') {
      // A client that has sent its FIN before its answer has left: as every proxy does, the work for it stops.
      breakOff(this.#socket);
      return;
    }
    this.#socket.end();
  }

  #closed(): void {
    const wasIn = this.#state;
    this.#state = 'over';
    this.#deadline.clear();
    const incoming = this.#incoming;
    if (wasIn !== 'exchange' || incoming === null) return;
    const { flow } = incoming;
    flow.outcome = this.#isStopped ? 'failed' : 'aborted';
    flow.bytesToClient += this.#response?.writer.bytesWritten ?? 0;
    flow.contentToClient += this.#response?.writer.contentWritten ?? 0;
    this.#content.body?.finish(new ProxyError('http_request_error', 'The client closed the connection before its request was complete.'));
    incoming.cancellation.cancel();
    this.#response = null;
    this.#end(flow);
  }

  #timedOut(): void {
    const { options } = this.#context;
    switch (this.#state) {
      case 'head':
        this.#unreadable(
          new ProxyError('http_request_error', `The head of the request did not arrive within ${options.headTimeoutMs} ms.`, {
            status: 408,
          }),
        );
        return;
      case 'exchange':
        if (this.#isResponseBlocked) breakOff(this.#socket);
        else this.#content.judgeRate(this.#incoming?.head);
        return;
      case 'waiting':
        this.#finish();
        return;
      case 'lingering':
      case 'over':
        breakOff(this.#socket);
        return;
      default:
        this.#state satisfies never;
    }
  }
}

/** Stands for the head of a request that could not be read. */
const NO_HEAD: RequestHead = { method: '', target: '', version: '1.1', fields: NO_FIELDS };
const MOST_UNREAD = 64 * 1024;
const LINGER_MS = 2_000;
/** What a client sends at once is there within a round trip. */
const NEW_MS = 1_000;
