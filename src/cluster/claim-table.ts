// Owns a table in which workers see what the others fetch, without a message: a row for each hash of a key, in it an octet for each worker that says
// whether it fetches something of this row. Whoever claims writes first and reads then: of two who do that at once, one at least sees the other. Who is
// alone has the key; who is not asks (shared-cache.ts). So what is wrong here costs a question, or a fetch, and nothing more: keys that share a row, what a
// worker that was killed has left, a file that cannot be written.
//
// It is a file, since processes of Node's have no memory in common; it lies in memory where the system has a place for files there, because a write to a
// disk waits while that is busy. In that place it has no name, so that nothing is left of it, however its processes end.
import { randomUUID } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, readSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { hashOfKey } from '../cache/stores/stored-record.ts';

/** What a worker needs to open it. */
export interface ClaimColumn {
  readonly path: string;
  /** How many octets a row has. */
  readonly columns: number;
  /** The one of this worker alone. */
  readonly column: number;
}

/** The keeper's end: it makes the file, and says whose which column is. */
export class ClaimColumns<Holder> {
  readonly #path: string;
  readonly #holders: (Holder | null)[];

  /**
   * @param folder of this user alone, for where there is no place in memory
   * @param columns those who come when all are taken have none
   * @throws errors of Node's
   */
  constructor(folder: string, columns: number) {
    this.#holders = Array.from({ length: columns }, () => null);
    this.#path = createInMemory(ROWS * columns) ?? create(path.join(folder, 'claims'), ROWS * columns).path;
  }

  take(holder: Holder): ClaimColumn | null {
    const column = this.#holders.indexOf(null);
    if (column === -1) return null;
    this.#holders[column] = holder;
    return { path: this.#path, columns: this.#holders.length, column };
  }

  left(holder: Holder): void {
    const column = this.#holders.indexOf(holder);
    if (column !== -1) this.#holders[column] = null;
  }
}

/** A worker's end. */
export class ClaimTable {
  readonly #file: number;
  readonly #columns: number;
  readonly #column: number;
  /** How often each row is claimed here. */
  readonly #claims = new Uint16Array(ROWS);
  readonly #row: Buffer;
  #isClosed = false;

  /** @throws errors of Node's where it cannot be opened */
  constructor({ path: file, columns, column }: ClaimColumn) {
    this.#columns = columns;
    this.#column = column;
    this.#row = Buffer.alloc(columns);
    this.#file = openSync(file, 'r+');
    this.#clear();
  }

  /** Each claim is released, whatever it returns. @param row as `rowOf` has it @returns whether no other worker has one there */
  claim(row: number): boolean {
    this.#claims[row]! += 1;
    if (this.#isClosed) return false;
    const at = row * this.#columns;
    try {
      if (this.#claims[row] === 1) writeSync(this.#file, CLAIMED, 0, 1, at + this.#column);
      readSync(this.#file, this.#row, 0, this.#columns, at);
    } catch {
      return false;
    }
    for (let column = 0; column < this.#columns; column += 1) if (this.#row[column] !== 0 && column !== this.#column) return false;
    return true;
  }

  release(row: number): void {
    this.#claims[row]! -= 1;
    if (this.#claims[row] === 0 && !this.#isClosed) this.#free(row);
  }

  close(): void {
    this.#isClosed = true;
    closeSync(this.#file);
  }

  /** Who had this column before may have been killed. */
  #clear(): void {
    const all = Buffer.alloc(ROWS * this.#columns);
    const length = readSync(this.#file, all, 0, all.length, 0);
    for (let row = 0, at = this.#column; at < length; row += 1, at += this.#columns) if (all[at] !== 0) this.#free(row);
  }

  #free(row: number): void {
    try {
      writeSync(this.#file, FREE, 0, 1, row * this.#columns + this.#column);
    } catch {
      // The others ask about it.
    }
  }
}

/** In which row a key is claimed. */
export function rowOf(key: string): number {
  return hashOfKey(key, 0) & (ROWS - 1);
}

/** @returns `null` where the system has no such place */
function createInMemory(bytes: number): string | null {
  if (process.platform !== 'linux') return null;
  try {
    const { path: name, file } = create(`/dev/shm/sallyport-${randomUUID()}`, bytes);
    unlinkSync(name);
    return `/proc/${process.pid}/fd/${file}`;
  } catch {
    return null;
  }
}

/** For this user alone, and under no link that somebody has put there. */
function create(name: string, bytes: number): { readonly path: string; readonly file: number } {
  // What a keeper that was killed has left.
  rmSync(name, { force: true });
  const file = openSync(name, 'wx+', 0o600);
  ftruncateSync(file, bytes);
  return { path: name, file };
}

const CLAIMED = Buffer.of(1);
const FREE = Buffer.of(0);
/** A power of two, and many more than are claimed at once, until what was fetched is on the disk. */
const ROWS = 2 ** 16;
