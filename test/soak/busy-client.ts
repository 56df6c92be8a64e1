// Owns one busy client: it makes exchange after exchange of kinds that its chance chooses, and judges every answer by what it asked for.
import { setTimeout as pause } from 'node:timers/promises';
import { Comparison, Content } from './content.ts';
import { readAnswer, requestHead, type Verdict } from './judged-answer.ts';
import { MessageReader } from './message-reader.ts';
import { type Asked, BAD_WAYS, type BadWay, contentOf } from './names.ts';
import type { OriginPorts } from './origin-worker.ts';
import { MOST_SILENCE_MS, ProxyConnection } from './proxy-connection.ts';
import type { Random } from './random.ts';
import type { Outcome, Tally } from './tally.ts';

export interface BusySurroundings {
  readonly proxyPort: number;
  readonly origins: OriginPorts;
  readonly tally: Tally;
  /** A number that no other exchange of this run has. */
  readonly nextId: () => number;
  /** Told when the client has broken an exchange off, so that it may be missing from the access log. */
  readonly mayBeUnlogged: (id: number) => void;
  /** Told of every CONNECT: the log names its authority only, so they can but be counted. */
  readonly countConnect: (isSure: boolean) => void;
}

export class BusyClient {
  readonly #random: Random;
  readonly #around: BusySurroundings;
  /** What the client keeps doing with an origin that misbehaves; `null` for a client of origins that behave. */
  readonly #badWay: BadWay | null;
  #connection: ProxyConnection | null = null;

  constructor(random: Random, badWay: BadWay | null, around: BusySurroundings) {
    this.#random = random;
    this.#badWay = badWay;
    this.#around = around;
  }

  /** @param endMs  `performance.now()` after which nothing new is begun */
  async run(endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      if (this.#badWay === null) await this.#good();
      else await this.#bad(this.#badWay);
      await pause(this.#random.between(0, MOST_THOUGHT_MS));
    }
    this.#connection?.leave(false);
    this.#connection = null;
  }

  #good(): Promise<void> {
    switch (this.#random.weighted(KINDS)) {
      case 'get':
        return this.#get();
      case 'pipeline':
        return this.#pipeline();
      case 'post':
        return this.#post();
      case 'tunnel':
        return this.#tunnel();
      case 'slow':
        return this.#slow();
      case 'leave':
        return this.#leave();
      default:
        return this.#denied();
    }
  }

  async #get(): Promise<void> {
    const asked = this.#ask(this.#random.weighted(GET_WAYS), this.#random.size(MIB));
    const connection = await this.#kept();
    connection.send(requestHead('GET', asked, this.#around.origins.good));
    this.#expectRight('get', await this.#answer(connection, asked));
  }

  async #pipeline(): Promise<void> {
    const left = Array.from({ length: this.#random.between(2, 8) }, () => this.#ask('length', this.#random.size(64 * KIB)));
    while (left.length > 0) {
      const connection = await this.#kept();
      connection.send(left.map((asked) => requestHead('GET', asked, this.#around.origins.good)).join(''));
      // What stands behind an answer with `Connection: close` was not taken, and is asked again (RFC 9112 sections 9.3.2 and 9.6).
      while (left.length > 0 && !connection.hasLeft) this.#expectRight('pipelined', await this.#answer(connection, left.shift()!));
    }
  }

  async #post(): Promise<void> {
    const asked = this.#ask(this.#random.isLuckier(0.5) ? 'echo-whole' : 'echo-stream', this.#random.size(512 * KIB));
    const connection = await this.#kept();
    const isChunked = this.#random.isLuckier(0.5);
    const answer = this.#answer(connection, asked);
    await this.#upload(connection, asked, isChunked, asked.length);
    this.#expectRight(isChunked ? 'post chunked' : 'post', await answer);
  }

  async #slow(): Promise<void> {
    const asked = this.#ask('length', this.#random.between(MIB, 6 * MIB));
    const connection = await ProxyConnection.open(this.#around.proxyPort);
    connection.pauseMs = this.#random.between(5, 30);
    connection.send(requestHead('GET', asked, this.#around.origins.good));
    this.#expectRight('slow reader', await this.#answer(connection, asked));
    connection.leave(false);
  }

  async #denied(): Promise<void> {
    const asked = this.#ask('denied', 0);
    const connection = await this.#kept();
    connection.send(requestHead('GET', asked, this.#around.origins.good));
    const { outcome, words } = await this.#answer(connection, asked);
    this.#around.tally.count('denied', outcome, ['error'], () => words);
  }

  async #bad(way: BadWay): Promise<void> {
    const asked = this.#ask(way, this.#random.between(200, way === 'trickle' ? 260 : 200 * KIB));
    const port = way === 'reset-at-accept' ? this.#around.origins.resetting : this.#around.origins.bad;
    // An origin that sends more than it announced is met with a small answer: in one piece, so that all of it is seen as one.
    const small = way === 'surplus' ? { ...asked, length: asked.length % (8 * KIB) } : asked;
    const connection = await this.#kept();
    connection.send(requestHead('GET', small, port));
    const { outcome, words } = await this.#answer(connection, small);
    const honest: readonly Outcome[] = BAD_WAYS[way] === 'must fail' ? ['error', 'broken'] : ['right', 'error', 'broken'];
    this.#around.tally.count(way, outcome, honest, () => words);
  }

  async #tunnel(): Promise<void> {
    const { proxyPort, origins, tally, countConnect } = this.#around;
    const connection = await ProxyConnection.open(proxyPort);
    const isAccepted = await this.#connect(connection, origins.echo);
    countConnect(isAccepted !== null);
    if (isAccepted !== true) {
      tally.count('tunnel', isAccepted === null ? 'broken' : 'error', ['right'], () => 'CONNECT was not answered 200');
      connection.leave(false);
      return;
    }
    const content = new Content(`tunnel ${this.#random.next()}`, this.#random.size(MIB));
    const { outcome, words } = await this.#echo(connection, content);
    tally.count('tunnel', outcome, ['right'], () => words);
    connection.leave(false);
  }

  /** @returns whether it was answered 2xx; `null` when the connection broke */
  async #connect(connection: ProxyConnection, port: number): Promise<boolean | null> {
    let status = '';
    const reader = new MessageReader('response to CONNECT', ({ startLine }) => (status = startLine), ignore);
    connection.send(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    try {
      await connection.read(reader);
    } catch {
      return null;
    }
    return status.startsWith('HTTP/1.1 2');
  }

  /** Sends the content and a FIN, and expects both back. */
  async #echo(connection: ProxyConnection, content: Content): Promise<Verdict> {
    const seen = new Comparison(content);
    const socket = connection.release().setTimeout(MOST_SILENCE_MS, () => socket.destroy());
    socket.on('data', (bytes: Buffer) => seen.add(bytes));
    const ended = new Promise<boolean>((resolve) => {
      socket.once('end', () => resolve(true)).once('close', () => resolve(false));
    });
    for (let at = 0; at < content.length && !connection.socket.destroyed; ) {
      const piece = content.piece(at, this.#random.between(1, 128 * KIB));
      connection.send(piece);
      at += piece.length;
      await connection.drained();
    }
    socket.end();
    const isInOrder = await ended;
    const words = `${content.name}: ${seen.length} of ${content.length} octets, wrong from ${seen.wrongFrom}`;
    if (seen.wrongFrom !== null) return { outcome: 'wrong', words };
    // A FIN may be the system's, of a process that was killed.
    return { outcome: isInOrder && seen.isWhole ? 'right' : 'broken', words };
  }

  /** Begins something and breaks it off, at a point left to chance. */
  async #leave(): Promise<void> {
    const { origins, proxyPort, tally, countConnect } = this.#around;
    const connection = await ProxyConnection.open(proxyPort);
    const afterMs = this.#random.isLuckier(0.3) ? 0 : this.#random.between(1, 60);
    const kind = this.#random.weighted(LEAVINGS);
    if (kind === 'tunnel') {
      countConnect(false);
      connection.send(`CONNECT 127.0.0.1:${origins.echo} HTTP/1.1\r\nHost: 127.0.0.1:${origins.echo}\r\n\r\n`);
      connection.send(new Content('left', 200 * KIB).piece(0));
    } else if (kind === 'upload') {
      const asked = this.#ask(this.#random.isLuckier(0.5) ? 'echo-whole' : 'echo-stream', this.#random.between(KIB, MIB));
      this.#around.mayBeUnlogged(asked.id);
      await this.#upload(connection, asked, this.#random.isLuckier(0.5), this.#random.between(0, asked.length - 1));
    } else {
      const asked = this.#ask(this.#random.weighted(GET_WAYS), this.#random.size(4 * MIB));
      this.#around.mayBeUnlogged(asked.id);
      const head = requestHead('GET', asked, origins.good);
      connection.send(kind === 'in-head' ? head.slice(0, this.#random.between(1, head.length - 1)) : head);
    }
    await pause(afterMs);
    connection.leave(this.#random.isLuckier(0.5));
    tally.count('client leaves', 'left', ['left'], () => '');
  }

  #ask(way: Asked['way'], length: number): Asked {
    return { way, length, id: this.#around.nextId() };
  }

  /** @param most  octets of content, after which it stops */
  async #upload(connection: ProxyConnection, asked: Asked, isChunked: boolean, most: number): Promise<void> {
    const { good } = this.#around.origins;
    const content = contentOf(asked);
    const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${content.length}`;
    connection.send(requestHead('POST', asked, good, `${framing}\r\n`));
    for (let at = 0; at < most && !connection.socket.destroyed; ) {
      const piece = content.piece(at, Math.min(most - at, this.#random.between(1, 96 * KIB)));
      if (isChunked) connection.send(`${piece.length.toString(16)}\r\n`);
      connection.send(piece);
      if (isChunked) connection.send('\r\n');
      at += piece.length;
      await connection.drained();
    }
    if (isChunked && most === content.length) connection.send('0\r\n\r\n');
  }

  /** The connection that is kept from exchange to exchange. */
  async #kept(): Promise<ProxyConnection> {
    if (this.#connection?.isFree !== true) {
      this.#connection?.leave(false);
      this.#connection = null;
      this.#connection = await ProxyConnection.open(this.#around.proxyPort);
    }
    return this.#connection;
  }

  async #answer(connection: ProxyConnection, asked: Asked): Promise<Verdict> {
    const answer = await readAnswer(connection, asked);
    if (answer.isLast) connection.leave(false);
    return answer;
  }

  #expectRight(kind: string, { outcome, words }: Verdict): void {
    this.#around.tally.count(kind, outcome, ['right'], () => words);
  }
}

function ignore(): void {}

const KIB = 1024;
const MIB = 1024 * KIB;
const MOST_THOUGHT_MS = 60;
const KINDS = { get: 46, post: 20, tunnel: 10, pipeline: 8, leave: 10, slow: 3, denied: 3 } as const;
const GET_WAYS = { length: 60, chunked: 30, 'until-close': 10 } as const;
const LEAVINGS = { 'in-head': 15, 'after-head': 50, upload: 25, tunnel: 10 } as const;
