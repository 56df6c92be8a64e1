// Owns the memory that upstream sockets read into: three sizes, kept for reuse. A socket starts small and gets more when it fills what it has,
// so a download is read in few, large pieces. Small ones are cut from slabs whose pages the kernel gives only when something is read into
// them: an idle connection costs address space and no memory.
// A buffer comes back only from whoever can prove that nobody reads it any more; one that does not come back is left to the collector.

export class ReadBuffers {
  readonly #free: readonly [Buffer[], Buffer[], Buffer[]] = [[], [], []];
  #slab: Buffer | null = null;
  #slabUsed = 0;

  take(size: number): Buffer {
    return this.#free[indexOf(size)].pop() ?? (size === SMALL ? this.#cut() : Buffer.allocUnsafeSlow(size));
  }

  give(buffer: Buffer): void {
    const index = indexOf(buffer.length);
    const free = this.#free[index];
    if (free.length < KEPT[index]) free.push(buffer);
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
/**
 * How many of each size are kept. All small ones: a slab is free only when its last piece is, so dropping some would leave most slabs
 * in memory and have new ones made beside them. They are as many as there were upstream connections at once. Of the others, 4 and 16 MiB.
 */
const KEPT = [Number.POSITIVE_INFINITY, 64, 64] as const;
