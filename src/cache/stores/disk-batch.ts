// Owns what has been asked for and is not in the index yet: it is written together, so that storing costs no turn of the disk.
import { FS_BLOCK } from './content-file.ts';
import { ENTRY_WORDS, type IndexChanges, type Mark, MOVED } from './disk-index.ts';
import type { Segment } from './disk-segment.ts';
import type { Entry, KeyTable } from './key-table.ts';

export class OpenBatch {
  readonly number: number;
  readonly marks: Mark[] = [];
  /** To these nothing refers any more. */
  readonly gone: Segment[] = [];
  /** Hashes of what goes with it. */
  readonly dropped = new Set<number>();
  records = 0;
  /** Of records, and of the files of their contents. */
  bytes = 0;
  readonly #parts = new Map<Segment, Entries>();
  /** Where records are that lay elsewhere, by where they lay. */
  readonly #moved = new Map<string, Entry>();

  constructor(number: number) {
    this.number = number;
  }

  get isEmpty(): boolean {
    return this.records === 0 && this.marks.length === 0 && this.gone.length === 0;
  }

  get segments(): IterableIterator<Segment> {
    return this.#parts.keys();
  }

  add(segment: Segment, { hash, at, length, fileBlocks }: Entry, order: number, isMoved: boolean): void {
    let entries = this.#parts.get(segment);
    if (entries === undefined) {
      entries = new Entries(segment);
      this.#parts.set(segment, entries);
    }
    entries.add(hash, at, length, fileBlocks, order, isMoved);
    this.records += 1;
    this.bytes += length + fileBlocks * FS_BLOCK;
  }

  moved(from: Entry, to: Entry): void {
    this.#moved.set(`${from.segment} ${from.at}`, to);
  }

  movedFrom(segment: number, at: number): Entry | null {
    return this.#moved.get(`${segment} ${at}`) ?? null;
  }

  *movedFromAny(segments: ReadonlySet<number>): Generator<Entry> {
    for (const [from, to] of this.#moved) if (segments.has(Number.parseInt(from, 10))) yield to;
  }

  /** Records of it that are still in the table. */
  *entries(table: KeyTable): Generator<Entry> {
    for (const [segment, entries] of this.#parts) {
      for (let i = 0; i < entries.count; i += 1) {
        const entry = table.get(entries.words[i * ENTRY_WORDS]!, segment.number, entries.words[i * ENTRY_WORDS + 1]!);
        if (entry !== null) yield entry;
      }
    }
  }

  /** What was removed meanwhile is left out. */
  changes(table: KeyTable): IndexChanges {
    const batches = [...this.#parts].map(([segment, entries]) => ({
      segment: segment.id,
      end: entries.end,
      lastOrder: entries.lastOrder,
      entries: entries.in(table),
    }));
    return { batches, marks: this.marks, gone: this.gone.map(({ id }) => id) };
  }

  /** It is in the index. */
  committed(): void {
    for (const [segment, entries] of this.#parts) segment.committed = entries.end;
  }
}

/** In one segment. */
class Entries {
  words = new Uint32Array(64 * ENTRY_WORDS);
  count = 0;
  end = 0;
  lastOrder = 0;
  readonly #segment: Segment;
  /** How many of its records were when the first of these came. */
  readonly #forgotten: number;

  constructor(segment: Segment) {
    this.#segment = segment;
    this.#forgotten = segment.forgotten;
  }

  add(hash: number, at: number, length: number, fileBlocks: number, order: number, isMoved: boolean): void {
    const i = this.count * ENTRY_WORDS;
    if (i === this.words.length) {
      const larger = new Uint32Array(this.words.length * 2);
      larger.set(this.words);
      this.words = larger;
    }
    this.words[i] = hash;
    this.words[i + 1] = at;
    this.words[i + 2] = isMoved ? length | MOVED : length;
    this.words[i + 3] = fileBlocks;
    this.count += 1;
    this.end = at + length;
    if (order > this.lastOrder) this.lastOrder = order;
  }

  in(table: KeyTable): Uint32Array {
    const { number, forgotten } = this.#segment;
    // Nothing of it has been since, as nearly always: then none of these has to be looked for.
    if (forgotten === this.#forgotten) return this.words.subarray(0, this.count * ENTRY_WORDS);
    let kept = 0;
    for (let i = 0; i < this.count * ENTRY_WORDS; i += ENTRY_WORDS) {
      if (!table.hasAt(this.words[i]!, number, this.words[i + 1]!)) continue;
      if (kept !== i) this.words.copyWithin(kept, i, i + ENTRY_WORDS);
      kept += ENTRY_WORDS;
    }
    this.count = kept / ENTRY_WORDS;
    return this.words.subarray(0, kept);
  }
}
