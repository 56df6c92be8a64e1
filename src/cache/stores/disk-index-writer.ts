// Owns changing the index: batches of changes, each one transaction, and making room before them. What contents take is accounted in that same
// transaction, so it is right after a crash and when several processes write. Files are removed only when nothing refers to them any more; what a
// crash leaves between is found by disk-leftovers.ts.
//
// Eviction is SIEVE (Zhang and others, NSDI 2024): a hand goes over rows in the order in which they were stored, forgets the mark of those that
// were used, and takes those that were not. What is asked for once goes soon, so a scan does not flush what is used; a hit writes at most once for
// each turn of the hand, where a list by last use would write each time.
import { readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { errorCode } from '../../errors/from-node.ts';
import { contentPath, type DiskFolder } from './disk-folder.ts';
import { isBusy } from './disk-index.ts';
import { type Applied, type Batch, type Change, PAGE_BYTES, type StoreSize } from './disk-messages.ts';
import { decodePlace, encodePlace, sumOfRow } from './stored-row.ts';

export class IndexWriter {
  readonly #database: DatabaseSync;
  readonly #folder: DiskFolder;
  readonly #maxBytes: number;
  readonly #statements: Statements;
  #evictions = 0;
  #temporaryBytes = 0;
  #setAsideBytes: number;
  /** Of the transaction under way: files to be removed if it succeeds, and by how much it changes the account. */
  #unneeded: string[] = [];
  #entries = 0;
  #fileBytes = 0;

  constructor(database: DatabaseSync, folder: DiskFolder, maxBytes: number) {
    this.#database = database;
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#statements = prepareAll(database);
    this.#setAsideBytes = fileSize(folder.setAside) + fileSize(`${folder.setAside}-wal`);
    this.measureTemporary();
  }

  size(): StoreSize {
    const [entries, fileBytes] = this.#account();
    return { entries, bytes: this.#bytes(fileBytes), evictions: this.#evictions };
  }

  /**
   * @param onKey gets the hash of each key that was stored
   * @throws what SQLite or Node throws; then what came after it is not done
   */
  apply({ changes, contents }: Batch, onKey: (keyHash: number) => void): Applied {
    let stored = 0;
    let refusals = 0;
    for (let at = 0; at < changes.length; ) {
      const { end, bytes } = this.#groupFrom(changes, at);
      const group = changes.slice(at, end);
      const hasRoom = this.makeRoom(bytes);
      this.#transaction(() => {
        for (const change of group) if (hasRoom || change.kind !== 'put') this.#apply(change, contents);
      });
      for (const change of group) {
        if (change.kind !== 'put') continue;
        if (hasRoom) {
          onKey(change.keyHash);
          stored += 1;
        } else {
          this.removeFilesOf([change]);
          refusals += 1;
        }
      }
      at = end;
    }
    this.#keepLogShort();
    return { stored, refusals };
  }

  /** All changes together, unless the store is so small that this would empty it. */
  #groupFrom(changes: readonly Change[], from: number): { readonly end: number; readonly bytes: number } {
    let bytes = 0;
    let end = from;
    for (; end < changes.length; end += 1) {
      const change = changes[end]!;
      const more = change.kind === 'put' ? change.bytes : PAGE_BYTES;
      if (end > from && bytes + more > this.#maxBytes / 16) break;
      bytes += more;
    }
    return { end, bytes };
  }

  /** Files of responses that could not be stored. Should one of them have been, it is a miss. */
  removeFilesOf(changes: readonly Change[]): void {
    for (const change of changes) if (change.kind === 'put' && 'place' in change.content) this.#removeFiles([nameIn(change.content.place)]);
  }

  /** Evicts until so many octets fit. @returns false when that cannot be */
  makeRoom(bytes: number): boolean {
    let ends = 0;
    for (let excess = this.#excess(bytes); excess > 0 && ends < 2; excess = this.#excess(bytes)) {
      // At the end twice, one after the other: there is nothing left.
      ends = this.#evictSome(excess) ? 0 : ends + 1;
      this.#keepLogShort();
    }
    this.#shrink();
    return this.#excess(bytes) <= 0;
  }

  /** What is being written, by all processes. */
  measureTemporary(): void {
    try {
      const names = readdirSync(this.#folder.temporary);
      this.#temporaryBytes = names.reduce((sum, name) => sum + fileSize(path.join(this.#folder.temporary, name)), 0);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      this.#temporaryBytes = 0;
    }
  }

  /** Hashes of the keys of rows behind `row`, at most `count`. */
  keysAfter(row: number, count: number): { readonly last: number; readonly hashes: number[] } {
    const rows = this.#statements.keysAfter.all(row, count) as unknown as [number, number][];
    return { last: rows.at(-1)?.[0] ?? row, hashes: rows.map(([, hash]) => hash) };
  }

  /** Changes whenever another process has written. */
  dataVersion(): number {
    return first(this.#statements.dataVersion.get());
  }

  isReferredTo(keyHash: number, name: string): boolean {
    const places = this.#statements.placesByKey.all(keyHash) as unknown as [string][];
    return places.some(([place]) => place.endsWith(name));
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #apply(change: Change, contents: ArrayBuffer): void {
    switch (change.kind) {
      case 'put':
        this.#put(change, contents);
        return;
      case 'update':
        for (const [row, place] of this.#rowsOf(change.keyHash, change.responseId)) {
          this.#statements.update.run(change.head, sumOfRow(change.head, place), row);
        }
        return;
      case 'remove':
        for (const [row, place, bytes] of this.#rowsOf(change.keyHash, change.responseId)) this.#remove(row, place, bytes);
        return;
      case 'discard': {
        const found = this.#statements.byRow.get(change.row) as unknown as [string, number] | undefined;
        if (found !== undefined) this.#remove(change.row, ...found);
        return;
      }
      case 'use':
        this.#statements.use.run(change.row);
        return;
      default:
        change satisfies never;
    }
  }

  #put({ keyHash, responseId, head, content }: Extract<Change, { kind: 'put' }>, contents: ArrayBuffer): void {
    const octets = 'at' in content ? new Uint8Array(contents, content.at, content.length) : null;
    const place = 'place' in content ? content.place : encodePlace({ kind: 'inline', length: content.length, sum: content.sum });
    const bytes = 'place' in content ? content.bytesOnDisk : 0;
    const { lastInsertRowid } = this.#statements.insert.run(keyHash, responseId, bytes, place, head, sumOfRow(head, place));
    if (octets !== null) this.#statements.insertContent.run(lastInsertRowid, octets);
    this.#entries += 1;
    this.#fileBytes += bytes;
  }

  #rowsOf(keyHash: number, responseId: string): [number, string, number][] {
    return this.#statements.byId.all(keyHash, responseId) as unknown as [number, string, number][];
  }

  #remove(row: number, place: string, bytes: number): void {
    this.#statements.remove.run(row);
    const name = nameIn(place);
    if (name === null) this.#statements.removeContent.run(row);
    else this.#unneeded.push(name);
    this.#entries -= 1;
    this.#fileBytes -= bytes;
  }

  /** Moves the hand over some rows. @returns false when it has come to the end, and begins anew */
  #evictSome(excess: number): boolean {
    let hand = 0;
    let count = 0;
    this.#transaction(() => {
      const rows = this.#statements.fromHand.all(EVICTED_AT_ONCE) as unknown as [number, number, string, number][];
      let left = excess;
      for (const [row, used, place, bytes] of rows) {
        if (left <= 0) break;
        hand = row;
        if (used !== 0) {
          this.#statements.forgetUse.run(row);
          continue;
        }
        this.#remove(row, place, bytes);
        left -= bytes + (bytes === 0 ? Number.parseInt(place, 10) : 0);
        count += 1;
      }
      this.#statements.moveHand.run(hand);
    });
    this.#evictions += count;
    return hand !== 0;
  }

  #transaction(work: () => void): void {
    this.#unneeded = [];
    this.#entries = 0;
    this.#fileBytes = 0;
    this.#begin();
    try {
      work();
      if (this.#entries !== 0 || this.#fileBytes !== 0) this.#statements.account.run(this.#entries, this.#fileBytes);
      this.#statements.commit.run();
    } catch (error) {
      if (this.#database.isTransaction) this.#statements.rollback.run();
      throw error;
    }
    this.#removeFiles(this.#unneeded);
  }

  /** Another process may hold the right to write; its batches are short. */
  #begin(): void {
    for (let tries = 1; ; tries += 1) {
      try {
        this.#statements.begin.run();
        return;
      } catch (error) {
        if (!isBusy(error) || tries === 5) throw error;
      }
    }
  }

  #removeFiles(names: readonly (string | null)[]): void {
    for (const name of names) {
      if (name === null) continue;
      try {
        rmSync(contentPath(this.#folder, name), { force: true });
      } catch {
        // It stays behind until disk-leftovers.ts comes past.
      }
    }
  }

  /** What is too much, if `bytes` more came. Pages that are free count as room: they are used again before the file grows. */
  #excess(bytes: number): number {
    const free = first(this.#statements.freePages.get()) * PAGE_BYTES;
    return this.#bytes(this.#account()[1]) - free + bytes - this.#maxBytes;
  }

  #bytes(fileBytes: number): number {
    const log = fileSize(`${this.#folder.index}-wal`) + fileSize(`${this.#folder.index}-shm`);
    const pages = first(this.#statements.pages.get()) * PAGE_BYTES;
    return fileBytes + pages + log + this.#temporaryBytes + this.#setAsideBytes;
  }

  #account(): [number, number] {
    return this.#statements.size.get() as unknown as [number, number];
  }

  /** Gives free pages back to the file system, some at a time, when the index has become too large for what is in it. */
  #shrink(): void {
    if (this.#bytes(this.#account()[1]) <= this.#maxBytes || first(this.#statements.freePages.get()) === 0) return;
    this.#database.exec(`PRAGMA incremental_vacuum(${PAGES_GIVEN_BACK})`);
    this.#keepLogShort();
  }

  /** Brings what stands in the log into the index. This waits for the disk, which is why a thread does it. */
  #keepLogShort(): void {
    const limit = Math.min(LOG_BYTES, this.#maxBytes / 16);
    const size = fileSize(`${this.#folder.index}-wal`);
    if (size <= limit) return;
    // The log begins anew behind the next reader; cut short it is only where it has become far too long, as that may have to wait for one.
    this.#statements.checkpoint.get();
    if (size > limit * 4) this.#statements.truncate.get();
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
    insert: prepare('INSERT INTO response (key_hash, response_id, used, file_bytes, place, head, sum) VALUES (?, ?, 0, ?, ?, ?, ?)'),
    insertContent: prepare('INSERT INTO content (id, octets) VALUES (?, ?)'),
    byId: prepare('SELECT id, place, file_bytes FROM response WHERE key_hash = ? AND response_id = ?'),
    byRow: prepare('SELECT place, file_bytes FROM response WHERE id = ?'),
    placesByKey: prepare('SELECT place FROM response WHERE key_hash = ?'),
    keysAfter: prepare('SELECT id, key_hash FROM response WHERE id > ? ORDER BY id LIMIT ?'),
    update: prepare('UPDATE response SET head = ?, sum = ? WHERE id = ?'),
    remove: prepare('DELETE FROM response WHERE id = ?'),
    removeContent: prepare('DELETE FROM content WHERE id = ?'),
    use: prepare('UPDATE response SET used = 1 WHERE id = ? AND used = 0'),
    forgetUse: prepare('UPDATE response SET used = 0 WHERE id = ?'),
    fromHand: prepare('SELECT id, used, place, file_bytes FROM response WHERE id > (SELECT hand FROM account) ORDER BY id LIMIT ?'),
    moveHand: prepare('UPDATE account SET hand = ?'),
    account: prepare('UPDATE account SET entries = entries + ?, file_bytes = file_bytes + ?'),
    size: prepare('SELECT entries, file_bytes FROM account'),
    pages: prepare('PRAGMA page_count'),
    freePages: prepare('PRAGMA freelist_count'),
    dataVersion: prepare('PRAGMA data_version'),
    checkpoint: prepare('PRAGMA wal_checkpoint(PASSIVE)'),
    truncate: prepare('PRAGMA wal_checkpoint(TRUNCATE)'),
  };
}

/** Of the content's file. */
function nameIn(place: string): string | null {
  const where = decodePlace(place);
  return where?.kind === 'file' ? where.name : null;
}

function first(row: unknown): number {
  return Array.isArray(row) ? Number(row[0]) : 0;
}

function fileSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

const EVICTED_AT_ONCE = 64;
const PAGES_GIVEN_BACK = 4096;
/** Longer, and a start after a crash would take longer; shorter, and pages that change often would be brought over more often. */
const LOG_BYTES = 32 << 20;
