// Owns content that proves whose it is: every octet follows from the request's name and the octet's position, so an answer that was swapped,
// cut, shifted or overwritten anywhere differs from what its request asked for. Nothing is made per message: pieces are views of one block.
import { Random } from './random.ts';

export class Content {
  readonly name: string;
  readonly length: number;
  readonly #start: number;

  constructor(name: string, length: number) {
    this.name = name;
    this.length = length;
    this.#start = hashOf(name) % PERIOD;
  }

  /** The octets from `from` to its end, or fewer: at most what `PERIOD` allows. Must not be written to. */
  piece(from: number, most = PERIOD): Buffer {
    const at = (this.#start + from) % PERIOD;
    return BLOCK.subarray(at, at + Math.min(most, PERIOD, this.length - from));
  }

  /** All of it, in as few pieces as can be. */
  *pieces(): Generator<Buffer> {
    for (let at = 0; at < this.length; at += PERIOD) yield this.piece(at);
  }

  /** Whether these octets are the ones that stand at that position. */
  isRight(at: number, bytes: Buffer): boolean {
    if (at + bytes.length > this.length) return false;
    for (let done = 0; done < bytes.length; ) {
      const expected = this.piece(at + done, bytes.length - done);
      if (expected.compare(bytes, done, done + expected.length) !== 0) return false;
      done += expected.length;
    }
    return true;
  }
}

/** What arrives, compared as it comes. */
export class Comparison {
  readonly #content: Content;
  /** Octets so far. */
  length = 0;
  /** Where the first piece with a wrong octet began; `null` while all is right. */
  wrongFrom: number | null = null;

  constructor(content: Content) {
    this.#content = content;
  }

  add(bytes: Buffer): void {
    if (this.wrongFrom === null && !this.#content.isRight(this.length, bytes)) this.wrongFrom = this.length;
    this.length += bytes.length;
  }

  /** Whether it is all of the content and nothing else. */
  get isWhole(): boolean {
    return this.wrongFrom === null && this.length === this.#content.length;
  }
}

/** FNV-1a, 32 bits. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A prime, so that no shift by a buffer's size leads to the same octets. */
const PERIOD = 1_048_573;
const BLOCK = createBlock();

/** Twice the period: a piece of up to one period lies in it without a break, wherever it begins. */
function createBlock(): Buffer {
  const random = new Random(PERIOD);
  const once = Buffer.from(Uint8Array.from({ length: PERIOD }, () => random.between(0, 255)));
  return Buffer.concat([once, once]);
}
