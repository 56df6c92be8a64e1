// Owns a segment of the log: a file to which records are appended, and from which they are read. What has been appended waits in memory until it is
// written, many records at once, and is read there as long. Reading waits for the disk: a record is one read, mostly of what the system has in
// memory anyway, and costs less so than any way of not waiting. Memory for what waits serves again and again: fresh memory would be a fault of the
// page for each few records, and a sign of garbage to V8, which would collect everything every second. So whoever reads what waits gets a copy.
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { closeFile, openFile, writeAll } from './file-descriptor.ts';

export class Segment {
  /** In this process; greater ones were begun later. */
  readonly number: number;
  /** Of 48 bits: its name. */
  readonly id: number;
  readonly path: string;
  /** Octets, with what waits. */
  end: number;
  /** Of records that are still stored. */
  entries = 0;
  liveBytes = 0;
  /** Of records that are not any more. */
  forgotten = 0;
  /** Up to here the index has it. */
  committed: number;
  /** Nothing is appended any more. */
  isSealed: boolean;
  readonly #seed: number;
  #written: number;
  #waiting: Chunk[] = [];
  /** Behind it is memory for what comes next, of the last of `#blocks`. */
  #last: Chunk | null = null;
  /** Memory that records wait in. */
  #blocks: Buffer[] = [];
  #descriptor: number | null = null;
  #writes = 0;
  #isGone = false;

  /** @param end of one that is there already; a new one has none */
  constructor(number: number, id: number, path: string, end: number | null) {
    this.number = number;
    this.id = id;
    this.path = path;
    this.end = end ?? 0;
    this.#written = this.end;
    this.committed = this.end;
    this.isSealed = end !== null;
    this.#seed = crc32(String(id));
  }

  get waitingBytes(): number {
    return this.end - this.#written;
  }

  get isOpen(): boolean {
    return this.#descriptor !== null;
  }

  /** Another process has appended to it. */
  grow(end: number): void {
    this.end = end;
    this.#written = end;
    this.committed = end;
  }

  /** For the sum of the record at this place. */
  seedAt(at: number): number {
    return (this.#seed ^ at) >>> 0;
  }

  /** Makes room for a record at its end. @returns where in which memory it has to be written at once */
  append(length: number): { readonly target: Buffer; readonly offset: number } {
    let chunk = this.#waiting.at(-1);
    if (chunk === undefined || chunk.filled + length > chunk.bytes.length) {
      let spare = this.#last === null ? NOTHING : this.#last.bytes.subarray(this.#last.filled);
      if (spare.length < length) {
        spare = takeBlock(Math.max(length, this.#waiting.length === 0 ? FIRST_CHUNK : CHUNK));
        this.#blocks.push(spare);
      }
      chunk = { at: this.end, bytes: spare, filled: 0, block: this.#blocks.at(-1)! };
      this.#last = chunk;
      this.#waiting.push(chunk);
    }
    const offset = chunk.filled;
    chunk.filled += length;
    this.end += length;
    return { target: chunk.bytes, offset };
  }

  /** Appends octets as they are: nobody may change them any more. */
  share(bytes: Buffer): void {
    this.#waiting.push({ at: this.end, bytes, filled: bytes.length, block: null });
    this.end += bytes.length;
  }

  /** Octets from `at` on; fewer than `length` where the file ends. @throws errors of Node's */
  read(at: number, length: number): Buffer {
    if (at >= this.#written) return this.#readWaiting(at, length);
    const buffer = Buffer.allocUnsafe(Math.min(length, this.#written - at));
    this.#descriptor ??= openSync(this.path, 'r');
    let filled = 0;
    while (filled < buffer.length) {
      const count = readSync(this.#descriptor, buffer, filled, buffer.length - filled, at + filled);
      if (count === 0) break;
      filled += count;
    }
    return buffer.subarray(0, filled);
  }

  /** Writes all that waits now. @throws errors of Node's; what could not be written still waits */
  async write(): Promise<void> {
    if (this.#isGone || this.waitingBytes === 0) return;
    this.#writes += 1;
    try {
      // What has been written and can only be read is another process's, or older than this one.
      this.#descriptor ??= await openFile(this.path, 'wx+');
      const from = this.#written;
      const { end } = this;
      const parts = this.#waiting.map(({ at, bytes, filled }) => bytes.subarray(Math.max(0, from - at), filled));
      await writeAll(this.#descriptor, parts, from);
      this.#written = end;
      this.#waiting = this.#waiting.filter(({ at, filled }) => at + filled > end);
      this.#giveBack();
    } finally {
      this.#writes -= 1;
      if (this.#isGone) this.close();
    }
  }

  /** The same at once, while nothing is being written. @throws errors of Node's */
  writeNow(): void {
    if (this.#isGone || this.waitingBytes === 0) return;
    this.#descriptor ??= openSync(this.path, 'wx+', 0o600);
    for (const { at, bytes, filled } of this.#waiting) {
      for (let from = Math.max(at, this.#written); from < at + filled; from = this.#written) {
        this.#written = from + writeSync(this.#descriptor, bytes, from - at, at + filled - from, from);
      }
    }
    this.#waiting = [];
    this.#giveBack();
  }

  /** Lets go of its descriptor, for as long as nothing is read. */
  close(): void {
    if (this.#descriptor === null || this.#writes > 0) return;
    closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  /** What waits will not be written, and nothing more is appended. */
  cutOff(): void {
    this.isSealed = true;
    this.#waiting = [];
    this.#blocks = [];
    this.#last = null;
    this.end = this.#written;
  }

  /** Nothing refers to it any more. */
  remove(): void {
    this.forget();
    try {
      rmSync(this.path, { force: true });
    } catch {
      // It stays behind until disk-leftovers.ts comes past.
    }
  }

  /** What waits is not written. */
  forget(): void {
    this.#isGone = true;
    this.isSealed = true;
    this.#waiting = [];
    this.#written = this.end;
    if (this.#writes === 0 && this.#descriptor !== null) closeFile(this.#descriptor);
    if (this.#writes === 0) this.#descriptor = null;
  }

  /** Blocks in which nothing waits any more. */
  #giveBack(): void {
    const first = this.#waiting.find(({ block }) => block !== null);
    const written = first === undefined ? this.#blocks.length : this.#blocks.indexOf(first.block!);
    for (const block of this.#blocks.splice(0, written)) {
      if (block.length === CHUNK && spareBlocks.length < MOST_SPARE) spareBlocks.push(block);
    }
    if (this.#blocks.length === 0) this.#last = null;
  }

  /** A record with long content lies in two of them. */
  #readWaiting(at: number, length: number): Buffer {
    const parts: Buffer[] = [];
    for (const chunk of this.#waiting) {
      const from = Math.max(0, at - chunk.at);
      const to = Math.min(chunk.filled, at + length - chunk.at);
      if (from < to) parts.push(chunk.bytes.subarray(from, to));
    }
    return Buffer.concat(parts);
  }
}

function takeBlock(length: number): Buffer {
  return (length <= CHUNK ? spareBlocks.pop() : undefined) ?? Buffer.allocUnsafeSlow(length);
}

const NOTHING = Buffer.alloc(0);

/** Records that wait, one after the other. */
interface Chunk {
  readonly at: number;
  readonly bytes: Buffer;
  filled: number;
  /** The memory that it is part of; `null` where that is somebody else's. */
  readonly block: Buffer | null;
}

/** Of all segments: to be written into next. */
const spareBlocks: Buffer[] = [];
const MOST_SPARE = 8;
/** Enough for some responses; where more come, there is more. */
const FIRST_CHUNK = 32_768;
const CHUNK = 262_144;
