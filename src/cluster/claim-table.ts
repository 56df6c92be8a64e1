// Owns a table in which workers see what the others fetch, without a message: rows for hashes of keys, in each a word for every worker that says which key
// of this row it fetches, or when it last let go of one. Whoever claims writes first and reads then: of two who do that at once, one at least sees the
// other. Who is alone has the key; who is not asks (shared-cache.ts). So what is wrong here costs a question, or a fetch, and nothing more: keys of the same
// hash, what a worker that was killed has left, a file that cannot be written.
//
//   0: nothing yet │ even: a time │ odd: the hash of what is fetched │ `SEVERAL` of it
//
// It is a file, since processes of Node's have no memory in common; it lies in memory where the system has a place for files there, because a write to a
// disk waits while that is busy. In that place it has no name, so that nothing is left of it, however its processes end.
import { randomUUID } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, readSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';

/** What a worker needs to open it. */
export interface ClaimColumn {
  readonly path: string;
  /** How many words a row has. */
  readonly columns: number;
  /** The one of this worker alone. */
  readonly column: number;
}

/** The keeper's end: it makes the file, and says whose which column is. */
export class ClaimColumns<Holder> {
  readonly #opened: Opened;
  readonly #holders: (Holder | null)[];

  /**
   * @param folder of this user alone, for where there is no place in memory
   * @param columns those who come when all are taken have none
   * @throws errors of Node's
   */
  constructor(folder: string, columns: number) {
    this.#holders = Array.from({ length: columns }, () => null);
    this.#opened = openInMemory() ?? open(path.join(folder, 'claims'));
    ftruncateSync(this.#opened.file, ROWS * columns * WORD_BYTES);
  }

  take(holder: Holder): ClaimColumn | null {
    const column = this.#holders.indexOf(null);
    if (column === -1) return null;
    this.#holders[column] = holder;
    return { path: this.#opened.path, columns: this.#holders.length, column };
  }

  left(holder: Holder): void {
    const column = this.#holders.indexOf(holder);
    if (column !== -1) this.#holders[column] = null;
  }

  /** Those who have it open go on. */
  close(): void {
    closeSync(this.#opened.file);
  }
}

interface Opened {
  /** By which workers open it. */
  readonly path: string;
  readonly file: number;
}

/**
 * What a worker sees when it claims: it is alone, and has looked at what others have stored since any of them let go of this row; it is alone, and has to
 * look; it meets somebody, and has to ask.
 */
export type Standing = 'alone' | 'behind' | 'met';

/** A worker's end. */
export class ClaimTable {
  readonly #file: number;
  readonly #columns: number;
  readonly #column: number;
  /** How often each row is claimed here. */
  readonly #claims = new Uint16Array(ROWS);
  readonly #row: Uint32Array<ArrayBuffer>;
  readonly #word = new Uint32Array(1);
  /** When this worker was last told to look. */
  #lookedMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /** @throws errors of Node's where it cannot be opened */
  constructor({ path: file, columns, column }: ClaimColumn) {
    this.#columns = columns;
    this.#column = column;
    this.#row = new Uint32Array(columns);
    this.#file = openSync(file, 'r+');
    this.#clear();
  }

  /** Each claim is released, however it stands. Who is `behind` looks at once. @param hash of the key, 32 bits */
  claim(hash: number): Standing {
    const row = hash & LAST_ROW;
    const claims = (this.#claims[row]! += 1);
    if (this.#isClosed) return 'met';
    const claimedMs = now();
    try {
      if (claims <= 2) this.#write(row, claims === 1 ? claimOf(hash) : SEVERAL);
      readSync(this.#file, this.#row, 0, this.#row.byteLength, row * this.#row.byteLength);
    } catch {
      return 'met';
    }
    return this.#standing(claimOf(hash), claimedMs);
  }

  release(hash: number): void {
    const row = hash & LAST_ROW;
    this.#claims[row]! -= 1;
    if (this.#claims[row] === 0 && !this.#isClosed) this.#free(row, timeOf(now()));
  }

  close(): void {
    this.#isClosed = true;
    closeSync(this.#file);
  }

  #standing(claim: number, claimedMs: number): Standing {
    let isBehind = claimedMs - this.#lookedMs > MOST_UNSEEN_MS;
    for (let column = 0; column < this.#columns; column += 1) {
      const word = this.#row[column]!;
      if (column === this.#column || word === 0) continue;
      if (word === claim || word === SEVERAL) return 'met';
      // Of what was let go before this other one, nothing is known. Times begin anew every 49 days.
      isBehind ||= isClaim(word) || ((word - timeOf(this.#lookedMs)) | 0) >= 0;
    }
    if (!isBehind) return 'alone';
    this.#lookedMs = claimedMs;
    return 'behind';
  }

  /** Who had this column before may have been killed. */
  #clear(): void {
    const all = new Uint32Array(ROWS * this.#columns);
    readSync(this.#file, all, 0, all.byteLength, 0);
    for (let row = 0; row < ROWS; row += 1) if (isClaim(all[row * this.#columns + this.#column]!)) this.#free(row, 0);
  }

  #free(row: number, word: number): void {
    try {
      this.#write(row, word);
    } catch {
      // The others ask about it.
    }
  }

  #write(row: number, word: number): void {
    this.#word[0] = word;
    writeSync(this.#file, this.#word, 0, WORD_BYTES, row * this.#row.byteLength + this.#column * WORD_BYTES);
  }
}

/** By the clock that all processes of the machine have in common: milliseconds since its start. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** A moment as it stands in the table: up to two milliseconds later. */
function timeOf(moment: number): number {
  return ((Math.floor(moment % 2 ** 32) & ~1) + 2) >>> 0;
}

function claimOf(hash: number): number {
  return (hash | 1) >>> 0;
}

function isClaim(word: number): boolean {
  return (word & 1) === 1;
}

/** @returns `null` where the system has no such place */
function openInMemory(): Opened | null {
  if (process.platform !== 'linux') return null;
  try {
    const { path: name, file } = open(`/dev/shm/sallyport-${randomUUID()}`);
    unlinkSync(name);
    return { path: `/proc/${process.pid}/fd/${file}`, file };
  } catch {
    return null;
  }
}

/** Made for this user alone, and under no link that somebody has put there. */
function open(name: string): Opened {
  // What a keeper that was killed has left.
  rmSync(name, { force: true });
  return { path: name, file: openSync(name, 'wx+', 0o600) };
}

const WORD_BYTES = 4;
const SEVERAL = 0xffffffff;
/** Some of what is stored is let go of where nobody sees it: while there is no keeper, and by who has no column. */
const MOST_UNSEEN_MS = 50;
/** A power of two, and many more than are claimed at once, until what was fetched is on the disk. */
export const ROWS = 2 ** 14;
const LAST_ROW = ROWS - 1;
