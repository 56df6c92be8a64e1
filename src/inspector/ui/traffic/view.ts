// Owns the list's window on the traffic: of however many rows a filter leaves, the page asks for those that it shows, and is told when they change.
// Rows are numbered as they are shown, from 0. While the newest are followed they are asked for from the end, so that no answer is late by a round trip;
// while somebody reads, from the beginning, where what is added moves nothing.
import { batch, signal } from '@preact/signals';
import type { Summary } from '../../../flows/recorded.ts';
import { listen, unwant, want } from '../live.ts';
import { openedSession } from '../session.ts';
import type { Window } from '../wire.ts';

let lastNumber = 0;

export class TrafficView {
  readonly total = signal(0);
  /** Counts changes of rows. */
  readonly changes = signal(0);
  readonly isFollowing = signal(true);
  /** What the proxy says of a filter that it cannot read. */
  readonly problem = signal<{ readonly column: number; readonly message: string } | null>(null);
  /** Whether nothing has come for this filter yet. */
  readonly isWaiting = signal(true);
  /** How far a search through content has come; `null` when it is done. */
  readonly progress = signal<Window['progress']>(null);
  /** Another one than that of the list before, which is closed only after this one has been asked for. */
  readonly #number = (lastNumber = (lastNumber + 1) % NUMBERS);
  readonly #stopListening: () => void;
  #rows = new Map<number, Summary>();
  #filter = '';
  #order = 'id';
  #first = 0;
  #count = 40;
  #asked = '';

  constructor() {
    this.#stopListening = listen((message) => {
      if (message.type === 'window' && message.view === this.#number) this.#take(message);
      if (message.type === 'rows' && message.view === this.#number) this.#renew(message.rows);
      if (message.type === 'filter-problem' && message.view === this.#number) this.problem.value = message;
    });
  }

  get order(): string {
    return this.#order;
  }

  row(index: number): Summary | undefined {
    return this.#rows.get(index);
  }

  /** Where a row is, as far as it is among those that are here. */
  indexOf(id: number): number | null {
    for (const [index, row] of this.#rows) if (row.id === id) return index;
    return null;
  }

  /** Those that are here, in order. */
  rows(first: number, last: number): Summary[] {
    return Array.from({ length: Math.max(0, last - first) }, (_, at) => this.#rows.get(first + at)).filter((row) => row !== undefined);
  }

  show(filter: string, order: string): void {
    if (filter === this.#filter && order === this.#order && this.#asked !== '') return;
    this.#filter = filter;
    this.#order = order;
    this.#rows = new Map();
    this.#first = 0;
    this.problem.value = null;
    this.isWaiting.value = true;
    this.isFollowing.value = order === 'id';
    this.#ask();
  }

  /** @param first @param last  the rows on the screen, the last one excluded */
  see(first: number, last: number): void {
    const margin = Math.max(20, last - first);
    this.#first = Math.max(0, first - margin);
    this.#count = Math.min(MOST_ROWS, last - this.#first + margin);
    this.#ask();
  }

  follow(isFollowing: boolean): void {
    if (this.isFollowing.value === isFollowing || this.#order !== 'id') return;
    this.isFollowing.value = isFollowing;
    this.#ask();
  }

  close(): void {
    this.#stopListening();
    unwant(`view ${this.#number}`);
  }

  #ask(): void {
    const isTail = this.isFollowing.value;
    const window = isTail ? { order: '-id', offset: 0 } : { order: this.#order, offset: this.#first };
    const session = openedSession.peek();
    const message = {
      type: 'view',
      view: this.#number,
      filter: this.#filter,
      ...window,
      limit: isTail ? Math.max(60, this.#count) : this.#count,
      ...(session !== null && { session }),
    } as const;
    const asked = JSON.stringify(message);
    if (asked === this.#asked) return;
    this.#asked = asked;
    want(`view ${this.#number}`, message, { type: 'close-view', view: this.#number });
  }

  /** What has ended stays as it ended: a row told of before that may come late. */
  #renew(rows: readonly Summary[]): void {
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const [index, { id, state }] of this.#rows) {
      const row = byId.get(id);
      if (row !== undefined && state === 'pending') this.#rows.set(index, row);
    }
    this.changes.value += 1;
  }

  #take({ total, offset, rows, progress }: Window): void {
    const isTail = this.isFollowing.value;
    // An answer to what was asked before the direction changed.
    if (rows.length > 1 && this.#order === 'id' && rows[0]!.id > rows[1]!.id !== isTail) return;
    const kept = new Map<number, Summary>();
    for (const [at, row] of rows.entries()) kept.set(isTail ? total - 1 - offset - at : offset + at, row);
    // What was here stays until it is far away, so that scrolling back and forth shows no gaps.
    for (const [index, row] of this.#rows) {
      if (kept.size >= MOST_ROWS || Math.abs(index - this.#first) > MOST_ROWS) continue;
      if (!kept.has(index) && index < total) kept.set(index, row);
    }
    this.#rows = kept;
    batch(() => {
      this.total.value = total;
      this.isWaiting.value = progress !== null && total === 0;
      this.progress.value = progress;
      this.problem.value = null;
      this.changes.value += 1;
    });
  }
}

/** As many as the API allows a page. */
const NUMBERS = 8;
const MOST_ROWS = 400;
