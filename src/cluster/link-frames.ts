// Owns the octets of the link between a worker and the keeper: one frame a message, little endian.
//
//   u32 octets of the head │ u32 octets behind it │ u8 kind │ u32 number │ the head, JSON │ the octets
//
// Whoever reads gets the octets in memory of their own, so that they can be handed on, and whole messages only. A length beyond the bounds ends the link:
// nothing is set aside for it, and what would stand behind it cannot be found.

/** `said` wants no answer; `answered` and `refused` have the number of what was `asked`. */
export const LINK_KINDS = { said: 1, asked: 2, answered: 3, refused: 4 } as const;
export type LinkKind = (typeof LINK_KINDS)[keyof typeof LINK_KINDS];

export interface LinkFrame {
  readonly kind: LinkKind;
  /** 0 of what is said. */
  readonly number: number;
  readonly head: unknown;
  /** `null` where there are none. */
  readonly octets: ArrayBuffer | null;
}

/** What was read is no frame. */
export class BrokenFrame extends Error {
  override readonly name = 'BrokenFrame';
}

/** All of a frame but its octets, which go behind it. @param octets how many those are */
export function frameHead(kind: LinkKind, number: number, head: object, octets: number): Buffer {
  const text = JSON.stringify(head);
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(PREFIX_OCTETS + length);
  frame.writeUInt32LE(length, 0);
  frame.writeUInt32LE(octets, 4);
  frame[8] = kind;
  frame.writeUInt32LE(number, 9);
  frame.write(text, PREFIX_OCTETS);
  return frame;
}

/** Takes octets as they come, in pieces of any size. */
export class FrameReader {
  readonly #prefix = Buffer.alloc(PREFIX_OCTETS);
  readonly #onFrame: (frame: LinkFrame) => void;
  /** Read so far of the prefix, the head and the octets. */
  #read = 0;
  #head: Buffer | null = null;
  #octets: Buffer<ArrayBuffer> | null = null;

  constructor(onFrame: (frame: LinkFrame) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws BrokenFrame, and nothing can be read any more */
  take(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#head === null) at += this.#takePrefix(chunk, at);
      else at += this.#takeRest(chunk, at, this.#head, this.#octets);
    }
  }

  #takePrefix(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#prefix, this.#read, at, at + PREFIX_OCTETS - this.#read);
    this.#read += taken;
    if (this.#read < PREFIX_OCTETS) return taken;
    const headOctets = this.#prefix.readUInt32LE(0);
    const octets = this.#prefix.readUInt32LE(4);
    if (headOctets < 2 || headOctets > MOST_HEAD_OCTETS) throw new BrokenFrame(`a head of ${headOctets} octets`);
    if (octets > MOST_OCTETS) throw new BrokenFrame(`${octets} octets in one message`);
    if (!KINDS.has(this.#prefix[8]!)) throw new BrokenFrame(`a message of the kind ${this.#prefix[8]}`);
    this.#head = Buffer.allocUnsafe(headOctets);
    this.#octets = octets === 0 ? null : Buffer.from(new ArrayBuffer(octets));
    this.#read = 0;
    return taken;
  }

  #takeRest(chunk: Buffer, at: number, head: Buffer, octets: Buffer<ArrayBuffer> | null): number {
    const isInHead = this.#read < head.length;
    const taken = isInHead ? chunk.copy(head, this.#read, at) : chunk.copy(octets!, this.#read - head.length, at);
    this.#read += taken;
    if (this.#read < head.length + (octets?.length ?? 0)) return taken;
    this.#read = 0;
    this.#head = null;
    this.#octets = null;
    const kind = this.#prefix[8] as LinkKind;
    this.#onFrame({ kind, number: this.#prefix.readUInt32LE(9), head: parsed(head), octets: octets?.buffer ?? null });
    return taken;
  }
}

function parsed(head: Buffer): object {
  let value: unknown;
  try {
    value = JSON.parse(head.toString());
  } catch (cause) {
    throw new BrokenFrame('a head that is not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null) throw new BrokenFrame('a head that is no object');
  return value;
}

const PREFIX_OCTETS = 13;
const KINDS: ReadonlySet<number> = new Set(Object.values(LINK_KINDS));
/** Contents that are held at breakpoints are the most that a head can have in it. */
export const MOST_HEAD_OCTETS = 64 * 2 ** 20;
/** A batch is 1 MiB, or one exchange: two contents, which are no more than what all that are under way may take. */
export const MOST_OCTETS = 256 * 2 ** 20;
