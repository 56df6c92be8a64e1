// Owns the database that says what is stored: for each time that records were written the segment and the places of the records in it, and marks of
// those that were removed or used since. It is read once, when it is opened, and then only for what other processes have written: who asks for a
// response asks the table in memory (key-table.ts). SQLite in WAL mode, so that one process writes while others read. What is committed survives
// kill -9. Nothing waits for the disk: the log is flushed before it goes into the database, and the database after, by who asks for it
// (disk-log.ts); a power cut between may tear the index. No page is believed: rows have sums of their own, and an index that is malformed is set
// aside and begun anew. No page is mapped into memory, since a file that is cut short would then end the process.
// One of another version of the program is set aside when nobody uses it: while old and new workers are there at once, it stays with those who have it.
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { errorCode } from '../../errors/from-node.ts';
import { DamagedDatabase, isBusy, isDamage } from '../../errors/from-sqlite.ts';
import { numberOf } from '../../net/database-number.ts';
import { type DiskFolder, prepareFolder } from './disk-folder.ts';
import { holdIndexFile, type IndexFile, inodeOf } from './index-file.ts';

/** Records that were written together into one segment. */
export interface WrittenBatch {
  readonly row: number;
  /** Its id. */
  readonly segment: number;
  /** How long the segment was then. */
  readonly end: number;
  /** The greatest that a record in it has. */
  readonly lastOrder: number;
  /** Words, `ENTRY_WORDS` for each record: hash, place, length (with `MOVED` where it has lain elsewhere before), blocks of its file. `null` when they are not what was written. */
  readonly entries: Uint32Array | null;
}

export interface Mark {
  readonly kind: 'removed' | 'used';
  /** Id of a segment. */
  readonly segment: number;
  readonly at: number;
  readonly hash: number;
}

/** What is to be in the index, all of it or nothing. */
export interface IndexChanges {
  readonly batches: readonly Omit<WrittenBatch, 'row'>[];
  readonly marks: readonly Mark[];
  /** Ids of segments to which nothing refers any more. */
  readonly gone: readonly number[];
}

/** Is told what other processes have written since it was told last; at first, all there is. In this order. */
export interface Learner {
  /** Ids of all segments that there are now. */
  segmentsAre(ids: ReadonlySet<number>): void;
  batch(batch: WrittenBatch): void;
  mark(mark: Mark): void;
}

export const ENTRY_WORDS = 4;
export const MOVED = 0x80000000;

/** Every call is one short transaction. @throws errors of SQLite's, which `isDamage` and `isBusy` tell apart */
export class DiskIndex {
  /** Of the hashes of keys (stored-record.ts). */
  readonly seed: number;
  readonly #database: DatabaseSync;
  readonly #folder: DiskFolder;
  readonly #statements: Statements;
  /** `null`: to look into only. */
  readonly #file: IndexFile | null;
  #version = -1;
  #lastBatch = 0;
  #lastMark = 0;

  constructor(database: DatabaseSync, folder: DiskFolder, file: IndexFile | null) {
    this.#database = database;
    this.#folder = folder;
    this.#file = file;
    this.#statements = prepareAll(database);
    const [seed] = (this.#statements.store.get() ?? []) as unknown as number[];
    if (seed === undefined) throw new DamagedDatabase('the seed is missing');
    this.seed = seed;
  }

  /** Nobody has put another index, or none, in its place. */
  get isInPlace(): boolean {
    return this.#file === null || inodeOf(this.#folder.index) === this.#file.inode;
  }

  /** Costs next to nothing where there is nothing new. @returns whether there was something */
  tell(learner: Learner): boolean {
    const version = first(this.#statements.dataVersion.get());
    if (version === this.#version) return false;
    const isOwn = !this.#database.isTransaction;
    if (isOwn) this.#statements.beginToRead.run();
    try {
      learner.segmentsAre(new Set((this.#statements.segments.all() as unknown as [number][]).map(([id]) => id)));
      for (const row of this.#statements.newBatches.iterate(this.#lastBatch)) {
        const batch = batchIn(row as unknown as BatchRow);
        this.#lastBatch = batch.row;
        learner.batch(batch);
      }
      this.#tellMarks(learner);
      this.#version = version;
      return true;
    } finally {
      if (isOwn && this.#database.isTransaction) this.#statements.commit.run();
    }
  }

  /** What was written into a segment. */
  entriesOf(segment: number): Uint32Array[] {
    const rows = this.#statements.bySegment.all(segment) as unknown as BatchRow[];
    return rows.flatMap((row) => batchIn(row).entries ?? []);
  }

  /** @param changes is called when no other process writes any more: what it learns then is all there is to know */
  commit(changes: () => IndexChanges): void {
    this.#statements.begin.run();
    let known: readonly [number, number] | null = null;
    try {
      const all = changes();
      known = [this.#lastBatch, this.#lastMark];
      this.#apply(all);
      this.#statements.commit.run();
    } catch (error) {
      // Its rows will be those of others.
      if (known !== null) [this.#lastBatch, this.#lastMark] = known;
      if (this.#database.isTransaction) this.#statements.rollback.run();
      throw error;
    }
  }

  /** Of the database and what SQLite keeps beside it, once all of it is in its place. */
  get bytes(): number {
    return first(this.#statements.pages.get()) * PAGE_BYTES + this.logBytes + SHARED_MEMORY_BYTES;
  }

  get logBytes(): number {
    return fileSize(`${this.#folder.index}-wal`);
  }

  /** Brings what stands in SQLite's log into the database, so that the log begins anew; some of what is free goes back to the file system. */
  checkpoint(): void {
    if (first(this.#statements.freePages.get()) > FREE_PAGES) this.#database.exec(`PRAGMA incremental_vacuum(${FREE_PAGES})`);
    this.#statements.checkpoint.get();
  }

  /** What `checkpoint` has brought over is on the disk. @throws an error of Node's */
  async flush(): Promise<void> {
    await this.#file?.flush();
  }

  /** The last one to close brings all into the database, and waits for the disk. */
  close(): void {
    if (!this.#database.isOpen) return;
    try {
      this.#database.exec('PRAGMA synchronous = NORMAL');
      this.#database.close();
    } finally {
      this.#file?.release();
    }
  }

  #apply({ batches, marks, gone }: IndexChanges): void {
    const { addBatch, addMark, removeBatches, removeMarks, countMarks } = this.#statements;
    for (const { segment, end, lastOrder, entries } of batches) {
      if (entries === null || entries.length === 0) continue;
      const octets = octetsOf(entries);
      this.#lastBatch = Number(addBatch.run(segment, end, lastOrder, octets, sumOfBatch(segment, end, lastOrder, octets)).lastInsertRowid);
    }
    let count = marks.length;
    for (const { kind, segment, at, hash } of marks) {
      const code = KINDS.indexOf(kind);
      this.#lastMark = Number(addMark.run(segment, at, hash, code, sumOfMark(segment, at, hash, code)).lastInsertRowid);
    }
    for (const segment of gone) {
      removeBatches.run(segment);
      count -= Number(removeMarks.run(segment).changes);
    }
    if (count !== 0) countMarks.run(count);
  }

  /** One that were lost would bring back what was removed. */
  #tellMarks(learner: Learner): void {
    const isFirst = this.#lastMark === 0;
    let count = 0;
    for (const row of this.#statements.newMarks.iterate(this.#lastMark)) {
      const [id, segment, at, hash, code, sum] = row as unknown as [number, number, number, number, number, number];
      const kind = KINDS[code];
      if (kind === undefined || sumOfMark(segment, at, hash, code) !== sum) throw new DamagedDatabase('a mark is not what was written');
      this.#lastMark = id;
      count += 1;
      learner.mark({ kind, segment, at, hash });
    }
    const [, all] = this.#statements.store.get() as unknown as [number, number];
    if (isFirst && count !== all) throw new DamagedDatabase('marks are missing');
  }
}

/** The index is of another version, and somebody uses it: only what is opened once they have ended can be used. */
export class IndexInUse extends Error {}

/**
 * Opens the index to write, and makes it where there is none.
 *
 * @param report told when one was set aside
 * @throws IndexInUse, errors of SQLite's and of Node's
 */
export function openToWrite(folder: DiskFolder, report: (line: string) => void): DiskIndex {
  try {
    return openAsItIs(folder);
  } catch (error) {
    if (error instanceof UnknownVersion) setAsideUnused(folder, error, report);
    else if (isDamage(error)) setAside(folder, 'is damaged', report);
    else throw error;
    return openAsItIs(folder);
  }
}

/** Renames it, so that somebody may look into it, and says so. */
export function setAside({ index, setAside: aside }: DiskFolder, why: string, report: (line: string) => void): void {
  for (const end of ['-wal', '-shm']) rmSync(`${aside}${end}`, { force: true });
  for (const end of ['-wal', '']) rename(`${index}${end}`, `${aside}${end}`);
  rmSync(`${index}-shm`, { force: true });
  report(`cache: ${index} ${why}. It has been set aside as ${path.basename(aside)}; the cache on disk begins anew, empty`);
}

/** Opens what is there to look into it. @throws errors of SQLite's, and an error that says that it is of another version */
export function openToRead(folder: DiskFolder): DiskIndex {
  const database = new DatabaseSync(folder.index, { readOnly: true, timeout: WAIT_MS });
  try {
    database.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF`);
    refuseOtherVersion(database);
    return new DiskIndex(database, folder, null);
  } catch (error) {
    database.close();
    throw error;
  }
}

class UnknownVersion extends Error {}

/** One of another version, as long as nobody uses it. @throws IndexInUse */
function setAsideUnused(folder: DiskFolder, why: UnknownVersion, report: (line: string) => void): void {
  const inode = inodeOf(folder.index);
  const database = new DatabaseSync(folder.index, { timeout: 0 });
  try {
    // In this mode the first read takes all of the file, or fails: whoever has opened it has a lock on it until it closes it or ends, however that comes.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    // Another process may have been quicker.
    if (numberOf(database, 'PRAGMA user_version') === SCHEMA_VERSION || inodeOf(folder.index) !== inode) return;
    // Whoever opened it a moment ago, and reads it when it has another name, would look for a log of SQLite's beside the index that takes its place.
    database.exec('PRAGMA journal_mode = MEMORY');
    setAside(folder, why.message, report);
  } catch (error) {
    if (isBusy(error))
      throw new IndexInUse(`${path.basename(folder.index)} ${why.message}; a process that uses it still runs`, { cause: error });
    if (!isDamage(error)) throw error;
    setAside(folder, why.message, report);
  } finally {
    database.close();
  }
}

function openAsItIs(folder: DiskFolder): DiskIndex {
  const file = holdIndexFile(folder.index);
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(folder.index, { timeout: WAIT_MS });
    // Before it is changed in any way: it may be somebody else's.
    if (!isEmpty(database)) refuseOtherVersion(database);
    // Both only count before the first table is made.
    database.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL`);
    // Of its log SQLite would only write over the beginning, and the length of the file tell nobody that what is in it has been brought over.
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 0; PRAGMA cell_size_check = ON;
      PRAGMA cache_size = -${CACHE_KIB}; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY`);
    database.exec('BEGIN IMMEDIATE');
    if (isEmpty(database)) {
      discardContents(folder);
      database.exec(SCHEMA);
      database.prepare('INSERT INTO store VALUES (?, 0)').run(randomBytes(4).readUInt32LE());
    }
    refuseOtherVersion(database);
    database.exec('COMMIT');
    const index = new DiskIndex(database, folder, file);
    // From here on it never waits: whoever asks is answering a request.
    database.exec('PRAGMA busy_timeout = 0');
    return index;
  } catch (error) {
    database?.close();
    file.release();
    throw error;
  }
}

function isEmpty(database: DatabaseSync): boolean {
  return numberOf(database, 'PRAGMA user_version') === 0 && numberOf(database, 'SELECT count(*) FROM sqlite_schema') === 0;
}

function refuseOtherVersion(database: DatabaseSync): void {
  const version = numberOf(database, 'PRAGMA user_version');
  const application = numberOf(database, 'PRAGMA application_id');
  if (version !== SCHEMA_VERSION || application !== APPLICATION_ID) {
    throw new UnknownVersion(`is of version ${version}, and this is version ${SCHEMA_VERSION}`);
  }
}

/** Nothing refers to them any more. disk-leftovers.ts deletes them: there may be very many. */
function discardContents(folder: DiskFolder): void {
  for (const place of [folder.content, folder.segments]) {
    rename(place, path.join(folder.path, `discarded-${process.hrtime.bigint().toString(16)}`));
  }
  prepareFolder(folder.path);
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

type Statements = ReturnType<typeof prepareAll>;

function prepareAll(database: DatabaseSync) {
  const prepare = (sql: string): StatementSync => {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  };
  return {
    beginToRead: prepare('BEGIN'),
    begin: prepare('BEGIN IMMEDIATE'),
    commit: prepare('COMMIT'),
    rollback: prepare('ROLLBACK'),
    store: prepare('SELECT seed, marks FROM store'),
    segments: prepare('SELECT DISTINCT segment FROM batch'),
    newBatches: prepare('SELECT id, segment, length, last_order, entries, sum FROM batch WHERE id > ? ORDER BY id'),
    bySegment: prepare('SELECT id, segment, length, last_order, entries, sum FROM batch WHERE segment = ? ORDER BY id'),
    addBatch: prepare('INSERT INTO batch (segment, length, last_order, entries, sum) VALUES (?, ?, ?, ?, ?)'),
    removeBatches: prepare('DELETE FROM batch WHERE segment = ?'),
    newMarks: prepare('SELECT id, segment, place, hash, kind, sum FROM mark WHERE id > ? ORDER BY id'),
    addMark: prepare('INSERT INTO mark (segment, place, hash, kind, sum) VALUES (?, ?, ?, ?, ?)'),
    removeMarks: prepare('DELETE FROM mark WHERE segment = ?'),
    countMarks: prepare('UPDATE store SET marks = marks + ?'),
    pages: prepare('PRAGMA page_count'),
    freePages: prepare('PRAGMA freelist_count'),
    dataVersion: prepare('PRAGMA data_version'),
    checkpoint: prepare('PRAGMA wal_checkpoint(PASSIVE)'),
  };
}

type BatchRow = readonly [row: number, segment: number, end: number, lastOrder: number, entries: Uint8Array, sum: number];

function batchIn([row, segment, end, lastOrder, octets, sum]: BatchRow): WrittenBatch {
  const isWhole = octets.length % (ENTRY_WORDS * 4) === 0 && sumOfBatch(segment, end, lastOrder, octets) === sum;
  return { row, segment, end, lastOrder, entries: isWhole ? new Uint32Array(new Uint8Array(octets).buffer) : null };
}

function sumOfBatch(segment: number, end: number, lastOrder: number, octets: Uint8Array): number {
  return crc32(octets, crc32(`${segment} ${end} ${lastOrder}`));
}

function sumOfMark(segment: number, at: number, hash: number, code: number): number {
  return crc32(`${segment} ${at} ${hash} ${code}`);
}

function octetsOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function first(row: unknown): number {
  return Array.isArray(row) ? Number(row[0]) : 0;
}

function fileSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

const KINDS = ['removed', 'used'] as const;
const PAGE_BYTES = 4096;
const SHARED_MEMORY_BYTES = 32_768;
const FREE_PAGES = 1024;
/** Hardly anything is asked for twice. */
const CACHE_KIB = 256;
/** For another process to finish a batch, when the index is opened. */
const WAIT_MS = 2000;
const APPLICATION_ID = 0x53504331;
/** One more whenever the tables change, or what stands in them or in segments (disk-segment.ts, stored-record.ts, packed-head.ts). */
const SCHEMA_VERSION = 3;
const SCHEMA = `
  CREATE TABLE store (seed INTEGER NOT NULL, marks INTEGER NOT NULL) STRICT;
  CREATE TABLE batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    segment INTEGER NOT NULL,
    length INTEGER NOT NULL,
    last_order INTEGER NOT NULL,
    entries BLOB NOT NULL,
    sum INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX batch_by_segment ON batch (segment);
  CREATE TABLE mark (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    segment INTEGER NOT NULL,
    place INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    sum INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX mark_by_segment ON mark (segment);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};`;
