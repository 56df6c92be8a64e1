// Owns the files in which a session's records lie: segments of some 64 MiB, appended to, never changed, and removed as a whole, the oldest first.
// A batch is one write. What a write returned for survives the end of the process, however it comes: the kernel has it. Nothing waits for the disk,
// so a power cut may take what the kernel had not written yet, some half a minute on most systems; a torn end is cut off at the next opening, and
// what is damaged elsewhere is skipped, and counted.
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { errorCode } from '../../errors/from-node.ts';
import { Stretch } from './file-stretch.ts';
import {
  FRAME_HEAD_BYTES,
  frameBytes,
  HEAD_BYTES,
  type RecordFrame,
  readFrame,
  readFrameHead,
  readSegmentHead,
  SEGMENT_HEAD_BYTES,
  type SegmentHead,
  writeSegmentHead,
} from './record-frames.ts';

/** Where a frame lies. */
export interface Place {
  readonly segment: number;
  readonly at: number;
}

export interface FoundFrame extends Place {
  /** Of the frame, its head included. */
  readonly length: number;
  readonly frame: RecordFrame;
}

/** Not proven to be right. */
export interface FoundHead extends Place {
  readonly kind: RecordFrame['kind'] | null;
  readonly id: number;
  readonly number: number;
}

interface Segment extends SegmentHead {
  readonly number: number;
  readonly path: string;
  bytes: number;
  /** When it was written last; milliseconds since the epoch. */
  changedAtMs: number;
}

/** What is written into is gone from the disk: to go on would be to write for nobody. */
export class RemovedFiles extends Error {
  constructor(folder: string) {
    super(`the files in ${folder} were removed`);
  }
}

export class Segments {
  /** Frames that are not what was written. */
  damaged = 0;
  readonly #folder: string;
  readonly #segmentBytes: number;
  /** Ascending. */
  readonly #segments: Segment[] = [];
  /** Descriptors for reading; few, the latest asked for last. */
  readonly #open = new Map<number, number>();
  #writing: number | null = null;
  #lastNumber = 0;

  /**
   * @param folder exists
   * @throws an error of Node's
   */
  constructor(folder: string, segmentBytes: number) {
    this.#folder = folder;
    this.#segmentBytes = segmentBytes;
    for (const name of readdirSync(folder).sort()) {
      const number = Number(NAME.exec(name)?.[1] ?? 0);
      if (number > 0) this.#find(number);
    }
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get count(): number {
    return this.#segments.length;
  }

  get first(): number | null {
    return this.#segments[0]?.number ?? null;
  }

  /** Behind the last frame. */
  get end(): Place {
    const last = this.#segments.at(-1);
    return last === undefined ? { segment: 0, at: 0 } : { segment: last.number, at: last.bytes };
  }

  has({ segment, at }: Place): boolean {
    return at <= (this.#byNumber(segment)?.bytes ?? -1);
  }

  /** Octets in segments behind this one. */
  bytesBehind(segment: number): number {
    return this.#segments.reduce((sum, { number, bytes }) => (number > segment ? sum + bytes : sum), 0);
  }

  changedAtMs(segment: number): number {
    return this.#byNumber(segment)?.changedAtMs ?? 0;
  }

  /**
   * The segment that is written into; a new one where what there is has come to its size.
   *
   * @param bytes what is going to be appended
   * @throws RemovedFiles, or an error of Node's: the disk is full
   */
  toWrite(bytes: number): SegmentHead & Place {
    const last = this.#segments.at(-1);
    const isFull = last === undefined || (last.bytes > SEGMENT_HEAD_BYTES && last.bytes + bytes > this.#segmentBytes);
    const segment = isFull ? this.#begin() : last;
    return { mark: segment.mark, seed: segment.seed, segment: segment.number, at: segment.bytes };
  }

  /**
   * Appends to the segment that `toWrite` named: all of it, or nothing.
   *
   * @throws RemovedFiles, or an error of Node's
   */
  append(octets: Buffer, nowMs: number): void {
    const segment = this.#segments.at(-1)!;
    this.#writing ??= this.#opened(segment.path, 'r+');
    // The system takes octets for a file without a name, too.
    if (fstatSync(this.#writing).nlink === 0) throw new RemovedFiles(this.#folder);
    try {
      let written = 0;
      while (written < octets.length)
        written += writeSync(this.#writing, octets, written, octets.length - written, segment.bytes + written);
    } catch (error) {
      this.cutOff({ segment: segment.number, at: segment.bytes });
      throw error;
    }
    segment.bytes += octets.length;
    segment.changedAtMs = nowMs;
  }

  /** @returns `null` when it is not there any more, or damaged, which is counted */
  read({ segment, at }: Place, length: number): RecordFrame | null {
    const found = this.#byNumber(segment);
    if (found === undefined || at + length > found.bytes) return null;
    const frame = readFrame(this.#octets(found, at, length), found);
    if (frame === null) this.damaged += 1;
    return frame;
  }

  /** The same, of a frame whose length is not known. */
  readAt(place: Place): RecordFrame | null {
    const found = this.#byNumber(place.segment);
    if (found === undefined || place.at + FRAME_HEAD_BYTES > found.bytes) return null;
    const length = frameBytes(this.#octets(found, place.at, FRAME_HEAD_BYTES), 0, found);
    if (length !== null) return this.read(place, length);
    this.damaged += 1;
    return null;
  }

  /**
   * Every frame from a place on, in the order in which they were written; what is damaged is skipped. Behind the last frame of all a torn end is cut off.
   */
  *scan(from: Place): Generator<FoundFrame> {
    for (const segment of this.#segments.filter(({ number }) => number >= from.segment)) {
      const isLast = segment === this.#segments.at(-1);
      const end = yield* this.#scanOne(
        segment,
        segment.number === from.segment ? Math.max(from.at, SEGMENT_HEAD_BYTES) : SEGMENT_HEAD_BYTES,
      );
      if (isLast && end < segment.bytes) this.cutOff({ segment: segment.number, at: end });
    }
  }

  /**
   * What each frame of a segment says it is, read quickly and not compared with its sum; ends early where it is damaged.
   *
   * @returns whether that was all
   */
  *heads(number: number): Generator<FoundHead, boolean> {
    const segment = this.#byNumber(number);
    if (segment === undefined) return true;
    const reader = new Stretch((at, length) => this.#octets(segment, at, length), segment.bytes, HEADS_BYTES);
    let at = SEGMENT_HEAD_BYTES;
    while (at < segment.bytes) {
      const octets = reader.at(at, Math.min(HEAD_BYTES, segment.bytes - at));
      const length = frameBytes(octets, 0, segment);
      if (length === null || at + length > segment.bytes) return false;
      yield { segment: number, at, ...readFrameHead(octets) };
      at += length;
    }
    return true;
  }

  /** What was written behind a place never was. */
  cutOff({ at }: Place): void {
    const segment = this.#segments.at(-1);
    if (segment === undefined) return;
    try {
      this.#writing ??= openSync(segment.path, 'r+');
      ftruncateSync(this.#writing, at);
    } catch {
      // What stands there is written over, or cut off at the next opening.
    }
    segment.bytes = at;
  }

  /** @returns whether there was one */
  removeOldest(): boolean {
    const oldest = this.#segments.shift();
    if (oldest === undefined) return false;
    this.#close(oldest.number);
    if (this.#segments.length === 0) this.#endWriting();
    rmSync(oldest.path, { force: true });
    return true;
  }

  /** Removes all. Numbers go on, so that nothing refers to what takes their place. */
  clear(): void {
    this.close();
    for (const { path: file } of this.#segments.splice(0)) rmSync(file, { force: true });
  }

  close(): void {
    for (const number of [...this.#open.keys()]) this.#close(number);
    this.#endWriting();
  }

  /** Files and their octets, for whoever copies them. */
  files(): readonly { readonly path: string; readonly name: string; readonly bytes: number; readonly isLast: boolean }[] {
    return this.#segments.map(({ path: file, bytes }, i) => ({
      path: file,
      name: path.basename(file),
      bytes,
      isLast: i === this.#segments.length - 1,
    }));
  }

  #byNumber(number: number): Segment | undefined {
    // Contiguous but for what was never a segment.
    const guess = this.#segments[number - (this.#segments[0]?.number ?? 0)];
    return guess?.number === number ? guess : this.#segments.find((segment) => segment.number === number);
  }

  #find(number: number): void {
    const file = this.#path(number);
    this.#lastNumber = Math.max(this.#lastNumber, number);
    const { size, mtimeMs } = statSync(file);
    const octets = Buffer.alloc(SEGMENT_HEAD_BYTES);
    const descriptor = openSync(file, 'r');
    try {
      readSync(descriptor, octets, 0, SEGMENT_HEAD_BYTES, 0);
    } finally {
      closeSync(descriptor);
    }
    const head = readSegmentHead(octets);
    if (head !== null) this.#segments.push({ ...head, number, path: file, bytes: size, changedAtMs: mtimeMs });
    // Whoever began it was stopped before its head was written: there was nothing in it.
    else if (size < SEGMENT_HEAD_BYTES) rmSync(file, { force: true });
    else this.damaged += 1;
  }

  #begin(): Segment {
    this.#endWriting();
    const number = this.#lastNumber + 1;
    const file = this.#path(number);
    const random = randomBytes(8);
    const head = { mark: random.readUInt32LE(0), seed: random.readUInt32LE(4) };
    const descriptor = this.#opened(file, 'wx');
    try {
      writeSync(descriptor, writeSegmentHead(head));
    } catch (error) {
      closeSync(descriptor);
      rmSync(file, { force: true });
      throw error;
    }
    this.#writing = descriptor;
    this.#lastNumber = number;
    const segment = { ...head, number, path: file, bytes: SEGMENT_HEAD_BYTES, changedAtMs: fstatSync(descriptor).mtimeMs };
    this.#segments.push(segment);
    return segment;
  }

  #opened(file: string, flags: 'r+' | 'wx'): number {
    try {
      return openSync(file, flags, 0o600);
    } catch (error) {
      throw errorCode(error) === 'ENOENT' ? new RemovedFiles(this.#folder) : error;
    }
  }

  #endWriting(): void {
    if (this.#writing !== null) closeSync(this.#writing);
    this.#writing = null;
  }

  /** @returns where the last frame of it ends */
  *#scanOne(segment: Segment, from: number): Generator<FoundFrame, number> {
    const reader = new Stretch((at, length) => this.#octets(segment, at, length), segment.bytes, SCAN_BYTES);
    const mark = Buffer.alloc(4);
    mark.writeUInt32LE(segment.mark);
    let at = from;
    let end = from;
    while (at + FRAME_HEAD_BYTES <= segment.bytes) {
      const length = frameBytes(reader.at(at, FRAME_HEAD_BYTES), 0, segment);
      const isWhole = length !== null && at + length <= segment.bytes;
      const frame = isWhole ? readFrame(reader.at(at, length), segment) : null;
      if (frame !== null) {
        yield { segment: segment.number, at, length: length!, frame };
        at += length!;
        end = at;
        continue;
      }
      const next = reader.indexOf(mark, at + 1);
      if (next === null) break;
      if (at === end) this.damaged += 1;
      at = next;
    }
    return end;
  }

  #octets(segment: Segment, at: number, length: number): Buffer {
    const octets = Buffer.allocUnsafe(length);
    const count = readSync(this.#descriptor(segment), octets, 0, length, at);
    return octets.subarray(0, count);
  }

  #descriptor({ number, path: file }: Segment): number {
    const open = this.#open.get(number);
    if (open !== undefined) {
      this.#open.delete(number);
      this.#open.set(number, open);
      return open;
    }
    const [oldest] = this.#open.keys();
    if (this.#open.size >= MOST_OPEN && oldest !== undefined) this.#close(oldest);
    const descriptor = openSync(file, 'r');
    this.#open.set(number, descriptor);
    return descriptor;
  }

  #close(number: number): void {
    const descriptor = this.#open.get(number);
    if (descriptor !== undefined) closeSync(descriptor);
    this.#open.delete(number);
  }

  #path(number: number): string {
    return path.join(this.#folder, `segment-${String(number).padStart(6, '0')}.frames`);
  }
}

const NAME = /^segment-(\d{6,9})\.frames$/;
const MOST_OPEN = 8;
const SCAN_BYTES = 1 << 20;
const HEADS_BYTES = 32 << 10;
