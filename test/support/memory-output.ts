// Owns an `Output` in memory that behaves like a socket: it takes at once what its kernel has room for, holds references to the rest, and asks
// to be drained once it holds too much. Memory that is changed while it is held comes out changed, as it would on the wire.
import type { Output } from '../../src/http1/writer.ts';
import { releaseNow } from '../../src/net/turn-writes.ts';

export class MemoryOutput implements Output {
  /** Every write, as ISO-8859-1 text, at the time it was made. */
  readonly writes: string[] = [];
  /** The very buffers that were written. */
  readonly buffers: Buffer[] = [];
  /** Groups of writes that left together. */
  packets = 0;
  /** Octets that the kernel takes before it is full. */
  capacity = Number.POSITIVE_INFINITY;
  highWaterMark = 16_384;
  writableNeedDrain = false;
  #held: Buffer[] = [];
  #left: Buffer[] = [];
  writableCorked = 0;

  get writableLength(): number {
    return this.#held.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  /** What has left, as ISO-8859-1 text. */
  get text(): string {
    return this.bytes.toString('latin1');
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#left);
  }

  write(piece: Buffer | string): void {
    const bytes = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece;
    if (typeof piece !== 'string') this.buffers.push(piece);
    this.writes.push(bytes.toString('latin1'));
    this.#held.push(bytes);
    if (this.writableCorked === 0) this.#send();
  }

  cork(): void {
    this.writableCorked += 1;
  }

  uncork(): void {
    if (this.writableCorked === 0) return;
    this.writableCorked -= 1;
    if (this.writableCorked === 0) this.#send();
  }

  /** Lets go of what waits for the end of the turn. */
  endTurn(): void {
    releaseNow(this);
  }

  /** The turn is over and the kernel has room again. @returns whether somebody was waiting to hear it */
  drain(octets = Number.POSITIVE_INFINITY): boolean {
    this.capacity = octets;
    this.endTurn();
    this.#send();
    return !this.writableNeedDrain;
  }

  #send(): void {
    this.packets += 1;
    while (this.#held.length > 0 && this.capacity > 0) {
      const bytes = this.#held.shift()!;
      const size = Math.min(bytes.length, this.capacity);
      this.capacity -= size;
      this.#left.push(Buffer.from(bytes.subarray(0, size)));
      if (size < bytes.length) this.#held.unshift(bytes.subarray(size));
    }
    if (this.#held.length === 0) this.writableNeedDrain = false;
    else if (this.writableLength >= this.highWaterMark) this.writableNeedDrain = true;
  }
}
