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
  #waiting: Change[] = [];
  #contents: Buffer[] = [];
  #contentBytes = 0;
  /** Of what waits, and of what is on its way. */
  #waitingBytes = 0;
  #sentBytes = 0;
  #waitingEntries = 0;
  #sentEntries = 0;
  #number = 1;
  #onItsWay: Change[] | null = null;
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
    return this.#waitingBytes + this.#sentBytes;
  }

  get entries(): number {
    return this.#waitingEntries + this.#sentEntries;
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
    this.#waitingEntries += 1;
    this.#touch(stored.key).added.unshift({ stored, content, batch: this.#number });
    const put = { kind: 'put', keyHash: hashOfKey(stored.key), responseId: stored.id, head } as const;
    const bytes = bytesOf(head, content);
    this.#add({ ...put, content: Buffer.isBuffer(content) ? this.#hand(content) : filed(content), bytes }, bytes);
  }

  /** @param exists whether it is stored, as far as is known */
  update(stored: StoredResponse, exists: boolean): void {
    if (!exists) return;
    const changes = this.#touch(stored.key);
    const added = changes.added.find((one) => one.stored.id === stored.id);
    if (added === undefined) changes.updated.set(stored.id, stored);
    else added.stored = stored;
    this.#add({ kind: 'update', keyHash: hashOfKey(stored.key), responseId: stored.id, head: encodeHead(stored) }, PAGE_BYTES);
  }

  remove({ key, id }: StoredResponse, exists: boolean): void {
    if (!exists) return;
    const changes = this.#touch(key);
    const at = changes.added.findIndex(({ stored }) => stored.id === id);
    if (at !== -1) changes.added.splice(at, 1);
    changes.updated.delete(id);
    changes.removed.add(id);
    this.#waitingEntries -= 1;
    this.#add({ kind: 'remove', keyHash: hashOfKey(key), responseId: id }, PAGE_BYTES);
  }

  discard(row: number): void {
    this.#waitingEntries -= 1;
    this.#add({ kind: 'discard', row }, PAGE_BYTES);
  }

  use(row: number): void {
    this.#add({ kind: 'use', row }, PAGE_BYTES);
  }

  /** Resolves once everything asked for so far is in the index, or will not be. */
  settled(): Promise<void> {
    if (this.#isOver || (this.#waiting.length === 0 && this.#onItsWay === null)) return Promise.resolve();
    return new Promise((resolve) => {
      const number = this.#waiting.length > 0 ? this.#number : this.#number - 1;
      this.#listeners.push({ number, tell: resolve });
      this.#send();
    });
  }

  /** The batch on its way was answered. */
  done(number: number, hasFailed: boolean): void {
    const changes = this.#onItsWay ?? [];
    this.#onItsWay = null;
    this.#sentBytes = 0;
    this.#sentEntries = 0;
    if (hasFailed) this.#repeat(changes, number);
    for (const [key, { batch }] of this.#byKey) if (batch <= number) this.#byKey.delete(key);
    const told = this.#listeners.filter((listener) => listener.number <= number);
    this.#listeners = this.#listeners.filter((listener) => listener.number > number);
    for (const { tell } of told) tell();
    if (this.#waiting.length > 0) this.#sendIn(hasFailed ? REPEAT_MS : this.#listeners.length > 0 ? 0 : GATHER_MS);
  }

  /** All of it is void. */
  clear(): void {
    this.#byKey.clear();
    this.#waiting = [];
    this.#contents = [];
    this.#contentBytes = 0;
    this.#waitingBytes = 0;
    this.#waitingEntries = 0;
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
    changes.batch = this.#number;
    return changes;
  }

  #add(change: Change, bytes: number): void {
    this.#waiting.push(change);
    this.#waitingBytes += bytes;
    if (this.#waiting.length >= MANY || this.#contentBytes >= MUCH) this.#send();
    else this.#sendIn(GATHER_MS);
  }

  #hand(content: Buffer): HandedContent {
    const at = this.#contentBytes;
    this.#contents.push(content);
    this.#contentBytes += content.length;
    return { at, length: content.length, sum: crc32(content) };
  }

  #sendIn(delayMs: number): void {
    if (this.#timer !== null || this.#onItsWay !== null || this.#isOver) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#send();
    }, delayMs);
  }

  #send(): void {
    if (this.#onItsWay !== null || this.#waiting.length === 0 || this.#isOver) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const changes = this.#waiting;
    const contents = new ArrayBuffer(this.#contentBytes);
    let at = 0;
    for (const content of this.#contents) {
      content.copy(new Uint8Array(contents, at));
      at += content.length;
    }
    this.#onItsWay = changes;
    this.#sentBytes = this.#waitingBytes;
    this.#sentEntries = this.#waitingEntries;
    this.#waiting = [];
    this.#contents = [];
    this.#contentBytes = 0;
    this.#waitingBytes = 0;
    this.#waitingEntries = 0;
    this.#post({ kind: 'batch', number: this.#number, changes, contents });
    this.#number += 1;
  }

  /** What a failed batch would have removed or made stale is asked for again, before everything else, and holds here until then. */
  #repeat(changes: readonly Change[], number: number): void {
    const again = changes.filter(({ kind }) => kind !== 'put' && kind !== 'use');
    this.#waiting.unshift(...again);
    this.#waitingEntries -= again.filter(({ kind }) => kind !== 'update').length;
    this.#waitingBytes += again.length * PAGE_BYTES;
    for (const of of this.#byKey.values()) {
      for (let i = of.added.length - 1; i >= 0; i -= 1) if (of.added[i]!.batch <= number) of.added.splice(i, 1);
      if (of.batch <= number) of.batch = this.#number;
    }
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
const MANY = 128;
const MUCH = 262_144;
