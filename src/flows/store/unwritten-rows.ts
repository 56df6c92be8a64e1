// Owns the rows that the index does not have yet: of what stands in the segments already. They are written many at a time, before anybody reads, and
// lost with the process: then they are made again from the segments. A batch that could not be written takes its rows back.
import type { WrittenReference } from './record-frames.ts';
import { type BlockParts, BlockWriter, packed } from './row-block.ts';
import type { Place } from './segments.ts';

export interface MessageRow {
  readonly id: number;
  readonly number: number;
  readonly place: Place;
  readonly length: number;
}

export interface ExchangeRow {
  readonly id: number;
  readonly summary: string;
  readonly place: Place;
  readonly length: number;
  readonly hasEnded: boolean;
}

export class UnwrittenRows {
  /** Of each exchange the number of its latest row, and 1 more; 0 where there is none. By id: as ids follow one another, each has a place of its own. */
  #places = new Int32Array(2 * LEAST);
  #ids = new Float64Array(LEAST);
  #ats = new Float64Array(LEAST);
  #lengths = new Uint32Array(LEAST);
  #ends = new Uint32Array(LEAST);
  #haveEnded = new Uint8Array(LEAST);
  #octets: Buffer = Buffer.allocUnsafeSlow(LEAST_OCTETS);
  #count = 0;
  readonly messages: MessageRow[] = [];
  readonly contents: WrittenReference[] = [];
  /** In which all of them lie; 0 while there are none. */
  #segment = 0;
  /** What there was when the last batch began. */
  #before = { rows: 0, messages: 0, contents: 0 };

  get size(): number {
    return this.#count + this.messages.length + this.contents.length;
  }

  get segment(): number {
    return this.#segment;
  }

  /** A batch begins, whose records come to lie in this segment, as those of all others that wait here do. */
  begin(segment: number): void {
    this.#segment = segment;
    this.#before = { rows: this.#count, messages: this.messages.length, contents: this.contents.length };
  }

  /** The batch came to nothing. */
  takeBack(): void {
    this.#count = this.#before.rows;
    this.messages.length = this.#before.messages;
    this.contents.length = this.#before.contents;
    this.#placeAll();
  }

  has(id: number): boolean {
    return this.#places[this.#placeOf(id)] !== 0;
  }

  /**
   * @param octets with the summary, from `from` to `to`; copied
   * @param at where its record lies in the segment
   */
  put(id: number, octets: Buffer, from: number, to: number, at: number, length: number, hasEnded: boolean): void {
    const number = this.#count;
    const start = this.#start(number);
    const end = start + to - from;
    if (number === this.#ids.length || end > this.#octets.length) this.#grow(end);
    octets.copy(this.#octets, start, from, to);
    this.#ids[number] = id;
    this.#ats[number] = at;
    this.#lengths[number] = length;
    this.#ends[number] = end;
    this.#haveEnded[number] = hasEnded ? 1 : 0;
    this.#count = number + 1;
    this.#places[this.#placeOf(id)] = this.#count;
  }

  /** The numbers of all rows, of each exchange the latest, by ascending ids. */
  sorted(): Int32Array {
    const count = this.#count;
    // Sorted as numbers, which is quick: by id, and of one id by number. Both in one are exact: of thousands of rows, for ids up to 2 ** 40.
    const rows = 2 ** Math.ceil(Math.log2(count + 1));
    const keys = new Float64Array(count);
    for (let number = 0; number < count; number += 1) keys[number] = this.#ids[number]! * rows + number;
    keys.sort();
    const numbers = new Int32Array(count);
    let kept = 0;
    for (let i = 0; i < count; i += 1) {
      const key = keys[i]!;
      const number = key - Math.floor(key / rows) * rows;
      if (kept > 0 && this.#ids[numbers[kept - 1]!] === this.#ids[number]) kept -= 1;
      numbers[kept] = number;
      kept += 1;
    }
    return numbers.subarray(0, kept);
  }

  id(number: number): number {
    return this.#ids[number]!;
  }

  hasEnded(number: number): boolean {
    return this.#haveEnded[number] === 1;
  }

  row(number: number): ExchangeRow {
    return {
      id: this.id(number),
      summary: this.#octets.toString('utf8', this.#start(number), this.#ends[number]),
      place: { segment: this.#segment, at: this.#ats[number]! },
      length: this.#lengths[number]!,
      hasEnded: this.hasEnded(number),
    };
  }

  /** As many as one. @param numbers of rows whose ids ascend */
  block(numbers: readonly number[]): BlockParts {
    let octets = 0;
    for (const number of numbers) octets += this.#ends[number]! - this.#start(number);
    const writer = new BlockWriter(numbers.length, octets);
    const from = packed({ segment: this.#segment, at: 0 });
    for (const number of numbers) {
      writer.add(this.#ids[number]!, from + this.#ats[number]!, this.#lengths[number]!);
      writer.addSummary(this.#octets, this.#start(number), this.#ends[number]!);
    }
    return writer;
  }

  clear(): void {
    this.#places.fill(0);
    this.#count = 0;
    this.messages.length = 0;
    this.contents.length = 0;
    this.#segment = 0;
    this.#before = { rows: 0, messages: 0, contents: 0 };
    if (this.#octets.length > MOST_OCTETS_KEPT) this.#octets = Buffer.allocUnsafeSlow(LEAST_OCTETS);
  }

  /** Of its summary. */
  #start(number: number): number {
    return number === 0 ? 0 : this.#ends[number - 1]!;
  }

  /** Where the row of an exchange is noted, or would be. */
  #placeOf(id: number): number {
    const places = this.#places;
    let place = id % places.length;
    for (let noted = places[place]!; noted !== 0 && this.#ids[noted - 1] !== id; noted = places[place]!) {
      place = place + 1 === places.length ? 0 : place + 1;
    }
    return place;
  }

  #placeAll(): void {
    this.#places.fill(0);
    for (let number = 0; number < this.#count; number += 1) this.#places[this.#placeOf(this.#ids[number]!)] = number + 1;
  }

  #grow(octets: number): void {
    if (this.#count === this.#ids.length) {
      this.#ids = doubled(this.#ids, Float64Array);
      this.#ats = doubled(this.#ats, Float64Array);
      this.#lengths = doubled(this.#lengths, Uint32Array);
      this.#ends = doubled(this.#ends, Uint32Array);
      this.#haveEnded = doubled(this.#haveEnded, Uint8Array);
      // Twice as many as rows, so that most are free.
      this.#places = new Int32Array(2 * this.#ids.length);
      this.#placeAll();
    }
    if (octets <= this.#octets.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(octets, 2 * this.#octets.length));
    this.#octets.copy(grown);
    this.#octets = grown;
  }
}

function doubled<T extends { set(from: T): void; readonly length: number }>(array: T, Kind: new (length: number) => T): T {
  const grown = new Kind(2 * array.length);
  grown.set(array);
  return grown;
}

const LEAST = 1024;
const LEAST_OCTETS = 256 << 10;
const MOST_OCTETS_KEPT = 4 << 20;
