// Owns one connection of a client that speaks HTTP/2 (RFC 9113): its session, its limits and timers; each stream is a request (http2-exchange.ts).
// Frames, flow control and HPACK are node:http2's, which is nghttp2. It refuses by itself, before anything here is asked, and test/conformance/rfc9113-streams.test.ts
// holds it to that: frames that break the rules, streams beyond the limit, field blocks of too many octets or CONTINUATIONs, names in upper case,
// pseudo-header fields that are unknown, repeated or late, fields of a connection, content that is not as long as announced; a field whose value has
// a control character in it, it leaves out. What it does not count is counted here: streams that are opened and reset (CVE-2023-44487, CVE-2025-8671).
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Client, ClientSocket, OpenedTunnel } from '../exchange/exchange.ts';
import type { FlowOrigin } from '../flows/flow.ts';
import { breakOff } from '../net/break-off.ts';
import type { Deadline } from '../net/deadlines.ts';
import { LinkedSet } from '../net/linked-set.ts';
import type { ClientConnection, ConnectionContext } from './client-connection.ts';
import { Http2Exchange, type StreamOwner } from './http2-exchange.ts';

export class Http2Connection implements ClientConnection, StreamOwner {
  readonly context: ConnectionContext;
  readonly client: Client;
  readonly origin: FlowOrigin;
  readonly tunnel: OpenedTunnel;
  readonly #socket: ClientSocket;
  readonly #session: ServerHttp2Session;
  readonly #exchanges = new LinkedSet<Http2Exchange>();
  readonly #deadline: Deadline;
  #isClosing = false;
  #resets = 0;
  #resetsSinceMs = 0;

  /** @param socket whose handshake is done */
  constructor(socket: ClientSocket, client: Client, origin: FlowOrigin, context: ConnectionContext, tunnel: OpenedTunnel) {
    this.#socket = socket;
    this.client = client;
    this.origin = origin;
    this.context = context;
    this.tunnel = tunnel;
    const { options } = context;
    this.#session = performServerHandshake(socket, {
      // Twice of what is served: then there is a stream left to say so on. Beyond that, the stream is reset.
      maxHeaderListPairs: 2 * options.fieldCount,
      maxSessionInvalidFrames: MOST_INVALID_FRAMES,
      maxSendHeaderBlockLength: LONGEST_RESPONSE_HEAD,
      strictSingleValueFields: false,
      settings: {
        maxConcurrentStreams: options.http2Streams,
        initialWindowSize: options.http2WindowBytes,
        maxHeaderListSize: 2 * options.headBytes,
        enableConnectProtocol: true,
      },
    });
    // All streams together may have more under way than one, or the slowest of them would hold up the others (RFC 9113 §6.9.2).
    this.#session.setLocalWindowSize(STREAMS_IN_WINDOW * options.http2WindowBytes);
    this.#session.on('stream', (stream, _byName, _flags, list: string[]) => this.#opened(stream, list));
    // What a session dies of is the client's doing; its streams tell, and the socket's `close`.
    this.#session.on('error', ignore);
    this.#deadline = context.deadlines.create(() => this.#timedOut());
    this.#deadline.set(options.headTimeoutMs);
    // A client that has said its last word waits for no answer: as with HTTP/1.1, the work for it stops.
    socket.on('end', () => {
      this.#session.destroy();
      // Node waits for what it was writing, which a client that has left may never take.
      setImmediate(() => socket.destroy());
    });
    socket.on('close', () => this.#deadline.clear());
  }

  drain(): void {
    this.#finish();
  }

  letGoIfIdle(): boolean {
    if (this.#exchanges.size > 0) return false;
    this.#socket.destroy();
    return true;
  }

  stop(): void {
    if (this.#exchanges.size === 0) {
      this.#socket.destroy();
      return;
    }
    for (const exchange of this.#exchanges) exchange.stop();
    breakOff(this.#socket);
  }

  // StreamOwner: what a stream says

  streamClosed(exchange: Http2Exchange, wasCutOff: boolean): void {
    this.#exchanges.delete(exchange);
    if (wasCutOff) this.#countReset();
    if (this.#exchanges.size > 0) return;
    this.#deadline.set(this.#isClosing ? LINGER_MS : this.context.options.idleTimeoutMs);
  }

  #opened(stream: ServerHttp2Stream, list: string[]): void {
    if (stream.closed || this.#session.destroyed) {
      // Reset in the breath in which it was opened.
      stream.on('error', ignore);
      this.#countReset();
      return;
    }
    this.#deadline.suspend();
    this.#exchanges.add(new Http2Exchange(stream, list, this));
  }

  /** Work that was begun for nothing is what a flood of resets lives on. */
  #countReset(): void {
    if (this.#session.destroyed) return;
    const nowMs = performance.now();
    if (nowMs - this.#resetsSinceMs > RESETS_WITHIN_MS) {
      this.#resetsSinceMs = nowMs;
      this.#resets = 0;
    }
    this.#resets += 1;
    const { http2Resets } = this.context.options;
    if (this.#resets <= http2Resets) return;
    const error = new Error(`more than ${http2Resets} streams ended without an answer within ${RESETS_WITHIN_MS / 1000} seconds`);
    this.#session.destroy(error, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #timedOut(): void {
    if (this.#isClosing) breakOff(this.#socket);
    else this.#finish();
  }

  /**
   * Says goodbye (GOAWAY), answers what is under way, and closes. Streams that were on their way to us are not answered; the frame says which, and that
   * they may be sent again (RFC 9113 §6.8). Node has no way to announce it first.
   */
  #finish(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#session.close();
    if (this.#exchanges.size === 0) this.#deadline.set(LINGER_MS);
  }
}

function ignore(): void {}

const LINGER_MS = 2_000;
/** More than `response_head` lets an origin send by default, with what we add. Beyond it nghttp2 resets the stream. */
const LONGEST_RESPONSE_HEAD = 256 * 1024;
const MOST_INVALID_FRAMES = 100;
const RESETS_WITHIN_MS = 10_000;
const STREAMS_IN_WINDOW = 4;
