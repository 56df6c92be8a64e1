// Owns which sessions of HTTP/2 there are to each destination, and which origins speak one version alone. Requests that come while nobody knows yet wait
// for one connection instead of making one each. Each use is judged anew by the caller, as in pool.ts.
import { LRUCache } from 'lru-cache';
import type { Deadlines } from '../net/deadlines.ts';
import type { UpstreamConnection } from './connection.ts';
import { Http2Session, MOST_STREAMS } from './http2-session.ts';
import type { UpstreamOptions } from './options.ts';
import type { Secured } from './start-tls.ts';
import { WaitingLine } from './waiting-line.ts';

/** A session, or the connection of an origin that speaks HTTP/1.1. */
export type Connected = { readonly session: Http2Session } | { readonly session: null; readonly connection: UpstreamConnection };

export class Http2Sessions {
  readonly #options: UpstreamOptions;
  readonly #open = new Map<string, Http2Session[]>();
  readonly #attempts = new Map<string, Promise<unknown>>();
  /** How many connections are being made, whoever waits for them. */
  readonly #connecting = new Map<string, number>();
  /** For a place, where there are as many sessions as there may be. */
  readonly waiting = new WaitingLine();
  /** Destinations that chose HTTP/1.1 lately. */
  readonly #http1Alone = new LRUCache<string, true>({ max: 2_000, ttl: VERSION_REMEMBERED_MS });
  /** Destinations that turned HTTP/1.1 down lately. */
  readonly #http2Alone = new LRUCache<string, true>({ max: 2_000, ttl: VERSION_REMEMBERED_MS });
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
    this.#http2Alone.delete(key);
    this.#http1Alone.set(key, true);
  }

  forgetHttp1Alone(key: string): void {
    this.#http1Alone.delete(key);
  }

  /** Whether a destination has said lately that it does not speak HTTP/1.1. */
  speaksHttp2Alone(key: string): boolean {
    return this.#http2Alone.has(key);
  }

  noteHttp2Alone(key: string): void {
    this.#http2Alone.set(key, true);
  }

  /**
   * @param content of the request: with some it would wait for large uploads, so it keeps `apart` from sessions with these while there may be more
   * sessions, or takes what has the fewest
   * @param mayUse judges the address a session goes to
   * @returns a session with room for a stream, held; `busy` when there is none and may be no more of them, or one has yet to say how much it takes
   */
  take(key: string, content: 'none' | 'apart' | 'beside', mayUse: (session: Http2Session) => boolean): Http2Session | 'busy' | null {
    const sessions = this.#open.get(key);
    if (sessions === undefined) return null;
    let unsuited = 0;
    let leastLaden: Http2Session | null = null;
    for (const session of sessions) {
      if (!session.isOpen || !mayUse(session)) continue;
      if (!session.hasRoom) unsuited += session.hasSettings ? 1 : SESSIONS_PER_DESTINATION;
      else if (content !== 'none' && session.largeUploads > 0) {
        unsuited += 1;
        if (leastLaden === null || session.largeUploads < leastLaden.largeUploads) leastLaden = session;
      } else {
        session.hold();
        return session;
      }
    }
    const mayBeMore = unsuited + (this.#connecting.get(key) ?? 0) < SESSIONS_PER_DESTINATION;
    if (leastLaden !== null && (content === 'beside' || !mayBeMore)) {
      leastLaden.hold();
      return leastLaden;
    }
    return unsuited < SESSIONS_PER_DESTINATION ? null : 'busy';
  }

  /** @returns a session that a WebSocket may go over, held; `null` where none is open */
  takeForWebSocket(key: string, mayUse: (session: Http2Session) => boolean): Http2Session | null {
    const session = this.#open.get(key)?.find((open) => open.isOpen && open.hasRoomForWebSocket && mayUse(open)) ?? null;
    session?.hold();
    return session;
  }

  /** Whether an origin has said on a session that is open that it takes no WebSockets there. */
  refusesWebSockets(key: string, mayUse: (session: Http2Session) => boolean): boolean {
    return this.#open.get(key)?.some((open) => open.isOpen && open.hasSettings && !open.takesWebSockets && mayUse(open)) ?? false;
  }

  /** Whether the destination has chosen HTTP/2 and there is a session with it. */
  has(key: string): boolean {
    return this.#open.has(key);
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
    this.#connecting.set(key, (this.#connecting.get(key) ?? 0) + 1);
    const connecting = open()
      .then((secured) => this.#connected(key, secured, deadlines))
      .finally(() => this.#connectingOver(key));
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

  #connectingOver(key: string): void {
    const left = this.#connecting.get(key)! - 1;
    if (left === 0) this.#connecting.delete(key);
    else this.#connecting.set(key, left);
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

const SESSIONS_PER_DESTINATION = 8;
const CALM_REMEMBERED_MS = 60_000;
const VERSION_REMEMBERED_MS = 10 * 60_000;
