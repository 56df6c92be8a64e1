// Owns the store on disk: everything the cache keeps, over restarts too. A log (disk-log.ts) holds heads and short contents, an index in SQLite says what
// there is in it (disk-index.ts), and longer contents have files of their own (content-files.ts). Every head, and every block of content, is compared with
// its sum before it is given out (disk-reader.ts): what is damaged is a miss, and removed. How room is made is disk-room.ts's.
//
// What it refuses: to wait. What is stored is written later, without those who asked, and a little of it at once; a disk that is full or fails turns
// storing off for a while (storing-pause.ts), and more than can be written is not taken. Several processes may share the folder.
// A folder that processes of another version use is theirs until they have ended; until then nothing is found here, and nothing stored.
// There is no thread for it: what it would take to start one, and to tell it what to do, is more than is left to be done.
import { isBusy, isDamage } from '../../errors/from-sqlite.ts';
import { StartError } from '../../errors/start-error.ts';
import type { Body } from '../../http/message.ts';
import { LinkedSet } from '../../net/linked-set.ts';
import type { DiskStoreOptions } from '../options.ts';
import type { StoredResponse } from '../stored-response.ts';
import type { CacheStore, ContentWriter, Soon, StoreStats } from './cache-store.ts';
import { FS_BLOCK } from './content-file.ts';
import { ContentFiles } from './content-files.ts';
import { DiskContentWriter, type WriterHost } from './disk-content-writer.ts';
import { type DiskFolder, existingFolder, prepareFolder } from './disk-folder.ts';
import { IndexInUse, setAside } from './disk-index.ts';
import { type Found, fileBlocksOf } from './disk-log.ts';
import { DiskRoom } from './disk-room.ts';
import { type Verified, verifyAll } from './disk-verify.ts';
import { type DiskParts, type OpenedDisk, openDisk } from './opened-disk.ts';
import { type FilePlace, hashOfKey, recordBytes } from './stored-record.ts';
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
 * @param whereInUse what to do about a folder that processes of another version use: serve without it until they have ended, or refuse
 * @throws StartError when the folder cannot serve
 */
export async function openDiskStore(
  options: DiskStoreOptions,
  report: (line: string) => void,
  whereInUse: 'wait' | 'refuse' = 'wait',
): Promise<DiskStore> {
  const folder = prepareFolder(options.folder);
  for (let tries = 1; ; tries += 1) {
    const isLast = tries === MOST_TRIES;
    try {
      return new OpenDiskStore({ folder, options, report, mayWrite: true }, isLast && whereInUse === 'wait');
    } catch (cause) {
      if (!(cause instanceof IndexInUse) || isLast) throw cannotOpen(folder, cause);
    }
    // Another one that starts may only have looked at its version.
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS * (1 + Math.random())));
  }
}

function cannotOpen(folder: DiskFolder, cause: unknown): StartError {
  const problem = `${folder.path} cannot be used for the cache (${reasonOf(cause)}). Mend that, choose another folder (cache.folder), or keep nothing on disk (cache.disk: 0).`;
  return new StartError('unavailable', [problem], { cause });
}

/**
 * Opens what is stored to look into it, while a proxy uses it or not: nothing is taken, changed or removed.
 *
 * @throws StartError when there is no store in the folder, or none that can be read
 */
export function readDiskStore(options: DiskStoreOptions, report: (line: string) => void): DiskStore {
  const folder = existingFolder(options.folder);
  try {
    return new OpenDiskStore({ folder, options, report, mayWrite: false }, false);
  } catch (cause) {
    const problem = isDamage(cause) ? 'is damaged; the next start sets it aside and begins anew' : `cannot be read (${reasonOf(cause)})`;
    throw new StartError('data', [`${folder.index} ${problem}.`], { cause });
  }
}

class OpenDiskStore implements DiskStore, WriterHost {
  readonly maxObjectBytes: number;
  readonly #parts: DiskParts;
  readonly #pause: StoringPause;
  readonly #files: ContentFiles;
  readonly #room: DiskRoom;
  readonly #writers = new LinkedSet<DiskContentWriter>();
  readonly #committing = new Set<Promise<boolean>>();
  readonly #ticks: NodeJS.Timeout | null;
  /** `null`: it is over, or what there was is damaged and there is nothing else yet, or processes of another version use it. */
  #opened: OpenedDisk | null;
  #evictions = 0;
  #refusals = 0;
  #damaged = 0;
  #closing: Promise<void> | null = null;

  /** @param waits until nobody uses it whose version is another @throws IndexInUse unless it waits, errors of SQLite's and of Node's */
  constructor(parts: DiskParts, waits: boolean) {
    const { folder, options, report, mayWrite } = parts;
    this.#parts = parts;
    this.#pause = new StoringPause(folder.path, report);
    this.#files = new ContentFiles(folder);
    this.#room = new DiskRoom(folder, options.maxBytes, (work) => this.#guarded(work));
    this.maxObjectBytes = Math.min(options.maxObjectBytes, Math.floor(options.maxBytes / 4));
    this.#opened = waits ? this.#openOrWait() : this.#open();
    this.#room.measureOthers();
    this.#ticks = mayWrite ? setInterval(() => this.#tick(), TICK_MS).unref() : null;
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
    const disk = {
      entries: log?.table.size ?? 0,
      bytes: (log?.bytes ?? 0) + this.#room.otherBytes,
      maxBytes: this.#parts.options.maxBytes,
    };
    return {
      ...disk,
      tiers: { memory: null, disk },
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
    return this.#mayStore() ? this.#files.temporaryPath() : null;
  }

  finalPath(key: string): { readonly name: string; readonly path: string } {
    return this.#files.finalPath(hashOfKey(key, this.#opened?.log.seed ?? 0));
  }

  put(stored: StoredResponse, content: Buffer | FilePlace, replaces: readonly StoredResponse[]): boolean {
    const file = Buffer.isBuffer(content) ? null : content;
    const isStored = this.#mayPut() && (this.#guarded((opened) => this.#put(opened, stored, content, file)) ?? false);
    if (isStored) {
      for (let i = 0; i < replaces.length; i += 1) this.remove(replaces[i]!);
      return true;
    }
    this.#refusals += 1;
    if (file !== null) this.#files.remove(file);
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
    if (writer.hasFile) this.#files.finished();
  }

  // Opening

  #open(): OpenedDisk {
    return openDisk(this.#parts, {
      damaged: () => {
        this.#damaged += 1;
      },
      written: (records) => this.#written(records),
      failed: (error) => this.#notWritten(error),
      lost: (found, why) => this.#lost(found, why),
      removeContent: (file) => this.#files.remove(file),
    });
  }

  #openOrWait(): OpenedDisk | null {
    try {
      return this.#open();
    } catch (error) {
      if (!(error instanceof IndexInUse)) throw error;
      // The next tick tries again.
      this.#pause.begin(error);
      return null;
    }
  }

  /** What there was is damaged, or another process has put another index in its place. */
  #beginAnew(opened: OpenedDisk): void {
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
      this.#opened = this.#openOrWait();
      if (this.#opened !== null) this.#pause.end();
    } catch (error) {
      this.#pause.begin(error);
    }
  }

  // Doing

  /** @returns `null` when it cannot be done now: closed, damaged, busy */
  #guarded<T>(work: (opened: OpenedDisk) => T): T | null {
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

  #changing(work: (opened: OpenedDisk) => void): void {
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

  #put(opened: OpenedDisk, stored: StoredResponse, content: Buffer | FilePlace, file: FilePlace | null): boolean {
    const { log, eviction } = opened;
    const octets = Buffer.isBuffer(content) ? content : NO_CONTENT;
    const length = recordBytes(stored, file, octets);
    if (!this.#room.make(opened, length + fileBlocksOf(file) * FS_BLOCK + ROOM_FOR_INDEX_BYTES)) return false;
    log.put(hashOfKey(stored.key, log.seed), stored, octets, file);
    eviction.earn(length);
    return true;
  }

  #drop(found: Found): void {
    this.#opened?.log.drop(found.entry);
    if (found.file !== null) this.#files.remove(found.file);
  }

  #lost(found: Found, why: 'damaged' | 'gone'): void {
    if (why === 'damaged') this.#damaged += 1;
    if (this.#mayChange()) this.#drop(found);
  }

  // Keeping up

  #written(records: number): void {
    if (records > 0) this.#pause.end();
    this.#room.makeAhead();
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

  #keepUp(opened: OpenedDisk): void {
    if (!opened.index.isInPlace) {
      this.#beginAnew(opened);
      return;
    }
    opened.log.learn();
    this.#room.measureOthers();
    this.#room.makeAhead();
    for (let i = 0; i < LEFTOVERS_A_TICK && opened.leftovers !== null; i += 1) {
      if (opened.leftovers.next().done === true) opened.leftovers = null;
    }
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
    await this.#files.removed();
  }
}

const NOTHING: readonly StoredResponse[] = Object.freeze([]);
const NO_CONTENT = Buffer.alloc(0);
const ROOM_FOR_INDEX_BYTES = 16 * 4096;
const TICK_MS = 500;
/** To open what another version has, when the store is opened. */
const MOST_TRIES = 5;
const TRY_AGAIN_MS = 20;
const LEFTOVERS_A_TICK = 64;
