// Owns connections to origins that speak HTTP/2 (RFC 9113): one session is shared by many exchanges, each on a stream of its own, and which
// origins speak HTTP/1.1 alone. Requests that come while nobody knows yet wait for one connection instead of making one each.
// A session takes new streams until the origin says GOAWAY; what is on it then goes on. Each use is judged anew by the caller, as in pool.ts.
// Node's bounds that are left as they are: 1000 invalid frames or unread acknowledgements (PING, SETTINGS) end a session, 8 CONTINUATION frames
// end it, 10 PINGs of ours may be open. What is set here says why.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { LRUCache } from 'lru-cache';
import { ProxyError } from '../errors/proxy-error.ts';
import type { FieldList } from '../http/field-list.ts';
import type { Deadline, Deadlines } from '../net/deadlines.ts';
import type { UpstreamConnection } from './connection.ts';
import type { UpstreamOptions } from './options.ts';
import type { Secured } from './start-tls.ts';
import { WaitingLine } from './waiting-line.ts';

/** A session, or the connection of an origin that speaks HTTP/1.1. */
export type Connected = { readonly session: Http2Session } | { readonly session: null; readonly connection: UpstreamConnection };

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

  /** Whether the origin takes WebSockets on streams (RFC 8441 §3), and one more leaves room: they stay for hours, and half of the streams are for requests. */
  get hasRoomForWebSocket(): boolean {
    return this.#takesWebSockets && this.#streams < this.#maxStreams / 2;
  }

  /** Why it ended, when something failed. */
  get error(): Error | null {
    return this.#error;
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

export class Http2Sessions {
  readonly #options: UpstreamOptions;
  readonly #open = new Map<string, Http2Session[]>();
  readonly #attempts = new Map<string, Promise<unknown>>();
  /** For a place, where there are as many sessions as there may be. */
  readonly waiting = new WaitingLine();
  /** Destinations that chose HTTP/1.1 lately. */
  readonly #http1Alone = new LRUCache<string, true>({ max: 2_000, ttl: HTTP1_REMEMBERED_MS });
  /** Streams that a session is given of destinations that have asked for calm lately. */
  readonly #calmed = new LRUCache<string, number>({ max: 2_000, ttl: CALM_REMEMBERED_MS });
  #total = 0;
  #isClosed = false;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** Whether a destination has said lately that it speaks HTTP/1.1 and nothing else. */
  speaksHttp1Alone(key: string): boolean {
    return this.#http1Alone.has(key);
  }

  noteHttp1Alone(key: string): void {
    this.#http1Alone.set(key, true);
  }

  forgetHttp1Alone(key: string): void {
    this.#http1Alone.delete(key);
  }

  /**
   * @param mayUse judges the address a session goes to
   * @returns a session with room for a stream, held; `busy` when there is none and may be no more of them, or one has yet to say how much it takes
   */
  take(key: string, mayUse: (session: Http2Session) => boolean): Http2Session | 'busy' | null {
    const sessions = this.#open.get(key);
    if (sessions === undefined) return null;
    let busy = 0;
    for (const session of sessions) {
      if (!session.isOpen || !mayUse(session)) continue;
      if (session.hasRoom) {
        session.hold();
        return session;
      }
      busy += session.hasSettings ? 1 : SESSIONS_PER_DESTINATION;
    }
    return busy >= SESSIONS_PER_DESTINATION ? 'busy' : null;
  }

  /** @returns a session that a WebSocket may go over, held; `null` where none is open */
  takeForWebSocket(key: string, mayUse: (session: Http2Session) => boolean): Http2Session | null {
    const session = this.#open.get(key)?.find((open) => open.isOpen && open.hasRoomForWebSocket && mayUse(open)) ?? null;
    session?.hold();
    return session;
  }

  /** What becomes of the connection that somebody is making to a destination: `null` once it stands, else why it does not. */
  attempt(key: string): Promise<unknown> | null {
    return this.#attempts.get(key) ?? null;
  }

  /**
   * Makes a connection, and keeps it, held, when its origin chose `h2`. Others can wait for it meanwhile.
   *
   * @throws what `open` throws
   */
  connect(key: string, deadlines: Deadlines, open: () => Promise<Secured>): Promise<Connected> {
    const connecting = open().then((secured) => this.#connected(key, secured, deadlines));
    if (this.#attempts.has(key)) return connecting;
    const forget = (failure: unknown): unknown => {
      this.#attempts.delete(key);
      // What goes wrong is for all of them to find out.
      if (failure !== null) this.waiting.wake(key, Number.POSITIVE_INFINITY);
      return failure;
    };
    this.#attempts.set(
      key,
      connecting.then(() => forget(null), forget),
    );
    return connecting;
  }

  /** In the turn in which TLS was ready: what the origin sends first would be lost in the next. */
  #connected(key: string, { connection, protocol }: Secured, deadlines: Deadlines): Connected {
    if (protocol === 'http/1.1') {
      this.noteHttp1Alone(key);
      return { session: null, connection };
    }
    this.#http1Alone.delete(key);
    const session = new Http2Session(
      connection,
      this.#options,
      deadlines,
      this.#calmed.get(key) ?? MOST_STREAMS,
      (mostStreams) => this.#calmed.set(key, mostStreams),
      () => !this.#isClosed && this.#total <= this.#options.idleTotal,
      (streams) => this.waiting.wake(key, streams),
      (gone) => this.#remove(key, gone),
    );
    session.hold();
    const sessions = this.#open.get(key);
    if (sessions === undefined) this.#open.set(key, [session]);
    else sessions.push(session);
    this.#total += 1;
    return { session };
  }

  /** Whatever is idle ends now, whatever is in use once it is not. */
  close(): void {
    this.#isClosed = true;
    for (const session of this.#all()) session.close();
  }

  /** Closes what is idle. */
  letGo(): void {
    for (const session of this.#all()) if (session.isIdle) session.close();
  }

  #all(): Http2Session[] {
    return [...this.#open.values()].flat();
  }

  #remove(key: string, session: Http2Session): void {
    const sessions = this.#open.get(key);
    const index = sessions?.indexOf(session) ?? -1;
    if (sessions === undefined || index < 0) return;
    sessions.splice(index, 1);
    this.#total -= 1;
    if (sessions.length === 0) this.#open.delete(key);
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

const KIB = 1024;
/** What may be under way to us on all streams together. */
const SESSION_WINDOW = 4 * 1024 * KIB;
/** At most, whatever an origin says; and before it has, when those it does not take would have to be sent again. */
const MOST_STREAMS = 256;
const STREAMS_BEFORE_SETTINGS = 8;
const CALM_REMEMBERED_MS = 60_000;
const MOST_REFUSALS = 2 * STREAMS_BEFORE_SETTINGS;
const SESSIONS_PER_DESTINATION = 8;
const PSEUDO_FIELDS = 1;
const MAX_SENT_HEAD = 512 * 1024;
/** For the origin to close its half. */
const LINGER_MS = 1_000;
const PING_TIMEOUT_MS = 5_000;
const HTTP1_REMEMBERED_MS = 10 * 60_000;
