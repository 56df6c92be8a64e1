// Owns frames of a WebSocket (RFC 6455 §5.2) as somebody who watches sees them: out of the octets of one direction, however they are cut.
// Refuses nothing and changes nothing. Whether a mistake ends the connection is for the two ends to say, so a mistake is a fact about its frame,
// and reading goes on as long as it is known where the next frame begins. Of a payload only as much is copied as the sink asks for.

/** What stands before a payload. */
export interface FrameHead {
  readonly isFinal: boolean;
  /** RSV1, RSV2 and RSV3 as one number; RSV1 is 4. */
  readonly reserved: number;
  readonly opcode: number;
  readonly isMasked: boolean;
  /** Octets of the payload as it was sent. */
  readonly length: number;
  /** What RFC 6455 does not allow about it; `null` when it is as it should be. */
  readonly problem: string | null;
}

export interface FrameSink {
  /** A payload begins. @returns how many octets of it are wanted, from its first */
  begin(head: FrameHead): number;
  /** The frame is whole. @param kept unmasked, in memory of its own: what was wanted of it, or all if that is less */
  end(head: FrameHead, kept: Buffer): void;
  /** It cannot be known where the next frame begins: nothing more will be read. */
  lost(problem: string): void;
}

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export const RSV1 = 4;

export class FrameReader {
  readonly #sink: FrameSink;
  /** A client masks what it sends, a server does not (RFC 6455 §5.1). */
  readonly #shouldMask: boolean;
  readonly #octets = Buffer.alloc(MAX_HEAD);
  #filled = 0;
  /** Octets of the head; not known before its second. */
  #needed = MAX_HEAD;
  /** The frame whose payload is coming; `null` between frames. */
  #head: FrameHead | null = null;
  /** Octets of its payload that have come. */
  #passed = 0;
  #wanted = 0;
  #kept: Buffer = NOTHING;
  /** Frames have come of a message whose last has not. */
  #isWithin = false;
  #isLost = false;

  constructor(from: 'client' | 'server', sink: FrameSink) {
    this.#sink = sink;
    this.#shouldMask = from === 'client';
  }

  /**
   * Takes the next octets of the direction. Their memory may be used again when this returns.
   *
   * @throws never, unless the sink does
   */
  read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#isLost) {
      at = this.#head === null ? this.#readHead(bytes, at) : this.#readPayload(this.#head, bytes, at);
    }
  }

  /** Octets until no message is under way: 0 between two of them; `null` where that cannot be said yet, or no more. */
  get octetsToNext(): number | null {
    if (this.#isLost) return null;
    const head = this.#head;
    if (head === null) return this.#filled === 0 && !this.#isWithin ? 0 : null;
    return this.#isWithinAfter(head) ? null : head.length - this.#passed;
  }

  #isWithinAfter({ opcode, isFinal }: FrameHead): boolean {
    return opcode >= OPCODES.close ? this.#isWithin : !isFinal;
  }

  /** @returns where the payload begins, or the end of what has come */
  #readHead(bytes: Buffer, start: number): number {
    const octets = this.#octets;
    let at = start;
    while (at < bytes.length) {
      octets[this.#filled] = bytes[at]!;
      this.#filled += 1;
      at += 1;
      if (this.#filled === 2) this.#needed = headLength(octets[1]!);
      if (this.#filled < this.#needed) continue;
      this.#filled = 0;
      this.#needed = MAX_HEAD;
      this.#beginPayload();
      break;
    }
    return at;
  }

  #beginPayload(): void {
    const octets = this.#octets;
    const length = payloadLength(octets);
    if (!Number.isSafeInteger(length)) {
      this.#isLost = true;
      this.#sink.lost('a frame announces more octets than there can be');
      return;
    }
    const first = octets[0]!;
    const isFinal = (first & 0x80) !== 0;
    const reserved = (first & 0x70) >> 4;
    const opcode = first & 0x0f;
    const isMasked = (octets[1]! & MASKED) !== 0;
    const problem =
      problemOf(isFinal, opcode, length, octets[1]! & 0x7f) ?? (isMasked === this.#shouldMask ? null : MASKING[`${isMasked}`]);
    const head: FrameHead = { isFinal, reserved, opcode, isMasked, length, problem };
    this.#wanted = Math.min(this.#sink.begin(head), length);
    this.#passed = 0;
    this.#kept = NOTHING;
    if (length === 0) this.#end(head, NOTHING);
    else this.#head = head;
  }

  #readPayload(head: FrameHead, bytes: Buffer, start: number): number {
    const end = Math.min(bytes.length, start + head.length - this.#passed);
    if (this.#passed < this.#wanted) this.#keep(head, bytes, start, Math.min(end, start + this.#wanted - this.#passed));
    this.#passed += end - start;
    if (this.#passed === head.length) {
      const kept = this.#kept;
      this.#head = null;
      this.#kept = NOTHING;
      this.#end(head, kept.subarray(0, this.#wanted));
    }
    return end;
  }

  #end(head: FrameHead, kept: Buffer): void {
    this.#isWithin = this.#isWithinAfter(head);
    this.#sink.end(head, kept);
  }

  /** Copies and unmasks (RFC 6455 §5.3). */
  #keep(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const from = this.#passed;
    const to = from + end - start;
    if (to > this.#kept.length) this.#kept = grown(this.#kept, from, to, this.#wanted);
    const kept = this.#kept;
    bytes.copy(kept, from, start, end);
    if (!head.isMasked) return;
    const key = headLength(this.#octets[1]!) - KEY_LENGTH;
    for (let i = from; i < to; i += 1) kept[i] = kept[i]! ^ this.#octets[key + (i & 3)]!;
  }
}

/** A length is believed only as it arrives: memory for what was announced alone would be memory that a stranger chooses. */
function grown(kept: Buffer, filled: number, needed: number, wanted: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Math.min(wanted, Math.max(needed, 2 * kept.length)));
  kept.copy(bytes, 0, 0, filled);
  return bytes;
}

function headLength(second: number): number {
  const short = second & 0x7f;
  return 2 + (short === IN_8 ? 8 : short === IN_2 ? 2 : 0) + ((second & MASKED) === 0 ? 0 : KEY_LENGTH);
}

/** Not a safe integer where the length is larger than one, or has the bit set that must be 0. */
function payloadLength(octets: Buffer): number {
  const short = octets[1]! & 0x7f;
  if (short === IN_8) return octets.readUInt32BE(2) * 2 ** 32 + octets.readUInt32BE(6);
  return short === IN_2 ? octets.readUInt16BE(2) : short;
}

function problemOf(isFinal: boolean, opcode: number, length: number, short: number): string | null {
  if ((opcode & 7) > 2) return `opcode ${opcode} has no meaning`;
  if (opcode >= OPCODES.close && !isFinal) return 'a control frame is in parts';
  if (opcode >= OPCODES.close && length > 125) return 'a control frame is longer than 125 octets';
  if (short === IN_2 ? length < IN_2 : short === IN_8 && length <= 0xffff) return 'the length is written longer than it has to be';
  return null;
}

const MASKING = { true: 'a server has masked a frame', false: 'a client has not masked a frame' } as const;
const IN_2 = 126;
const IN_8 = 127;
const MASKED = 0x80;
const KEY_LENGTH = 4;
const MAX_HEAD = 14;
const NOTHING = Buffer.alloc(0);
