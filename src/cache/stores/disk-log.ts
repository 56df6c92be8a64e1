// Owns the log in which everything on the disk lies: records are appended to segments, many at a time, and the index (disk-index.ts) learns where.
// What is asked for holds at once, in the table of keys; when it is written is for disk-log-writer.ts to say. Changed records are appended anew and take the
// old one's place.
// A segment goes when nothing in it is stored any more; disk-eviction.ts sees to it that this happens.
// Rosenblum, Ousterhout, "The design and implementation of a log-structured file system" (1992).
import { errorCode } from '../../errors/from-node.ts';
import type { StoredResponse } from '../stored-response.ts';
import { bytesOnDisk, FS_BLOCK } from './content-file.ts';
import type { OpenBatch } from './disk-batch.ts';
import type { DiskFolder } from './disk-folder.ts';
import { type DiskIndex, ENTRY_WORDS, type Learner, type Mark, MOVED, type WrittenBatch } from './disk-index.ts';
import { GATHER_MS, LogWriter, SOON_MS, TRY_AGAIN_LATER_MS, type WriterHost, type Written } from './disk-log-writer.ts';
import type { Segment } from './disk-segment.ts';
import type { Entry, KeyTable } from './key-table.ts';
import { LogSegments } from './log-segments.ts';
import {
  copyRecord,
  type FilePlace,
  HEADER_BYTES,
  headEndOf,
  readRecord,
  recordBytes,
  type StoredRecord,
  writeRecord,
} from './stored-record.ts';

/** A record as it was read: at least its head. */
export interface Found extends StoredRecord {
  readonly entry: Entry;
  readonly bytes: Buffer;
}

export interface LogHost extends Written {
  /** A record is not what was written; it has been removed. */
  damaged(): void;
}

/** Is told what becomes of what it has passed. */
export interface Walker {
  moved(from: Entry, to: Entry): void;
}

export class DiskLog implements Learner, WriterHost {
  readonly segments: LogSegments;
  readonly walkers = new Set<Walker>();
  readonly #index: DiskIndex;
  readonly #host: LogHost;
  readonly #writer: LogWriter;
  #isLoaded = false;
  #order = 0;
  readonly #isReadOnly: boolean;

  /** @param maxBytes of everything; `null`: to look into only @throws errors of SQLite's */
  constructor(folder: DiskFolder, index: DiskIndex, maxBytes: number | null, host: LogHost) {
    this.segments = new LogSegments(folder, maxBytes ?? 0);
    this.#index = index;
    this.#host = host;
    this.#writer = new LogWriter(folder, index, maxBytes ?? 0, this);
    this.#isReadOnly = maxBytes === null;
    this.#index.tell(this);
    this.#isLoaded = true;
    for (const segment of this.segments.values()) this.#retireIfEmpty(segment);
  }

  /** Where each record lies. */
  get table(): KeyTable {
    return this.segments.table;
  }

  get seed(): number {
    return this.#index.seed;
  }

  /** What everything takes, when it is written. */
  get bytes(): number {
    return this.segments.bytes + this.segments.fileBlocks * FS_BLOCK + this.#writer.indexBytes;
  }

  /** More waits to be written than should, in memory. */
  get isBehind(): boolean {
    return this.#writer.isBehind;
  }

  get lastOrder(): number {
    return this.#order;
  }

  /** What other processes have done. @returns whether that was anything @throws errors of SQLite's */
  learn(): boolean {
    return this.#index.tell(this);
  }

  /**
   * @param content nobody may change it any more
   * @param file where its content has one of its own; then `content` is empty
   */
  put(hash: number, stored: StoredResponse, content: Buffer, file: FilePlace | null, oldOrder: number | null = null): Entry {
    const order = oldOrder ?? this.#nextOrder();
    const length = recordBytes(stored, file, content);
    const segment = this.#segmentFor(length);
    const at = segment.end;
    const isShared = content.length >= SHARED_BYTES;
    const { target, offset } = segment.append(isShared ? length - content.length : length);
    writeRecord(target, offset, segment.seedAt(at), stored, file, content, order);
    if (isShared) segment.share(content);
    else target.set(content, offset + length - content.length);
    const entry = { hash, segment: segment.number, at, length, fileBlocks: fileBlocksOf(file) };
    return this.#added(segment, entry, order, oldOrder !== null);
  }

  /** The same record with another head. @param content of a record that has one */
  replace({ entry, order, file }: Found, stored: StoredResponse, content: Buffer): Entry {
    const to = this.put(entry.hash, stored, content, file, order);
    this.#moved(entry, to);
    this.#writer.writeIn(SOON_MS);
    return to;
  }

  /** The same record in another segment. @returns false when it cannot be read */
  move(entry: Entry): boolean {
    const found = this.read(entry);
    if (found === null) return false;
    const record = found.bytes.length === entry.length ? found.bytes : this.#octets(entry, 0, entry.length);
    if (record === null || record.length < entry.length) return false;
    const segment = this.#segmentFor(entry.length);
    const at = segment.end;
    const { target, offset } = segment.append(entry.length);
    copyRecord(target.subarray(0, offset + entry.length), offset, segment.seedAt(at), record);
    this.#moved(entry, this.#added(segment, { ...entry, segment: segment.number, at }, found.order, true));
    return true;
  }

  /** Forgets a record. @param soonMs within which that has to be on the disk */
  drop(entry: Entry, soonMs = SOON_MS): void {
    const segment = this.segments.forget(entry);
    if (segment === null || this.#isReadOnly) return;
    const isCommitted = entry.at < segment.committed;
    if (isCommitted) this.#writer.open.dropped.add(entry.hash);
    if (this.#retireIfEmpty(segment) || !isCommitted) return;
    this.#writer.open.marks.push(markOf('removed', segment, entry));
    this.#writer.writeIn(soonMs);
  }

  /** It was asked for. That is written along with something else. */
  use(entry: Entry): void {
    if (!this.table.use(entry) || this.#isReadOnly) return;
    const segment = this.segments.get(entry.segment);
    if (segment !== undefined) this.#writer.open.marks.push(markOf('used', segment, entry));
    if (this.#writer.open.marks.length >= MANY_MARKS) this.#writer.writeIn(GATHER_MS);
  }

  /** Head and, if it is short, content. @returns `null` when it is gone, or damaged and removed, or cannot be read now */
  read(entry: Entry): Found | null {
    let bytes = this.#octets(entry, 0, Math.min(entry.length, READ_BYTES));
    if (bytes === null) return null;
    if (bytes.length >= HEADER_BYTES) {
      const headEnd = headEndOf(bytes);
      if (headEnd > bytes.length && headEnd <= entry.length) bytes = this.#octets(entry, 0, headEnd) ?? bytes;
    }
    const record = bytes.length < HEADER_BYTES ? null : readRecord(bytes, this.segments.get(entry.segment)!.seedAt(entry.at));
    if (record !== null && record.contentAt + record.contentLength === entry.length) return { ...record, entry, bytes };
    this.damaged(entry);
    return null;
  }

  /** Not compared with its sum yet. @returns `null` when it cannot be read */
  content({ entry, bytes, contentAt, contentLength }: Found): Buffer | null {
    if (bytes.length === entry.length) return bytes.subarray(contentAt);
    return this.#octets(entry, contentAt, contentLength);
  }

  damaged(entry: Entry): void {
    this.#host.damaged();
    this.drop(entry);
  }

  hasSegment(id: number): boolean {
    return this.segments.withId(id) !== undefined;
  }

  isThere({ hash, segment, at }: Entry): boolean {
    return this.table.hasAt(hash, segment, at);
  }

  /** Of a segment, behind a place in it: what is still stored, but for what has not been written yet. */
  entriesIn(segment: Segment, behind: number): Entry[] {
    const all: Entry[] = [];
    for (const words of this.#index.entriesOf(segment.id)) {
      for (let i = 0; i < words.length; i += ENTRY_WORDS) {
        const entry = words[i + 1]! > behind ? this.table.get(words[i]!, segment.number, words[i + 1]!) : null;
        if (entry !== null) all.push(entry);
      }
    }
    return all;
  }

  /** And with what has not. */
  allOf(segment: Segment): Entry[] {
    const waiting = this.#writer.batches().flatMap((batch) => [...batch.entries(this.table)]);
    return [...this.entriesIn(segment, -1), ...waiting.filter((entry) => entry.segment === segment.number)];
  }

  /** Nothing is appended to it any more. */
  seal(segment: Segment): void {
    this.segments.seal(segment);
    this.#retireIfEmpty(segment);
  }

  /**
   * Writes at once what waits, if that is much of what the store may have: what makes room for it is gone at once, and a crash would lose both.
   *
   * @returns false when it is not written
   */
  writeNowIfMuch(): boolean {
    return this.#writer.writeNowIfMuch();
  }

  /** Resolves once everything asked for so far is in the index, or will not be. */
  settled(): Promise<void> {
    return this.#writer.written(true);
  }

  /** The same. @param isUrgent it is written at once, and not when its time has come */
  written(isUrgent: boolean): Promise<void> {
    return this.#writer.written(isUrgent);
  }

  /** Nothing is written any more. */
  end(): void {
    this.segments.clear();
    this.#writer.end();
  }

  // What the writer asks for

  isKnown(segment: number): boolean {
    // One that leaves with a later batch is there for others until then: they must not move what was removed from it.
    return this.hasSegment(segment) || this.#leaving(segment) !== undefined;
  }

  batchesFailed(batches: readonly OpenBatch[], error: unknown): void {
    const lost = batches.flatMap((batch) => [...batch.entries(this.table)]);
    this.segments.cutOff(new Set(batches.flatMap((batch) => [...batch.segments])));
    for (const entry of lost) this.drop(entry, TRY_AGAIN_LATER_MS);
    this.#host.failed(error);
  }

  batchWritten(records: number): void {
    this.#host.written(records);
  }

  // Learner: what other processes have done, or one before this one

  segmentsAre(ids: ReadonlySet<number>): void {
    const gone = new Set<number>();
    for (const segment of this.segments.values()) if (segment.committed > 0 && !ids.has(segment.id)) gone.add(segment.number);
    for (const batch of this.#writer.batches()) {
      // Ours, too: what was still there for us may not have been for the other.
      const forBoth = batch.gone.filter(({ id }) => !ids.has(id)).map(({ number }) => number);
      const emptied = forBoth.length === 0 ? gone : new Set([...gone, ...forBoth]);
      for (const one of this.#writer.batches()) for (const entry of one.movedFromAny(emptied)) this.#dropCopy(entry);
    }
    if (gone.size === 0) return;
    for (const entry of this.table.of(gone)) this.segments.forget(entry);
    for (const number of gone) this.segments.letGo(this.segments.get(number)!);
  }

  batch({ segment: id, end, lastOrder, entries }: WrittenBatch): void {
    if (this.#isLoaded) this.#writer.othersWrite();
    const segment = this.segments.withId(id) ?? this.segments.found(id);
    this.#order = Math.max(this.#order, lastOrder);
    this.segments.grew(segment, end);
    if (entries === null) this.#host.damaged();
    const removed: Entry[] = [];
    for (let i = 0; entries !== null && i < entries.length; i += ENTRY_WORDS) {
      const [hash, at] = [entries[i]!, entries[i + 1]!];
      const isMoved = entries[i + 2]! >= MOVED;
      this.segments.remember(segment, hash, at, isMoved ? entries[i + 2]! - MOVED : entries[i + 2]!, entries[i + 3]!);
      // The other has moved what may have just been removed here, and that must not come back.
      if (isMoved && this.#writer.batches().some(({ dropped }) => dropped.has(hash)))
        removed.push(this.table.get(hash, segment.number, at)!);
    }
    // Behind the others: a segment that it leaves empty is let go of.
    for (const entry of removed) this.drop(entry);
  }

  mark({ kind, segment: id, at, hash }: Mark): void {
    const segment = this.segments.withId(id) ?? this.#leaving(id);
    if (segment === undefined) return;
    const entry = this.table.get(hash, segment.number, at);
    if (kind === 'used') {
      if (entry !== null) this.table.use(entry);
      return;
    }
    if (entry !== null) {
      this.segments.forget(entry);
      this.#retireIfEmpty(segment);
      return;
    }
    for (const batch of this.#writer.batches()) {
      const copy = batch.movedFrom(segment.number, at);
      if (copy !== null) this.#dropCopy(copy);
    }
  }

  /** One that is empty here, and not yet for others: what lay in it may have been moved. */
  #leaving(id: number): Segment | undefined {
    return this.#writer
      .batches()
      .flatMap(({ gone }) => gone)
      .find((segment) => segment.id === id);
  }

  // Appending and forgetting

  #segmentFor(length: number): Segment {
    const { current } = this.segments;
    if (current !== null && this.segments.mayAppend(current, length)) return current;
    if (current !== null) this.seal(current);
    return this.segments.begin();
  }

  #nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  #added(segment: Segment, entry: Entry, order: number, isMoved: boolean): Entry {
    const { hash, at, length, fileBlocks } = entry;
    this.segments.remember(segment, hash, at, length, fileBlocks);
    this.segments.bytes += length;
    const batch = this.#writer.open;
    batch.add(segment, entry, order, isMoved);
    // Those that follow are written with the first one, or sooner where there is much.
    if (batch.bytes >= this.segments.mostBytes / 4) this.#writer.writeIn(0);
    else if (batch.records === 1) this.#writer.writeIn(this.#writer.gatherMs);
    return entry;
  }

  #moved(from: Entry, to: Entry): void {
    this.#writer.open.moved(from, to);
    for (const walker of this.walkers) walker.moved(from, to);
    this.drop(from, GATHER_MS);
  }

  /** It may have been moved on meanwhile. */
  #dropCopy(copy: Entry): void {
    this.drop(copy);
    for (const batch of this.#writer.batches()) {
      const next = batch.movedFrom(copy.segment, copy.at);
      if (next !== null) this.#dropCopy(next);
    }
  }

  #retireIfEmpty(segment: Segment): boolean {
    if (segment.entries > 0 || !segment.isSealed || this.#isReadOnly) return false;
    if (segment.committed > 0) this.#writer.open.gone.push(segment);
    if (segment.committed > 0) this.#writer.writeIn(GATHER_MS);
    this.segments.letGo(segment);
    segment.remove();
    return true;
  }

  #octets(entry: Entry, from: number, length: number): Buffer | null {
    const segment = this.segments.get(entry.segment);
    if (segment === undefined) return null;
    try {
      return this.segments.read(segment, entry.at + from, length);
    } catch (error) {
      const code = errorCode(error);
      if (code === 'ENOENT') this.drop(entry);
      else if (code !== 'EMFILE' && code !== 'ENFILE') this.damaged(entry);
      return null;
    }
  }
}

/** What content takes in a file of its own, in blocks of the file system. */
export function fileBlocksOf(file: FilePlace | null): number {
  return file === null ? 0 : bytesOnDisk(file.length) / FS_BLOCK;
}

function markOf(kind: Mark['kind'], { id }: Segment, { at, hash }: Entry): Mark {
  return { kind, segment: id, at, hash };
}

const MANY_MARKS = 1000;
const READ_BYTES = 8192;
/** Where a copy costs more than one more part of a write. */
const SHARED_BYTES = 8192;
