// Owns the store on disk: everything the cache keeps, over restarts too. An index in SQLite says what there is and holds short contents; longer ones
// have files of their own. Here, where requests are answered, it is only read; a thread (disk-worker.ts) writes it. Every head, and every block of
// content, is compared with its sum before it is given out: what is damaged is a miss, and removed.
//
// What it refuses: to wait. An index that is busy is a miss, a disk that is full or fails turns storing off for a while (storing-pause.ts), and more
// than the thread can write is not taken. Several processes may share the folder.
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Worker } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { StartError } from '../../errors/start-error.ts';
import { type Body, BytesBody } from '../../http/message.ts';
import type { DiskStoreOptions } from '../options.ts';
import type { StoredResponse } from '../stored-response.ts';
import type { CacheStore, ContentWriter, Soon, StoreStats } from './cache-store.ts';
import { type ContentFile, type NotOpened, openContent, proveContent } from './content-file-body.ts';
import { DiskChanges } from './disk-changes.ts';
import { DiskContentWriter, type WriterHost } from './disk-content-writer.ts';
import { contentPath, type DiskFolder, existingFolder, newContentName, prepareFolder } from './disk-folder.ts';
import { type Found, IndexReader, isDamage } from './disk-index.ts';
import type { FromWorker, StoreSize, ToWorker } from './disk-messages.ts';
import { startDiskThread } from './disk-thread.ts';
import { type Verified, verifyAll } from './disk-verify.ts';
import { removeFile } from './file-descriptor.ts';
import { KeyFilter } from './key-filter.ts';
import { hashOfKey, type Place } from './stored-row.ts';
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
  return startDiskThread(options, report, (worker, size) => new OpenDiskStore({ folder, options, report, worker }, size));
}

/**
 * Opens what is stored to look into it, while a proxy uses it or not: nothing is taken, changed or removed.
 *
 * @throws StartError when there is no store in the folder, or none that can be read
 */
export function readDiskStore(options: DiskStoreOptions, report: (line: string) => void): DiskStore {
  const folder = existingFolder(options.folder);
  try {
    const index = new IndexReader(folder);
    const { entries, fileBytes } = index.size();
    const store = new OpenDiskStore({ folder, options, report, worker: null }, { entries, bytes: fileBytes, evictions: 0 });
    index.close();
    return store;
  } catch (cause) {
    const problem = isDamage(cause) ? 'is damaged; the next start sets it aside and begins anew' : `cannot be read (${reasonOf(cause)})`;
    throw new StartError('data', [`${folder.index} ${problem}.`], { cause });
  }
}

interface Parts {
  readonly folder: DiskFolder;
  readonly options: DiskStoreOptions;
  readonly report: (line: string) => void;
  /** `null`: to look into only. */
  readonly worker: Worker | null;
}

class OpenDiskStore implements DiskStore, WriterHost {
  readonly maxObjectBytes: number;
  readonly #parts: Parts;
  readonly #pause: StoringPause;
  readonly #changes: DiskChanges;
  /** Begins the names of its temporary files: disk-leftovers.ts looks for the process. */
  readonly #instance = `${process.pid}-${randomBytes(6).toString('hex')}`;
  readonly #writers = new Set<DiskContentWriter>();
  readonly #committing = new Set<Promise<boolean>>();
  /** `null`: it is damaged and being set aside, or the store is over. */
  #index: IndexReader | null = null;
  #isOver = false;
  #filter: KeyFilter | null = null;
  #size: StoreSize;
  #generation = 0;
  #refusals = 0;
  #damaged = 0;
  /** Being written now, and since the start. */
  #openFiles = 0;
  #temporaryFiles = 0;
  /** Rows of what was found, so that opening it asks the index once less. Of one index they are never used again for something else. */
  #found = new WeakMap<StoredResponse, Found>();
  /** Files that have been proven whole since the start: they are proven block by block from then on. */
  readonly #proven = new Set<string>();
  #closing: Promise<void> | null = null;

  constructor(parts: Parts, size: StoreSize) {
    this.#parts = parts;
    this.#size = size;
    this.#pause = new StoringPause(parts.folder.path, parts.report);
    this.maxObjectBytes = Math.min(parts.options.maxObjectBytes, Math.floor(parts.options.maxBytes / 4));
    this.#changes = new DiskChanges((batch) => this.#say(batch, [batch.contents]));
    this.#openIndex();
    parts.worker?.on('message', (message: FromWorker) => this.#hear(message));
    parts.worker?.on('error', (error) => this.#died(reasonOf(error)));
    parts.worker?.on('exit', (code) => this.#died(`it ended with ${code}`));
  }

  find(key: string): readonly StoredResponse[] {
    const changes = this.#changes.of(key);
    const keyHash = hashOfKey(key);
    if (changes === null && this.#filter !== null && !this.#filter.mayHave(keyHash)) return NOTHING;
    const rows = this.#read((index) => index.byKey(key, keyHash, (row) => this.#damagedRow(row))) ?? [];
    const all: StoredResponse[] = changes === null ? [] : changes.added.map(({ stored }) => stored);
    for (const found of rows) {
      const { id } = found.stored;
      // A batch is in the index a moment before we hear of it.
      if (changes !== null && (changes.removed.has(id) || changes.added.some((added) => added.stored.id === id))) continue;
      const stored = changes?.updated.get(id) ?? found.stored;
      this.#found.set(stored, found);
      all.push(stored);
    }
    return all;
  }

  open(stored: StoredResponse, first: number, length: number): Soon<Body | null> {
    const added = this.#changes.added(stored);
    if (added === null && this.#changes.isRemoved(stored)) return null;
    const found = added === null ? this.#locate(stored) : null;
    const content = added?.content ?? found?.place;
    if (this.#index === null || content === undefined || first + length > content.length) return null;
    if (found !== null) this.#use(found);
    if (Buffer.isBuffer(content)) return new BytesBody(content.subarray(first, first + length));
    if (content.kind === 'file') return this.#openFile(stored, fileOf(this.#parts.folder, content), first, length);
    const octets = this.#inline(found!, content.sum);
    return octets === null ? null : new BytesBody(octets.subarray(first, first + length));
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
    if (this.#mayChange()) this.#changes.update(stored, this.#exists(stored));
  }

  remove(stored: StoredResponse): void {
    if (this.#mayChange()) this.#changes.remove(stored, this.#exists(stored));
  }

  async purge(picks: (stored: StoredResponse) => boolean): Promise<number> {
    let count = 0;
    for await (const stored of this.list()) {
      if (!picks(stored) || !this.#mayChange()) continue;
      this.remove(stored);
      count += 1;
    }
    await this.#changes.settled();
    return count;
  }

  async *list(): AsyncGenerator<StoredResponse> {
    for await (const found of this.#walk()) yield found.stored;
  }

  verify(): AsyncGenerator<Verified> {
    return verifyAll(
      this.#walk(),
      (found) => this.#prove(found),
      () => this.#damaged,
    );
  }

  stats(): StoreStats {
    return {
      entries: Math.max(0, this.#size.entries + this.#changes.entries),
      bytes: this.#size.bytes + this.#changes.bytes,
      maxBytes: this.#parts.options.maxBytes,
      evictions: this.#size.evictions,
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
    const name = newContentName(hashOfKey(key));
    return { name, path: contentPath(this.#parts.folder, name) };
  }

  put(stored: StoredResponse, content: Buffer | Place, replaces: readonly StoredResponse[]): Soon<boolean> {
    if (!this.#mayPut()) {
      this.#refusals += 1;
      if (!Buffer.isBuffer(content) && content.kind === 'file') removeFile(contentPath(this.#parts.folder, content.name));
      return false;
    }
    for (const replaced of replaces) this.remove(replaced);
    this.#changes.put(stored, content);
    const { bytes, maxBytes } = this.stats();
    // Only when it could be too much must the thread say whether there was room.
    return bytes <= maxBytes ? true : this.#changes.settled().then(() => this.#exists(stored));
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

  // Reading

  /** `null` when it cannot be read now: busy, closed, damaged. */
  #read<T>(ask: (index: IndexReader) => T): T | null {
    if (this.#index === null) return null;
    try {
      return ask(this.#index);
    } catch (error) {
      if (isDamage(error)) {
        this.#damaged += 1;
        this.#say({ kind: 'damaged', generation: this.#generation });
      }
      return null;
    }
  }

  #locate(stored: StoredResponse): Found | null {
    return this.#found.get(stored) ?? this.#read((index) => index.one(stored, (row) => this.#damagedRow(row)));
  }

  #exists(stored: StoredResponse): boolean {
    if (this.#changes.isRemoved(stored)) return false;
    return this.#changes.added(stored) !== null || this.#read((index) => index.one(stored, (row) => this.#damagedRow(row))) !== null;
  }

  #inline({ row, stored }: Found, sum: number): Buffer | null {
    const octets = this.#read((index) => index.content(row));
    if (octets === null || crc32(octets) === sum) return octets;
    this.#damagedContent(stored);
    return null;
  }

  async #prove({ row, stored, place }: Found): Promise<'whole' | NotOpened> {
    if (place.kind === 'file') {
      const outcome = await proveContent(fileOf(this.#parts.folder, place), stored);
      if (outcome === 'damaged') this.#damagedContent(stored);
      return outcome;
    }
    const octets = this.#read((index) => index.content(row));
    if (octets === null) return 'gone';
    if (crc32(octets) === place.sum) return 'whole';
    this.#damagedContent(stored);
    return 'damaged';
  }

  async #openFile(stored: StoredResponse, file: ContentFile, first: number, length: number): Promise<Body | null> {
    const part = { first, length, mustProve: !this.#proven.has(file.path) };
    const opened = await openContent(file, stored, part, () => this.#damagedContent(stored));
    if (typeof opened !== 'string') {
      if (this.#proven.size >= MOST_PROVEN) this.#proven.clear();
      this.#proven.add(file.path);
      return opened;
    }
    if (opened === 'damaged') this.#damagedContent(stored);
    else if (opened === 'gone') this.remove(stored);
    return null;
  }

  /** Everything in the index that has not been removed meanwhile, and nothing twice. */
  async *#walk(): AsyncGenerator<Found> {
    await this.#changes.settled();
    for (let row: number | null = 0; row !== null; ) {
      const from: number = row;
      const next = this.#read((index) => index.after(from, WALKED_AT_ONCE, (damaged) => this.#damagedRow(damaged)));
      for (const found of next?.found ?? []) {
        const { stored } = found;
        if (this.#changes.isRemoved(stored)) continue;
        const updated = this.#changes.of(stored.key)?.updated.get(stored.id);
        yield updated === undefined ? found : { ...found, stored: updated };
      }
      row = next?.last ?? null;
      // A walk over a million must not hold up a request.
      await new Promise(setImmediate);
    }
  }

  // Writing

  #mayChange(): boolean {
    return this.#index !== null && this.#parts.worker !== null;
  }

  #mayStore(): boolean {
    return this.#closing === null && this.#mayPut();
  }

  /** What has come to its end is stored while the store closes, too. */
  #mayPut(): boolean {
    return this.#mayChange() && !this.#pause.isOn && this.#changes.bytes < MOST_WAITING_BYTES;
  }

  #use(found: Found): void {
    if (found.isUsed || !this.#mayChange()) return;
    found.isUsed = true;
    this.#changes.use(found.row);
  }

  #damagedRow(row: number): void {
    this.#damaged += 1;
    if (this.#mayChange()) this.#changes.discard(row);
  }

  #damagedContent(stored: StoredResponse): void {
    this.#damaged += 1;
    this.remove(stored);
  }

  // The thread

  #say(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    this.#parts.worker?.postMessage(message, transfer);
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case 'done':
        this.#done(message);
        return;
      case 'size':
        this.#size = message.size;
        return;
      case 'filter':
        // It may have been on its way when the store ended.
        if (!this.#isOver) this.#filter = new KeyFilter(message.memory);
        return;
      case 'renewed':
        this.#renewed(message.generation, message.size);
        return;
      case 'report':
        this.#parts.report(message.line);
        return;
      case 'opened':
      case 'unusable':
      case 'closed':
        return; // while it opens and closes, others listen
      default:
        message satisfies never;
    }
  }

  #done({ number, failure, stored, refusals, size }: Extract<FromWorker, { kind: 'done' }>): void {
    this.#size = size;
    this.#refusals += refusals;
    this.#changes.done(number, failure !== null);
    if (failure !== null) this.#pause.begin(failure);
    else if (stored > 0) this.#pause.end();
  }

  #renewed(generation: number, size: StoreSize): void {
    this.#generation = generation;
    this.#size = size;
    this.#filter = null;
    this.#found = new WeakMap();
    this.#changes.clear();
    this.#openIndex();
  }

  /** Damage that shows only now is the thread's to deal with; it says when there is another one. */
  #openIndex(): void {
    this.#index?.close();
    this.#index = null;
    try {
      this.#index = new IndexReader(this.#parts.folder);
    } catch (error) {
      if (this.#parts.worker === null) throw error;
      this.#say({ kind: 'damaged', generation: this.#generation });
    }
  }

  #died(reason: string): void {
    if (this.#closing !== null || this.#isOver) return;
    this.#parts.report(
      `cache: the thread that writes to ${this.#parts.folder.path} has ended (${reason}); nothing is cached on disk until the next start`,
    );
    this.#end();
  }

  async #close(): Promise<void> {
    for (const writer of this.#writers) writer.abandon();
    await Promise.all(this.#committing);
    const { worker } = this.#parts;
    if (worker === null || this.#isOver) return this.#end();
    worker.ref();
    await this.#changes.settled();
    this.#end();
    const closed = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    this.#say({ kind: 'close' });
    await closed;
  }

  #end(): void {
    this.#isOver = true;
    this.#changes.end();
    this.#index?.close();
    this.#index = null;
    this.#filter = null;
  }
}

function fileOf(folder: DiskFolder, { name, length, sum }: Extract<Place, { kind: 'file' }>): ContentFile {
  return { path: contentPath(folder, name), length, sum };
}

const NOTHING: readonly StoredResponse[] = Object.freeze([]);
const WALKED_AT_ONCE = 64;
/** Written at once. Each takes a descriptor. */
const MOST_FILES = 256;
const MOST_PROVEN = 10_000;
/** What waits for the thread. More is not taken until it has caught up. */
const MOST_WAITING_BYTES = 64 << 20;
