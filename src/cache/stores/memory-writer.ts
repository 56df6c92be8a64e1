// Owns content on its way into memory: counted from its first octet on, bounded, and there for those who read along until it is released.
import type { StoredResponse } from '../stored-response.ts';
import type { ContentWriter } from './cache-store.ts';
import { Slabs } from './slabs.ts';

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

export class MemoryWriter implements ContentWriter {
  readonly #store: MemoryWriterStore;
  readonly #slabs: Slabs;
  #reservedBytes = 0;
  #isOver = false;

  constructor(expectedLength: number | null, store: MemoryWriterStore) {
    this.#store = store;
    this.#slabs = new Slabs(expectedLength, (bytes) => {
      const mayAllocate = store.reserve(bytes);
      if (mayAllocate) this.#reservedBytes += bytes;
      return mayAllocate;
    });
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
    return this.#finish(stored, (content) => this.#store.keep(stored, content, replaces));
  }

  /** The content is that of a response which is known already, by its head alone. @returns whether it is kept here now */
  fill(stored: StoredResponse): boolean {
    return this.#finish(stored, (content) => this.#store.fill(stored, content));
  }

  abandon(): void {
    this.#isOver = true;
  }

  release(): void {
    this.#letGo();
  }

  #finish({ extent }: StoredResponse, keep: (content: Slabs) => boolean): boolean {
    const isWhole = !this.#isOver && extent.length === this.#slabs.length;
    this.#isOver = true;
    if (!isWhole) return false;
    // From here on it counts as what is stored, or not at all.
    this.#letGo();
    return keep(this.#slabs);
  }

  #letGo(): void {
    this.#store.letGo(this.#reservedBytes);
    this.#reservedBytes = 0;
  }
}
