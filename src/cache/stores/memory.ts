// Owns responses kept in memory, bounded by what they really take there: content, fields, keys and the objects that hold them (kept-response.ts).
// Who stays is decided in admission.ts, by the key: all variants of a key stay or go together. Finding and opening happen at once.
// Over a disk (tiered.ts) it also keeps heads without content, so that what lies on the disk is found without asking the disk.
import { randomInt } from 'node:crypto';
import type { Body } from '../../http/message.ts';
import { MEMORY_STORE_DEFAULTS, type MemoryStoreOptions } from '../options.ts';
import type { StoredResponse } from '../stored-response.ts';
import { AdmittingCache, Member } from './admission.ts';
import type { CacheStore, StoreStats } from './cache-store.ts';
import { KeptResponse, ownText, textBytes } from './kept-response.ts';
import { MemoryWriter, type MemoryWriterStore } from './memory-writer.ts';
import { type Content, openContent } from './slabs.ts';

export class MemoryStore implements CacheStore {
  readonly #options: MemoryStoreOptions;
  readonly #shelves: AdmittingCache<Shelf>;
  readonly #writers: MemoryWriterStore;
  #entries = 0;
  #evictions = 0;
  #refusals = 0;
  /** Of content that is on its way, or read along. */
  #arrivingBytes = 0;
  #isClosed = false;

  /** @param options `null` keeps nothing */
  constructor(options: MemoryStoreOptions | null = MEMORY_STORE_DEFAULTS) {
    const { maxBytes, maxObjectBytes } = options ?? NO_ROOM;
    this.#options = { maxBytes, maxObjectBytes };
    this.#shelves = new AdmittingCache(maxBytes, randomInt(2 ** 32), ({ responses }) => {
      this.#entries -= responses.length;
      this.#evictions += responses.length;
    });
    this.#writers = {
      maxObjectBytes,
      reserve: (bytes) => this.#mayArrive(bytes) && this.#arrive(bytes),
      letGo: (bytes) => this.#arrive(-bytes),
      keep: (stored, content, replaces) => !this.#isClosed && this.#keep(stored, content, replaces),
      fill: (stored, content) => this.#fill(stored, content),
      refused: () => {
        this.#refusals += 1;
      },
    };
  }

  find(key: string): readonly StoredResponse[] {
    return this.#shelves.find(key)?.responses ?? NOTHING;
  }

  open(stored: StoredResponse, first: number, length: number): Body | null {
    const kept = this.#keptOf(stored);
    if (kept === undefined || first + length > kept.extent.length) return null;
    const content = KeptResponse.contentOf(kept);
    return content === null ? null : openContent(content, first, length);
  }

  create(expectedLength: number | null): MemoryWriter | null {
    const expected = expectedLength ?? 0;
    if (!this.#isClosed && expected <= this.#options.maxObjectBytes && this.#mayArrive(expected)) {
      return new MemoryWriter(expectedLength, this.#writers);
    }
    this.#refusals += 1;
    return null;
  }

  update(stored: StoredResponse): void {
    const shelf = this.#shelves.peek(stored.key);
    const old = this.#keptOf(stored);
    if (shelf === undefined || old === undefined) return;
    const updated = new KeptResponse(stored, shelf.key, KeptResponse.contentOf(old));
    this.#arrange(shelf, replaced(shelf.responses, old, updated));
  }

  remove(stored: StoredResponse): void {
    const shelf = this.#shelves.peek(stored.key);
    if (shelf !== undefined) this.#drop(shelf, ({ id }) => id === stored.id);
  }

  purge(picks: (stored: StoredResponse) => boolean): Promise<number> {
    const before = this.#entries;
    for (const shelf of this.#shelves.members()) this.#drop(shelf, picks);
    return Promise.resolve(before - this.#entries);
  }

  async *list(): AsyncGenerator<StoredResponse> {
    for (const shelf of this.#shelves.members()) if (shelf.segment !== null) yield* shelf.responses;
  }

  stats(): StoreStats {
    return {
      entries: this.#entries,
      bytes: this.#shelves.bytes + this.#arrivingBytes,
      maxBytes: this.#options.maxBytes,
      evictions: this.#evictions,
      refusals: this.#refusals,
      damaged: 0,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.purge(() => true);
  }

  // What follows is for a store that keeps everything elsewhere, and here what is used.

  /** Everything stored under a key, here or elsewhere; `null` when that is not known here. Counts as asking for it. */
  known(key: string): readonly StoredResponse[] | null {
    const shelf = this.#shelves.find(key);
    return shelf?.isAll === true ? shelf.responses : null;
  }

  /** Takes in what is stored under a key elsewhere. @returns that, and what is stored here alone */
  learn(key: string, elsewhere: readonly StoredResponse[]): readonly StoredResponse[] {
    const shelf = this.#shelves.peek(key) ?? this.#newShelf(key);
    const here = new Map(shelf.responses.map((kept) => [kept.id, kept]));
    const heads = elsewhere.map((stored) => here.get(stored.id) ?? new KeptResponse(stored, shelf.key, null));
    for (const { id } of elsewhere) here.delete(id);
    const all = [...[...here.values()].filter((kept) => KeptResponse.contentOf(kept) !== null), ...heads];
    shelf.isAll = true;
    if (!this.#isClosed && (all.length > 0 || here.size > 0)) this.#arrange(shelf, all);
    return all;
  }

  /** Something has been stored elsewhere alone. */
  note(stored: StoredResponse, replaces: readonly StoredResponse[]): void {
    for (const one of replaces) this.remove(one);
    if (this.#shelves.peek(stored.key)?.isAll === true) this.#keep(stored, null, []);
  }

  /** Whether the content is here. */
  holds(stored: StoredResponse): boolean {
    const kept = this.#keptOf(stored);
    return kept !== undefined && KeptResponse.contentOf(kept) !== null;
  }

  /** Whether content that lies elsewhere is used often enough to have it here. */
  isWorthHolding(stored: StoredResponse): boolean {
    const shelf = this.#shelves.peek(stored.key);
    const { length } = stored.extent;
    return shelf !== undefined && length <= this.#options.maxObjectBytes && this.#shelves.isWorth(shelf.hash, shelf.bytes + length);
  }

  /** What is stored under a key is not known here any more. */
  forget(key: string): void {
    const shelf = this.#shelves.peek(key);
    if (shelf !== undefined) this.#arrange(shelf, []);
  }

  #keptOf(stored: StoredResponse): KeptResponse | undefined {
    return this.#shelves.peek(stored.key)?.responses.find(({ id }) => id === stored.id);
  }

  #newShelf(key: string): Shelf {
    return new Shelf(ownText(key), this.#shelves.hash(key));
  }

  #keep(stored: StoredResponse, content: Content | null, replaces: readonly StoredResponse[]): boolean {
    for (const one of replaces) if (one.key !== stored.key) this.remove(one);
    const shelf = this.#shelves.peek(stored.key) ?? this.#newShelf(stored.key);
    const isReplaced = ({ id }: StoredResponse) => id === stored.id || replaces.some((one) => one.id === id);
    const others = shelf.responses.filter((kept) => !isReplaced(kept));
    return this.#arrange(shelf, [new KeptResponse(stored, shelf.key, content), ...others]);
  }

  /** Gives a response that was known by its head alone its content, if it still is. */
  #fill(stored: StoredResponse, content: Content): boolean {
    const shelf = this.#shelves.peek(stored.key);
    const old = this.#keptOf(stored);
    if (shelf === undefined || old === undefined || old.extent.length !== stored.extent.length) return false;
    return this.#arrange(shelf, replaced(shelf.responses, old, new KeptResponse(old, shelf.key, content)));
  }

  #drop(shelf: Shelf, isGone: (kept: KeptResponse) => boolean): void {
    const left = shelf.responses.filter((kept) => !isGone(kept));
    if (shelf.segment !== null && left.length < shelf.responses.length) this.#arrange(shelf, left);
  }

  /** The list is never changed, only replaced: who has found something may still be looking at it. */
  #arrange(shelf: Shelf, responses: readonly KeptResponse[]): boolean {
    const kept = this.#withinBounds(responses);
    if (kept.length < responses.length) {
      shelf.isAll = false;
      this.#evictions += responses.length - kept.length;
    }
    this.#entries += kept.length - shelf.responses.length;
    shelf.responses = kept;
    if (kept.length > 0) return this.#shelves.put(shelf, shelfBytes(shelf));
    this.#shelves.delete(shelf);
    return false;
  }

  /** Without the oldest of more variants than one key may have: each of them is looked at for each request. */
  #withinBounds(responses: readonly KeptResponse[]): readonly KeptResponse[] {
    let count = 0;
    let bytes = 0;
    for (const kept of responses) {
      bytes += KeptResponse.bytesOf(kept);
      if (count > 0 && (count === MAX_VARIANTS || bytes > this.#options.maxBytes * MAX_SHARE)) return responses.slice(0, count);
      count += 1;
    }
    return responses;
  }

  #mayArrive(bytes: number): boolean {
    return !this.#isClosed && this.#arrivingBytes + bytes <= this.#options.maxBytes * MAX_SHARE;
  }

  #arrive(bytes: number): true {
    this.#arrivingBytes += bytes;
    this.#shelves.reserve(this.#arrivingBytes);
    return true;
  }
}

/** The variants of one key, the latest first. */
class Shelf extends Member {
  responses: readonly KeptResponse[] = NOTHING;
  /** Nothing else is stored under the key, elsewhere neither. */
  isAll = false;
}

function replaced(all: readonly KeptResponse[], old: KeptResponse, by: KeptResponse): readonly KeptResponse[] {
  return all.map((kept) => (kept === old ? by : kept));
}

function shelfBytes({ key, responses }: Shelf): number {
  return responses.reduce((sum, kept) => sum + KeptResponse.bytesOf(kept), SHELF_BYTES + textBytes(key));
}

const NO_ROOM: MemoryStoreOptions = { maxBytes: 0, maxObjectBytes: 0 };
const NOTHING: readonly never[] = Object.freeze([]);
const MAX_VARIANTS = 64;
// Of the whole: what may be on its way at once, and what one key may take.
const MAX_SHARE = 1 / 4;
// Measured, as are those in kept-response.ts: the shelf, its list, and its place in an `LRUCache`.
const SHELF_BYTES = 280;
