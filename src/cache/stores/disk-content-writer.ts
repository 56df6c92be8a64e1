// Owns content on its way to the disk. Up to one block of it stays in memory until it is committed, and lies in the log then: writing a file costs more,
// and reading one twice as much (`test/bench/disk-store.ts`). What is longer goes to a temporary file as it comes, block by block, and is renamed when it is complete: a file under its last
// name is never a part of one. At most a mebibyte waits for the disk; then `ready` says when there is room again.
import type { Linked } from '../../net/linked-set.ts';
import type { StoredResponse } from '../stored-response.ts';
import type { ContentWriter, Soon } from './cache-store.ts';
import { BLOCK_BYTES, encodeTrailer, sumOfTrailer, sumsOfBlocks } from './content-file.ts';
import { closeFile, moveFile, openFile, readInto, removeFile, writeAll } from './file-descriptor.ts';
import type { FilePlace } from './stored-record.ts';

/** What the store does for its writers. */
export interface WriterHost {
  readonly maxObjectBytes: number;
  /** A path for a temporary file; `null` when there are too many of them, or nothing is to be stored now. */
  temporaryPath(): string | null;
  /** The path of a new file of content for this key, and its name. @throws an error of Node's when its folder cannot be made */
  finalPath(key: string): { readonly name: string; readonly path: string };
  /** @param content to be put into the log, or the place of its file */
  put(stored: StoredResponse, content: Buffer | FilePlace, replaces: readonly StoredResponse[]): Soon<boolean>;
  /** Resolves once it is stored or not; the store stays open as long. */
  committing(isStored: Promise<boolean>): void;
  failed(error: unknown): void;
  refused(): void;
  /** It will not commit any more. Called once. */
  finished(writer: DiskContentWriter): void;
}

export class DiskContentWriter implements ContentWriter, Linked<DiskContentWriter> {
  written = 0;
  /** Of the store's writers; it alone writes them. */
  previous: DiskContentWriter | null = null;
  next: DiskContentWriter | null = null;
  readonly #host: WriterHost;
  readonly #expectedLength: number | null;
  /** Octets from `#kept` on: blocks that are full, and the one that is being filled. Memory that has been read along is never used again. */
  #block: Buffer = EMPTY;
  #filled = 0;
  #full: Buffer[] = NO_BLOCKS;
  #kept = 0;
  #file: TemporaryFile | null = null;
  #state: 'open' | 'over' = 'open';
  #isReleased = false;

  constructor(host: WriterHost, expectedLength: number | null) {
    this.#host = host;
    this.#expectedLength = expectedLength;
  }

  get hasFile(): boolean {
    return this.#file !== null;
  }

  write(bytes: Buffer): boolean {
    if (this.#state === 'over') return false;
    if (this.written + bytes.length > this.#host.maxObjectBytes) return this.#refuse();
    if (this.#file !== null && this.#file.error !== null) return this.#refuse();
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === this.#block.length && !this.#makeRoom(bytes.length - at)) return this.#refuse();
      const count = bytes.copy(this.#block, this.#filled, at);
      this.#filled += count;
      this.written += count;
      at += count;
    }
    return true;
  }

  writeAll(bytes: Buffer): boolean {
    if (bytes.length > BLOCK_BYTES || this.#state === 'over') return this.write(bytes);
    if (bytes.length > this.#host.maxObjectBytes) return this.#refuse();
    this.#block = bytes;
    this.#filled = bytes.length;
    this.written = bytes.length;
    return true;
  }

  ready(): Promise<void> | null {
    if (this.#file === null || this.#full.length * BLOCK_BYTES < WAITING_BYTES || this.#state === 'over') return null;
    // What has failed never drains: the next octets are refused.
    return this.#file.error === null ? this.#file.drained() : null;
  }

  read(from: number, length: number): Soon<Buffer | null> {
    const end = Math.min(from + length, this.written);
    if (from >= end) return EMPTY;
    if (from < this.#kept) return this.#file!.read(from, Math.min(end, this.#kept) - from);
    const at = from - this.#kept;
    const block = this.#full[Math.floor(at / BLOCK_BYTES)] ?? this.#block;
    const within = at % BLOCK_BYTES;
    return block.subarray(within, Math.min(BLOCK_BYTES, within + end - from, block.length));
  }

  commit(stored: StoredResponse, replaces: readonly StoredResponse[]): Soon<boolean> {
    if (this.#state === 'over') return false;
    this.#finish();
    if (stored.extent.length !== this.written) {
      this.#file?.discard();
      return false;
    }
    if (this.#file === null) return this.#host.put(stored, this.#filledBlock(), replaces);
    const isStored = this.#commitFile(this.#file, stored, replaces);
    this.#host.committing(isStored);
    return isStored;
  }

  abandon(): void {
    if (this.#state === 'over') return;
    this.#finish();
    this.#file?.discard();
  }

  release(): void {
    this.#isReleased = true;
    this.#file?.release();
  }

  async #commitFile(file: TemporaryFile, stored: StoredResponse, replaces: readonly StoredResponse[]): Promise<boolean> {
    const last = this.#filledBlock();
    const trailer = encodeTrailer([...file.sums, ...sumsOfBlocks(last)], stored);
    let name: string;
    try {
      await file.drained();
      const final = this.#host.finalPath(stored.key);
      name = final.name;
      await file.complete([last, trailer], this.#kept, final.path);
    } catch (error) {
      this.#host.failed(error);
      file.discard();
      return false;
    }
    return this.#host.put(stored, { name, length: this.written, sum: sumOfTrailer(trailer) }, replaces);
  }

  #filledBlock(): Buffer {
    return this.#filled === this.#block.length ? this.#block : this.#block.subarray(0, this.#filled);
  }

  /** The block is full. @returns false when what comes cannot be written */
  #makeRoom(coming: number): boolean {
    if (this.#block === EMPTY) {
      this.#block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, this.#expectedLength ?? SHORT_BYTES));
      // It may be that nobody said how much comes, or that nothing would.
      if (this.#block.length > 0) return true;
    }
    if (this.#block.length < BLOCK_BYTES) {
      const larger = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, Math.max(this.#block.length * 4, this.#block.length + coming)));
      this.#block.copy(larger);
      this.#block = larger;
      return true;
    }
    if (this.#file === null) {
      const path = this.#host.temporaryPath();
      if (path === null) return false;
      this.#file = new TemporaryFile(path, (error) => this.#host.failed(error));
      if (this.#isReleased) this.#file.release();
    }
    this.#full = [...this.#full, this.#block];
    this.#file.addSum(this.#block);
    this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#filled = 0;
    this.#writeOn(this.#file);
    return true;
  }

  #writeOn(file: TemporaryFile): void {
    file.write(
      // A copy: blocks that fill up while these are written are not written with them.
      () => ({ blocks: this.#full.slice(), position: this.#kept }),
      (count) => {
        this.#full = this.#full.slice(count);
        this.#kept += count * BLOCK_BYTES;
      },
    );
  }

  #refuse(): boolean {
    if (this.#state === 'open') this.#host.refused();
    this.abandon();
    return false;
  }

  #finish(): void {
    this.#state = 'over';
    this.#host.finished(this);
  }
}

/** What is waiting to be written, and where it belongs in the file. */
interface Waiting {
  readonly blocks: readonly Buffer[];
  readonly position: number;
}

class TemporaryFile {
  readonly sums: number[] = [];
  error: unknown = null;
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  readonly #opening: Promise<number>;
  #writing: Promise<void> | null = null;
  #reads = 0;
  #isDiscarded = false;
  #isReleased = false;
  #isMoved = false;
  #isClosed = false;

  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
    this.#opening = openFile(path, 'wx+');
    this.#opening.catch(() => {});
  }

  addSum(block: Buffer): void {
    this.sums.push(...sumsOfBlocks(block));
  }

  /** Writes what waits, and what comes to wait meanwhile. */
  write(waiting: () => Waiting, written: (blocks: number) => void): void {
    if (this.#writing !== null || this.error !== null || this.#isDiscarded) return;
    this.#writing = this.#writeWaiting(waiting, written).then(() => {
      this.#writing = null;
      this.#closeIfDone();
    });
  }

  /** Resolves once nothing waits any more, or nothing will be written. */
  drained(): Promise<void> {
    return this.#writing ?? Promise.resolve();
  }

  /** Nothing waits any more. @throws an error of Node's */
  async complete(last: readonly Buffer[], position: number, path: string): Promise<void> {
    if (this.error !== null) throw this.error;
    const descriptor = await this.#opening;
    this.#reads += 1;
    try {
      await writeAll(descriptor, last, position);
      await moveFile(this.#path, path);
      this.#isMoved = true;
    } finally {
      this.#reads -= 1;
      this.#closeIfDone();
    }
  }

  async read(from: number, length: number): Promise<Buffer | null> {
    this.#reads += 1;
    try {
      const descriptor = await this.#opening;
      const buffer = Buffer.allocUnsafe(Math.min(length, BLOCK_BYTES));
      const count = await readInto(descriptor, buffer, from);
      return count < buffer.length || !this.#isProven(buffer, from) ? null : buffer;
    } catch {
      return null;
    } finally {
      this.#reads -= 1;
      this.#closeIfDone();
    }
  }

  discard(): void {
    this.#isDiscarded = true;
    this.#opening.then(
      () => this.#isMoved || void removeFile(this.#path),
      () => {},
    );
    this.#closeIfDone();
  }

  release(): void {
    this.#isReleased = true;
    this.#closeIfDone();
  }

  async #writeWaiting(waiting: () => Waiting, written: (blocks: number) => void): Promise<void> {
    try {
      const descriptor = await this.#opening;
      for (let next = waiting(); next.blocks.length > 0 && !this.#isDiscarded; next = waiting()) {
        await writeAll(descriptor, next.blocks, next.position);
        written(next.blocks.length);
      }
    } catch (error) {
      this.error = error;
      this.#onError(error);
    }
  }

  /** Whole blocks are compared with their sums; a part of one cannot be. */
  #isProven(buffer: Buffer, from: number): boolean {
    if (from % BLOCK_BYTES !== 0 || buffer.length !== BLOCK_BYTES) return true;
    return sumsOfBlocks(buffer)[0] === this.sums[from / BLOCK_BYTES];
  }

  #closeIfDone(): void {
    if (!this.#isReleased || this.#isClosed || this.#reads > 0 || this.#writing !== null) return;
    this.#isClosed = true;
    this.#opening.then(closeFile, () => {});
  }
}

/** Of content whose length nobody has announced: what most of it fits into. */
const SHORT_BYTES = 8192;
const WAITING_BYTES = 1_048_576;
const EMPTY = Buffer.alloc(0);
/** Shared by all that is short; never written to. */
const NO_BLOCKS: Buffer[] = [];
