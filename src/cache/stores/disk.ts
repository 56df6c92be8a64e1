// Owns the store on disk: everything the cache keeps, over restarts too. A log (disk-log.ts) holds heads and short contents, an index in SQLite says what
// there is in it (disk-index.ts), and longer contents have files of their own. Every head, and every block of content, is compared with its sum
// before it is given out (disk-reader.ts): what is damaged is a miss, and removed.
//
// What it refuses: to wait. What is stored is written later, without those who asked, and a little of it at once; a disk that is full or fails turns
// storing off for a while (storing-pause.ts), and more than can be written is not taken. Several processes may share the folder.
// There is no thread for it: what it would take to start one, and to tell it what to do, is more than is left to be done.
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { errorCode } from '../../errors/from-node.ts';
import { StartError } from '../../errors/start-error.ts';
import type { Body } from '../../http/message.ts';
import type { DiskStoreOptions } from '../options.ts';
import type { StoredResponse } from '../stored-response.ts';
import type { CacheStore, ContentWriter, Soon, StoreStats } from './cache-store.ts';
import { bytesOnDisk, FS_BLOCK } from './content-file.ts';
import { DiskContentWriter, type WriterHost } from './disk-content-writer.ts';
import { Eviction } from './disk-eviction.ts';
import { contentPath, type DiskFolder, existingFolder, makeContentFolder, newContentName, prepareFolder } from './disk-folder.ts';
import { type DiskIndex, isBusy, isDamage, openToRead, openToWrite, setAside } from './disk-index.ts';
import { removeLeftovers, removeUnfinished } from './disk-leftovers.ts';
import { DiskLog, type Found } from './disk-log.ts';
import { DiskReader } from './disk-reader.ts';
import { type Verified, verifyAll } from './disk-verify.ts';
import { removeFile } from './file-descriptor.ts';
import { type FilePlace, hashOfKey, packHead, recordBytes } from './stored-record.ts';
import { reasonOf, StoringPause } from './storing-pause.ts';

export interface DiskStore extends CacheStore {
  /**
   * Reads everything that is stored and compares it with its sums. What is damaged is removed, unless the store was opened to look into only.
   *
   * @returns what has been looked at so far, after every few responses; the last one is the result
   */
  verify(): AsyncIterable<Verified>;
}

/**
 * Opens the store, and makes it where there is none.
 *
 * @param report a line for the operator: the disk fails, works again, or an index was set aside
 * @throws StartError when the folder cannot serve
 */
export async function openDiskStore(options: DiskStoreOptions, report: (line: string) => void): Promise<DiskStore> {
  const folder = prepareFolder(options.folder);
  try {
    return new OpenDiskStore({ folder, options, report, mayWrite: true });
  } catch (cause) {
    throw new StartError(
      'unavailable',
      [
        `${folder.path} cannot be used for the cache (${reasonOf(cause)}). Mend that, choose another folder (cache.folder), or keep nothing on disk (cache.disk: 0).`,
      ],
      { cause },
    );
  }
}

/**
 * Opens what is stored to look into it, while a proxy uses it or not: nothing is taken, changed or removed.
 *
 * @throws StartError when there is no store in the folder, or none that can be read
 */
export function readDiskStore(options: DiskStoreOptions, report: (line: string) => void): DiskStore {
  const folder = existingFolder(options.folder);
  try {
    return new OpenDiskStore({ folder, options, report, mayWrite: false });
  } catch (cause) {
    const problem = isDamage(cause) ? 'is damaged; the next start sets it aside and begins anew' : `cannot be read (${reasonOf(cause)})`;
    throw new StartError('data', [`${folder.index} ${problem}.`], { cause });
  }
}

interface Parts {
  readonly folder: DiskFolder;
  readonly options: DiskStoreOptions;
  readonly report: (line: string) => void;
  /** Otherwise it is to look into only. */
  readonly mayWrite: boolean;
}

/** What there is of one index. */
interface Opened {
  readonly index: DiskIndex;
  readonly log: DiskLog;
  readonly reader: DiskReader;
  readonly eviction: Eviction;
  leftovers: Generator<void> | null;
}

class OpenDiskStore implements DiskStore, WriterHost {
  readonly maxObjectBytes: number;
  readonly #parts: Parts;
  readonly #pause: StoringPause;
  /** Begins the names of its temporary files: disk-leftovers.ts looks for the process. */
  readonly #instance = `${process.pid}-${randomBytes(6).toString('hex')}`;
  readonly #writers = new Set<DiskContentWriter>();
  readonly #committing = new Set<Promise<boolean>>();
  readonly #ticks: NodeJS.Timeout | null;
  /** `null`: it is over, or what there was is damaged and there is nothing else yet. */
  #opened: Opened | null;
  #evictions = 0;
  #refusals = 0;
  #damaged = 0;
  /** Contents that are not complete, by all processes, and an index that was set aside. */
  #otherBytes = 0;
  /** Being written now, and since the start. */
  #openFiles = 0;
  #temporaryFiles = 0;
  readonly #removals = new Set<Promise<void>>();
  #isMakingRoom = false;
  #closing: Promise<void> | null = null;

  /** @throws errors of SQLite's and of Node's */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.#pause = new StoringPause(parts.folder.path, parts.report);
    this.maxObjectBytes = Math.min(parts.options.maxObjectBytes, Math.floor(parts.options.maxBytes / 4));
    this.#opened = parts.mayWrite ? this.#openToWrite() : this.#openOver(openToRead(parts.folder));
    this.#measureOthers();
    this.#ticks = parts.mayWrite ? setInterval(() => this.#tick(), TICK_MS).unref() : null;
  }

  find(key: string): readonly StoredResponse[] {
    return this.#guarded(({ reader }) => reader.find(key)) ?? NOTHING;
  }

  open(stored: StoredResponse, first: number, length: number): Soon<Body | null> {
    return this.#guarded(({ reader, log }) => {
      const found = reader.locate(stored);
      const has = found?.file?.length ?? found?.contentLength ?? 0;
      if (found === null || first + length > has) return null;
      log.use(found.entry);
      return reader.open(found, first, length);
    });
  }

  create(expectedLength: number | null): ContentWriter | null {
    const isTooLarge = expectedLength !== null && expectedLength > this.maxObjectBytes;
    if (isTooLarge || !this.#mayStore()) {
      this.#refusals += 1;
      return null;
    }
    const writer = new DiskContentWriter(this, expectedLength);
    this.#writers.add(writer);
    return writer;
  }

  update(stored: StoredResponse): void {
    this.#changing(({ reader, log }) => {
      const found = reader.locate(stored);
      if (found === null) return;
      const content = found.file === null ? reader.content(found) : NO_CONTENT;
      if (content !== null) log.replace(found, stored, content);
    });
  }

  remove(stored: StoredResponse): void {
    this.#changing(({ reader }) => {
      for (const found of reader.every(stored)) this.#drop(found);
    });
  }

  used(key: string): void {
    this.#changing(({ log }) => {
      const hash = hashOfKey(key, log.seed);
      for (const entry of log.table.all(hash)) log.use(entry);
    });
  }

  catchUp(): boolean {
    return this.#guarded(({ log }) => log.learn()) ?? false;
  }

  async written(isUrgent: boolean): Promise<void> {
    await Promise.all(this.#committing);
    await this.#opened?.log.written(isUrgent);
  }

  async purge(picks: (stored: StoredResponse) => boolean): Promise<number> {
    let count = 0;
    for await (const found of this.#walk()) {
      if (!picks(found.stored) || !this.#mayChange()) continue;
      this.remove(found.stored);
      count += 1;
    }
    await this.#opened?.log.settled();
    return count;
  }

  async *list(): AsyncGenerator<StoredResponse> {
    for await (const found of this.#walk()) yield found.stored;
  }

  verify(): AsyncGenerator<Verified> {
    return verifyAll(
      this.#walk(),
      async (found) => (await this.#opened?.reader.prove(found)) ?? 'gone',
      () => this.#damaged,
    );
  }

  stats(): StoreStats {
    const { log, eviction } = this.#opened ?? {};
    return {
      entries: log?.table.size ?? 0,
      bytes: (log?.bytes ?? 0) + this.#otherBytes,
      maxBytes: this.#parts.options.maxBytes,
      evictions: this.#evictions + (eviction?.evictions ?? 0),
      refusals: this.#refusals,
      damaged: this.#damaged,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  // What writers ask for

  temporaryPath(): string | null {
    if (!this.#mayStore() || this.#openFiles >= MOST_FILES) return null;
    this.#openFiles += 1;
    this.#temporaryFiles += 1;
    return path.join(this.#parts.folder.temporary, `${this.#instance}-${this.#temporaryFiles}`);
  }

  finalPath(key: string): { readonly name: string; readonly path: string } {
    const { folder } = this.#parts;
    const name = newContentName(hashOfKey(key, this.#opened?.log.seed ?? 0));
    makeContentFolder(folder, name);
    return { name, path: contentPath(folder, name) };
  }

  put(stored: StoredResponse, content: Buffer | FilePlace, replaces: readonly StoredResponse[]): boolean {
    const file = Buffer.isBuffer(content) ? null : content;
    const isStored = this.#mayPut() && (this.#guarded((opened) => this.#put(opened, stored, content, file)) ?? false);
    if (isStored) {
      for (const replaced of replaces) this.remove(replaced);
      return true;
    }
    this.#refusals += 1;
    if (file !== null) this.#removeContent(file);
    return false;
  }

  committing(isStored: Promise<boolean>): void {
    this.#committing.add(isStored);
    void isStored.then(() => this.#committing.delete(isStored));
  }

  failed(error: unknown): void {
    this.#pause.begin(error);
  }

  refused(): void {
    this.#refusals += 1;
  }

  finished(writer: DiskContentWriter): void {
    this.#writers.delete(writer);
    if (writer.hasFile) this.#openFiles -= 1;
  }

  // Opening

  #openToWrite(): Opened {
    const { folder, report } = this.#parts;
    removeUnfinished(folder);
    const index = openToWrite(folder, report);
    try {
      return this.#openOver(index);
    } catch (error) {
      index.close();
      if (!isDamage(error)) throw error;
    }
    setAside(folder, 'is damaged', report);
    return this.#openOver(openToWrite(folder, report));
  }

  #openOver(index: DiskIndex): Opened {
    const { folder, options, mayWrite } = this.#parts;
    const log = new DiskLog(folder, index, mayWrite ? options.maxBytes : null, {
      damaged: () => {
        this.#damaged += 1;
      },
      written: (records) => this.#written(records),
      failed: (error) => this.#notWritten(error),
    });
    const reader = new DiskReader(folder, log, (found, why) => this.#lost(found, why));
    const eviction = new Eviction(log, options.maxBytes, (entry) => {
      const file = entry.fileBlocks > 0 ? log.read(entry)?.file : null;
      if (file) this.#removeContent(file);
    });
    const hasContent = (hash: number, name: string): boolean => log.table.all(hash).some((entry) => log.read(entry)?.file?.name === name);
    const leftovers = removeLeftovers(folder, { hasSegment: (id) => log.hasSegment(id), hasContent });
    return { index, log, reader, eviction, leftovers };
  }

  /** What there was is damaged, or another process has put another index in its place. */
  #beginAnew(opened: Opened): void {
    const { folder, report } = this.#parts;
    const isOurs = opened.index.isInPlace;
    this.#evictions += opened.eviction.evictions;
    this.#opened = null;
    opened.log.end();
    opened.index.close();
    try {
      if (isOurs) setAside(folder, 'is damaged', report);
    } catch (error) {
      this.#pause.begin(error);
    }
    this.#openAgain();
  }

  #openAgain(): void {
    if (this.#closing !== null) return;
    try {
      this.#opened = this.#openToWrite();
    } catch (error) {
      // The next tick tries again.
      this.#pause.begin(error);
    }
  }

  // Doing

  /** @returns `null` when it cannot be done now: closed, damaged, busy */
  #guarded<T>(work: (opened: Opened) => T): T | null {
    const opened = this.#opened;
    if (opened === null) return null;
    try {
      return work(opened);
    } catch (error) {
      if (isDamage(error) && this.#parts.mayWrite) {
        this.#damaged += 1;
        this.#beginAnew(opened);
      } else if (!isBusy(error)) {
        this.#pause.begin(error);
      }
      return null;
    }
  }

  #changing(work: (opened: Opened) => void): void {
    if (this.#mayChange()) this.#guarded(work);
  }

  async *#walk(): AsyncGenerator<Found> {
    if (this.#opened !== null) yield* this.#opened.reader.walk();
  }

  #mayChange(): boolean {
    return this.#opened !== null && this.#parts.mayWrite;
  }

  #mayStore(): boolean {
    return this.#closing === null && this.#mayPut();
  }

  /** What has come to its end is stored while the store closes, too. */
  #mayPut(): boolean {
    return this.#mayChange() && !this.#pause.isOn && !this.#opened!.log.isBehind;
  }

  #put(opened: Opened, stored: StoredResponse, content: Buffer | FilePlace, file: FilePlace | null): boolean {
    const { log, eviction } = opened;
    const octets = Buffer.isBuffer(content) ? content : NO_CONTENT;
    const head = packHead(stored, file);
    const fileBlocks = file === null ? 0 : bytesOnDisk(file.length) / FS_BLOCK;
    const length = recordBytes(head, octets);
    if (!this.#makeRoom(opened, length + fileBlocks * FS_BLOCK + ROOM_FOR_INDEX_BYTES)) return false;
    log.put(hashOfKey(stored.key, log.seed), head, octets, fileBlocks);
    eviction.earn(length);
    return true;
  }

  #drop(found: Found): void {
    this.#opened?.log.drop(found.entry);
    if (found.file !== null) this.#removeContent(found.file);
  }

  #lost(found: Found, why: 'damaged' | 'gone'): void {
    if (why === 'damaged') this.#damaged += 1;
    if (this.#mayChange()) this.#drop(found);
  }

  #removeContent({ name }: FilePlace): void {
    const removal = removeFile(contentPath(this.#parts.folder, name));
    this.#removals.add(removal);
    void removal.then(() => this.#removals.delete(removal));
  }

  // Making room

  #excess({ log }: Opened, bytes: number): number {
    return log.bytes + this.#otherBytes + bytes - this.#parts.options.maxBytes;
  }

  #makeRoom(opened: Opened, bytes: number): boolean {
    if (this.#excess(opened, bytes) > 0) {
      // What was not complete then may have found its place since, and another process may have made room.
      this.#measureOthers();
      opened.log.learn();
    }
    let hasEvicted = false;
    const isEnough = (): boolean => this.#excess(opened, bytes) <= 0;
    while (!isEnough()) {
      if (!opened.log.writeNowIfMuch() || !opened.eviction.step(isEnough)) return false;
      hasEvicted = true;
    }
    return !hasEvicted || opened.log.writeNowIfMuch();
  }

  /** Ahead of what comes, so that storing need not wait for it; a little at a time. */
  #makeRoomAhead(): void {
    const { maxBytes } = this.#parts.options;
    const room = maxBytes < LARGE_BYTES ? 0 : Math.min(HEADROOM_BYTES, maxBytes / 32);
    const step = (opened: Opened): boolean => {
      const isEnough = (): boolean => this.#excess(opened, room) <= 0;
      return !isEnough() && opened.eviction.step(isEnough);
    };
    const isMore = this.#guarded(step) ?? false;
    this.#isMakingRoom = isMore;
    if (isMore) setImmediate(() => this.#makeRoomAhead());
  }

  #written(records: number): void {
    if (records > 0) this.#pause.end();
    if (!this.#isMakingRoom) this.#makeRoomAhead();
  }

  #notWritten(error: unknown): void {
    const opened = this.#opened;
    if (opened !== null && isDamage(error)) this.#beginAnew(opened);
    else this.#pause.begin(error);
  }

  #tick(): void {
    if (this.#opened === null) this.#openAgain();
    this.#guarded((opened) => this.#keepUp(opened));
  }

  #keepUp(opened: Opened): void {
    if (!opened.index.isInPlace) {
      this.#beginAnew(opened);
      return;
    }
    opened.log.learn();
    this.#measureOthers();
    if (!this.#isMakingRoom) this.#makeRoomAhead();
    for (let i = 0; i < LEFTOVERS_A_TICK && opened.leftovers !== null; i += 1) {
      if (opened.leftovers.next().done === true) opened.leftovers = null;
    }
  }

  #measureOthers(): void {
    const { temporary, setAside: aside } = this.#parts.folder;
    const unfinished = namesIn(temporary).reduce((sum, name) => sum + fileSize(path.join(temporary, name)), 0);
    this.#otherBytes = unfinished + fileSize(aside) + fileSize(`${aside}-wal`);
  }

  async #close(): Promise<void> {
    if (this.#ticks !== null) clearInterval(this.#ticks);
    for (const writer of this.#writers) writer.abandon();
    await Promise.all(this.#committing);
    // With the last batch, it may learn from another process what else has to go.
    for (let i = 0; i < 3 && this.#parts.mayWrite; i += 1) await this.#opened?.log.settled();
    const opened = this.#opened;
    this.#opened = null;
    opened?.log.end();
    opened?.index.close();
    await Promise.all(this.#removals);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return [];
  }
}

function fileSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

const NOTHING: readonly StoredResponse[] = Object.freeze([]);
const NO_CONTENT = Buffer.alloc(0);
/** Written at once. Each takes a descriptor. */
const MOST_FILES = 256;
const ROOM_FOR_INDEX_BYTES = 16 * 4096;
const TICK_MS = 500;
const LARGE_BYTES = 64 << 20;
const HEADROOM_BYTES = 32 << 20;
const LEFTOVERS_A_TICK = 64;
