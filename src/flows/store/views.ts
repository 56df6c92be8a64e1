// Owns live windows: of what matches a filter, in an order, the rows that somebody looks at. A window is pushed when what is in it, or how many there are,
// has changed: at once when it was quiet before, and at most four times a second: more than that nobody reads, and whoever draws it takes the time from the
// traffic. Where nothing of what was shown is left a moment later, once a second does. What is in the order of a column is sorted again at most once a second, and less often where that takes long.
import type { Summary } from '../recorded.ts';
import type { Change } from './batch-changes.ts';
import type { FlowSession, SessionListener } from './flow-session.ts';
import { type DecodeText, type Matches, Matching, type ReadFilter } from './matching.ts';
import type { Order } from './order.ts';
import { OrderedList } from './ordered-list.ts';
import type { Progress, Rows } from './protocol.ts';
import { Cancelled, type Job, type Slices } from './slices.ts';

export interface ViewParts {
  readonly session: FlowSession;
  readonly filter: ReadFilter;
  readonly order: Order;
  readonly decode: DecodeText;
  readonly slices: Slices;
}

/** What matches at the moment, in order. */
export async function listOnce(parts: ViewParts): Promise<OrderedList> {
  const list = new OrderedList(parts.order);
  const matching = new Matching({ ...parts, wantsSummaries: parts.order.column !== null, matches: intoList(list, () => {}) });
  await parts.slices.run(matching.search()).done;
  await parts.slices.run(list.sort()).done;
  return list;
}

/** The newest of all, without looking at the others. @returns `null` where something else is asked for, or rows from far below */
export function newest({ session, filter, order }: ViewParts, offset: number, limit: number): Rows | null {
  const areAll = filter.test === null && order.column === null && order.isDescending;
  if (!areAll || offset + limit > MOST_SKIPPED) return null;
  return { total: session.exchanges, offset, rows: session.summariesBelow(session.lastId + 1, offset + limit).slice(offset) };
}

/** Rows of a list that are still there. */
export function rowsOf(session: FlowSession, list: OrderedList, offset: number, limit: number): Rows {
  const rows: Summary[] = [];
  for (const id of list.ids(offset, limit)) {
    const summary = session.summary(id);
    if (summary !== null) rows.push(summary);
  }
  return { total: list.size, offset, rows };
}

export class View implements SessionListener {
  readonly #parts: ViewParts;
  readonly #push: (rows: Rows, progress: Progress) => void;
  readonly #list: OrderedList;
  #matching: Matching;
  #offset: number;
  #limit: number;
  /** Ids of the rows that were pushed last. */
  #shown: ReadonlySet<number> = new Set();
  #pushTimer: NodeJS.Timeout | null = null;
  #pushedMs = Number.NEGATIVE_INFINITY;
  #pushAfterMs = PUSH_MS;
  #sortTimer: NodeJS.Timeout | null = null;
  #sortAfterMs = SORT_MS;
  #searching: Job<void> | null = null;
  #sorting: Job<void> | null = null;
  #isClosed = false;

  constructor(
    parts: ViewParts,
    window: { readonly offset: number; readonly limit: number },
    push: (rows: Rows, progress: Progress) => void,
  ) {
    this.#parts = parts;
    this.#push = push;
    this.#offset = window.offset;
    this.#limit = window.limit;
    this.#list = new OrderedList(parts.order);
    parts.session.listeners.add(this);
    this.#matching = this.#newMatching();
    this.#search(this.#matching.search());
    // Even where there is nothing, whoever has opened it wants to know.
    this.#changed();
  }

  get session(): FlowSession {
    return this.#parts.session;
  }

  move(offset: number, limit: number): void {
    this.#offset = offset;
    this.#limit = limit;
    // Somebody scrolls, and what waits to be pushed was of another window.
    this.#pushedMs = Number.NEGATIVE_INFINITY;
    if (this.#pushTimer !== null) clearTimeout(this.#pushTimer);
    this.#pushTimer = null;
    this.#changed();
  }

  changed(changes: readonly Change[]): void {
    this.#matching.changed(changes);
    if (this.#matching.isWaiting && this.#searching === null) this.#search(this.#matching.lookAtWaiting());
  }

  messages(): void {}

  removed(ids: ReadonlySet<number> | null): void {
    this.#list.removeAll(ids);
    this.#changed();
    if (ids !== null) return;
    // What there is now has to be found anew.
    this.#searching?.cancel();
    this.#matching = this.#newMatching();
    this.#search(this.#matching.search());
  }

  close(): void {
    this.#isClosed = true;
    this.#parts.session.listeners.delete(this);
    this.#searching?.cancel();
    this.#sorting?.cancel();
    if (this.#pushTimer !== null) clearTimeout(this.#pushTimer);
    if (this.#sortTimer !== null) clearTimeout(this.#sortTimer);
  }

  #newMatching(): Matching {
    const matches = intoList(this.#list, (id, isMoved) => {
      // One that is not shown may have come to where it is.
      if (isMoved || this.#shown.has(id) || !this.#list.isSorted) this.#changed();
    });
    return new Matching({ ...this.#parts, wantsSummaries: this.#parts.order.column !== null, matches });
  }

  #search(work: Generator<void>): void {
    const job = this.#parts.slices.run(work);
    this.#searching = job;
    void job.done.then(
      () => {
        this.#searching = null;
        // What was changed since its last step.
        if (this.#matching.isWaiting) this.#search(this.#matching.lookAtWaiting());
        this.#sortSoon(0);
        this.#changed();
      },
      (error: unknown) => this.#failed(error),
    );
  }

  #changed(): void {
    if (this.#isClosed || this.#pushTimer !== null) return;
    const waitMs = Math.max(0, this.#pushedMs + this.#pushAfterMs - performance.now());
    this.#pushTimer = setTimeout(() => this.#pushNow(), waitMs);
  }

  #pushNow(): void {
    this.#pushTimer = null;
    this.#pushedMs = performance.now();
    if (!this.#list.isSorted) this.#sortSoon(this.#sortAfterMs);
    try {
      const rows = rowsOf(this.#parts.session, this.#list, this.#offset, this.#limit);
      const isAllNew = this.#shown.size > 0 && !rows.rows.some(({ id }) => this.#shown.has(id));
      this.#pushAfterMs = isAllNew ? PUSH_ALL_MS : PUSH_MS;
      this.#shown = new Set(rows.rows.map(({ id }) => id));
      this.#push(rows, this.#matching.progress);
    } catch (error) {
      this.#failed(error);
    }
  }

  #sortSoon(waitMs: number): void {
    if (this.#sorting !== null || this.#isClosed) return;
    if (this.#sortTimer !== null && waitMs > 0) return;
    if (this.#sortTimer !== null) clearTimeout(this.#sortTimer);
    this.#sortTimer = setTimeout(() => this.#sort(), waitMs);
  }

  #sort(): void {
    this.#sortTimer = null;
    if (this.#list.isSorted) return;
    const startedMs = performance.now();
    this.#sorting = this.#parts.slices.run(this.#list.sort());
    void this.#sorting.done.then(
      () => {
        this.#sorting = null;
        this.#sortAfterMs = Math.max(SORT_MS, SORT_SHARE * (performance.now() - startedMs));
        // What has changed meanwhile is sorted after that.
        this.#changed();
      },
      (error: unknown) => this.#failed(error),
    );
  }

  /** The index is being made again, or it was closed: the view is opened again by whoever looks at it. */
  #failed(error: unknown): void {
    if (!(error instanceof Cancelled)) this.close();
  }
}

/** @param changed hears of each row, and whether there are more or fewer because of it */
function intoList(list: OrderedList, changed: (id: number, isMoved: boolean) => void): Matches {
  return {
    found: (id, summary) => {
      list.addOlder(id, summary);
      changed(id, true);
    },
    matched: (change) => changed(change.id, list.put(change.id, list.isByColumn ? change.summary : null)),
    unmatched: (id) => {
      if (list.remove(id)) changed(id, true);
    },
  };
}

const MOST_SKIPPED = 2000;
const PUSH_MS = 250;
/** Nobody can read rows that pass by faster. */
const PUSH_ALL_MS = 1000;
const SORT_MS = 1000;
/** Sorting takes a tenth of the time at most. */
const SORT_SHARE = 10;
