// Owns many small records in a few large pieces of memory, beside the heap: there the collector neither copies them nor walks over them.
// They are written one after the other, and one that is forgotten leaves a gap. Where gaps take more than their share, the segment with the fewest
// records hands them on and is written anew. So a record may move: it is known by its number, and who reads it copies it at once.
// S. Rumble, A. Kejriwal, J. Ousterhout, "Log-structured memory for DRAM-based storage", FAST (2014).

export class PackedRecords {
  /** Those let go leave their place to new ones: where a record lies includes the index of its segment. */
  readonly #segments: (Segment | null)[] = [];
  /** Segments without a record, to be written next. */
  readonly #empty: Segment[] = [];
  #held = 0;
  #current: Segment | null = null;
  /** Where each record lies, in octets over all segments; of a number that is free, the next free one. */
  #places = new Float64Array(LEAST_NUMBERS);
  #numbers = 0;
  #firstFree = NONE;
  /** Octets that records take. */
  #used = 0;

  /** Octets of all segments. */
  get heldBytes(): number {
    return this.#held * SEGMENT;
  }

  /** @returns the number of a record of `length` octets, `MOST_OCTETS` at most, to be written at once */
  add(length: number): number {
    const number = this.#takeNumber();
    this.#append(number, length);
    return number;
  }

  /** The memory that a record lies in, with others. */
  memoryOf(number: number): Buffer {
    return this.#segmentOf(number).memory;
  }

  /** Where in that memory. */
  startOf(number: number): number {
    return (this.#places[number]! % SEGMENT) + PREFIX;
  }

  lengthOf(number: number): number {
    return this.#segmentOf(number).words[(this.#places[number]! % SEGMENT) / WORD + 1]!;
  }

  /** Octets that it takes, with its part of the gaps. */
  bytesOf(number: number): number {
    return Math.ceil(sizeOf(this.lengthOf(number)) * (1 + GAPS)) + Float64Array.BYTES_PER_ELEMENT;
  }

  remove(number: number): void {
    const segment = this.#segmentOf(number);
    const word = (this.#places[number]! % SEGMENT) / WORD;
    this.#subtract(segment, sizeOf(segment.words[word + 1]!));
    segment.words[word] = NONE;
    this.#places[number] = this.#firstFree;
    this.#firstFree = number;
    if (segment.used === 0 && segment !== this.#current) this.#leave(segment);
    if (this.#hasManyGaps()) this.#clearSparsest();
  }

  #segmentOf(number: number): Segment {
    return this.#segments[Math.floor(this.#places[number]! / SEGMENT)]!;
  }

  #takeNumber(): number {
    const free = this.#firstFree;
    if (free !== NONE) {
      this.#firstFree = this.#places[free]!;
      return free;
    }
    if (this.#numbers === this.#places.length) {
      const places = new Float64Array(2 * this.#numbers);
      places.set(this.#places);
      this.#places = places;
    }
    this.#numbers += 1;
    return this.#numbers - 1;
  }

  #append(number: number, length: number): Segment {
    const size = sizeOf(length);
    const segment = this.#current !== null && this.#current.end + size <= SEGMENT ? this.#current : this.#begin();
    const { end, words } = segment;
    words[end / WORD] = number;
    words[end / WORD + 1] = length;
    this.#places[number] = segment.index * SEGMENT + end;
    segment.end += size;
    segment.used += size;
    this.#used += size;
    return segment;
  }

  #begin(): Segment {
    const last = this.#current;
    this.#current = this.#empty.pop() ?? this.#newSegment();
    if (last?.used === 0) this.#leave(last);
    return this.#current;
  }

  #newSegment(): Segment {
    const unused = this.#segments.indexOf(null);
    const segment = new Segment(unused === -1 ? this.#segments.length : unused);
    this.#segments[segment.index] = segment;
    this.#held += 1;
    return segment;
  }

  #subtract(segment: Segment, size: number): void {
    segment.used -= size;
    this.#used -= size;
  }

  /** There is nothing in it any more. */
  #leave(segment: Segment): void {
    segment.end = 0;
    if (this.#empty.length < MOST_EMPTY) {
      this.#empty.push(segment);
    } else {
      this.#segments[segment.index] = null;
      this.#held -= 1;
    }
  }

  #hasManyGaps(): boolean {
    const gaps = (this.#held - this.#empty.length) * SEGMENT - this.#used;
    return gaps > this.#used * GAPS + SPARE * SEGMENT;
  }

  #clearSparsest(): void {
    let sparsest: Segment | null = null;
    for (const segment of this.#segments) {
      if (segment === null || segment === this.#current || segment.used === 0) continue;
      if (sparsest === null || segment.used < sparsest.used) sparsest = segment;
    }
    if (sparsest === null) return;
    const { memory, words, end } = sparsest;
    for (let at = 0; at < end; ) {
      const length = words[at / WORD + 1]!;
      const size = sizeOf(length);
      const number = words[at / WORD]!;
      if (number !== NONE) {
        this.#subtract(sparsest, size);
        const to = this.#append(number, length);
        memory.copy(to.memory, to.end - size + PREFIX, at + PREFIX, at + size);
      }
      at += size;
    }
    this.#leave(sparsest);
  }
}

class Segment {
  readonly index: number;
  /** Shared memory, though with nobody: V8 takes each ArrayBuffer that is made for a sign of garbage, and collects everything after some 64 MiB of them. */
  readonly memory: Buffer = Buffer.from(new SharedArrayBuffer(SEGMENT));
  /** The same, for what stands before each record: its number, `NONE` where it was removed, and its length. */
  readonly words: Int32Array = new Int32Array(this.memory.buffer);
  /** Octets written, and how many of them are records that were not removed since. */
  end = 0;
  used = 0;

  constructor(index: number) {
    this.index = index;
  }
}

/** Each begins at a whole word. */
function sizeOf(length: number): number {
  return PREFIX + Math.ceil(length / WORD) * WORD;
}

/** A fraction of a segment: what is left over at its end, and what moving one costs at once, stays small. */
export const MOST_OCTETS = 16 * 1024;
const SEGMENT = 256 * 1024;
const WORD = Int32Array.BYTES_PER_ELEMENT;
const PREFIX = 2 * WORD;
const NONE = -1;
const LEAST_NUMBERS = 1024;
/** Beside what is used, as a share of it; and so many segments that small stores are not always clearing. */
const GAPS = 1 / 8;
const SPARE = 4;
/** Kept to be written next; more are let go. */
const MOST_EMPTY = 4;
