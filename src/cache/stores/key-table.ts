// Owns what is known in memory of everything on the disk: for each stored response a hash of its key, where its record lies, and whether it has been
// used. A key that nothing is stored under costs no call of the system, and one that is costs one read. Twenty octets a response, in tables that are
// open-addressed with linear probing (Knuth, TAOCP 3, 6.4). There are many small ones, so that one that grows does not hold up a request.

/** One record of the log (disk-log.ts). */
export interface Entry {
  readonly hash: number;
  /** The number of its segment. */
  readonly segment: number;
  readonly at: number;
  /** Of the record. */
  readonly length: number;
  /** What its content takes outside of the segment, in blocks of the file system. */
  readonly fileBlocks: number;
}

export class KeyTable {
  size = 0;
  #parts: (Part | null)[] = new Array<Part | null>(PARTS).fill(null);

  has(hash: number): boolean {
    const part = this.#parts[hash >>> PART_SHIFT]!;
    return part !== null && part.first(hash) !== NOWHERE;
  }

  /** Everything under this hash, in no order. */
  all(hash: number): Entry[] {
    const part = this.#parts[hash >>> PART_SHIFT]!;
    const all: Entry[] = [];
    if (part === null) return all;
    for (let slot = part.first(hash); slot !== NOWHERE; slot = part.next(hash, slot)) all.push(part.entry(slot));
    return all;
  }

  get(hash: number, segment: number, at: number): Entry | null {
    const part = this.#parts[hash >>> PART_SHIFT]!;
    const slot = part === null ? NOWHERE : part.slotOf(hash, segment, at);
    return slot === NOWHERE ? null : part!.entry(slot);
  }

  hasAt(hash: number, segment: number, at: number): boolean {
    const part = this.#parts[hash >>> PART_SHIFT]!;
    return part !== null && part.slotOf(hash, segment, at) !== NOWHERE;
  }

  add(hash: number, segment: number, at: number, length: number, fileBlocks: number): void {
    const index = hash >>> PART_SHIFT;
    let part = this.#parts[index]!;
    if (part === null) this.#parts[index] = part = new Part();
    part.add(hash, segment, at, length, fileBlocks);
    this.size += 1;
  }

  delete({ hash, segment, at }: Entry): boolean {
    const part = this.#parts[hash >>> PART_SHIFT]!;
    const slot = part === null ? NOWHERE : part.slotOf(hash, segment, at);
    if (slot === NOWHERE) return false;
    part!.delete(slot);
    this.size -= 1;
    return true;
  }

  isUsed({ hash, segment, at }: Entry): boolean {
    const part = this.#parts[hash >>> PART_SHIFT]!;
    const slot = part === null ? NOWHERE : part.slotOf(hash, segment, at);
    return slot !== NOWHERE && part!.isUsed(slot);
  }

  /** @returns whether that is new */
  use({ hash, segment, at }: Entry): boolean {
    const part = this.#parts[hash >>> PART_SHIFT]!;
    const slot = part === null ? NOWHERE : part.slotOf(hash, segment, at);
    return slot !== NOWHERE && part!.use(slot);
  }

  /** All entries of some segments: this looks at every entry there is. */
  of(segments: ReadonlySet<number>): Entry[] {
    return this.#parts.flatMap((part) => (part === null ? [] : part.of(segments)));
  }

  clear(): void {
    this.#parts.fill(null);
    this.size = 0;
  }
}

class Part {
  #words = new Uint32Array(LEAST_SLOTS * WORDS);
  #slots = LEAST_SLOTS;
  #count = 0;

  first(hash: number): number {
    return this.#from(hash, this.#home(hash));
  }

  next(hash: number, slot: number): number {
    return this.#from(hash, slot + 1 === this.#slots ? 0 : slot + 1);
  }

  slotOf(hash: number, segment: number, at: number): number {
    let slot = this.first(hash);
    while (slot !== NOWHERE && !this.#isAt(slot, segment, at)) slot = this.next(hash, slot);
    return slot;
  }

  entry(slot: number): Entry {
    const words = this.#words;
    const i = slot * WORDS;
    return { hash: words[i]!, segment: words[i + 1]! & SEGMENT, at: words[i + 2]!, length: words[i + 3]!, fileBlocks: words[i + 4]! };
  }

  isUsed(slot: number): boolean {
    return this.#words[slot * WORDS + 1]! >>> 31 === 1;
  }

  use(slot: number): boolean {
    const isNew = !this.isUsed(slot);
    this.#words[slot * WORDS + 1]! |= USED;
    return isNew;
  }

  add(hash: number, segment: number, at: number, length: number, fileBlocks: number): void {
    if ((this.#count + 1) * 10 > this.#slots * 7) this.#grow();
    let slot = this.#home(hash);
    while (this.#isTaken(slot)) slot = slot + 1 === this.#slots ? 0 : slot + 1;
    const i = slot * WORDS;
    this.#words[i] = hash;
    this.#words[i + 1] = segment;
    this.#words[i + 2] = at;
    this.#words[i + 3] = length;
    this.#words[i + 4] = fileBlocks;
    this.#count += 1;
  }

  /** What had to go past the slot moves up, so that nothing is searched for in vain. */
  delete(slot: number): void {
    const words = this.#words;
    let hole = slot;
    for (let i = slot + 1 === this.#slots ? 0 : slot + 1; this.#isTaken(i); i = i + 1 === this.#slots ? 0 : i + 1) {
      const home = this.#home(words[i * WORDS]!);
      const mayMove = hole <= i ? home <= hole || home > i : home <= hole && home > i;
      if (!mayMove) continue;
      words.copyWithin(hole * WORDS, i * WORDS, (i + 1) * WORDS);
      hole = i;
    }
    words.fill(0, hole * WORDS, (hole + 1) * WORDS);
    this.#count -= 1;
  }

  of(segments: ReadonlySet<number>): Entry[] {
    const all: Entry[] = [];
    for (let slot = 0; slot < this.#slots; slot += 1) {
      if (this.#isTaken(slot) && segments.has(this.#words[slot * WORDS + 1]! & SEGMENT)) all.push(this.entry(slot));
    }
    return all;
  }

  #from(hash: number, start: number): number {
    let slot = start;
    // Three slots in ten are free.
    while (this.#isTaken(slot)) {
      if (this.#words[slot * WORDS] === hash) return slot;
      slot = slot + 1 === this.#slots ? 0 : slot + 1;
    }
    return NOWHERE;
  }

  /** By the bits of the hash that have not chosen this part. */
  #home(hash: number): number {
    return Math.floor(((hash & PART_MASK) / (PART_MASK + 1)) * this.#slots);
  }

  /** A record has at least its header. */
  #isTaken(slot: number): boolean {
    return this.#words[slot * WORDS + 3] !== 0;
  }

  #isAt(slot: number, segment: number, at: number): boolean {
    const i = slot * WORDS;
    return this.#words[i + 2] === at && (this.#words[i + 1]! & SEGMENT) === segment;
  }

  #grow(): void {
    const old = this.#words;
    const oldSlots = this.#slots;
    this.#slots = Math.ceil(oldSlots * 1.5);
    this.#words = new Uint32Array(this.#slots * WORDS);
    this.#count = 0;
    for (let i = 0; i < oldSlots * WORDS; i += WORDS) {
      // With its mark.
      if (old[i + 3] !== 0) this.add(old[i]!, old[i + 1]!, old[i + 2]!, old[i + 3]!, old[i + 4]!);
    }
  }
}

const PARTS = 256;
const PART_SHIFT = 24;
const PART_MASK = 2 ** PART_SHIFT - 1;
const LEAST_SLOTS = 8;
const WORDS = 5;
const NOWHERE = -1;
const SEGMENT = 0x7fffffff;
const USED = 0x80000000;
