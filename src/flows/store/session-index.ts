// Owns what is known of a session without looking into its segments: the index (flow-index.ts), the rows that it does not have yet (unwritten-rows.ts), how
// far into the segments both go together, and what is counted of that. The index is told of many batches at once, and before it is asked.
import path from 'node:path';
import { isDamage } from '../../errors/from-sqlite.ts';
import { readSummary } from '../read-summary.ts';
import type { Summary } from '../recorded.ts';
import { BatchChanges } from './batch-changes.ts';
import { FlowIndex } from './flow-index.ts';
import type { FoundFrame, Place, Segments } from './segments.ts';
import { UnwrittenRows } from './unwritten-rows.ts';

/** Calls may throw errors of Node's and of SQLite's (`isDamage`). */
export class SessionIndex {
  readonly rows = new UnwrittenRows();
  readonly #folder: string;
  readonly #logBytes: number;
  /** Announced, and not ended. */
  readonly #pending = new Set<number>();
  /** Behind the last record that the index knows of, or a row that waits for it. */
  #through: Place = { segment: 0, at: 0 };
  /** What the index knows of. */
  #indexed: { readonly through: Place; readonly lastId: number } = { through: { segment: 0, at: 0 }, lastId: 0 };
  #index: FlowIndex | null;
  #exchanges = 0;
  #lastId = 0;

  /** @param maxBytes of the session */
  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#logBytes = Math.min(Math.max(maxBytes / 64, LEAST_LOG_BYTES), MOST_LOG_BYTES);
    this.#index = this.#open();
  }

  get exchanges(): number {
    return this.#exchanges;
  }

  get lastId(): number {
    return this.#lastId;
  }

  get bytes(): number {
    return this.#index?.bytes ?? 0;
  }

  /** As it is. @throws while it is made again */
  get opened(): FlowIndex {
    if (this.#index === null)
      throw new Error(`What was recorded in ${path.basename(this.#folder)} is being put in order; ask again in a moment.`);
    return this.#index;
  }

  /** It knows of all that was written, unless the disk takes no more: then of what it knew before. */
  get complete(): FlowIndex {
    const index = this.opened;
    try {
      this.writeRows();
    } catch (error) {
      if (isDamage(error)) throw error;
    }
    return index;
  }

  /** By so much that the next opening would take long, were the rows lost. */
  get isBehind(): boolean {
    const { through } = this.#indexed;
    const known = through.segment === this.#through.segment ? through.at : 0;
    return this.rows.size >= MOST_UNWRITTEN || this.#through.at - known > MOST_UNWRITTEN_BYTES;
  }

  /** Whether there is no row of this exchange. */
  isNew(id: number): boolean {
    if (this.rows.has(id)) return false;
    return id > this.#indexed.lastId || !(this.#pending.has(id) || this.opened.has(id));
  }

  /** The rows of a batch are here, up to a place in the segments. */
  add({ news, lastId, begun, ended }: BatchChanges, through: Place): void {
    this.#through = through;
    this.#exchanges += news;
    this.#lastId = Math.max(this.#lastId, lastId);
    for (const id of begun) this.#pending.add(id);
    if (this.#pending.size > 0) for (const id of ended) this.#pending.delete(id);
  }

  /** Tells the index of what it does not know yet. */
  writeRows(): void {
    const { segment, at } = this.#indexed.through;
    if (this.#through.segment === segment && this.#through.at === at && this.rows.size === 0) return;
    this.#save();
  }

  /** These have gone from it, and their segment too. */
  removed(ids: ReadonlySet<number>, through: Place): void {
    this.#through = through;
    this.#exchanges -= ids.size;
    for (const id of ids) this.#pending.delete(id);
    this.#save();
  }

  /** Forgets everything. Ids go on. */
  clear(through: Place): void {
    this.rows.clear();
    this.#through = through;
    this.opened.clear();
    this.#pending.clear();
    this.#exchanges = 0;
    this.#save();
  }

  goOnFrom(lastId: number): void {
    this.#lastId = Math.max(this.#lastId, lastId);
    this.#save();
  }

  /** What is under way will not end any more, as far as this session is told. */
  endInterrupted(): void {
    const index = this.complete;
    index.transact(() => {
      for (const id of this.#pending) {
        const { summary, place, length } = index.find(id)!;
        const ended: Summary = { ...readSummary(summary), state: 'done', outcome: 'aborted' };
        index.put(id, JSON.stringify(ended), place, length, true);
      }
    });
    this.#pending.clear();
  }

  /** Brings the index up to what the segments hold. In steps. */
  *catchUp(segments: Segments): Generator<void> {
    const index = this.#openedUpTo(segments);
    const { through, exchanges, lastId } = index.state();
    this.#exchanges = exchanges;
    this.#lastId = lastId;
    this.#through = through;
    this.#indexed = { through, lastId };
    for (const id of index.pending()) this.#pending.add(id);
    const found = new BatchChanges();
    for (const frame of segments.scan(through)) {
      if (frame.segment !== this.rows.segment || this.rows.size >= ROWS_AT_ONCE) {
        this.writeRows();
        yield;
      }
      this.#addFound(frame, found);
    }
    this.writeRows();
  }

  /** It is damaged: `catchUp` makes it again. */
  discard(): void {
    this.#index?.close();
    this.#index = null;
    this.rows.clear();
  }

  close(): void {
    try {
      if (this.#index !== null) this.writeRows();
    } catch {
      // The next opening makes the rows of what is in the segments.
    }
    this.#index?.close();
  }

  get #file(): string {
    return path.join(this.#folder, 'index.sqlite');
  }

  #open(): FlowIndex | null {
    return FlowIndex.open(this.#file, this.#logBytes);
  }

  /** An empty one where there is none, or one that is ahead of the segments. */
  #openedUpTo(segments: Segments): FlowIndex {
    let index = this.#index;
    const isAhead = index !== null && index.state().through.segment !== 0 && !segments.has(index.state().through);
    if (index === null || isAhead) {
      index?.close();
      FlowIndex.remove(this.#file);
      index = this.#open();
      if (index === null) throw new Error(`${this.#file} cannot be made`);
    }
    this.#index = index;
    return index;
  }

  #addFound({ segment, at, length, frame }: FoundFrame, found: BatchChanges): void {
    this.rows.begin(segment);
    found.begin(false);
    if (frame.kind === 'content') {
      const digest = Buffer.from(frame.digest, 'hex').toString('latin1');
      this.rows.contents.push({ segment, at, length: frame.content.length, digest });
    } else if (frame.kind === 'message') this.rows.messages.push({ id: frame.id, number: frame.number, place: { segment, at }, length });
    else {
      const { id, kind, summary } = frame;
      found.add(id, this.isNew(id), kind);
      this.rows.put(id, summary, 0, summary.length, at, length, kind === 'finished');
    }
    this.add(found, { segment, at: at + length });
  }

  #save(): void {
    const state = { through: this.#through, exchanges: this.#exchanges, lastId: this.#lastId };
    this.opened.write(this.rows, state);
    this.rows.clear();
    this.#indexed = state;
  }
}

const ROWS_AT_ONCE = 500;
/** What the next opening makes again after a crash: a few hundredths of a second. */
const MOST_UNWRITTEN = 4096;
const MOST_UNWRITTEN_BYTES = 16 << 20;
const LEAST_LOG_BYTES = 64 << 10;
const MOST_LOG_BYTES = 4 << 20;
