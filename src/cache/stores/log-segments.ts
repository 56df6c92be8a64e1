// Owns the segments of the log (disk-log.ts): which there are, which records in them are stored still, which one is appended to, and how many of them keep a
// descriptor. A segment has a number in this process, and an id by which all processes know it: the name of its file.
import { statSync } from 'node:fs';
import { type DiskFolder, newSegmentId, segmentPath } from './disk-folder.ts';
import { Segment } from './disk-segment.ts';
import { type Entry, KeyTable } from './key-table.ts';

export class LogSegments {
  /** Where each record lies. */
  readonly table = new KeyTable();
  /** What all of them take, with what waits. */
  bytes = 0;
  /** What files take that contents have to themselves. */
  fileBlocks = 0;
  /** Where one is full. */
  readonly mostBytes: number;
  readonly #folder: DiskFolder;
  readonly #byNumber = new Map<number, Segment>();
  readonly #byId = new Map<number, Segment>();
  /** The one that is appended to. */
  #current: Segment | null = null;
  #count = 0;
  /** Those with a descriptor, the oldest first. */
  readonly #opened: Segment[] = [];

  /** @param maxBytes of everything that is stored */
  constructor(folder: DiskFolder, maxBytes: number) {
    this.#folder = folder;
    this.mostBytes = Math.min(MOST_SEGMENT_BYTES, Math.max(LEAST_SEGMENT_BYTES, Math.floor(maxBytes / 32)));
  }

  get(number: number): Segment | undefined {
    return this.#byNumber.get(number);
  }

  withId(id: number): Segment | undefined {
    return this.#byId.get(id);
  }

  /** In the order in which they were begun. One may be let go of meanwhile. */
  values(): IterableIterator<Segment> {
    return this.#byNumber.values();
  }

  /** The next one begun after the one of this number. */
  after(number: number): Segment | null {
    for (const segment of this.#byNumber.values()) if (segment.number > number) return segment;
    return null;
  }

  get current(): Segment | null {
    return this.#current;
  }

  /** Whether so much more may be appended to the current one. */
  mayAppend({ isSealed, end }: Segment, length: number): boolean {
    return !isSealed && (end === 0 || end + length <= this.mostBytes);
  }

  /** A new one, which is appended to from now on. */
  begin(): Segment {
    this.#current = this.#add(newSegmentId(), null);
    return this.#current;
  }

  /** One that another process has begun, or one before this one. It may have vanished: then so has what was in it. */
  found(id: number): Segment {
    return this.#add(id, statSync(segmentPath(this.#folder, id), { throwIfNoEntry: false })?.size ?? 0);
  }

  /** Another process has appended to it. */
  grew(segment: Segment, end: number): void {
    if (end <= segment.end) return;
    this.bytes += end - segment.end;
    segment.grow(end);
  }

  /** Nothing is appended to it any more. */
  seal(segment: Segment): void {
    segment.isSealed = true;
    if (this.#current === segment) this.#current = null;
  }

  /** What waits to be written was not, and will not be. */
  cutOff(segments: Iterable<Segment>): void {
    for (const segment of segments) {
      this.bytes -= segment.waitingBytes;
      segment.cutOff();
    }
    this.#current = null;
  }

  remember(segment: Segment, hash: number, at: number, length: number, fileBlocks: number): void {
    this.table.add(hash, segment.number, at, length, fileBlocks);
    segment.entries += 1;
    segment.liveBytes += length;
    this.fileBlocks += fileBlocks;
  }

  /** @returns its segment; `null` when the record is not there any more */
  forget(entry: Entry): Segment | null {
    if (!this.table.delete(entry)) return null;
    const segment = this.#byNumber.get(entry.segment)!;
    segment.entries -= 1;
    segment.forgotten += 1;
    segment.liveBytes -= entry.length;
    this.fileBlocks -= entry.fileBlocks;
    return segment;
  }

  letGo(segment: Segment): void {
    this.bytes -= segment.end;
    this.#byNumber.delete(segment.number);
    this.#byId.delete(segment.id);
    if (this.#current === segment) this.#current = null;
    segment.forget();
  }

  /** Octets of a segment, from `at` on. @throws errors of Node's */
  read(segment: Segment, at: number, length: number): Buffer {
    const wasOpen = segment.isOpen;
    const octets = segment.read(at, length);
    if (!wasOpen && segment.isOpen && this.#opened.push(segment) > MOST_OPENED) this.#opened.shift()?.close();
    return octets;
  }

  clear(): void {
    this.table.clear();
    for (const segment of this.#byNumber.values()) segment.forget();
    this.#byNumber.clear();
  }

  #add(id: number, end: number | null): Segment {
    this.#count += 1;
    const segment = new Segment(this.#count, id, segmentPath(this.#folder, id), end);
    this.#byNumber.set(segment.number, segment);
    this.#byId.set(id, segment);
    this.bytes += segment.end;
    return segment;
  }
}

/** A quarter of one is written as soon as it is there. */
const MOST_SEGMENT_BYTES = 8 << 20;
const LEAST_SEGMENT_BYTES = 16_384;
const MOST_OPENED = 64;
