// Owns what one batch changes: what is counted of it, and what is told to whoever listens. Most is never looked at, and so it is made when it is asked for.
import { readSummary } from '../read-summary.ts';
import type { Summary } from '../recorded.ts';

/** A row that is new, or other than it was. */
export interface Change {
  readonly id: number;
  /** Made when it is asked for first. */
  readonly summary: Summary;
}

/** Used again for the next batch. */
export class BatchChanges {
  /** Exchanges that had no row. */
  news = 0;
  /** The greatest of its exchanges. */
  lastId = 0;
  readonly begun: number[] = [];
  readonly ended: number[] = [];
  /** By id, and ids of exchanges; `null` where nobody listens. */
  changes: Map<number, Change> | null = null;
  messages: Set<number> | null = null;

  begin(isHeard: boolean): void {
    this.news = 0;
    this.lastId = 0;
    this.begun.length = 0;
    this.ended.length = 0;
    this.changes = isHeard ? new Map() : null;
    this.messages = isHeard ? new Set() : null;
  }

  add(id: number, isNew: boolean, kind: 'begun' | 'finished'): void {
    if (isNew) this.news += 1;
    if (id > this.lastId) this.lastId = id;
    (kind === 'begun' ? this.begun : this.ended).push(id);
  }
}

/** Most are never looked at. */
export class WrittenChange implements Change {
  readonly id: number;
  readonly #text: string;
  #summary: Summary | null = null;

  constructor(id: number, text: string) {
    this.id = id;
    this.#text = text;
  }

  get summary(): Summary {
    return (this.#summary ??= readSummary(this.#text));
  }
}
