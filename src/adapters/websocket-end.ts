// Owns one end of a WebSocket that ends here (RFC 6455): frames in, messages out, and the other way round, with the events and methods of the `ws` package
// that handlers use. It speaks no extension. A ping is told and not answered: its pong comes from the other end.
import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type FrameHead, FrameReader, type FrameSink, OPCODES } from '../tunnel/websocket.ts';

/** Where its frames go. */
export interface Wire {
  /** @returns whether there is room for more; `WebSocketEnd.drained` is called when there is again */
  write(bytes: Buffer): boolean;
  /** Nothing more will be written. */
  end(): void;
  breakOff(): void;
}

const STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;
type State = (typeof STATES)[keyof typeof STATES];

/** Emits `message` (data, isBinary), `ping` and `pong` (data), `close` (code, reason), `error`, `open`, `drain`. */
export class WebSocketEnd extends EventEmitter implements FrameSink {
  readonly CONNECTING = STATES.CONNECTING;
  readonly OPEN = STATES.OPEN;
  readonly CLOSING = STATES.CLOSING;
  readonly CLOSED = STATES.CLOSED;
  readyState: State = STATES.CONNECTING;
  /** The handshake. */
  readonly upgradeReq: IncomingMessage;
  readonly #isClient: boolean;
  readonly #reader: FrameReader;
  #wire: Wire | null = null;
  #opcode = 0;
  #parts: Buffer[] = [];
  #octets = 0;
  #closing: { readonly code: number; readonly reason: Buffer } | null = null;
  #hasSentClose = false;

  /** @param role `server` faces the client, and `client` the origin */
  constructor(role: 'server' | 'client', upgradeReq: IncomingMessage) {
    super();
    this.upgradeReq = upgradeReq;
    this.#isClient = role === 'client';
    this.#reader = new FrameReader(this.#isClient ? 'server' : 'client', this);
  }

  open(wire: Wire): void {
    this.#wire = wire;
    this.readyState = STATES.OPEN;
    this.emit('open');
  }

  /** @returns whether there is room for more */
  send(data: Buffer | string, options: { readonly binary?: boolean } = {}): boolean {
    const isBinary = options.binary ?? typeof data !== 'string';
    return this.#write(isBinary ? OPCODES.binary : OPCODES.text, Buffer.from(data as Buffer));
  }

  ping(data: Buffer | string = ''): boolean {
    return this.#write(OPCODES.ping, Buffer.from(data as Buffer));
  }

  pong(data: Buffer | string = ''): boolean {
    return this.#write(OPCODES.pong, Buffer.from(data as Buffer));
  }

  /** @param code 1005 says none */
  close(code = NO_STATUS, reason: Buffer | string = ''): void {
    if (this.#hasSentClose || this.#wire === null) return;
    const content = Buffer.alloc(code === NO_STATUS ? 0 : 2);
    if (code !== NO_STATUS) content.writeUInt16BE(code);
    this.#write(OPCODES.close, Buffer.concat([content, Buffer.from(reason as Buffer)]).subarray(0, MAX_CONTROL));
    this.#hasSentClose = true;
    this.readyState = STATES.CLOSING;
    if (this.#closing !== null) this.#wire.end();
  }

  /** Without saying so. */
  terminate(): void {
    this.#wire?.breakOff();
  }

  // What the wire says

  /** Octets that came; their memory may be used again when this returns. */
  feed(bytes: Buffer): void {
    this.#reader.read(bytes);
  }

  drained(): void {
    this.emit('drain');
  }

  /** Nothing more will come. */
  ended(): void {
    if (this.readyState === STATES.CLOSED) return;
    this.readyState = STATES.CLOSED;
    const { code, reason } = this.#closing ?? { code: ABNORMAL, reason: NOTHING };
    this.emit('close', code, reason);
    if (this.#closing === null) this.#wire?.breakOff();
    else this.#wire?.end();
  }

  // FrameSink: what the frames say

  begin(head: FrameHead): number {
    const problem = head.problem ?? (head.reserved === 0 ? null : 'a reserved bit is set that no extension uses') ?? this.#outOfOrder(head);
    if (problem !== null) this.#broken(PROTOCOL_ERROR, problem);
    else if (head.opcode <= OPCODES.binary && this.#octets + head.length > MAX_MESSAGE) this.#broken(TOO_BIG, 'a message is too big');
    return this.#isBroken ? 0 : head.length;
  }

  end(head: FrameHead, kept: Buffer): void {
    if (this.#isBroken || this.#closing !== null) return;
    switch (head.opcode) {
      case OPCODES.close:
        this.#closed(kept);
        break;
      case OPCODES.ping:
        this.emit('ping', kept);
        break;
      case OPCODES.pong:
        this.emit('pong', kept);
        break;
      default:
        this.#part(head, kept);
    }
  }

  lost(problem: string): void {
    this.#broken(PROTOCOL_ERROR, problem);
  }

  get #isBroken(): boolean {
    return this.readyState === STATES.CLOSED;
  }

  #outOfOrder({ opcode }: FrameHead): string | null {
    if (opcode > OPCODES.binary) return null;
    const isContinuation = opcode === OPCODES.continuation;
    if (isContinuation === (this.#opcode !== 0)) return null;
    return isContinuation ? 'a message goes on that has not begun' : 'a message begins before the one before has ended';
  }

  #part({ opcode, isFinal }: FrameHead, kept: Buffer): void {
    if (opcode !== OPCODES.continuation) this.#opcode = opcode;
    this.#parts.push(kept);
    // What a frame costs counts as well: there may be a million of them without content.
    this.#octets += kept.length + FRAME_COST;
    if (!isFinal) return;
    const data = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    const isBinary = this.#opcode === OPCODES.binary;
    this.#opcode = 0;
    this.#parts = [];
    this.#octets = 0;
    if (!isBinary && !isUtf8(data)) this.#broken(NOT_UTF8, 'a text is not UTF-8');
    else this.emit('message', data, isBinary);
  }

  #closed(content: Buffer): void {
    const code = content.length < 2 ? NO_STATUS : content.readUInt16BE(0);
    const reason = content.subarray(2);
    this.#closing = { code, reason };
    // What was asked for is granted (RFC 6455 §5.5.1).
    if (this.#hasSentClose) this.#wire?.end();
    else this.close(code, reason);
    this.ended();
  }

  #broken(code: number, problem: string): void {
    this.close(code);
    this.readyState = STATES.CLOSED;
    this.emit('error', new Error(`WebSocket: ${problem}`));
    this.emit('close', code, NOTHING);
    this.#wire?.end();
  }

  #write(opcode: number, content: Buffer): boolean {
    if (this.#wire === null || this.readyState === STATES.CONNECTING) throw new Error('WebSocket is not open: readyState 0 (CONNECTING)');
    if (this.#hasSentClose) return true;
    return this.#wire.write(frame(opcode, content, this.#isClient));
  }
}

/** One frame, whole (RFC 6455 §5.2); a client masks what it sends (§5.3). */
function frame(opcode: number, content: Buffer, isMasked: boolean): Buffer {
  const { length } = content;
  const lengthOctets = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = 2 + lengthOctets + (isMasked ? KEY_LENGTH : 0);
  const bytes = Buffer.allocUnsafe(start + length);
  bytes[0] = 0x80 | opcode;
  bytes[1] = (isMasked ? 0x80 : 0) | (lengthOctets === 0 ? length : lengthOctets === 2 ? 126 : 127);
  if (lengthOctets === 2) bytes.writeUInt16BE(length, 2);
  else if (lengthOctets === 8) bytes.writeBigUInt64BE(BigInt(length), 2);
  content.copy(bytes, start);
  if (!isMasked) return bytes;
  const key = randomBytes(KEY_LENGTH);
  key.copy(bytes, start - KEY_LENGTH);
  for (let i = 0; i < length; i += 1) bytes[start + i] = bytes[start + i]! ^ key[i & 3]!;
  return bytes;
}

const KEY_LENGTH = 4;
const NO_STATUS = 1005;
const ABNORMAL = 1006;
const PROTOCOL_ERROR = 1002;
const NOT_UTF8 = 1007;
const TOO_BIG = 1009;
const MAX_CONTROL = 125;
/** As the `ws` package takes. */
const MAX_MESSAGE = 100 * 1024 * 1024;
const FRAME_COST = 64;
const NOTHING = Buffer.alloc(0);
