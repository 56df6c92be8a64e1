// Owns two stores as one: everything lies on the disk, and what is used in memory too. The disk is the truth: it takes part in every change, and what
// memory holds beside it is a copy, or what the disk could not take. To leave memory is all there is to demotion; to be promoted, content that is read
// from the disk is kept in passing once it is asked for more often than what would have to go (admission.ts).
// Memory answers for a key alone only where it knows everything of it. Where a change and an answer of the disk cross, memory learns nothing.
import type { Body } from '../../http/message.ts';
import type { StoredResponse } from '../stored-response.ts';
import type { CacheStore, ContentWriter, Soon, StoreStats, TierStats } from './cache-store.ts';
import type { MemoryStore } from './memory.ts';
import type { MemoryWriter } from './memory-writer.ts';
import { PromotedBody } from './promoted-body.ts';
import { type Committed, TieredWriter } from './tiered-writer.ts';

/** @param disk `null` where everything is in memory */
export function createTieredStore(memory: MemoryStore, disk: CacheStore | null): CacheStore {
  if (disk === null) return memory;
  return memory.stats().maxBytes === 0 ? disk : new TieredStore(memory, disk);
}

class TieredStore implements CacheStore {
  readonly #memory: MemoryStore;
  readonly #disk: CacheStore;
  /** Finds that the disk has yet to answer, unless their key has changed since. */
  readonly #asked = new Map<string, Promise<readonly StoredResponse[]>>();
  /** Ids of what is being promoted. */
  readonly #promoting = new Set<string>();
  /** How many finds memory has answered alone. */
  #answered = 0;

  readonly #committed: Committed = (stored, replaces, isOnDisk, writer) => this.#commit(stored, replaces, isOnDisk, writer);

  constructor(memory: MemoryStore, disk: CacheStore) {
    this.#memory = memory;
    this.#disk = disk;
  }

  find(key: string): Soon<readonly StoredResponse[]> {
    const known = this.#memory.known(key);
    if (known !== null) {
      this.#answered += 1;
      // The disk need not know how often, and what is asked for often is among them before long.
      if (this.#answered % TOLD_EVERY === 0) this.#disk.used?.(key);
      return known;
    }
    // Nearly always nothing is: then the key is not made ready for a Map, which costs more than all of the rest (key-hash.ts).
    const asked = this.#asked.size === 0 ? undefined : this.#asked.get(key);
    if (asked !== undefined) return asked;
    const onDisk = this.#disk.find(key);
    return onDisk instanceof Promise ? this.#await(key, onDisk) : this.#memory.learn(key, onDisk);
  }

  open(stored: StoredResponse, first: number, length: number): Soon<Body | null> {
    const inMemory = this.#memory.open(stored, first, length);
    if (inMemory !== null || first + length > stored.extent.length) return inMemory;
    const isWhole = first === 0 && length === stored.extent.length;
    const onDisk = this.#disk.open(stored, first, length);
    return onDisk instanceof Promise ? onDisk.then((body) => this.#opened(stored, body, isWhole)) : this.#opened(stored, onDisk, isWhole);
  }

  create(expectedLength: number | null): ContentWriter | null {
    const inMemory = this.#memory.create(expectedLength);
    const onDisk = this.#disk.create(expectedLength);
    if (inMemory === null && onDisk === null) return null;
    return new TieredWriter(expectedLength, inMemory, onDisk, this.#committed);
  }

  update(stored: StoredResponse): void {
    this.#asked.delete(stored.key);
    this.#memory.update(stored);
    this.#disk.update(stored);
  }

  remove(stored: StoredResponse): void {
    this.#asked.delete(stored.key);
    this.#memory.remove(stored);
    this.#disk.remove(stored);
  }

  catchUp(): boolean {
    return this.#disk.catchUp?.() ?? false;
  }

  forget(key: string): void {
    this.#asked.delete(key);
    this.#memory.forget(key);
  }

  written(isUrgent: boolean): Promise<void> {
    return this.#disk.written?.(isUrgent) ?? Promise.resolve();
  }

  async purge(picks: (stored: StoredResponse) => boolean): Promise<number> {
    const gone = new Set<string>();
    const inMemory = await this.#memory.purge((stored) => picks(stored) && gone.add(stored.id) !== undefined);
    let both = 0;
    const onDisk = await this.#disk.purge((stored) => {
      const isPicked = picks(stored);
      if (isPicked && gone.has(stored.id)) both += 1;
      return isPicked;
    });
    // Meanwhile memory may have learned of what was about to go.
    this.#asked.clear();
    for await (const stored of this.#memory.list()) if (picks(stored)) this.#memory.forget(stored.key);
    return inMemory + onDisk - both;
  }

  /** What is on the disk, then what memory alone has. */
  async *list(): AsyncGenerator<StoredResponse> {
    const inMemory = new Map<string, StoredResponse>();
    for await (const stored of this.#memory.list()) if (this.#memory.holds(stored)) inMemory.set(stored.id, stored);
    for await (const stored of this.#disk.list()) {
      inMemory.delete(stored.id);
      yield stored;
    }
    yield* inMemory.values();
  }

  /** Of the disk; octets are those of both. */
  stats(): StoreStats {
    const memory = this.#memory.stats();
    const disk = this.#disk.stats();
    const tiers = { memory: tierOf(memory), disk: tierOf(disk) };
    return { ...disk, bytes: memory.bytes + disk.bytes, maxBytes: memory.maxBytes + disk.maxBytes, tiers };
  }

  async close(): Promise<void> {
    this.#asked.clear();
    await Promise.all([this.#memory.close(), this.#disk.close()]);
  }

  #await(key: string, onDisk: Promise<readonly StoredResponse[]>): Promise<readonly StoredResponse[]> {
    const answer = onDisk.then((elsewhere) => {
      if (this.#asked.get(key) !== answer) return elsewhere;
      this.#asked.delete(key);
      return this.#memory.learn(key, elsewhere);
    });
    this.#asked.set(key, answer);
    return answer;
  }

  #opened(stored: StoredResponse, body: Body | null, isWhole: boolean): Body | null {
    if (body === null) {
      // Gone, damaged, or out of reach for now: only the disk can tell what there still is.
      this.#memory.forget(stored.key);
      return null;
    }
    if (!isWhole || this.#promoting.has(stored.id) || !this.#memory.isWorthHolding(stored)) return body;
    return new PromotedBody(body, {
      begin: () => {
        this.#promoting.add(stored.id);
        return this.#memory.create(stored.extent.length);
      },
      finish: (writer) => writer.fill(stored),
      end: () => this.#promoting.delete(stored.id),
    });
  }

  #commit(stored: StoredResponse, replaces: readonly StoredResponse[], isOnDisk: boolean, writer: MemoryWriter | null): boolean {
    const isInMemory = writer?.commit(stored, replaces) ?? false;
    if (!isOnDisk && !isInMemory) return false;
    if (this.#asked.size > 0) this.#asked.delete(stored.key);
    if (!isInMemory) this.#memory.note(stored, replaces);
    // What it replaces may not come back from the disk.
    if (!isOnDisk) for (const one of replaces) this.#disk.remove(one);
    return true;
  }
}

const TOLD_EVERY = 16;

function tierOf({ entries, bytes, maxBytes }: StoreStats): TierStats {
  return { entries, bytes, maxBytes };
}
