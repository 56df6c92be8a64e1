// Owns responses kept in memory, bounded by what they really take there: content, fields, keys and the objects that hold them (kept-response.ts).
// Who stays is decided in admission.ts, by the key: all variants of a key stay or go together. Finding and opening happen at once.
// What nobody has asked for since it was stored lies packed, beside the heap (packed-responses.ts): to store is to copy, and leaves no objects behind.
// Over a disk (tiered.ts) it also keeps heads without content, so that what lies on the disk is found without asking the disk.
import type { Body } from '../../http/message.ts';
import { hashOf } from '../key-hash.ts';
import { MEMORY_STORE_DEFAULTS, type MemoryStoreOptions } from '../options.ts';
import type { StoredResponse } from '../stored-response.ts';
import { AdmittingCache, Member } from './admission.ts';
import type { CacheStore, StoreStats } from './cache-store.ts';
import { KeptResponse } from './kept-response.ts';
import { MemoryWriter, type MemoryWriterStore } from './memory-writer.ts';
import { PackedResponses } from './packed-responses.ts';
import { openContent, type Slabs } from './slabs.ts';

export class MemoryStore implements CacheStore {
  readonly #options: MemoryStoreOptions;
  readonly #shelves: AdmittingCache<Shelf>;
  readonly #packed = new PackedResponses();
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
    this.#shelves = new AdmittingCache(maxBytes, (shelf) => {
      const count = countOf(shelf);
      this.#entries -= count;
      this.#evictions += count;
      this.#clear(shelf);
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
    return this.#find(key)?.responses ?? NOTHING;
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
    this.#replace(stored, (old) => KeptResponse.of(stored, KeptResponse.contentOf(old)));
  }

  remove(stored: StoredResponse): void {
    const shelf = this.#peek(stored.key);
    if (shelf !== undefined) this.#drop(shelf, ({ id }) => id === stored.id);
  }

  async purge(picks: (stored: StoredResponse) => boolean): Promise<number> {
    let gone = 0;
    let looked = 0;
    for (const shelf of this.#shelves.members()) {
      gone += this.#drop(shelf, picks);
      looked += 1;
      // Each has to be unpacked to be looked at: meanwhile others are served.
      if (looked % LOOKED_AT_ONCE === 0) await new Promise(setImmediate);
    }
    return gone;
  }

  async *list(): AsyncGenerator<StoredResponse> {
    for (const shelf of this.#shelves.members()) if (shelf.segment !== null) yield* this.#headsOf(shelf);
  }

  stats(): StoreStats {
    const memory = { entries: this.#entries, bytes: this.#shelves.bytes + this.#arrivingBytes, maxBytes: this.#options.maxBytes };
    return {
      ...memory,
      tiers: { memory, disk: null },
      evictions: this.#evictions,
      refusals: this.#refusals,
      damaged: 0,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const shelf of this.#shelves.members()) this.#arrange(shelf, NOTHING);
  }

  // What follows is for a store that keeps everything elsewhere, and here what is used.

  /** Everything stored under a key, here or elsewhere; `null` when that is not known here. Counts as asking for it. */
  known(key: string): readonly StoredResponse[] | null {
    const shelf = this.#find(key);
    return shelf?.isAll === true ? shelf.responses : null;
  }

  /** Takes in what is stored under a key elsewhere. @returns that, and what is stored here alone */
  learn(key: string, elsewhere: readonly StoredResponse[]): readonly StoredResponse[] {
    const there = this.#peek(key);
    // As with most of what is asked for the first time.
    if (there === undefined && elsewhere.length === 0) return NOTHING;
    const shelf = there ?? new Shelf(hashOf(key));
    const here = new Map(this.#responsesOf(shelf).map((kept) => [kept.id, kept]));
    const heads = elsewhere.map((stored) => here.get(stored.id) ?? KeptResponse.of(stored, null));
    for (const { id } of elsewhere) here.delete(id);
    const all = [...[...here.values()].filter((kept) => KeptResponse.contentOf(kept) !== null), ...heads];
    shelf.isAll = true;
    if (!this.#isClosed && (all.length > 0 || here.size > 0)) this.#arrange(shelf, all);
    return all;
  }

  /** Something has been stored elsewhere alone. */
  note(stored: StoredResponse, replaces: readonly StoredResponse[]): void {
    for (const one of replaces) this.remove(one);
    if (this.#peek(stored.key)?.isAll === true) this.#keep(stored, null, []);
  }

  /** Whether the content is here. */
  holds(stored: StoredResponse): boolean {
    const kept = this.#keptOf(stored);
    return kept !== undefined && KeptResponse.contentOf(kept) !== null;
  }

  /** Whether content that lies elsewhere is used often enough to have it here. */
  isWorthHolding(stored: StoredResponse): boolean {
    const shelf = this.#peek(stored.key);
    const { length } = stored.extent;
    return shelf !== undefined && length <= this.#options.maxObjectBytes && this.#shelves.isWorth(shelf.hash, shelf.bytes + length);
  }

  /** What is stored under a key is not known here any more. */
  forget(key: string): void {
    const shelf = this.#peek(key);
    if (shelf !== undefined) this.#arrange(shelf, NOTHING);
  }

  /** What is found is unpacked from now on, and the same object each time. */
  #find(key: string): Shelf | undefined {
    const shelf = this.#shelves.find(hashOf(key));
    if (shelf === undefined) return undefined;
    if (shelf.responses === null) this.#arrange(shelf, this.#responsesOf(shelf));
    return this.#isOf(shelf, key) ? shelf : undefined;
  }

  /** What is there, for whoever does not use it. */
  #peek(key: string): Shelf | undefined {
    const shelf = this.#shelves.peek(hashOf(key));
    return shelf !== undefined && this.#isOf(shelf, key) ? shelf : undefined;
  }

  /** Keys may share a hash, and then one shelf after the other. */
  #isOf({ responses, record }: Shelf, key: string): boolean {
    return responses === null ? this.#packed.keyOf(record) === key : responses[0]?.key === key;
  }

  #keptOf(stored: StoredResponse): KeptResponse | undefined {
    const shelf = this.#peek(stored.key);
    if (shelf !== undefined) for (const kept of this.#responsesOf(shelf)) if (kept.id === stored.id) return kept;
    return undefined;
  }

  #responsesOf(shelf: Shelf): readonly KeptResponse[] {
    return shelf.responses ?? [this.#packed.unpack(shelf.record)];
  }

  /** Without their content, where that is packed. */
  #headsOf(shelf: Shelf): readonly KeptResponse[] {
    return shelf.responses ?? [this.#packed.unpackHead(shelf.record)];
  }

  #keep(stored: StoredResponse, content: Slabs | null, replaces: readonly StoredResponse[]): boolean {
    for (let i = 0; i < replaces.length; i += 1) if (replaces[i]!.key !== stored.key) this.remove(replaces[i]!);
    const there = this.#peek(stored.key);
    const others = there === undefined ? NOTHING : this.#othersThan(there, stored, replaces);
    const shelf = there ?? new Shelf(hashOf(stored.key));
    const record = others.length === 0 ? this.#packed.pack(stored, content) : null;
    if (record === null) return this.#arrange(shelf, [KeptResponse.of(stored, content?.content() ?? null), ...others]);
    this.#entries += 1 - countOf(shelf);
    this.#clear(shelf);
    shelf.responses = null;
    shelf.record = record;
    return this.#put(shelf);
  }

  /** What stays of a shelf beside what takes the place of some. */
  #othersThan(shelf: Shelf, stored: StoredResponse, replaces: readonly StoredResponse[]): readonly KeptResponse[] {
    const isReplaced = ({ id }: StoredResponse) => id === stored.id || replaces.some((one) => one.id === id);
    return this.#responsesOf(shelf).filter((kept) => !isReplaced(kept));
  }

  /** Gives a response that was known by its head alone its content, if it still is. */
  #fill(stored: StoredResponse, content: Slabs): boolean {
    return this.#replace(stored, (old) => (old.extent.length === stored.extent.length ? KeptResponse.of(old, content.content()) : null));
  }

  /** Puts another in the place of the response of that id, if there still is one. */
  #replace({ key, id }: StoredResponse, by: (old: KeptResponse) => KeptResponse | null): boolean {
    const shelf = this.#peek(key);
    if (shelf === undefined) return false;
    const responses = this.#responsesOf(shelf);
    const at = responses.findIndex((kept) => kept.id === id);
    const other = at === -1 ? null : by(responses[at]!);
    return other !== null && this.#arrange(shelf, responses.with(at, other));
  }

  /** @returns how many */
  #drop(shelf: Shelf, isGone: (kept: StoredResponse) => boolean): number {
    if (shelf.segment === null) return 0;
    const all = this.#headsOf(shelf);
    const left = all.filter((kept) => !isGone(kept));
    // Of what is packed all is gone, or nothing.
    if (left.length < all.length) this.#arrange(shelf, left);
    return all.length - left.length;
  }

  #clear(shelf: Shelf): void {
    if (shelf.responses === null) this.#packed.remove(shelf.record);
    shelf.responses = NOTHING;
  }

  /** The list is never changed, only replaced: who has found something may still be looking at it. */
  #arrange(shelf: Shelf, responses: readonly KeptResponse[]): boolean {
    const kept = this.#withinBounds(responses);
    if (kept.length < responses.length) {
      shelf.isAll = false;
      this.#evictions += responses.length - kept.length;
    }
    this.#entries += kept.length - countOf(shelf);
    this.#clear(shelf);
    shelf.responses = kept;
    if (kept.length > 0) return this.#put(shelf);
    this.#shelves.delete(shelf);
    return false;
  }

  #put(shelf: Shelf): boolean {
    const { responses, record } = shelf;
    const bytes =
      responses === null ? this.#packed.bytesOf(record) : responses.reduce((sum, kept) => sum + KeptResponse.bytesOf(kept), UNPACKED_BYTES);
    return this.#shelves.put(shelf, SHELF_BYTES + bytes);
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
class Shelf extends Member<Shelf> {
  /** `null` while its one response is packed. */
  responses: readonly KeptResponse[] | null = NOTHING;
  /** Where it is packed. */
  record = NO_RECORD;
  /** Nothing else is stored under the key, elsewhere neither. */
  isAll = false;
}

function countOf({ responses }: Shelf): number {
  return responses === null ? 1 : responses.length;
}

const NO_ROOM: MemoryStoreOptions = { maxBytes: 0, maxObjectBytes: 0 };
const NOTHING: readonly never[] = Object.freeze([]);
const NO_RECORD = -1;
/** Less than a millisecond. */
const LOOKED_AT_ONCE = 256;
const MAX_VARIANTS = 64;
// Of the whole: what may be on its way at once, and what one key may take.
const MAX_SHARE = 1 / 4;
// Measured, as are those in kept-response.ts. The shelf and its place in a table: half of it lies there, as much waits for the collector when many come
// and go. Once it is unpacked, another place and a list.
const SHELF_BYTES = 280;
const UNPACKED_BYTES = 100;
