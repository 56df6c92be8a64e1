// Owns what one transaction of the index says: the rows that come of frames which were written, or found, together. An exchange that was announced and
// ended in one batch is one row.
import type { FoundFrame, Place } from './segments.ts';

export interface ExchangeRow {
  /** JSON. */
  readonly summary: string;
  readonly hasEnded: boolean;
  readonly place: Place;
  readonly length: number;
}

export interface MessageRow {
  readonly id: number;
  readonly number: number;
  readonly place: Place;
  readonly length: number;
}

export class WrittenBatch {
  readonly exchanges = new Map<number, ExchangeRow>();
  readonly messages: MessageRow[] = [];
  /** With their digests. */
  readonly contents: (readonly [place: Place, digest: string])[] = [];
  /** The greatest of its exchanges. */
  lastId = 0;
  /** Ids that had no row. */
  news: ReadonlySet<number> = new Set();

  get size(): number {
    return this.exchanges.size + this.messages.length + this.contents.length;
  }

  putExchange(id: number, row: ExchangeRow): void {
    this.exchanges.set(id, row);
    if (id > this.lastId) this.lastId = id;
  }

  /** Keeps nothing of the octets. */
  addFound({ segment, at, length, frame }: FoundFrame): void {
    const place = { segment, at };
    if (frame.kind === 'content') this.contents.push([place, frame.digest]);
    else if (frame.kind === 'message') this.messages.push({ id: frame.id, number: frame.number, place, length });
    else this.putExchange(frame.id, { summary: frame.summary.toString(), hasEnded: frame.kind === 'finished', place, length });
  }
}
