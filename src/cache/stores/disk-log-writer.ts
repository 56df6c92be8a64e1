// Owns when what was asked of the log (disk-log.ts) is written: within a tenth of a second, and what was removed or made stale sooner, since only that
// could be wrong after a crash: anything else is a miss. Octets go into segments first, then the index learns of them in one transaction; what cannot be
// written is told, and what was removed is tried again.
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isBusy } from '../../errors/from-sqlite.ts';
import { OpenBatch } from './disk-batch.ts';
import type { DiskFolder } from './disk-folder.ts';
import type { DiskIndex, Learner, Mark } from './disk-index.ts';
import type { KeyTable } from './key-table.ts';

/** Is told how it went. */
export interface Written {
  /** A batch was written. */
  written(records: number): void;
  /** It was not: what was to be stored with it is gone. */
  failed(error: unknown): void;
}

/** The log whose batches these are. */
export interface WriterHost extends Learner {
  readonly table: KeyTable;
  /** Whether other processes may still refer to a segment. @param segment its id */
  isKnown(segment: number): boolean;
  batchWritten(records: number): void;
  /** Forgets what the batches hold, which is not on the disk and will not be. */
  batchesFailed(batches: readonly OpenBatch[], error: unknown): void;
}

/** Waits for the batch of this number. */
interface Listener {
  readonly number: number;
  readonly tell: () => void;
}

export class LogWriter {
  readonly #folder: DiskFolder;
  readonly #index: DiskIndex;
  readonly #host: WriterHost;
  readonly #sqliteLogBytes: number;
  /** Of what a crash may lose together with what made room for it; nothing where another process makes room, too. */
  #muchBytes: number;
  #open = new OpenBatch(1);
  #writing: OpenBatch | null = null;
  #timer: NodeJS.Timeout | null = null;
  #dueMs = Number.POSITIVE_INFINITY;
  /** When it was last done. */
  #writtenMs = Number.NEGATIVE_INFINITY;
  #isFlushing: Promise<void> | null = null;
  #listeners: Listener[] = [];
  /** Those who are in no hurry. */
  #patientListeners: Listener[] = [];
  #indexBytes: number;
  #isOver = false;

  /** @param maxBytes of everything */
  constructor(folder: DiskFolder, index: DiskIndex, maxBytes: number, host: WriterHost) {
    this.#folder = folder;
    this.#index = index;
    this.#host = host;
    this.#muchBytes = Math.min(MOST_WAITING_BYTES, maxBytes / 8);
    this.#sqliteLogBytes = Math.min(MOST_SQLITE_LOG_BYTES, maxBytes / 16);
    this.#indexBytes = index.bytes;
  }

  /** What takes what is asked for now. */
  get open(): OpenBatch {
    return this.#open;
  }

  /** What is not in the index yet, the older first. */
  batches(): readonly OpenBatch[] {
    return this.#writing === null ? [this.#open] : [this.#writing, this.#open];
  }

  /** What the index takes, once all of it is written. */
  get indexBytes(): number {
    const records = this.#open.records + (this.#writing?.records ?? 0);
    const isComing = !this.#open.isEmpty || this.#writing !== null;
    return this.#indexBytes + (isComing ? records * INDEX_BYTES_A_RECORD + INDEX_BYTES_A_BATCH : 0);
  }

  /** More waits to be written than should, in memory. */
  get isBehind(): boolean {
    let bytes = 0;
    for (const segment of this.#open.segments) bytes += segment.waitingBytes;
    return bytes >= MOST_WAITING_BYTES;
  }

  /** The first to come is written soon; under load, more comes together. */
  get gatherMs(): number {
    return Math.max(SOON_MS, this.#writtenMs + GATHER_MS - performance.now());
  }

  /** Another process makes room as well. */
  othersWrite(): void {
    this.#muchBytes = 0;
  }

  /** What is open is written after so many milliseconds at the latest. */
  writeIn(ms: number): void {
    const dueMs = performance.now() + ms;
    if (this.#isOver || this.#isFlushing !== null) {
      this.#dueMs = Math.min(this.#dueMs, dueMs);
      return;
    }
    if (dueMs >= this.#dueMs) return;
    this.#dueMs = dueMs;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#flush(), ms).unref();
  }

  /** @returns false when there is much, and it could not be written at once */
  writeNowIfMuch(): boolean {
    if (this.#open.isEmpty || this.#open.bytes + (this.#writing?.bytes ?? 0) < this.#muchBytes) return true;
    if (this.#writing !== null) return false;
    const batch = this.#open;
    try {
      for (const segment of batch.segments) segment.writeNow();
      this.#commitNow(batch);
      // Not flushed, which only a power cut would tell from what #checkpoint does.
      if (this.#index.logBytes > this.#sqliteLogBytes) this.#index.checkpoint();
      this.#indexBytes = this.#index.bytes;
    } catch (error) {
      if (isBusy(error)) return false;
      this.#failed(batch, error);
      // Who waits for it may be between two batches of #writeAll, and there need not be a next one.
      this.#tell(batch.number);
      return false;
    }
    this.#open = new OpenBatch(batch.number + 1);
    this.#tell(batch.number);
    return true;
  }

  /** Resolves once everything asked for so far is in the index, or will not be. @param isUrgent it is written at once, and not when its time has come */
  written(isUrgent: boolean): Promise<void> {
    const last = this.#open.isEmpty ? this.#open.number - 1 : this.#open.number;
    if (this.#isOver || (last < this.#open.number && this.#writing === null)) return Promise.resolve();
    return new Promise((resolve) => {
      (isUrgent ? this.#listeners : this.#patientListeners).push({ number: last, tell: resolve });
      if (isUrgent) this.#flush();
    });
  }

  /** Nothing is written any more. */
  end(): void {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#tell(Number.POSITIVE_INFINITY);
  }

  #flush(): void {
    this.#isFlushing ??= this.#writeAll().finally(() => {
      this.#isFlushing = null;
      const { isEmpty } = this.#open;
      const waitMs = Math.max(0, this.#dueMs - performance.now());
      this.#dueMs = Number.POSITIVE_INFINITY;
      if (!isEmpty && !this.#isOver) this.writeIn(Math.min(waitMs, GATHER_MS));
    });
  }

  async #writeAll(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    do {
      this.#dueMs = Number.POSITIVE_INFINITY;
      await this.#writeOne();
    } while (!this.#isOver && !this.#open.isEmpty && (this.#listeners.length > 0 || this.#dueMs <= performance.now()));
  }

  async #writeOne(): Promise<void> {
    const batch = this.#open;
    this.#open = new OpenBatch(batch.number + 1);
    this.#writing = batch;
    try {
      for (const segment of batch.segments) await segment.write();
      await this.#commit(batch);
      if (!this.#isOver) this.#host.batchWritten(batch.records);
    } catch (error) {
      this.#writing = null;
      if (!this.#isOver) this.#failed(batch, error);
    }
    this.#writing = null;
    this.#writtenMs = performance.now();
    this.#tell(batch.number);
    if (!this.#isOver && this.#index.logBytes > this.#sqliteLogBytes) await this.#checkpoint();
  }

  /** Another process may hold the right to write; its batches are short. */
  async #commit(batch: OpenBatch): Promise<void> {
    for (let tries = 1; !this.#isOver; tries += 1) {
      try {
        this.#commitNow(batch);
        return;
      } catch (error) {
        if (!isBusy(error) || tries === MOST_TRIES) throw error;
        await delay(TRY_AGAIN_MS);
      }
    }
  }

  #commitNow(batch: OpenBatch): void {
    this.#index.commit(() => {
      this.#index.tell(this.#host);
      const changes = batch.changes(this.#host.table);
      return { ...changes, marks: changes.marks.filter(({ segment }: Mark) => this.#host.isKnown(segment)) };
    });
    batch.committed();
    this.#indexBytes = this.#index.bytes;
  }

  /** What was to be stored is gone; what was removed is, too, and that is tried again. */
  #failed(batch: OpenBatch, error: unknown): void {
    const all = [...new Set([batch, this.#open])];
    this.#host.batchesFailed(all, error);
    this.#open = new OpenBatch(batch.number + 1);
    for (const { marks, gone, dropped } of all) {
      for (const hash of dropped) this.#open.dropped.add(hash);
      this.#open.marks.push(...marks);
      this.#open.gone.push(...gone);
    }
    if (!this.#open.isEmpty) this.writeIn(TRY_AGAIN_LATER_MS);
  }

  #tell(number: number): void {
    const isTold = (listener: Listener): boolean => listener.number <= number;
    const told = [...this.#listeners.filter(isTold), ...this.#patientListeners.filter(isTold)];
    this.#listeners = this.#listeners.filter((listener) => !isTold(listener));
    this.#patientListeners = this.#patientListeners.filter((listener) => !isTold(listener));
    for (const { tell } of told) tell();
  }

  /** What the log of SQLite says is on the disk before the database is written, and that before the log begins anew; nobody waits for either. */
  async #checkpoint(): Promise<void> {
    try {
      await flushFile(`${this.#folder.index}-wal`);
      if (this.#isOver) return;
      this.#index.checkpoint();
      this.#indexBytes = this.#index.bytes;
      await this.#index.flush();
    } catch {
      // Tried again after the next batch.
    }
  }
}

async function flushFile(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export const GATHER_MS = 100;
export const SOON_MS = 10;
export const TRY_AGAIN_LATER_MS = 1_000;
const TRY_AGAIN_MS = 10;
const MOST_TRIES = 500;
const MOST_WAITING_BYTES = 8 << 20;
/** A start reads it, and an event loop waits while it is brought over. */
const MOST_SQLITE_LOG_BYTES = 2 << 20;
/** In the database and in SQLite's log. */
const INDEX_BYTES_A_RECORD = 40;
const INDEX_BYTES_A_BATCH = 12 * 4096;
