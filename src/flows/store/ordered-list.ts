// Owns what matches, in the order in which it is shown. By when exchanges began that costs nothing; by a column, all rows are sorted now and then, and in
// between what is new stands at the end.
import type { Summary } from '../recorded.ts';
import { type Handle, MatchList } from './match-list.ts';
import { sortInSteps } from './merge-sort.ts';
import type { Order } from './order.ts';

export class OrderedList {
  readonly #list: MatchList;
  readonly #order: Order;
  /** All handles, where there is a column; as many as there are rows. */
  #sorted = new Int32Array(0);
  #isSorted = true;
  /** What is to be done to it when it has been sorted; `null` while it is not being sorted. */
  #postponed: (() => void)[] | null = null;

  constructor(order: Order) {
    this.#order = order;
    this.#list = new MatchList(order.column);
  }

  get size(): number {
    return this.#list.size;
  }

  /** Whether it needs summaries. */
  get isByColumn(): boolean {
    return this.#order.column !== null;
  }

  /** Whether `sort` would change anything. */
  get isSorted(): boolean {
    return this.#isSorted;
  }

  /** Ids of rows as they are shown; fewer at the end. */
  ids(offset: number, limit: number): Float64Array {
    const { size } = this.#list;
    const ids = new Float64Array(Math.max(0, Math.min(limit, size - offset)));
    for (let i = 0; i < ids.length; i += 1) {
      const number = this.#order.isDescending ? size - 1 - offset - i : offset + i;
      ids[i] = this.#list.idOf(this.#order.column === null ? this.#list.handleAt(number) : this.#sorted[number]!);
    }
    return ids;
  }

  /** What a search has found, which is older than all else. */
  addOlder(id: number, summary: Summary | null): void {
    if (this.#postponed === null) this.#append(this.#list.addOlder(id, summary));
    else this.#postponed.push(() => this.addOlder(id, summary));
  }

  /** @returns whether it was not there yet, as far as that is known already */
  put(id: number, summary: Summary | null): boolean {
    if (this.#postponed !== null) {
      this.#postponed.push(() => this.put(id, summary));
      return true;
    }
    const handle = this.#list.find(id);
    if (handle !== null) {
      if (this.#list.update(handle, summary)) this.#isSorted = false;
      return false;
    }
    const added = this.#list.add(id, summary);
    if (!this.#list.isLast(added)) this.#move(added, 1);
    this.#append(added);
    return true;
  }

  /** @returns whether it was there, as far as that is known already */
  remove(id: number): boolean {
    if (this.#postponed !== null) {
      this.#postponed.push(() => this.remove(id));
      return true;
    }
    const handle = this.#list.find(id);
    if (handle === null) return false;
    this.#list.remove(handle);
    this.#move(handle, -1);
    return true;
  }

  /** @param ids `null` for all of them */
  removeAll(ids: ReadonlySet<number> | null): void {
    if (this.#postponed !== null) {
      this.#postponed.push(() => this.removeAll(ids));
      return;
    }
    this.#list.removeAll(ids);
    const { size } = this.#list;
    if (this.#order.column === null) return;
    for (let number = 0; number < size; number += 1) this.#sorted[number] = this.#list.handleAt(number);
    this.#isSorted = false;
  }

  /** In steps; what is done to it meanwhile is done afterwards. */
  *sort(): Generator<void> {
    if (this.#isSorted || this.#postponed !== null) return;
    this.#isSorted = true;
    this.#postponed = [];
    try {
      yield* sortInSteps(this.#sorted, this.#list.size, (a, b) => this.#list.compare(a, b) || a - b);
    } finally {
      const postponed = this.#postponed;
      this.#postponed = null;
      for (const work of postponed) work();
    }
  }

  #append(handle: Handle): void {
    if (this.#order.column === null) return;
    const last = this.#list.size - 1;
    if (last >= this.#sorted.length) {
      const grown = new Int32Array(Math.max(LEAST, 2 * this.#sorted.length));
      grown.set(this.#sorted);
      this.#sorted = grown;
    }
    this.#sorted[last] = handle;
    this.#isSorted = false;
  }

  /** One was added, or removed: those behind it in its half have other handles now. */
  #move(changed: Handle, by: 1 | -1): void {
    if (this.#order.column === null) return;
    const rows = by === 1 ? this.#list.size - 1 : this.#list.size + 1;
    const outwards = changed < 0 ? -by : by;
    let kept = 0;
    for (let at = 0; at < rows; at += 1) {
      const handle = this.#sorted[at]!;
      if (by === -1 && handle === changed) continue;
      const isBehind = changed < 0 ? handle <= changed : handle >= changed;
      this.#sorted[kept] = isBehind ? handle + outwards : handle;
      kept += 1;
    }
  }
}

const LEAST = 1024;
