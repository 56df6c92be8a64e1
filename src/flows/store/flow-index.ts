// Owns the database of a session: the summary of each exchange and the place of its record, the places of messages, and the digests of the contents that
// were kept last. It says nothing that the segments do not: where it is missing, damaged, of another version or behind, it is made again from them.
//
// Exchanges that had ended when they were heard of first lie in blocks (row-block.ts), whose ids are all greater than those of the block before. All
// others, announced before they ended or late, have a row of their own; it counts, where a block has the same id.
//
// SQLite in WAL mode, many batches a transaction, with how far into the segments it goes. The process's end loses the rows that were not written yet, which
// are made again at the next opening; a power cut may lose the last transactions, and leaves no torn database (synchronous = NORMAL).
import { rmSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { isDamage, isWrongStatement } from '../../errors/from-sqlite.ts';
import { numberOf } from '../../net/database-number.ts';
import { makePrivateFile } from '../../net/private-file.ts';
import type { WrittenReference } from './record-frames.ts';
import { packed, RowBlock, readIds, unpacked } from './row-block.ts';
import type { Place } from './segments.ts';
import type { UnwrittenRows } from './unwritten-rows.ts';

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

/** How far into the segments it goes, how many exchanges there are, and the greatest id that there ever was. */
export interface IndexState {
  readonly through: Place;
  readonly exchanges: number;
  readonly lastId: number;
}

export type RemovedRow = readonly [id: number, summary: string];

/** Every call may throw errors of SQLite's; `isDamage` knows those that mean that it has to be made again. */
export class FlowIndex {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #statements: Statements;
  /** That was read last: whoever wants a row of it wants more of them. */
  #block: RowBlock | null = null;

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
    makePrivateFile(file);
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
      if (!isDamage(error) && !isWrongStatement(error)) {
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

  state(): IndexState {
    const [segment = 0, at = 0, exchanges = 0, lastId = 0] = rowOf(this.#statements.state.get());
    return { through: { segment, at }, exchanges, lastId };
  }

  /** Writes rows, and with them how far it goes now. All of it or nothing. */
  write(rows: UnwrittenRows, { through, exchanges, lastId }: IndexState): void {
    this.transact(() => {
      this.#putAll(rows, this.state().lastId);
      for (const { id, number, place, length } of rows.messages) this.#statements.putMessage.run(id, number, packed(place), length);
      if (rows.contents.length > 0) this.#putContents(rows.contents);
      this.#statements.setState.run(through.segment, through.at, exchanges, lastId);
    });
  }

  /** @param lastId that it knew before */
  #putAll(rows: UnwrittenRows, lastId: number): void {
    let block: number[] = [];
    for (const number of rows.sorted()) {
      if (rows.id(number) <= lastId || !rows.hasEnded(number)) {
        const { id, summary, place, length, hasEnded } = rows.row(number);
        this.put(id, summary, place, length, hasEnded);
      } else if (block.push(number) === ROWS_IN_BLOCK) {
        this.#putBlock(rows, block);
        block = [];
      }
    }
    if (block.length > 0) this.#putBlock(rows, block);
  }

  #putBlock(rows: UnwrittenRows, numbers: readonly number[]): void {
    const block = rows.block(numbers);
    this.#statements.putBlock.run(rows.id(numbers[0]!), rows.segment, block.ids, block.rows);
  }

  #putContents(contents: readonly WrittenReference[]): void {
    const octets = Buffer.allocUnsafe(contents.length * CONTENT_BYTES);
    for (const [i, content] of contents.entries()) {
      const { length, digest } = content;
      octets.writeDoubleLE(packed(content), i * CONTENT_BYTES);
      octets.writeUInt32LE(length, i * CONTENT_BYTES + 8);
      octets.write(digest, i * CONTENT_BYTES + 12, 'latin1');
    }
    this.#statements.putContents.run(packed(contents[0]!), octets);
  }

  /** A row of its own. */
  put(id: number, summary: string, place: Place, length: number, hasEnded: boolean): void {
    this.#statements.put.run(id, packed(place), hasEnded ? length : -length, summary);
  }

  find(id: number): IndexedExchange | null {
    const row = this.#statements.find.get(id) as unknown as [number, number, string] | undefined;
    if (row !== undefined) {
      const [place, length, summary] = row;
      return { summary, place: unpacked(place), length: Math.abs(length), hasEnded: length > 0 };
    }
    const block = this.#blockOf(id);
    const number = block?.find(id) ?? null;
    if (block === null || number === null) return null;
    return { summary: block.summary(number), place: block.place(number), length: block.length(number), hasEnded: true };
  }

  summary(id: number): string | null {
    return this.find(id)?.summary ?? null;
  }

  has(id: number): boolean {
    return this.#statements.has.get(id) !== undefined || (this.#blockOf(id)?.find(id) ?? null) !== null;
  }

  /** Up to `count` of the greatest ids below `id`, descending. */
  idsBelow(id: number, count: number): readonly number[] {
    const single = (this.#statements.idsBelow.all(id, count) as unknown as [number][]).map(([each]) => each);
    return merged(single, this.#idsOfBlocksBelow(id), (each) => each, count);
  }

  /** The same, with their summaries. */
  summariesBelow(id: number, count: number): readonly (readonly [id: number, summary: string])[] {
    const single = this.#statements.summariesBelow.all(id, count) as unknown as (readonly [number, string])[];
    return merged(single, this.#rowsOfBlocksBelow(id), ([each]) => each, count);
  }

  /** Descending. */
  *#idsOfBlocksBelow(id: number): Generator<number> {
    for (let below = id; ; ) {
      const row = this.#statements.idsOfBlockBelow.get(below) as unknown as [Uint8Array] | undefined;
      if (row === undefined) return;
      const ids = readIds(row[0]);
      for (let i = ids.length - 1; i >= 0; i -= 1) if (ids[i]! < id) yield ids[i]!;
      below = ids[0]!;
    }
  }

  *#rowsOfBlocksBelow(id: number): Generator<readonly [id: number, summary: string]> {
    for (let below = id; ; ) {
      const block = this.#blockOf(below - 1);
      if (block === null) return;
      for (let i = block.ids.length - 1; i >= 0; i -= 1) if (block.ids[i]! < id) yield [block.ids[i]!, block.summary(i)];
      below = block.first;
    }
  }

  /** The one that would have it: with the greatest first id that is not greater. */
  #blockOf(id: number): RowBlock | null {
    const last = this.#block;
    if (last !== null && id >= last.first && id <= last.last) return last;
    const row = this.#statements.block.get(id) as unknown as [Uint8Array, Uint8Array] | undefined;
    if (row === undefined) return null;
    this.#block = new RowBlock({ ids: row[0], rows: row[1] });
    return this.#block;
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
  recentContents(count: number): readonly WrittenReference[] {
    const contents: WrittenReference[] = [];
    for (const row of this.#statements.contents.iterate()) {
      const octets = Buffer.from((row as unknown as [Uint8Array])[0]);
      for (let at = octets.length - CONTENT_BYTES; at >= 0 && contents.length < count; at -= CONTENT_BYTES) {
        const digest = octets.toString('latin1', at + 12, at + CONTENT_BYTES);
        contents.push({ ...unpacked(octets.readDoubleLE(at)), length: octets.readUInt32LE(at + 8), digest });
      }
      if (contents.length === count) break;
    }
    return contents.reverse();
  }

  /** @returns the summary of the row of its own that it had, if its record lies there; `null` otherwise */
  remove(id: number, place: Place): string | null {
    const row = this.#statements.remove.get(id, packed(place)) as unknown as [string] | undefined;
    return row?.[0] ?? null;
  }

  removeMessage(id: number, number: number, place: Place): void {
    this.#statements.removeMessage.run(id, number, packed(place));
  }

  removeContents(segment: number): void {
    this.#statements.removeContents.run(...rangeOf(segment));
  }

  /**
   * Removes one of the blocks that lie in this segment, the oldest there is.
   *
   * @returns its exchanges with their summaries, without those that have a row of their own; `null` when there is none any more
   */
  removeBlock(segment: number): readonly RemovedRow[] | null {
    const row = this.#statements.firstBlock.get() as unknown as [number, number, Uint8Array, Uint8Array] | undefined;
    if (row === undefined || row[1] > segment) return null;
    const block = new RowBlock({ ids: row[2], rows: row[3] });
    this.#statements.removeBlock.run(row[0]);
    this.#block = null;
    const others = this.#statements.idsFromTo.all(block.first, block.last) as unknown as [number][];
    const kept = new Set(others.map(([id]) => id));
    return Array.from(block.ids, (id, number): RemovedRow => [id, block.summary(number)]).filter(([id]) => !kept.has(id));
  }

  /** Removes the rows of their own that lie in it, by looking at every one there is. @returns exchanges with their summaries */
  removeSegment(segment: number): readonly RemovedRow[] {
    const range = rangeOf(segment);
    this.#statements.removeMessagesIn.run(...range);
    return this.#statements.removeIn.all(...range) as unknown as RemovedRow[];
  }

  clear(): void {
    this.#database.exec('DELETE FROM exchange; DELETE FROM block; DELETE FROM message; DELETE FROM content');
    this.#block = null;
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
    putBlock: prepare('INSERT OR REPLACE INTO block (first, segment, ids, rows) VALUES (?, ?, ?, ?)'),
    putContents: prepare('INSERT OR REPLACE INTO content (place, contents) VALUES (?, ?)'),
    find: prepare('SELECT place, length, summary FROM exchange WHERE id = ?'),
    has: prepare('SELECT 1 FROM exchange WHERE id = ?'),
    idsBelow: prepare('SELECT id FROM exchange WHERE id < ? ORDER BY id DESC LIMIT ?'),
    summariesBelow: prepare('SELECT id, summary FROM exchange WHERE id < ? ORDER BY id DESC LIMIT ?'),
    idsFromTo: prepare('SELECT id FROM exchange WHERE id BETWEEN ? AND ?'),
    block: prepare('SELECT ids, rows FROM block WHERE first <= ? ORDER BY first DESC LIMIT 1'),
    idsOfBlockBelow: prepare('SELECT ids FROM block WHERE first < ? ORDER BY first DESC LIMIT 1'),
    firstBlock: prepare('SELECT first, segment, ids, rows FROM block ORDER BY first LIMIT 1'),
    pending: prepare('SELECT id FROM exchange WHERE length < 0'),
    messages: prepare('SELECT number, place, length FROM message WHERE exchange = ? AND number > ? ORDER BY number LIMIT ?'),
    countMessages: prepare('SELECT count(*) FROM message WHERE exchange = ?'),
    contents: prepare('SELECT contents FROM content ORDER BY place DESC'),
    pages: prepare('PRAGMA page_count'),
    freePages: prepare('PRAGMA freelist_count'),
    remove: prepare('DELETE FROM exchange WHERE id = ? AND place = ? RETURNING summary'),
    removeBlock: prepare('DELETE FROM block WHERE first = ?'),
    removeMessage: prepare('DELETE FROM message WHERE exchange = ? AND number = ? AND place = ?'),
    removeIn: prepare('DELETE FROM exchange WHERE place >= ? AND place < ? RETURNING id, summary'),
    removeMessagesIn: prepare('DELETE FROM message WHERE place >= ? AND place < ?'),
    removeContents: prepare('DELETE FROM content WHERE place >= ? AND place < ?'),
  };
}

/** From the first to behind the last place in it. */
function rangeOf(segment: number): [from: number, to: number] {
  return [packed({ segment, at: 0 }), packed({ segment: segment + 1, at: 0 })];
}

/** Two lists that descend as one; of those that are in both, the first's. */
function merged<T>(single: readonly T[], inBlocks: Iterator<T>, idOf: (row: T) => number, count: number): T[] {
  const rows: T[] = [];
  let next = inBlocks.next();
  for (const row of single) {
    for (; next.done !== true && idOf(next.value) > idOf(row) && rows.length < count; next = inBlocks.next()) rows.push(next.value);
    if (rows.length === count) return rows;
    rows.push(row);
    if (next.done !== true && idOf(next.value) === idOf(row)) next = inBlocks.next();
  }
  for (; next.done !== true && rows.length < count; next = inBlocks.next()) rows.push(next.value);
  return rows;
}

function rowOf(row: unknown): readonly number[] {
  return (row ?? []) as readonly number[];
}

function fileBytes(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

const SCHEMA_VERSION = 2;
/** `length` is below zero as long as the exchange has not ended, so that those are found at once. */
const SCHEMA = `
  BEGIN;
  CREATE TABLE exchange (id INTEGER PRIMARY KEY, place INTEGER NOT NULL, length INTEGER NOT NULL, summary TEXT NOT NULL);
  CREATE INDEX pending ON exchange (id) WHERE length < 0;
  CREATE TABLE block (first INTEGER PRIMARY KEY, segment INTEGER NOT NULL, ids BLOB NOT NULL, rows BLOB NOT NULL);
  CREATE TABLE message (exchange INTEGER NOT NULL, number INTEGER NOT NULL, place INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (exchange, number)) WITHOUT ROWID;
  CREATE TABLE content (place INTEGER PRIMARY KEY, contents BLOB NOT NULL);
  CREATE TABLE state (segment INTEGER NOT NULL, at INTEGER NOT NULL, exchanges INTEGER NOT NULL, last_id INTEGER NOT NULL);
  INSERT INTO state VALUES (0, 0, 0, 0);
  PRAGMA user_version = ${SCHEMA_VERSION};
  COMMIT`;
/** Few enough to be read for one of them. */
const ROWS_IN_BLOCK = 64;
/** Place, length and digest of one. */
const CONTENT_BYTES = 44;
const PAGE_BYTES = 8192;
const PAGES_AT_ONCE = 256;
const LEAST_FREE_PAGES = 1024;
const CACHE_KIB = 2048;
const WAIT_MS = 5000;
