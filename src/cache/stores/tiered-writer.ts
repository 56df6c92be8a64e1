// Owns content on its way into two stores at once. Either may refuse it alone, at any time: then the other goes on, and is the one that is read along.
import type { StoredResponse } from '../stored-response.ts';
import type { ContentWriter, Soon } from './cache-store.ts';
import type { MemoryWriter } from './memory-writer.ts';

/** The disk has decided. @returns whether the response is stored at all */
export type Committed = (
  stored: StoredResponse,
  replaces: readonly StoredResponse[],
  isOnDisk: boolean,
  memory: MemoryWriter | null,
) => boolean;

export class TieredWriter implements ContentWriter {
  written = 0;
  #memory: MemoryWriter | null;
  #disk: ContentWriter | null;
  readonly #expectedLength: number | null;
  readonly #commit: Committed;
  #isOver = false;

  constructor(expectedLength: number | null, memory: MemoryWriter | null, disk: ContentWriter | null, commit: Committed) {
    this.#expectedLength = expectedLength;
    this.#memory = memory;
    this.#disk = disk;
    this.#commit = commit;
  }

  write(bytes: Buffer): boolean {
    if (this.#isOver) return false;
    const isInMemory = this.#memory?.write(bytes) ?? false;
    const isOnDisk = this.#writeToDisk(bytes, isInMemory);
    this.#isOver = !isInMemory && !isOnDisk;
    // The last one to refuse still has what came before, for those who read along.
    if (this.#isOver) return false;
    if (!isInMemory) this.#memory = letGo(this.#memory);
    if (!isOnDisk) this.#disk = letGo(this.#disk);
    this.written += bytes.length;
    return true;
  }

  ready(): Promise<void> | null {
    return this.#disk?.ready() ?? null;
  }

  read(from: number, length: number): Soon<Buffer | null> {
    return (this.#memory ?? this.#disk)?.read(from, length) ?? null;
  }

  commit(stored: StoredResponse, replaces: readonly StoredResponse[]): Soon<boolean> {
    if (this.#isOver) return false;
    this.#isOver = true;
    const isOnDisk = this.#disk?.commit(stored, replaces) ?? false;
    if (isOnDisk instanceof Promise) return isOnDisk.then((is) => this.#commit(stored, replaces, is, this.#memory));
    return this.#commit(stored, replaces, isOnDisk, this.#memory);
  }

  abandon(): void {
    this.#isOver = true;
    this.#memory?.abandon();
    this.#disk?.abandon();
  }

  release(): void {
    this.#memory?.release();
    this.#disk?.release();
  }

  /** What memory has copied in one piece serves both. */
  #writeToDisk(bytes: Buffer, isInMemory: boolean): boolean {
    const disk = this.#disk;
    if (disk === null) return false;
    const isAll = isInMemory && this.written === 0 && bytes.length === this.#expectedLength && disk.writeAll !== undefined;
    const kept = isAll ? this.#memory!.read(0, bytes.length) : bytes;
    return isAll && kept.length === bytes.length ? disk.writeAll!(kept) : disk.write(bytes);
  }
}

function letGo(writer: ContentWriter | null): null {
  writer?.abandon();
  writer?.release();
  return null;
}
