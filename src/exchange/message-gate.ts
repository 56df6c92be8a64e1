// Owns a WebSocket whose messages people hold: from the first message on that somebody wants to see, it takes the frames of a direction out of the hands of
// the relay and apart into messages (RFC 6455 §5.4), and lets each go on when somebody has said so, as it was or edited. Until then octets pass as ever, and
// nobody has to have known before that the socket was open. Messages keep their order, and a close frame comes behind them; ping and pong pass at once.
// What was compressed goes on without (RFC 7692 §6 lets every message be), since what the other end would read compressed refers to all that was before.
// Refuses what neither end may send, and messages beyond a bound: both break the connection off.
import { randomBytes } from 'node:crypto';
import type { MessageDirection, MessageRelease } from '../rewrite/breakpoints.ts';
import type { MessageInflater } from '../tunnel/permessage-deflate.ts';
import type { DivertedRelay, TunnelDiversion } from '../tunnel/relay.ts';
import { type FrameHead, FrameReader, type FrameSink, OPCODES, RSV1 } from '../tunnel/websocket.ts';
import type { WebSocketObserver } from '../tunnel/websocket-observer.ts';

/** Whoever holds messages of one WebSocket. */
export interface MessageHolder {
  /** From the next message on they are taken apart, and each is told of when it goes. */
  begin(direction: MessageDirection): void;
  /** The next message of a direction goes on. @param release  what was said of it; `null` of one that nobody held */
  goes(direction: MessageDirection, isText: boolean, content: Buffer, release: MessageRelease | null): void;
  /** Whether any message may be held at the moment. */
  areWanted(): boolean;
  /** A message that is whole. @returns `null` lets it pass */
  hold(direction: MessageDirection, isText: boolean, content: Buffer): Promise<MessageRelease> | null;
  /** They are wanted, and cannot be read. @param why  as a sentence without a full stop */
  cannotHold(why: string): void;
  /** The WebSocket is gone. */
  giveUp(): void;
}

export class MessageGate implements TunnelDiversion {
  readonly #holder: MessageHolder;
  #observer: WebSocketObserver | null = null;
  #relay: DivertedRelay | null = null;
  #fromClient: Way | null = null;
  #toClient: Way | null = null;
  #isTold = false;

  constructor(holder: MessageHolder) {
    this.#holder = holder;
  }

  /** @param observer  sees all octets, as they came, once they were passed or taken */
  follow(observer: WebSocketObserver): void {
    this.#observer = observer;
  }

  // TunnelDiversion: what the relay says

  attach(relay: DivertedRelay): void {
    this.#relay = relay;
  }

  passing(direction: MessageDirection, bytes: Buffer): number {
    if (this.#wayOf(direction) !== null) return 0;
    if (!this.#holder.areWanted()) return bytes.length;
    const octets = this.#observer!.octetsToNext(direction);
    return octets === null || octets >= bytes.length || !this.#isReadable(direction) ? bytes.length : octets;
  }

  take(direction: MessageDirection, bytes: Buffer): void {
    const way = this.#wayOf(direction) ?? this.#begin(direction);
    way.take(bytes);
  }

  isFull(direction: MessageDirection): boolean {
    return this.#wayOf(direction)?.isFull ?? false;
  }

  get isHolding(): boolean {
    return this.#fromClient?.isHolding === true || this.#toClient?.isHolding === true;
  }

  endAfter(direction: MessageDirection, then: () => void): void {
    const way = this.#wayOf(direction);
    if (way === null) then();
    // A client that ends without having closed it (RFC 6455 §7.1.1) has left, and takes along what is held of it.
    else if (direction === 'from-client' && way.isBrokenOff) this.#relay!.breakOff(direction);
    else way.endAfter(then);
  }

  drop(): void {
    this.#fromClient?.giveUp();
    this.#toClient?.giveUp();
    this.#holder.giveUp();
  }

  #wayOf(direction: MessageDirection): Way | null {
    return direction === 'from-client' ? this.#fromClient : this.#toClient;
  }

  #isReadable(direction: MessageDirection): boolean {
    const inflater = this.#observer!.inflaterFrom(direction, MOST_OCTETS);
    if (typeof inflater !== 'string') return true;
    // What was missed may be out of reach one day, for messages to come.
    if (!this.#isTold) this.#holder.cannotHold(inflater);
    this.#isTold = true;
    return false;
  }

  #begin(direction: MessageDirection): Way {
    const inflater = this.#observer!.inflaterFrom(direction, MOST_OCTETS) as MessageInflater | null;
    const way = new Way(direction, inflater, this.#holder, this.#relay!);
    this.#holder.begin(direction);
    if (direction === 'from-client') this.#fromClient = way;
    else this.#toClient = way;
    return way;
  }
}

interface Waiting {
  readonly opcode: number;
  readonly content: Buffer;
}

/** One direction. */
class Way implements FrameSink {
  readonly #direction: MessageDirection;
  readonly #holder: Pick<MessageHolder, 'hold' | 'goes'>;
  readonly #relay: DivertedRelay;
  readonly #reader: FrameReader;
  /** `null` where messages are not compressed. */
  readonly #inflater: MessageInflater | null;
  /** Of the message that is not whole yet. */
  #opcode = 0;
  #isCompressed = false;
  #parts: Buffer[] = [];
  #octets = 0;
  readonly #waiting: Waiting[] = [];
  #waitingOctets = 0;
  #isHolding = false;
  #hasClosed = false;
  #isGivenUp = false;
  #onEnd: (() => void) | null = null;
  #isOver = false;

  constructor(
    direction: MessageDirection,
    inflater: MessageInflater | null,
    holder: Pick<MessageHolder, 'hold' | 'goes'>,
    relay: DivertedRelay,
  ) {
    this.#direction = direction;
    this.#inflater = inflater;
    this.#holder = holder;
    this.#relay = relay;
    this.#reader = new FrameReader(direction === 'from-client' ? 'client' : 'server', this);
  }

  /** So much waits behind what is held that no more should come. */
  get isFull(): boolean {
    return this.#waitingOctets > MOST_WAITING;
  }

  /** Somebody has a message in their hands. */
  get isHolding(): boolean {
    return this.#isHolding;
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
    this.#isHolding = false;
    this.#waiting.length = 0;
    this.#waitingOctets = 0;
  }

  // FrameSink: what the reader says

  begin({ length }: FrameHead): number {
    return this.#octets + length > MOST_OCTETS ? 0 : length;
  }

  end(head: FrameHead, kept: Buffer): void {
    if (this.#isGivenUp) return;
    if (!this.#isAllowed(head, kept)) {
      this.lost();
      return;
    }
    const { opcode, isFinal } = head;
    if (opcode === OPCODES.ping || opcode === OPCODES.pong) {
      this.#relay.pass(this.#direction, this.#frame(opcode, kept));
      return;
    }
    if (opcode === OPCODES.close) {
      this.#hasClosed = true;
      this.#add({ opcode, content: kept });
      return;
    }
    if (opcode !== OPCODES.continuation) {
      this.#opcode = opcode;
      this.#isCompressed = (head.reserved & RSV1) !== 0;
    }
    this.#parts.push(kept);
    this.#octets += kept.length;
    if (isFinal) this.#addWhole();
  }

  lost(): void {
    this.giveUp();
    this.#relay.breakOff(this.#direction);
  }

  #addWhole(): void {
    const opcode = this.#opcode;
    let content: Buffer | null = Buffer.concat(this.#parts, this.#octets);
    this.#opcode = 0;
    this.#parts = [];
    this.#octets = 0;
    if (this.#isCompressed) {
      const inflated = this.#inflater!.inflate(content);
      content = inflated.kind === 'inflated' ? inflated.bytes : null;
    }
    if (content === null) this.lost();
    else this.#add({ opcode, content });
  }

  #isAllowed({ problem, reserved, opcode, length }: FrameHead, kept: Buffer): boolean {
    const isFirst = opcode === OPCODES.text || opcode === OPCODES.binary;
    const mayBeCompressed = this.#inflater !== null && isFirst;
    if (problem !== null || (mayBeCompressed ? reserved & ~RSV1 : reserved) !== 0 || kept.length < length) return false;
    return opcode >= OPCODES.close || isFirst === (this.#opcode === 0);
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
      const isText = opcode === OPCODES.text;
      const held = opcode === OPCODES.close ? null : this.#holder.hold(this.#direction, isText, content);
      if (held === null) {
        this.#relay.pass(this.#direction, this.#frame(opcode, content));
        if (opcode !== OPCODES.close) this.#holder.goes(this.#direction, isText, content, null);
      } else void this.#passLater(held, opcode, content);
    }
    if (this.#isHolding || this.#isOver || this.#onEnd === null) return;
    this.#isOver = true;
    this.#onEnd();
  }

  async #passLater(held: Promise<MessageRelease>, opcode: number, content: Buffer): Promise<void> {
    this.#isHolding = true;
    const release = await held;
    if (this.#isGivenUp) return;
    this.#isHolding = false;
    if (release.action !== 'drop') this.#relay.pass(this.#direction, this.#frame(opcode, release.content ?? content));
    this.#holder.goes(this.#direction, opcode === OPCODES.text, content, release);
    this.#passOn();
    if (!this.isFull && !this.#isOver) this.#relay.roomAgain(this.#direction);
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
