// Owns one connection to an origin that speaks HTTP/2 (RFC 9113), shared by many exchanges, each on a stream of its own: how many streams there may be,
// how much may be on its way to us, and whether the origin is still there.
// A session takes new streams until the origin says GOAWAY; what is on it then goes on.
// Node's bounds that are left as they are: 1000 invalid frames or unread acknowledgements (PING, SETTINGS) end a session, 8 CONTINUATION frames
// end it, 10 PINGs of ours may be open. What is set here says why.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { ProxyError } from '../errors/proxy-error.ts';
import type { FieldList } from '../http/field-list.ts';
import type { Cancellation } from '../net/cancellation.ts';
import type { Deadline, Deadlines } from '../net/deadlines.ts';
import type { UpstreamConnection } from './connection.ts';
import type { UpstreamOptions } from './options.ts';

export class Http2Session {
  /** The judged address that was dialled. */
  readonly connection: UpstreamConnection;
  readonly #session: ClientHttp2Session;
  readonly #idleTimeoutMs: number;
  readonly #idle: Deadline;
  readonly #deadlines: Deadlines;
  readonly #onCalmed: (mostStreams: number) => void;
  readonly #mayStay: () => boolean;
  readonly #onRoom: (streams: number) => void;
  #streams = 0;
  #largeUploads = 0;
  #maxStreams: number;
  #hasSettings = false;
  #takesWebSockets = false;
  /** How many streams the origin is given, whatever its settings say: fewer once it has asked for calm. */
  #mostStreams: number;
  /** Streams up to this one were opened before it got fewer. */
  #calmedUpTo = 0;
  #isShared = false;
  #isClosing = false;
  /** Streams refused since the last answer. */
  #refusals = 0;
  #window = windowFor(0);
  /** Streams above it were not processed (RFC 9113 §6.8). */
  #lastStreamId = Number.POSITIVE_INFINITY;
  #heardMs = performance.now();
  #ping: Promise<boolean> | null = null;
  #error: Error | null = null;

  /**
   * @param mostStreams that it is given at once; fewer where the origin has asked for calm before
   * @param onCalmed told when it does so again
   * @param mayStay asked when the last stream is over: whether the session is kept for more
   * @param onRoom told when streams may be opened that could not before, here or on another session
   */
  constructor(
    connection: UpstreamConnection,
    options: UpstreamOptions,
    deadlines: Deadlines,
    mostStreams: number,
    onCalmed: (mostStreams: number) => void,
    mayStay: () => boolean,
    onRoom: (streams: number) => void,
    onGone: (session: Http2Session) => void,
  ) {
    this.connection = connection;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#mostStreams = mostStreams;
    this.#maxStreams = Math.min(STREAMS_BEFORE_SETTINGS, mostStreams);
    this.#onCalmed = onCalmed;
    this.#mayStay = mayStay;
    this.#onRoom = onRoom;
    this.#deadlines = deadlines;
    this.#idle = deadlines.create(() => this.#wasIdle());
    const settings = {
      createConnection: () => connection.socket,
      // A client may have sent a field twice that should be there once; whether it may is for the origin to say.
      strictSingleValueFields: false,
      maxHeaderListPairs: options.fieldCount + PSEUDO_FIELDS,
      // More than a client's head can have: a larger one would end the session for everybody.
      maxSendHeaderBlockLength: MAX_SENT_HEAD,
      // MiB; new streams are refused above it, and what waits to be sent counts.
      maxSessionMemory: 32,
      settings: { enablePush: false, initialWindowSize: windowFor(0), maxHeaderListSize: options.headBytes },
    };
    const session = connect('https://origin.invalid', settings);
    this.#session = session;
    session.setLocalWindowSize(SESSION_WINDOW);
    session.on('remoteSettings', ({ maxConcurrentStreams, enableConnectProtocol }) => {
      this.#hasSettings = true;
      this.#takesWebSockets = enableConnectProtocol === true;
      this.#maxStreams = Math.min(maxConcurrentStreams ?? MOST_STREAMS, this.#mostStreams);
      onRoom(this.#maxStreams);
    });
    session.on('goaway', (_code, lastStreamId) => {
      this.#lastStreamId = lastStreamId;
      if (this.#streams === 0) this.#idle.set(LINGER_MS);
      onRoom(1);
    });
    session.on('error', (error) => {
      this.#error = error;
    });
    session.on('close', () => {
      this.#idle.clear();
      onGone(this);
      onRoom(1);
    });
    // A connection that the origin has closed for its part brings no more frames.
    connection.consume({ read: () => true, ended: () => this.destroy(), drained: () => {}, closed: () => {} });
  }

  /** Whether new streams may be opened. */
  get isOpen(): boolean {
    return !this.#isClosing && !this.#session.closed && !this.#session.destroyed && this.connection.isOpen;
  }

  get isDestroyed(): boolean {
    return this.#session.destroyed;
  }

  get isIdle(): boolean {
    return this.#streams === 0;
  }

  /** Whether the origin has said how many streams it takes. */
  get hasSettings(): boolean {
    return this.#hasSettings;
  }

  get hasRoom(): boolean {
    return this.#streams < this.#maxStreams;
  }

  /** Whether the origin has said that it takes WebSockets on streams (RFC 8441 §3). */
  get takesWebSockets(): boolean {
    return this.#takesWebSockets;
  }

  /** Whether it takes them, and one more leaves room: they stay for hours, and half of the streams are for requests. */
  get hasRoomForWebSocket(): boolean {
    return this.#takesWebSockets && this.#streams < this.#maxStreams / 2 && this.#largeUploads === 0;
  }

  /** How many uploads are under way that others would wait for (shared-upload.ts). */
  get largeUploads(): number {
    return this.#largeUploads;
  }

  /** Why it ended, when something failed. */
  get error(): Error | null {
    return this.#error;
  }

  /**
   * Until the origin has said what it takes, which is the first that it says (RFC 9113 §3.4).
   *
   * @param name the origin, for messages
   * @throws ProxyError `http_response_timeout`, `connection_terminated`
   */
  settled(name: string, timeoutMs: number, cancellation: Cancellation): Promise<void> {
    if (this.#hasSettings) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        deadline.clear();
        cancellation.listen(null);
        this.#session.off('remoteSettings', came);
        this.#session.off('close', closed);
      };
      const came = (): void => {
        stop();
        resolve();
      };
      const fail = (error: ProxyError): void => {
        stop();
        reject(error);
      };
      const closed = (): void =>
        fail(
          new ProxyError('connection_terminated', `${name} closed the connection without answering.`, { cause: this.#error ?? undefined }),
        );
      const deadline = this.#deadlines.create(() => {
        this.close();
        fail(new ProxyError('http_response_timeout', `${name} sent no SETTINGS of HTTP/2 within ${timeoutMs} ms.`));
      });
      this.#session.once('remoteSettings', came);
      this.#session.once('close', closed);
      deadline.set(timeoutMs);
      cancellation.listen({ cancel: () => fail(new ProxyError('connection_terminated', 'The client left before the connection stood.')) });
      if (this.isDestroyed) closed();
    });
  }

  /** Keeps a place for a stream. `request` uses it, whoever does not get that far gives it back. */
  hold(): void {
    this.#streams += 1;
    if (this.#streams > 1) this.#isShared = true;
    this.#idle.suspend();
    const window = windowFor(this.#streams);
    if (window < this.#window) this.#setWindow(window);
  }

  release(): void {
    this.#streams -= 1;
    this.#onRoom(1);
    if (this.#streams > 0) return;
    if (this.isOpen && this.#mayStay()) {
      this.#idle.set(this.#idleTimeoutMs);
      this.#setWindow(windowFor(0));
    } else this.close();
  }

  largeUploadBegun(): void {
    this.#largeUploads += 1;
  }

  largeUploadOver(): void {
    this.#largeUploads -= 1;
  }

  /**
   * Opens a stream on a place that was held.
   *
   * @throws Error where the fields cannot be written
   */
  request(fields: FieldList, options: { readonly endStream: boolean; readonly waitForTrailers: boolean }): ClientHttp2Stream {
    try {
      const stream = this.#session.request(fields, options);
      stream.once('close', () => this.release());
      return stream;
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Whether the origin can have acted on a stream's request. */
  wasProcessed(streamId: number): boolean {
    return streamId <= this.#lastStreamId;
  }

  /** The origin has just answered. */
  answered(): void {
    this.#heardMs = performance.now();
    this.#refusals = 0;
  }

  /**
   * A stream was refused. A session that does nothing else is given up: after some faults of an origin nghttp2 refuses every stream by itself,
   * and Node does not tell.
   */
  refused(): void {
    this.#refusals += 1;
    if (this.#refusals >= MOST_REFUSALS) this.close();
  }

  /**
   * The origin has closed a stream because it has too much to do (ENHANCE_YOUR_CALM): from now on it gets half as many at once here. Servers count the
   * memory of a session, and ours carries the answers of many clients.
   *
   * @returns whether it can have been the others that were too much
   */
  calmed(streamId: number): boolean {
    // One crowd is told stream by stream.
    if (this.#isShared && streamId > this.#calmedUpTo) {
      this.#calmedUpTo = this.#session.state.nextStreamID ?? streamId;
      this.#mostStreams = Math.max(1, Math.floor(Math.min(this.#streams, this.#mostStreams) / 2));
      this.#maxStreams = Math.min(this.#maxStreams, this.#mostStreams);
      this.#onCalmed(this.#mostStreams);
    }
    return this.#isShared;
  }

  /** Asks the origin for a sign of life (PING) where it has been silent for longer than this; a session without an answer is ended. */
  isAlive(maxQuietMs: number): boolean | Promise<boolean> {
    if (!this.isOpen) return false;
    if (performance.now() - this.#heardMs <= maxQuietMs) return true;
    this.#ping ??= this.#askForLife().finally(() => {
      this.#ping = null;
    });
    return this.#ping;
  }

  /**
   * No new streams; ends once those that are open are over. GOAWAY is sent then, and not before: it would overtake requests that were made just now,
   * and origins refuse what comes behind it.
   */
  close(): void {
    this.#isClosing = true;
    if (this.#streams > 0) return;
    this.#session.close();
    this.#idle.set(LINGER_MS);
  }

  destroy(): void {
    this.#session.destroy(new ProxyError('connection_terminated', 'The connection was closed.'), constants.NGHTTP2_CANCEL);
    this.connection.destroy();
  }

  #setWindow(initialWindowSize: number): void {
    if (initialWindowSize === this.#window) return;
    // An origin that acknowledges nothing stays with the smaller one: Node ends a session that waits for ten acknowledgements.
    if (initialWindowSize > this.#window && this.#session.pendingSettingsAck) return;
    this.#window = initialWindowSize;
    this.#session.settings({ initialWindowSize });
  }

  #wasIdle(): void {
    // Node ends its half and waits for the origin's, for as long as that takes.
    if (this.#session.closed || this.#session.destroyed) this.connection.destroy();
    else this.close();
  }

  #askForLife(): Promise<boolean> {
    return new Promise((resolve) => {
      const deadline = this.#deadlines.create(() => {
        resolve(false);
        this.destroy();
      });
      deadline.set(PING_TIMEOUT_MS);
      const isSent = this.#session.ping((error) => {
        deadline.clear();
        if (error === null) this.#heardMs = performance.now();
        resolve(error === null && this.isOpen);
      });
      if (isSent) return;
      deadline.clear();
      resolve(false);
    });
  }
}

/**
 * Octets that an origin may send ahead of each slow client, by how many streams are open: Node gives back the window of the whole session as soon as
 * anything comes, so nobody is held up by a slow neighbour, and only these windows bound what waits here. A session holds 34 MiB at most.
 */
function windowFor(streams: number): number {
  if (streams <= 8) return 1024 * KIB;
  return streams <= 64 ? 256 * KIB : 64 * KIB;
}

/** At most, whatever an origin says; and before it has, when those it does not take would have to be sent again. */
export const MOST_STREAMS = 256;
const STREAMS_BEFORE_SETTINGS = 8;
const MOST_REFUSALS = 2 * STREAMS_BEFORE_SETTINGS;
const KIB = 1024;
/** What may be under way to us on all streams together. */
const SESSION_WINDOW = 4 * 1024 * KIB;
const PSEUDO_FIELDS = 1;
const MAX_SENT_HEAD = 512 * 1024;
/** For the origin to close its half. */
const LINGER_MS = 1_000;
const PING_TIMEOUT_MS = 5_000;
