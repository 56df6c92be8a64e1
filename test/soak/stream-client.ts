// Owns one client of HTTP/2 in opened tunnels: exchanges beside one another on one connection, of kinds that its chance chooses, each answer judged
// by what was asked for. Origins behind it speak HTTP/2 or HTTP/1.1, and some misbehave.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { setTimeout as pause } from 'node:timers/promises';
import type { BusySurroundings } from './busy-client.ts';
import { Comparison, type Content } from './content.ts';
import { type Asked, contentOf, pathOf, STREAM_WAYS } from './names.ts';
import { OPENED_HOST, openTunnel } from './opened-tunnel.ts';
import { MOST_SILENCE_MS } from './proxy-connection.ts';
import type { Random } from './random.ts';
import type { Outcome } from './tally.ts';

interface Answer {
  readonly outcome: Outcome;
  readonly words: string;
}

type Destination = 'http2' | 'http1' | 'badStreams';

export class StreamClient {
  readonly #random: Random;
  readonly #around: BusySurroundings;
  /** PEM. */
  readonly #authority: string;

  constructor(random: Random, authority: string, around: BusySurroundings) {
    this.#random = random;
    this.#authority = authority;
    this.#around = around;
  }

  /** @param endMs `performance.now()` after which nothing new is begun */
  async run(endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      const to = this.#random.weighted(DESTINATIONS);
      const session = await this.#open(to);
      for (let rounds = this.#random.between(1, 10); session !== null && rounds > 0 && performance.now() < endMs; rounds -= 1) {
        await Promise.all(Array.from({ length: this.#random.between(1, 8) }, () => this.#exchange(session, to)));
        await pause(this.#random.between(0, MOST_THOUGHT_MS));
        if (session.closed || session.destroyed) break;
      }
      if (session !== null) this.#end(session, to);
    }
  }

  async #open(to: Destination): Promise<ClientHttp2Session | null> {
    const { proxyPort, origins, tally, countConnect } = this.#around;
    try {
      const socket = await openTunnel(proxyPort, origins[to], this.#authority, 'h2');
      countConnect(true);
      const session = connect(`https://${OPENED_HOST}:${origins[to]}`, { createConnection: () => socket });
      session.on('error', ignore);
      // The socket's own timer does not hear of what a session reads beneath it.
      socket.setTimeout(0);
      session.setTimeout(MOST_SILENCE_MS, () => session.destroy());
      return session;
    } catch (error) {
      countConnect(false);
      tally.count('opened tunnel', 'broken', [], () => (error as Error).message);
      return null;
    }
  }

  /** In order, or in the middle of what is under way. */
  #end(session: ClientHttp2Session, to: Destination): void {
    if (this.#random.isLuckier(0.6)) {
      session.close();
      return;
    }
    for (let streams = this.#random.between(0, 3); streams > 0 && !session.closed; streams -= 1) this.#leave(session, to, false);
    session.destroy();
  }

  #exchange(session: ClientHttp2Session, to: Destination): Promise<void> {
    if (to === 'badStreams') return this.#bad(session);
    const kind = this.#random.weighted(KINDS);
    if (kind === 'get')
      return this.#good(session, to, this.#ask(this.#random.isLuckier(0.5) ? 'length' : 'chunked', this.#random.size(MIB)));
    if (kind === 'post')
      return this.#good(session, to, this.#ask(this.#random.isLuckier(0.5) ? 'echo-whole' : 'echo-stream', this.#random.size(512 * KIB)));
    this.#leave(session, to, true);
    return Promise.resolve();
  }

  async #good(session: ClientHttp2Session, to: Destination, asked: Asked): Promise<void> {
    const wantsTrailers = this.#random.isLuckier(0.5);
    const { outcome, words } = await this.#answer(session, asked, wantsTrailers, to === 'http2');
    const kind = `${to} ${asked.way.startsWith('echo') ? 'post' : 'get'}`;
    this.#around.tally.count(kind, outcome, ['right'], () => words);
  }

  async #bad(session: ClientHttp2Session): Promise<void> {
    const way = STREAM_WAYS[this.#random.between(0, STREAM_WAYS.length - 1)]!;
    const { outcome, words } = await this.#answer(session, this.#ask(way, this.#random.between(200, 200 * KIB)), false, false);
    this.#around.tally.count(way, outcome, ['right', 'error', 'broken'], () => words);
  }

  /** Begins an exchange and resets it after a while. */
  #leave(session: ClientHttp2Session, to: Destination, isReset: boolean): void {
    const isBad = to === 'badStreams';
    const asked = this.#ask(isBad ? 'stream-short' : 'chunked', this.#random.size(4 * MIB));
    this.#around.mayBeUnlogged(asked.id);
    const stream = this.#request(session, asked, false);
    stream.on('error', ignore);
    stream.resume();
    if (isReset) setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), this.#random.between(0, 30));
    this.#around.tally.count('stream leaves', 'left', ['left'], () => '');
  }

  /** @param hasTrailers whether the answer has some, if it is whole and they are wanted */
  #answer(session: ClientHttp2Session, asked: Asked, wantsTrailers: boolean, hasTrailers: boolean): Promise<Answer> {
    const content = contentOf(asked);
    const seen = new Comparison(content);
    const stream = this.#request(session, asked, wantsTrailers);
    let head: IncomingHttpHeaders | null = null;
    let trailers: IncomingHttpHeaders = {};
    stream.on('response', (fields) => (head = fields));
    stream.on('trailers', (fields) => (trailers = fields));
    stream.on('data', (bytes: Buffer) => seen.add(bytes));
    stream.on('error', ignore);
    if (asked.way.startsWith('echo')) void this.#upload(stream, content);
    return new Promise((resolve) => {
      stream.on('close', () => {
        const isMissing = wantsTrailers && hasTrailers && trailers['soak-octets'] !== String(content.length);
        resolve(judge(asked, head, seen, stream.rstCode, isMissing));
      });
    });
  }

  #request(session: ClientHttp2Session, asked: Asked, wantsTrailers: boolean): ClientHttp2Stream {
    const path = pathOf(asked);
    const isPost = asked.way.startsWith('echo');
    const head = { ':method': isPost ? 'POST' : 'GET', ':path': path, 'soak-name': path };
    return session.request(wantsTrailers ? { ...head, te: 'trailers' } : head, { endStream: !isPost });
  }

  async #upload(stream: ClientHttp2Stream, content: Content): Promise<void> {
    for (let at = 0; at < content.length && !stream.closed; ) {
      const piece = content.piece(at, this.#random.between(1, 96 * KIB));
      at += piece.length;
      if (stream.write(piece)) continue;
      await new Promise<void>((resolve) => stream.once('drain', resolve).once('close', resolve));
    }
    if (!stream.closed) stream.end();
  }

  #ask(way: Asked['way'], length: number): Asked {
    return { way, length, id: this.#around.nextId() };
  }
}

function judge(asked: Asked, head: IncomingHttpHeaders | null, seen: Comparison, code: number, isMissingTrailers: boolean): Answer {
  const words = `${pathOf(asked)}: ${head?.[':status'] ?? 'no head'}, ${seen.length} octets, wrong from ${seen.wrongFrom}, code ${code}`;
  if (head === null) return { outcome: 'broken', words };
  if (Number(head[':status']) !== 200) {
    const detail = head['proxy-status'];
    return { outcome: code !== 0 ? 'broken' : detail === undefined ? 'wrong' : 'error', words: `${words}; ${detail}` };
  }
  if (head['soak-name'] !== pathOf(asked) || seen.wrongFrom !== null) return { outcome: 'wrong', words };
  // An origin may end a stream by a reset without an error, as Node does when its session is destroyed; Node calls that an end like any other.
  const isShortForGood = !seen.isWhole && (asked.way === 'stream-reset-in-content' || asked.way === 'session-destroyed');
  if (code !== 0 || isShortForGood) return { outcome: 'broken', words };
  if (isMissingTrailers) return { outcome: 'wrong', words: `${words}, without its trailers` };
  return { outcome: seen.isWhole ? 'right' : 'wrong', words };
}

function ignore(): void {}

const KIB = 1024;
const MIB = 1024 * KIB;
const MOST_THOUGHT_MS = 60;
const DESTINATIONS = { http2: 50, http1: 30, badStreams: 20 } as const;
const KINDS = { get: 65, post: 25, leave: 10 } as const;
