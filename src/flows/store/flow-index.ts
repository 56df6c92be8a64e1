// Owns the database of a session: a row for each exchange with its summary and the place of its record, the places of messages, and the digests of the
// contents that were kept last. It says nothing that the segments do not: where it is missing, damaged, of another version or behind, it is made
// again from them.
//
// SQLite in WAL mode, one transaction a batch, with how far into the segments it goes. Rows are appended, but for exchanges that were announced before they
// ended. The process's end loses nothing; a power cut may lose the last transactions, and leaves no torn database (synchronous = NORMAL).
import { rmSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Place } from './segments.ts';

export interface IndexedExchange {
  /** JSON. */
  readonly summary: string;
  /** Of its record; of one that has not ended, of its announcement. */
  readonly place: Place;
  readonly length: number;
  readonly hasEnded: boolean;
}

export interface IndexedMessage {
  readonly number: number;
  readonly place: Place;
  readonly length: number;
}

/** Every call may throw errors of SQLite's; `isDamage` knows those that mean that it has to be made again. */
export class FlowIndex {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #statements: Statements;

  private constructor(database: DatabaseSync, file: string) {
    this.#database = database;
    this.#file = file;
    this.#statements = prepareAll(database);
  }

  /**
   * @param logBytes that SQLite's log may come to
   * @returns `null` where it is damaged, or of another version
   */
  static open(file: string, logBytes: number): FlowIndex | null {
    const database = new DatabaseSync(file, { timeout: WAIT_MS });
    try {
      // Before the first table is made; later it does nothing.
      database.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL`);
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${Math.ceil(logBytes / PAGE_BYTES)}; PRAGMA trusted_schema = OFF;
        PRAGMA cache_size = -${CACHE_KIB}; PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = ${logBytes}`);
      if (numberOf(database, 'SELECT count(*) FROM sqlite_schema') === 0) database.exec(SCHEMA);
      if (numberOf(database, 'PRAGMA user_version') === SCHEMA_VERSION) return new FlowIndex(database, file);
    } catch (error) {
      // A table that is missing is an error in a statement.
      if (!isDamage(error) && resultCode(error) !== SQLITE_ERROR) {
        database.close();
        throw error;
      }
    }
    database.close();
    return null;
  }

  static remove(file: string): void {
    for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
  }

  /** That hold something, and SQLite's log. */
  get bytes(): number {
    const pages = rowOf(this.#statements.pages.get())[0]! - rowOf(this.#statements.freePages.get())[0]!;
    return pages * PAGE_BYTES + fileBytes(`${this.#file}-wal`);
  }

  /** All of it or nothing. */
  transact<T>(work: () => T): T {
    this.#statements.begin.run();
    try {
      const result = work();
      this.#statements.commit.run();
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#statements.rollback.run();
      throw error;
    }
  }

  /** How far into the segments it goes, how many exchanges there are, and the greatest id that there ever was. */
  state(): { readonly through: Place; readonly exchanges: number; readonly lastId: number } {
    const [segment = 0, at = 0, exchanges = 0, lastId = 0] = rowOf(this.#statements.state.get());
    return { through: { segment, at }, exchanges, lastId };
  }

  setState({ segment, at }: Place, exchanges: number, lastId: number): void {
    this.#statements.setState.run(segment, at, exchanges, lastId);
  }

  put(id: number, summary: string, place: Place, length: number, hasEnded: boolean): void {
    this.#statements.put.run(id, packed(place), hasEnded ? length : -length, summary);
  }

  putMessage(id: number, number: number, place: Place, length: number): void {
    this.#statements.putMessage.run(id, number, packed(place), length);
  }

  putContent(place: Place, digest: string): void {
    this.#statements.putContent.run(packed(place), digest);
  }

  find(id: number): IndexedExchange | null {
    const row = this.#statements.find.get(id) as unknown as [number, number, string] | undefined;
    if (row === undefined) return null;
    const [place, length, summary] = row;
    return { summary, place: unpacked(place), length: Math.abs(length), hasEnded: length > 0 };
  }

  summary(id: number): string | null {
    const row = this.#statements.summary.get(id) as unknown as [string] | undefined;
    return row === undefined ? null : row[0];
  }

  has(id: number): boolean {
    return this.#statements.has.get(id) !== undefined;
  }

  /** Up to `count` of the greatest ids below `id`, descending. */
  idsBelow(id: number, count: number): readonly number[] {
    return (this.#statements.idsBelow.all(id, count) as unknown as [number][]).map(([each]) => each);
  }

  /** The same, with their summaries. */
  summariesBelow(id: number, count: number): readonly (readonly [id: number, summary: string])[] {
    return this.#statements.summariesBelow.all(id, count) as unknown as [number, string][];
  }

  /** Ids of those that have not ended. */
  pending(): readonly number[] {
    return (this.#statements.pending.all() as unknown as [number][]).map(([id]) => id);
  }

  messages(id: number, after: number, limit: number): readonly IndexedMessage[] {
    const rows = this.#statements.messages.all(id, after, limit) as unknown as [number, number, number][];
    return rows.map(([number, place, length]) => ({ number, place: unpacked(place), length }));
  }

  countMessages(id: number): number {
    return rowOf(this.#statements.countMessages.get(id))[0] ?? 0;
  }

  /** The contents that were kept last, the latest last. */
  recentContents(count: number): readonly (readonly [place: Place, digest: string])[] {
    const rows = this.#statements.recentContents.all(count) as unknown as [number, string][];
    return rows.reverse().map(([place, digest]) => [unpacked(place), digest] as const);
  }

  /** @returns whether it had a row whose record lies there */
  remove(id: number, place: Place): boolean {
    return this.#statements.remove.run(id, packed(place)).changes !== 0;
  }

  removeMessage(id: number, number: number, place: Place): void {
    this.#statements.removeMessage.run(id, number, packed(place));
  }

  removeContents(segment: number): void {
    this.#statements.removeContents.run(...rangeOf(segment));
  }

  /** Removes what lies in it, by looking at every row there is. @returns ids of exchanges */
  removeSegment(segment: number): readonly number[] {
    const range = rangeOf(segment);
    this.#statements.removeMessagesIn.run(...range);
    return (this.#statements.removeIn.all(...range) as unknown as [number][]).map(([id]) => id);
  }

  clear(): void {
    this.#database.exec('DELETE FROM exchange; DELETE FROM message; DELETE FROM content');
    while (this.giveBack());
  }

  /** Gives a little of what is free back to the file system, unless it is so little that rows to come will need it. @returns whether there is more */
  giveBack(): boolean {
    const free = rowOf(this.#statements.freePages.get())[0]!;
    if (free < LEAST_FREE_PAGES || free < rowOf(this.#statements.pages.get())[0]! / 4) return false;
    this.#database.exec(`PRAGMA incremental_vacuum(${PAGES_AT_ONCE})`);
    return true;
  }

  /** Brings what stands in SQLite's log into the database, so that a copy of its file is all of it. */
  checkpoint(): void {
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** What is there is not what was written. */
export function isDamage(error: unknown): boolean {
  const code = resultCode(error);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}

function resultCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}

type Statements = ReturnType<typeof prepareAll>;

function prepareAll(database: DatabaseSync) {
  const prepare = (sql: string): StatementSync => {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  };
  return {
    begin: prepare('BEGIN IMMEDIATE'),
    commit: prepare('COMMIT'),
    rollback: prepare('ROLLBACK'),
    state: prepare('SELECT segment, at, exchanges, last_id FROM state'),
    setState: prepare('UPDATE state SET segment = ?, at = ?, exchanges = ?, last_id = ?'),
    put: prepare('INSERT OR REPLACE INTO exchange (id, place, length, summary) VALUES (?, ?, ?, ?)'),
    putMessage: prepare('INSERT OR REPLACE INTO message (exchange, number, place, length) VALUES (?, ?, ?, ?)'),
    putContent: prepare('INSERT OR REPLACE INTO content (place, digest) VALUES (?, ?)'),
    find: prepare('SELECT place, length, summary FROM exchange WHERE id = ?'),
    summary: prepare('SELECT summary FROM exchange WHERE id = ?'),
    has: prepare('SELECT 1 FROM exchange WHERE id = ?'),
    idsBelow: prepare('SELECT id FROM exchange WHERE id < ? ORDER BY id DESC LIMIT ?'),
    summariesBelow: prepare('SELECT id, summary FROM exchange WHERE id < ? ORDER BY id DESC LIMIT ?'),
    pending: prepare('SELECT id FROM exchange WHERE length < 0'),
    messages: prepare('SELECT number, place, length FROM message WHERE exchange = ? AND number > ? ORDER BY number LIMIT ?'),
    countMessages: prepare('SELECT count(*) FROM message WHERE exchange = ?'),
    recentContents: prepare('SELECT place, digest FROM content ORDER BY place DESC LIMIT ?'),
    pages: prepare('PRAGMA page_count'),
    freePages: prepare('PRAGMA freelist_count'),
    remove: prepare('DELETE FROM exchange WHERE id = ? AND place = ?'),
    removeMessage: prepare('DELETE FROM message WHERE exchange = ? AND number = ? AND place = ?'),
    removeIn: prepare('DELETE FROM exchange WHERE place >= ? AND place < ? RETURNING id'),
    removeMessagesIn: prepare('DELETE FROM message WHERE place >= ? AND place < ?'),
    removeContents: prepare('DELETE FROM content WHERE place >= ? AND place < ?'),
  };
}

/** Both in one number, which SQLite keeps in order. Exact: a segment is of less than 4 GiB, and there are less than two million. */
function packed({ segment, at }: Place): number {
  return segment * 2 ** 32 + at;
}

/** From the first to behind the last place in it. */
function rangeOf(segment: number): [from: number, to: number] {
  return [packed({ segment, at: 0 }), packed({ segment: segment + 1, at: 0 })];
}

function unpacked(place: number): Place {
  return { segment: Math.floor(place / 2 ** 32), at: place % 2 ** 32 };
}

function rowOf(row: unknown): readonly number[] {
  return (row ?? []) as readonly number[];
}

function numberOf(database: DatabaseSync, sql: string): number {
  return Number(Object.values(database.prepare(sql).get() ?? {})[0]);
}

function fileBytes(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

const SCHEMA_VERSION = 1;
/** `length` is below zero as long as the exchange has not ended, so that those are found at once. */
const SCHEMA = `
  BEGIN;
  CREATE TABLE exchange (id INTEGER PRIMARY KEY, place INTEGER NOT NULL, length INTEGER NOT NULL, summary TEXT NOT NULL);
  CREATE INDEX pending ON exchange (id) WHERE length < 0;
  CREATE TABLE message (exchange INTEGER NOT NULL, number INTEGER NOT NULL, place INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (exchange, number)) WITHOUT ROWID;
  CREATE TABLE content (place INTEGER PRIMARY KEY, digest TEXT NOT NULL);
  CREATE TABLE state (segment INTEGER NOT NULL, at INTEGER NOT NULL, exchanges INTEGER NOT NULL, last_id INTEGER NOT NULL);
  INSERT INTO state VALUES (0, 0, 0, 0);
  PRAGMA user_version = ${SCHEMA_VERSION};
  COMMIT`;
const PAGE_BYTES = 8192;
const PAGES_AT_ONCE = 256;
const LEAST_FREE_PAGES = 1024;
const CACHE_KIB = 2048;
const WAIT_MS = 5000;
const SQLITE_ERROR = 1;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
