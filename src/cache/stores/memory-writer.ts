// Owns content on its way into memory: counted from its first octet on, bounded, and there for those who read along until it is released.
import type { StoredResponse } from '../stored-response.ts';
import type { ContentWriter } from './cache-store.ts';
import { type Room, Slabs } from './slabs.ts';

/** What a writer needs of its store. */
export interface MemoryWriterStore {
  readonly maxObjectBytes: number;
  /** @returns false when there may not be this much more on its way */
  reserve(bytes: number): boolean;
  letGo(bytes: number): void;
  keep(stored: StoredResponse, content: Slabs, replaces: readonly StoredResponse[]): boolean;
  fill(stored: StoredResponse, content: Slabs): boolean;
  refused(): void;
}

export class MemoryWriter implements ContentWriter, Room {
  readonly #store: MemoryWriterStore;
  readonly #slabs: Slabs;
  #reservedBytes = 0;
  #isOver = false;

  constructor(expectedLength: number | null, store: MemoryWriterStore) {
    this.#store = store;
    this.#slabs = new Slabs(expectedLength, this);
  }

  /** For its slabs. */
  mayAllocate(bytes: number): boolean {
    const isReserved = this.#store.reserve(bytes);
    if (isReserved) this.#reservedBytes += bytes;
    return isReserved;
  }

  get written(): number {
    return this.#slabs.length;
  }

  write(bytes: Buffer): boolean {
    if (this.#isOver) return false;
    if (this.#slabs.length + bytes.length <= this.#store.maxObjectBytes && this.#slabs.append(bytes)) return true;
    this.#isOver = true;
    this.#store.refused();
    return false;
  }

  /** Copying is all there is to do. */
  ready(): null {
    return null;
  }

  read(from: number, length: number): Buffer {
    return this.#slabs.read(from, length);
  }

  commit(stored: StoredResponse, replaces: readonly StoredResponse[]): boolean {
    return this.#isWhole(stored) && this.#store.keep(stored, this.#slabs, replaces);
  }

  /** The content is that of a response which is known already, by its head alone. @returns whether it is kept here now */
  fill(stored: StoredResponse): boolean {
    return this.#isWhole(stored) && this.#store.fill(stored, this.#slabs);
  }

  abandon(): void {
    this.#isOver = true;
  }

  release(): void {
    this.#letGo();
  }

  /** It is over, and counts from here on as what is stored, or not at all. */
  #isWhole({ extent }: StoredResponse): boolean {
    const isWhole = !this.#isOver && extent.length === this.#slabs.length;
    this.#isOver = true;
    if (isWhole) this.#letGo();
    return isWhole;
  }

  #letGo(): void {
    if (this.#reservedBytes === 0) return;
    this.#store.letGo(this.#reservedBytes);
    this.#reservedBytes = 0;
  }
}
