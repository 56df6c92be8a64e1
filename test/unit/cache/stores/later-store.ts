// A store whose every answer takes a turn of the event loop, as a disk's does, and which may be told to refuse.

import type { StoredResponse } from '../../../../src/cache/stored-response.ts';
import type { CacheStore, ContentWriter, StoreStats } from '../../../../src/cache/stores/cache-store.ts';
import type { Body } from '../../../../src/http/message.ts';

export class LaterStore implements CacheStore {
  readonly #store: CacheStore;
  /** How often each was asked. */
  readonly calls = { find: 0, open: 0 };
  isRefusing = false;

  constructor(store: CacheStore) {
    this.#store = store;
  }

  async find(key: string): Promise<readonly StoredResponse[]> {
    this.calls.find += 1;
    // What is there when the question comes is the answer, however long that takes.
    const found = await this.#store.find(key);
    await turn();
    return found;
  }

  async open(stored: StoredResponse, first: number, length: number): Promise<Body | null> {
    this.calls.open += 1;
    const body = await this.#store.open(stored, first, length);
    await turn();
    return body;
  }

  create(expectedLength: number | null): ContentWriter | null {
    const writer = this.isRefusing ? null : this.#store.create(expectedLength);
    return writer === null ? null : new LaterWriter(writer);
  }

  update(stored: StoredResponse): void {
    this.#store.update(stored);
  }

  remove(stored: StoredResponse): void {
    this.#store.remove(stored);
  }

  async purge(picks: (stored: StoredResponse) => boolean): Promise<number> {
    await turn();
    return this.#store.purge(picks);
  }

  list(): AsyncIterable<StoredResponse> {
    return this.#store.list();
  }

  stats(): StoreStats {
    return this.#store.stats();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

class LaterWriter implements ContentWriter {
  readonly #writer: ContentWriter;

  constructor(writer: ContentWriter) {
    this.#writer = writer;
  }

  get written(): number {
    return this.#writer.written;
  }

  write(bytes: Buffer): boolean {
    return this.#writer.write(bytes);
  }

  ready(): Promise<void> {
    return turn();
  }

  async read(from: number, length: number): Promise<Buffer | null> {
    await turn();
    return this.#writer.read(from, length);
  }

  async commit(stored: StoredResponse, replaces: readonly StoredResponse[]): Promise<boolean> {
    await turn();
    return this.#writer.commit(stored, replaces);
  }

  abandon(): void {
    this.#writer.abandon();
  }

  release(): void {
    this.#writer.release();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
