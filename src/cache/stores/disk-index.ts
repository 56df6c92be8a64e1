// Owns the database that says what is stored: opening it, and what one asks of it. SQLite in WAL mode, so that one process writes while others, and
// other threads, read. `synchronous` is NORMAL: what is committed survives kill -9; after a power cut the index is as it was some seconds before,
// whole. No page is believed: a row has a sum of its own (stored-row.ts), and an index that SQLite finds malformed is set aside and begun anew.
// No page is mapped into memory, since a file that is cut short would then end the process.
import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { StoredResponse } from '../stored-response.ts';
import { type DiskFolder, makeContentFolders } from './disk-folder.ts';
import { PAGE_BYTES } from './disk-messages.ts';
import { decodeRow, hashOfKey, type Place } from './stored-row.ts';

/** A stored response as the index has it. */
export interface Found {
  readonly row: number;
  /** It has been used since it was stored, or since eviction came past. */
  isUsed: boolean;
  readonly stored: StoredResponse;
  readonly place: Place;
}

/** The reading side. Every call is one short transaction. @throws errors of SQLite's, which `isDamage` tells apart */
export class IndexReader {
  readonly #database: DatabaseSync;
  readonly #byKey: StatementSync;
  readonly #after: StatementSync;
  readonly #content: StatementSync;
  readonly #size: StatementSync;

  constructor({ index }: DiskFolder) {
    this.#database = new DatabaseSync(index, { readOnly: true, timeout: WAIT_MS });
    this.#database.exec(`PRAGMA cache_size = -4096; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF`);
    const prepare = (sql: string): StatementSync => {
      const statement = this.#database.prepare(sql);
      statement.setReturnArrays(true);
      return statement;
    };
    this.#byKey = prepare(`SELECT id, used, place, head, sum FROM response WHERE key_hash = ? ORDER BY id DESC LIMIT ${MOST_VARIANTS}`);
    this.#after = prepare('SELECT id, used, place, head, sum FROM response WHERE id > ? ORDER BY id LIMIT ?');
    this.#content = prepare('SELECT octets FROM content WHERE id = ?');
    this.#size = prepare('SELECT entries, file_bytes FROM account');
    // From here on it never waits: whoever asks is answering a request.
    this.#database.exec('PRAGMA busy_timeout = 0');
  }

  /** The latest first. @param onDamage gets the rows that are */
  byKey(key: string, keyHash: number, onDamage: (row: number) => void): Found[] {
    const all: Found[] = [];
    for (const row of this.#byKey.all(keyHash)) {
      const found = foundIn(row as unknown as Row, onDamage);
      if (found !== null && found.stored.key === key) all.push(found);
    }
    return all;
  }

  one({ key, id }: StoredResponse, onDamage: (row: number) => void): Found | null {
    return this.byKey(key, hashOfKey(key), onDamage).find(({ stored }) => stored.id === id) ?? null;
  }

  /** In the order in which they were stored. @param row the last one of the call before; 0 at first */
  after(row: number, count: number, onDamage: (row: number) => void): { readonly found: Found[]; readonly last: number | null } {
    const rows = this.#after.all(row, count) as unknown as Row[];
    const found = rows.map((each) => foundIn(each, onDamage)).filter((each) => each !== null);
    return { found, last: rows.at(-1)?.[0] ?? null };
  }

  /** Content that lies in the index; `null` when it does not any more. Not compared with its sum yet. */
  content(row: number): Buffer | null {
    const octets = (this.#content.get(row) as unknown as [Uint8Array] | undefined)?.[0];
    return octets === undefined ? null : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  }

  /** As the index accounts for them: `fileBytes` of contents in files of their own. */
  size(): { readonly entries: number; readonly fileBytes: number } {
    const [entries, fileBytes] = this.#size.get() as unknown as [number, number];
    return { entries, fileBytes };
  }

  close(): void {
    this.#database.close();
  }
}

/**
 * Opens the index to write, and makes it where there is none.
 *
 * @param report told when one was set aside
 * @throws errors of SQLite's and of Node's
 */
export function openToWrite(folder: DiskFolder, report: (line: string) => void): DatabaseSync {
  const database = openOrBeginAnew(folder, report);
  makeContentFolders(folder);
  return database;
}

function openOrBeginAnew(folder: DiskFolder, report: (line: string) => void): DatabaseSync {
  try {
    return openAsItIs(folder);
  } catch (error) {
    const why = error instanceof UnknownVersion ? error.message : isDamage(error) ? 'is damaged' : null;
    if (why === null) throw error;
    setAside(folder, why, report);
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

/** What was read is not what was written, or no database at all. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE_BUSY || code === SQLITE_LOCKED;
}

class UnknownVersion extends Error {}

function openAsItIs(folder: DiskFolder): DatabaseSync {
  const database = new DatabaseSync(folder.index, { timeout: WAIT_MS });
  try {
    // Both only count before the first table is made.
    database.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL`);
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cell_size_check = ON;
      PRAGMA cache_size = -8192; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY`);
    database.exec('BEGIN IMMEDIATE');
    if (numberOf(database, 'PRAGMA user_version') === 0 && numberOf(database, 'SELECT count(*) FROM sqlite_schema') === 0) {
      discardContents(folder);
      database.exec(SCHEMA);
    }
    const version = numberOf(database, 'PRAGMA user_version');
    const application = numberOf(database, 'PRAGMA application_id');
    if (version !== SCHEMA_VERSION || application !== APPLICATION_ID) {
      throw new UnknownVersion(`is of version ${version}, and this is version ${SCHEMA_VERSION}`);
    }
    numberOf(database, 'SELECT entries FROM account');
    database.exec('COMMIT');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Nothing refers to them any more. disk-leftovers.ts deletes them: there may be very many. */
function discardContents(folder: DiskFolder): void {
  rename(folder.content, path.join(folder.path, `discarded-${process.hrtime.bigint().toString(16)}`));
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

type Row = readonly [id: number, used: number, place: string, head: string, sum: number];

function foundIn([row, used, place, head, sum]: Row, onDamage: (row: number) => void): Found | null {
  const decoded = decodeRow(head, place, sum);
  if (decoded === null) onDamage(row);
  return decoded === null ? null : { row, isUsed: used !== 0, stored: decoded.stored, place: decoded.place };
}

export function numberOf(database: DatabaseSync, sql: string): number {
  return Number(Object.values(database.prepare(sql).get() ?? {})[0]);
}

function sqliteCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0;
}

/** More under one key are not offered to a request; they are used no more, and so evicted. */
const MOST_VARIANTS = 64;
/** For another process to finish a batch: when the index is opened, and in threads that write. */
const WAIT_MS = 2000;
const APPLICATION_ID = 0x53504331;
/** One more whenever the tables or what stands in them changes. */
const SCHEMA_VERSION = 1;
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
// Rows are appended, and evicted in the order of `id`. The one index is small, and contents stand apart from what a walk reads.
const SCHEMA = `
  CREATE TABLE response (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key_hash INTEGER NOT NULL,
    response_id TEXT NOT NULL,
    used INTEGER NOT NULL,
    file_bytes INTEGER NOT NULL,
    place TEXT NOT NULL,
    head TEXT NOT NULL,
    sum INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX response_by_key ON response (key_hash);
  CREATE TABLE content (id INTEGER PRIMARY KEY, octets BLOB NOT NULL) STRICT;
  CREATE TABLE account (entries INTEGER NOT NULL, file_bytes INTEGER NOT NULL, hand INTEGER NOT NULL) STRICT;
  INSERT INTO account VALUES (0, 0, 0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};`;
