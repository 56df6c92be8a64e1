// Owns the memory that upstream sockets read into: three sizes, kept for reuse. A socket starts small and gets more when it fills what it has,
// so a download is read in few, large pieces.
// A buffer comes back only from whoever can prove that nobody reads it any more; one that does not come back is left to the collector.
//
// For tunnels, small ones are cut from slabs whose pages the kernel gives only when something is read into them: an idle tunnel costs address
// space and no memory. Tunnels give everything back. HTTP does not, and gets buffers of their own: a slab goes only with its last piece, so
// each long tunnel would keep all that had been lost around it.

export class ReadBuffers {
  readonly #free: readonly [Buffer[], Buffer[], Buffer[]] = [[], [], []];
  readonly #isCut: boolean;
  #slab: Buffer | null = null;
  #slabUsed = 0;

  /** @param lossy  whether buffers may not come back, as those of HTTP may */
  constructor(lossy: 'lossy' | 'lossless') {
    this.#isCut = lossy === 'lossless';
  }

  take(size: number): Buffer {
    return this.#free[indexOf(size)].pop() ?? (size === SMALL && this.#isCut ? this.#cut() : Buffer.allocUnsafeSlow(size));
  }

  give(buffer: Buffer): void {
    const index = indexOf(buffer.length);
    const free = this.#free[index];
    // All pieces of slabs: dropping some would leave the slabs in memory and have new ones cut beside them.
    if (free.length < KEPT[index] || (index === 0 && this.#isCut)) free.push(buffer);
  }

  /** The whole buffer that a view of it was made from. */
  static wholeOf(view: Buffer): Buffer {
    const { buffer, byteOffset } = view;
    if (buffer.byteLength !== SLAB) return Buffer.from(buffer);
    return Buffer.from(buffer, byteOffset - (byteOffset % SMALL), SMALL);
  }

  /** The size for the next read, from how far the last one filled its buffer. */
  static sizeAfter(read: number, size: number): number {
    if (read === size) return size === SMALL ? MEDIUM : LARGE;
    return read <= SMALL / 2 && size !== SMALL ? SMALL : size;
  }

  static readonly first: number = 16 * 1024;

  #cut(): Buffer {
    if (this.#slab === null || this.#slabUsed === SLAB) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB);
      this.#slabUsed = 0;
    }
    this.#slabUsed += SMALL;
    return this.#slab.subarray(this.#slabUsed - SMALL, this.#slabUsed);
  }
}

function indexOf(size: number): 0 | 1 | 2 {
  return size === SMALL ? 0 : size === MEDIUM ? 1 : 2;
}

const SMALL = 16 * 1024;
const MEDIUM = 64 * 1024;
const LARGE = 256 * 1024;
/** Another size than any buffer's, so that a view tells what it was cut from. */
const SLAB = 64 * SMALL;
/** How many of each size are kept: 4 MiB, 4 MiB and 16 MiB at most. */
const KEPT = [256, 64, 64] as const;
