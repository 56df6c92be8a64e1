// Owns the ids that match, in the order in which their exchanges began, and what they are sorted by, in typed arrays. It grows at both ends: a search goes
// from the newest to the oldest, so that what is shown first is found first, while new ones come.
import type { Summary } from '../recorded.ts';
import type { Column, SortKeys } from './order.ts';

/** Names a row as long as none is removed: of those that came since the search began 0, 1, …, of those that it found -1, -2, … */
export type Handle = number;

export class MatchList {
  /** Found backwards: descending. */
  readonly #older: Half;
  /** Ascending. */
  readonly #newer: Half;

  constructor(column: Column | null) {
    this.#older = new Half(column, true);
    this.#newer = new Half(column, false);
  }

  get size(): number {
    return this.#older.length + this.#newer.length;
  }

  /** @param number of the row, counted from the oldest */
  handleAt(number: number): Handle {
    return number - this.#older.length;
  }

  idOf(handle: Handle): number {
    return handle < 0 ? this.#older.ids[-handle - 1]! : this.#newer.ids[handle]!;
  }

  /** @returns `null`: it does not match */
  find(id: number): Handle | null {
    const newer = this.#newer.find(id);
    if (newer >= 0) return newer;
    const older = this.#older.find(id);
    return older >= 0 ? -older - 1 : null;
  }

  /** What a search has found, which is older than all else. */
  addOlder(id: number, summary: Summary | null): Handle {
    this.#older.insert(this.#older.length, id, summary);
    return -this.#older.length;
  }

  /**
   * @param id does not match yet
   * @returns its handle; those behind it in its half move down by one
   */
  add(id: number, summary: Summary | null): Handle {
    const isOlder = this.#older.length > 0 && id < this.#older.ids[0]!;
    const half = isOlder ? this.#older : this.#newer;
    const at = -half.find(id) - 1;
    half.insert(at, id, summary);
    return isOlder ? -at - 1 : at;
  }

  /** Whether others have a handle that is farther from the middle. */
  isLast(handle: Handle): boolean {
    return handle < 0 ? -handle === this.#older.length : handle + 1 === this.#newer.length;
  }

  /** @returns whether that changes its place among the sorted */
  update(handle: Handle, summary: Summary | null): boolean {
    return handle < 0 ? this.#older.update(-handle - 1, summary) : this.#newer.update(handle, summary);
  }

  remove(handle: Handle): void {
    if (handle < 0) this.#older.remove(-handle - 1);
    else this.#newer.remove(handle);
  }

  /** @param ids `null` for all of them */
  removeAll(ids: ReadonlySet<number> | null): void {
    this.#older.removeAll(ids);
    this.#newer.removeAll(ids);
  }

  compare(a: Handle, b: Handle): number {
    const [halfOfA, halfOfB] = [a < 0 ? this.#older : this.#newer, b < 0 ? this.#older : this.#newer];
    return halfOfA.keys!.compare(a < 0 ? -a - 1 : a, halfOfB.keys!, b < 0 ? -b - 1 : b);
  }
}

class Half {
  readonly keys: SortKeys | null;
  readonly #isDescending: boolean;
  ids = new Float64Array(0);
  length = 0;

  constructor(column: Column | null, isDescending: boolean) {
    this.keys = column?.makeKeys() ?? null;
    this.#isDescending = isDescending;
  }

  /** @returns where it is; where it is not, one less than the negative of where it would be */
  find(id: number): number {
    let low = 0;
    let high = this.length;
    // Most are asked for at the newest end.
    if (high > 0 && !this.#isDescending && id > this.ids[high - 1]!) return -high - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const here = this.ids[middle]!;
      if (here === id) return middle;
      if (here < id !== this.#isDescending) low = middle + 1;
      else high = middle;
    }
    return -low - 1;
  }

  insert(at: number, id: number, summary: Summary | null): void {
    if (this.length === this.ids.length) this.#grow();
    if (at < this.length) this.#move(at + 1, at, this.length - at);
    this.ids[at] = id;
    if (summary !== null) this.keys?.set(at, summary);
    this.length += 1;
  }

  update(at: number, summary: Summary | null): boolean {
    if (this.keys === null || summary === null || this.keys.isSame(at, summary)) return false;
    this.keys.set(at, summary);
    return true;
  }

  remove(at: number): void {
    this.#move(at, at + 1, this.length - at - 1);
    this.length -= 1;
  }

  removeAll(ids: ReadonlySet<number> | null): void {
    let kept = 0;
    for (let at = 0; at < this.length; at += 1) {
      if (ids === null || ids.has(this.ids[at]!)) continue;
      if (kept !== at) this.#move(kept, at, 1);
      kept += 1;
    }
    this.length = kept;
  }

  #move(to: number, from: number, count: number): void {
    this.ids.copyWithin(to, from, from + count);
    this.keys?.move(to, from, count);
  }

  #grow(): void {
    const capacity = Math.max(LEAST, this.ids.length * 2);
    const ids = new Float64Array(capacity);
    ids.set(this.ids);
    this.ids = ids;
    this.keys?.grow(capacity);
  }
}

const LEAST = 1024;
