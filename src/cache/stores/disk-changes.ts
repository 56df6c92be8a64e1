// Owns changes between the moment they are asked for and the one in which the index has them: they are found at once, and written together, so that
// storing costs no turn of the disk. One batch is on its way at a time, at most every ten milliseconds unless much has come together.
// A crash loses what was not written: those are misses. A batch that fails loses what it would have added; what it would have removed or made
// stale is asked for again until it is done, and holds here meanwhile.
import { crc32 } from 'node:zlib';
import type { StoredResponse } from '../stored-response.ts';
import { bytesOnDisk } from './content-file.ts';
import type { Batch, Change, FiledContent, HandedContent } from './disk-messages.ts';
import { PAGE_BYTES } from './disk-messages.ts';
import { encodeHead, encodePlace, hashOfKey, type Place } from './stored-row.ts';

/** What has been asked for about one key and is not in the index yet. */
export interface KeyChanges {
  /** The latest first. */
  readonly added: Added[];
  /** By id. */
  readonly updated: Map<string, StoredResponse>;
  readonly removed: Set<string>;
  /** The batch with the last of these changes. */
  batch: number;
}

export interface Added {
  stored: StoredResponse;
  readonly content: Buffer | Place;
  readonly batch: number;
}

export class DiskChanges {
  readonly #post: (batch: Batch) => void;
  readonly #byKey = new Map<string, KeyChanges>();
  /** Takes what comes. */
  #open = new OpenBatch(1);
  /** Large enough, and waiting for the one on its way. */
  #full: OpenBatch[] = [];
  #onItsWay: OpenBatch | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** To be told when the batch of that number is done. */
  #listeners: { readonly number: number; readonly tell: () => void }[] = [];
  #isOver = false;

  /** @param post sends a batch; `done` is called when it was answered */
  constructor(post: (batch: Batch) => void) {
    this.#post = post;
  }

  /** What the index will have grown by. */
  get bytes(): number {
    return this.#full.reduce((sum, { bytes }) => sum + bytes, this.#open.bytes + (this.#onItsWay?.bytes ?? 0));
  }

  get entries(): number {
    return this.#full.reduce((sum, { entries }) => sum + entries, this.#open.entries + (this.#onItsWay?.entries ?? 0));
  }

  of(key: string): KeyChanges | null {
    return this.#byKey.size === 0 ? null : (this.#byKey.get(key) ?? null);
  }

  added(stored: StoredResponse): Added | null {
    return this.of(stored.key)?.added.find((added) => added.stored.id === stored.id) ?? null;
  }

  isRemoved({ key, id }: StoredResponse): boolean {
    return this.of(key)?.removed.has(id) ?? false;
  }

  put(stored: StoredResponse, content: Buffer | Place): void {
    const head = encodeHead(stored);
    this.#touch(stored.key).added.unshift({ stored, content, batch: this.#open.number });
    const put = { kind: 'put', keyHash: hashOfKey(stored.key), responseId: stored.id, head } as const;
    const bytes = bytesOf(head, content);
    this.#add({ ...put, content: Buffer.isBuffer(content) ? this.#open.hand(content) : filed(content), bytes }, bytes, 1);
  }

  /** @param exists whether it is stored, as far as is known */
  update(stored: StoredResponse, exists: boolean): void {
    if (!exists) return;
    const changes = this.#touch(stored.key);
    const added = changes.added.find((one) => one.stored.id === stored.id);
    if (added === undefined) changes.updated.set(stored.id, stored);
    else added.stored = stored;
    this.#add({ kind: 'update', keyHash: hashOfKey(stored.key), responseId: stored.id, head: encodeHead(stored) }, PAGE_BYTES, 0);
  }

  remove({ key, id }: StoredResponse, exists: boolean): void {
    if (!exists) return;
    const changes = this.#touch(key);
    const at = changes.added.findIndex(({ stored }) => stored.id === id);
    if (at !== -1) changes.added.splice(at, 1);
    changes.updated.delete(id);
    changes.removed.add(id);
    this.#add({ kind: 'remove', keyHash: hashOfKey(key), responseId: id }, PAGE_BYTES, -1);
  }

  discard(row: number): void {
    this.#add({ kind: 'discard', row }, PAGE_BYTES, -1);
  }

  use(row: number): void {
    this.#add({ kind: 'use', row }, PAGE_BYTES, 0);
  }

  /** Resolves once everything asked for so far is in the index, or will not be. */
  settled(): Promise<void> {
    const last = this.#open.changes.length > 0 ? this.#open.number : this.#open.number - 1;
    if (this.#isOver || (this.#onItsWay === null && this.#open.number > last)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#listeners.push({ number: last, tell: resolve });
      this.#send();
    });
  }

  /** The batch on its way was answered. */
  done(number: number, hasFailed: boolean): void {
    const batch = this.#onItsWay;
    this.#onItsWay = null;
    if (hasFailed && batch !== null) this.#repeat(batch);
    else for (const [key, changes] of this.#byKey) if (changes.batch <= number) this.#byKey.delete(key);
    const told = this.#listeners.filter((listener) => listener.number <= number);
    this.#listeners = this.#listeners.filter((listener) => listener.number > number);
    for (const { tell } of told) tell();
    if (hasFailed) this.#sendIn(REPEAT_MS);
    else if (this.#full.length > 0 || this.#listeners.length > 0) this.#send();
    else if (this.#open.changes.length > 0) this.#sendIn(GATHER_MS);
  }

  /** All of it is void. */
  clear(): void {
    this.#byKey.clear();
    this.#full = [];
    this.#open = new OpenBatch(this.#open.number);
    if (this.#onItsWay !== null) return;
    for (const { tell } of this.#listeners.splice(0)) tell();
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#isOver = true;
    this.#onItsWay = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.clear();
  }

  #touch(key: string): KeyChanges {
    let changes = this.#byKey.get(key);
    if (changes === undefined) {
      changes = { added: [], updated: new Map(), removed: new Set(), batch: 0 };
      this.#byKey.set(key, changes);
    }
    changes.batch = this.#open.number;
    return changes;
  }

  /** @param entries by how many more or fewer are stored then */
  #add(change: Change, bytes: number, entries: number): void {
    this.#open.add(change, bytes, entries);
    if (!this.#open.isLarge) {
      this.#sendIn(GATHER_MS);
      return;
    }
    this.#full.push(this.#open);
    this.#open = new OpenBatch(this.#open.number + 1);
    this.#send();
  }

  #sendIn(delayMs: number): void {
    if (this.#timer !== null || this.#onItsWay !== null || this.#isOver) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#send();
    }, delayMs);
  }

  #send(): void {
    if (this.#onItsWay !== null || this.#isOver) return;
    let batch = this.#full.shift();
    if (batch === undefined) {
      if (this.#open.changes.length === 0) return;
      batch = this.#open;
      this.#open = new OpenBatch(batch.number + 1);
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#onItsWay = batch;
    this.#post(batch.sealed());
  }

  /** What a failed batch would have removed or made stale is asked for again, before all that came later, and holds here until then. */
  #repeat(failed: OpenBatch): void {
    const again = new OpenBatch(failed.number);
    for (const change of failed.changes) {
      if (change.kind === 'put' || change.kind === 'use') continue;
      again.add(change, PAGE_BYTES, change.kind === 'update' ? 0 : -1);
    }
    if (again.changes.length > 0) this.#full.unshift(again);
    for (const [key, { added, updated, removed }] of this.#byKey) {
      for (let i = added.length - 1; i >= 0; i -= 1) if (added[i]!.batch <= failed.number) added.splice(i, 1);
      if (added.length + updated.size + removed.size === 0) this.#byKey.delete(key);
    }
  }
}

/** What is written together: as much as takes neither side long. */
class OpenBatch {
  readonly number: number;
  readonly changes: Change[] = [];
  bytes = 0;
  entries = 0;
  readonly #contents: Buffer[] = [];
  #contentBytes = 0;

  constructor(number: number) {
    this.number = number;
  }

  get isLarge(): boolean {
    return this.changes.length >= MANY || this.#contentBytes >= MUCH;
  }

  add(change: Change, bytes: number, entries: number): void {
    this.changes.push(change);
    this.bytes += bytes;
    this.entries += entries;
  }

  hand(content: Buffer): HandedContent {
    const at = this.#contentBytes;
    this.#contents.push(content);
    this.#contentBytes += content.length;
    return { at, length: content.length, sum: crc32(content) };
  }

  sealed(): Batch {
    const contents = new Uint8Array(this.#contentBytes);
    let at = 0;
    for (const content of this.#contents) {
      contents.set(content, at);
      at += content.length;
    }
    return { kind: 'batch', number: this.number, changes: this.changes, contents: contents.buffer };
  }
}

function filed(place: Place): FiledContent {
  return { place: encodePlace(place), bytesOnDisk: bytesOnDisk(place.length) };
}

/** What storing it may add to the files of the store. What goes into the index stands once in the log as well, for a while. */
function bytesOf(head: string, content: Buffer | Place): number {
  const isFiled = !Buffer.isBuffer(content);
  return 2 * (head.length + (isFiled ? 0 : content.length)) + (isFiled ? bytesOnDisk(content.length) : 0) + 4 * PAGE_BYTES;
}

const GATHER_MS = 10;
const REPEAT_MS = 1000;
const MANY = 64;
const MUCH = 262_144;
