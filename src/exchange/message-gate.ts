// Owns a WebSocket whose messages people hold: a stream in the place of the origin's connection, which takes frames of both directions apart into messages
// (RFC 6455 §5.4), and lets each go on when somebody has said so, as it was or edited. Messages keep their order, and a close frame comes behind them;
// ping and pong pass at once. Extensions must not have been agreed on: what they make of a frame depends on all frames before.
// Refuses what neither end may send, and messages beyond a bound: both break the connection off.
import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import type { MessageDirection, MessageRelease } from '../rewrite/breakpoints.ts';
import { type FrameHead, FrameReader, type FrameSink, OPCODES } from '../tunnel/websocket.ts';
import type { Consumer, UpstreamConnection } from '../upstream/connection.ts';

/** A message that is whole. @returns `null` lets it pass */
export type HoldMessage = (direction: MessageDirection, isText: boolean, content: Buffer) => Promise<MessageRelease> | null;

/** @param early  octets of the origin that came behind its 101 */
export function gateMessages(upstream: UpstreamConnection, early: Buffer, hold: HoldMessage): Duplex {
  return new MessageGate(upstream, early, hold).stream;
}

class MessageGate implements Consumer {
  /** What the client's side writes into and reads from. */
  readonly stream: Duplex;
  readonly #upstream: UpstreamConnection;
  readonly #fromClient: Way;
  readonly #toClient: Way;
  /** Of the client's side: goes on when there is room. */
  #goOn: (() => void) | null = null;

  constructor(upstream: UpstreamConnection, early: Buffer, hold: HoldMessage) {
    this.#upstream = upstream;
    const failed = (problem: string): void => void this.stream.destroy(new Error(problem));
    this.#fromClient = new Way('from-client', hold, {
      pass: (frame) => upstream.socket.write(frame),
      roomAgain: () => this.drained(),
      failed,
    });
    this.#toClient = new Way('to-client', hold, {
      pass: (frame) => {
        if (!this.stream.push(frame)) upstream.socket.pause();
      },
      roomAgain: () => upstream.socket.resume(),
      failed,
    });
    this.stream = new Duplex({
      read: () => {
        if (!this.#toClient.isFull) upstream.socket.resume();
      },
      write: (bytes: Buffer, _encoding, done) => {
        this.#goOn = done;
        this.#fromClient.take(bytes);
        this.drained();
      },
      final: (done) => {
        // A client that ends without having closed it (RFC 6455 §7.1.1) has left, and takes along what is held of it.
        if (this.#fromClient.isBrokenOff) {
          this.stream.destroy();
          return;
        }
        this.#fromClient.endAfter(() => {
          upstream.socket.end();
          done();
        });
      },
      destroy: (error, done) => {
        this.#fromClient.giveUp();
        this.#toClient.giveUp();
        upstream.breakOff();
        done(error);
      },
    });
    upstream.consume(this);
    if (early.length > 0) this.#toClient.take(early);
  }

  // Consumer: what the origin's connection says

  read(bytes: Buffer): boolean {
    this.#toClient.take(bytes);
    if (this.#toClient.isFull) this.#upstream.socket.pause();
    // What is of use of it was copied.
    return true;
  }

  ended(): void {
    this.#toClient.endAfter(() => this.stream.push(null));
  }

  drained(): void {
    if (this.#goOn === null || this.#fromClient.isFull || this.#upstream.socket.writableNeedDrain) return;
    const goOn = this.#goOn;
    this.#goOn = null;
    goOn();
  }

  closed(error: Error | null): void {
    // In order, what it has said before may still be held.
    if (error !== null || !this.#toClient.hasEnded) this.stream.destroy();
  }
}

interface WayOut {
  pass(frame: Buffer): void;
  /** Less waits than before. */
  roomAgain(): void;
  /** It cannot go on. */
  failed(problem: string): void;
}

interface Waiting {
  readonly opcode: number;
  readonly content: Buffer;
}

/** One direction. */
class Way implements FrameSink {
  readonly #direction: MessageDirection;
  readonly #hold: HoldMessage;
  readonly #out: WayOut;
  readonly #reader: FrameReader;
  /** Of the message that is not whole yet. */
  #opcode = 0;
  #parts: Buffer[] = [];
  #octets = 0;
  readonly #waiting: Waiting[] = [];
  #waitingOctets = 0;
  #isHolding = false;
  #hasClosed = false;
  #isGivenUp = false;
  #onEnd: (() => void) | null = null;
  #isOver = false;

  constructor(direction: MessageDirection, hold: HoldMessage, out: WayOut) {
    this.#direction = direction;
    this.#hold = hold;
    this.#out = out;
    this.#reader = new FrameReader(direction === 'from-client' ? 'client' : 'server', this);
  }

  /** So much waits behind what is held that no more should come. */
  get isFull(): boolean {
    return this.#waitingOctets > MOST_WAITING;
  }

  /** Its end has come, though it may not have been passed on. */
  get hasEnded(): boolean {
    return this.#onEnd !== null;
  }

  /** Something is held or waits, and no close frame is behind it. */
  get isBrokenOff(): boolean {
    return (this.#isHolding || this.#waiting.length > 0) && !this.#hasClosed;
  }

  take(bytes: Buffer): void {
    if (!this.#isGivenUp) this.#reader.read(bytes);
  }

  /** Once nothing waits any more. */
  endAfter(onEnd: () => void): void {
    this.#onEnd = onEnd;
    this.#passOn();
  }

  giveUp(): void {
    this.#isGivenUp = true;
    this.#waiting.length = 0;
  }

  // FrameSink: what the reader says

  begin({ length }: FrameHead): number {
    return this.#octets + length > MOST_OCTETS ? 0 : length;
  }

  end(head: FrameHead, kept: Buffer): void {
    if (this.#isGivenUp) return;
    const problem = this.#problemOf(head, kept);
    if (problem !== null) {
      this.lost(problem);
      return;
    }
    const { opcode, isFinal } = head;
    if (opcode === OPCODES.ping || opcode === OPCODES.pong) {
      this.#out.pass(this.#frame(opcode, kept));
      return;
    }
    if (opcode === OPCODES.close) {
      this.#hasClosed = true;
      this.#add({ opcode, content: kept });
      return;
    }
    if (opcode !== OPCODES.continuation) this.#opcode = opcode;
    this.#parts.push(kept);
    this.#octets += kept.length;
    if (!isFinal) return;
    this.#add({ opcode: this.#opcode, content: Buffer.concat(this.#parts, this.#octets) });
    this.#opcode = 0;
    this.#parts = [];
    this.#octets = 0;
  }

  lost(problem: string): void {
    this.giveUp();
    this.#out.failed(problem);
  }

  #problemOf({ problem, reserved, opcode, length }: FrameHead, kept: Buffer): string | null {
    if (problem !== null) return problem;
    if (reserved !== 0) return 'a reserved bit is set that no extension uses';
    if (kept.length < length) return `a message has more than ${MOST_OCTETS} octets`;
    if (opcode >= OPCODES.close) return null;
    if ((opcode === OPCODES.continuation) === (this.#opcode === 0)) return 'the frames of a message are out of order';
    return null;
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#waitingOctets += waiting.content.length;
    this.#passOn();
  }

  /** What waits goes on in its order, up to what is held. */
  #passOn(): void {
    while (!this.#isHolding && this.#waiting.length > 0) {
      const { opcode, content } = this.#waiting.shift()!;
      this.#waitingOctets -= content.length;
      const held = opcode === OPCODES.close ? null : this.#hold(this.#direction, opcode === OPCODES.text, content);
      if (held === null) this.#out.pass(this.#frame(opcode, content));
      else void this.#passLater(held, opcode, content);
    }
    if (this.#isHolding || this.#isOver || this.#onEnd === null) return;
    this.#isOver = true;
    this.#onEnd();
  }

  async #passLater(held: Promise<MessageRelease>, opcode: number, content: Buffer): Promise<void> {
    this.#isHolding = true;
    const release = await held;
    this.#isHolding = false;
    if (this.#isGivenUp) return;
    if (release.action !== 'drop') this.#out.pass(this.#frame(opcode, release.content ?? content));
    this.#passOn();
    if (!this.isFull && !this.#isOver) this.#out.roomAgain();
  }

  /** One frame; masked as the client's are (RFC 6455 §5.3). */
  #frame(opcode: number, content: Buffer): Buffer {
    const isMasked = this.#direction === 'from-client';
    const head = frameHead(opcode, content.length, isMasked);
    if (!isMasked) return Buffer.concat([head, content]);
    const key = randomBytes(KEY_LENGTH);
    const masked = Buffer.from(content);
    for (let i = 0; i < masked.length; i += 1) masked[i] = masked[i]! ^ key[i & 3]!;
    return Buffer.concat([head, key, masked]);
  }
}

function frameHead(opcode: number, length: number, isMasked: boolean): Buffer {
  const [first, mask] = [0x80 | opcode, isMasked ? 0x80 : 0];
  if (length < IN_2) return Buffer.from([first, mask | length]);
  if (length <= 0xffff) return Buffer.from([first, mask | IN_2, length >> 8, length & 0xff]);
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = mask | IN_8;
  head.writeUInt32BE(length, 6);
  return head;
}

const IN_2 = 126;
const IN_8 = 127;
const KEY_LENGTH = 4;
/** Of a message. */
const MOST_OCTETS = 16 * 1024 * 1024;
/** Beyond that, the sender is asked to wait. */
const MOST_WAITING = 1024 * 1024;
