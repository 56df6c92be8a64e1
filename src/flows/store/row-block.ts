// Owns many rows of the index as one: those of exchanges that had ended when the index heard of them first, which are nearly all. As one they cost a
// fraction of what as many rows do, to write and to read. The form is the machine's own: the index does not leave it, and can be made again.
//
//   ids:  f64 each, ascending
//   rows: f64 place each │ u32 octets of the record each │ u32 end of the summary each │ summaries, one after the other
import { DamagedDatabase } from '../../errors/from-sqlite.ts';
import type { Place } from './segments.ts';

export interface BlockParts {
  readonly ids: Uint8Array;
  readonly rows: Uint8Array;
}

/** Takes as many rows as it was made for, with ids that ascend. */
export class BlockWriter implements BlockParts {
  readonly ids: Uint8Array;
  readonly rows: Buffer;
  readonly #ids: Float64Array;
  readonly #places: Float64Array;
  readonly #lengths: Uint32Array;
  readonly #ends: Uint32Array;
  #count = 0;
  #end: number;

  /** @param octets of all summaries */
  constructor(count: number, octets: number) {
    this.#ids = new Float64Array(count);
    this.ids = new Uint8Array(this.#ids.buffer);
    this.rows = Buffer.allocUnsafeSlow(count * FIXED_BYTES + octets);
    ({ places: this.#places, lengths: this.#lengths, ends: this.#ends } = partsOf(this.rows, count));
    this.#end = count * FIXED_BYTES;
  }

  add(id: number, place: number, length: number): void {
    this.#ids[this.#count] = id;
    this.#places[this.#count] = place;
    this.#lengths[this.#count] = length;
  }

  /** Of the row that was added last. */
  addSummary(octets: Buffer, from: number, to: number): void {
    octets.copy(this.rows, this.#end, from, to);
    this.#end += to - from;
    this.#ends[this.#count] = this.#end;
    this.#count += 1;
  }
}

/** @throws DamagedDatabase */
export function readIds(ids: Uint8Array): Float64Array {
  if (ids.length === 0 || ids.length % 8 !== 0) throw new DamagedDatabase('rows of the index are damaged');
  return new Float64Array(aligned(ids), 0, ids.length / 8);
}

export class RowBlock {
  readonly ids: Float64Array;
  readonly #octets: Buffer;
  readonly #places: Float64Array;
  readonly #lengths: Uint32Array;
  readonly #ends: Uint32Array;

  /** @throws DamagedDatabase */
  constructor({ ids, rows }: BlockParts) {
    this.ids = readIds(ids);
    const count = this.ids.length;
    if (rows.length < count * FIXED_BYTES) throw new DamagedDatabase('rows of the index are damaged');
    this.#octets = Buffer.from(aligned(rows), 0, rows.length);
    ({ places: this.#places, lengths: this.#lengths, ends: this.#ends } = partsOf(this.#octets, count));
    if (this.#ends[count - 1] !== rows.length) throw new DamagedDatabase('rows of the index are damaged');
  }

  get first(): number {
    return this.ids[0]!;
  }

  get last(): number {
    return this.ids[this.ids.length - 1]!;
  }

  /** @returns `null` where it is not in here */
  find(id: number): number | null {
    let low = 0;
    let high = this.ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ids[middle]! < id) low = middle + 1;
      else high = middle;
    }
    return this.ids[low] === id ? low : null;
  }

  summary(number: number): string {
    const from = number === 0 ? this.ids.length * FIXED_BYTES : this.#ends[number - 1]!;
    return this.#octets.toString('utf8', from, this.#ends[number]);
  }

  place(number: number): Place {
    return unpacked(this.#places[number]!);
  }

  length(number: number): number {
    return this.#lengths[number]!;
  }
}

/** Both in one number, which SQLite keeps in order. Exact: a segment is of less than 4 GiB, and there are less than two million. */
export function packed({ segment, at }: Place): number {
  return segment * 2 ** 32 + at;
}

export function unpacked(place: number): Place {
  return { segment: Math.floor(place / 2 ** 32), at: place % 2 ** 32 };
}

function partsOf({ buffer, byteOffset }: Buffer, count: number) {
  return {
    places: new Float64Array(buffer, byteOffset, count),
    lengths: new Uint32Array(buffer, byteOffset + 8 * count, count),
    ends: new Uint32Array(buffer, byteOffset + 12 * count, count),
  };
}

/** Where it begins anywhere in its memory, a copy. */
function aligned({ buffer, byteOffset, length }: Uint8Array): ArrayBuffer {
  if (byteOffset === 0 && buffer instanceof ArrayBuffer) return buffer;
  return buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer;
}

const FIXED_BYTES = 16;
