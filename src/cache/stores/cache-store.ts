// Owns what a store promises to the cache: keeping responses and giving them back exactly, or not at all.
// It decides nothing of RFC 9111, and what it may not keep any more (size, damage) is a miss, never an error of an exchange.
// Answers come at once where they can: a hit in memory costs no turn of the event loop.
import type { Body } from '../../http/message.ts';
import type { StoredResponse } from '../stored-response.ts';

export type Soon<T> = T | Promise<T>;

export interface CacheStore {
  /** Everything stored under a key, the latest first; the list is the caller's to read at once, not to keep. Never rejects. */
  find(key: string): Soon<readonly StoredResponse[]>;

  /**
   * Content of a stored response: `length` octets from position `first` of what is stored (not of the representation).
   *
   * @returns `null` when it is gone or damaged, which is a miss. A damaged one has been removed. Never rejects.
   *   A body that turns out damaged once it is under way fails, and is removed.
   */
  open(stored: StoredResponse, first: number, length: number): Soon<Body | null>;

  /**
   * Begins to store a response whose content is still to come. It can be found once it is committed.
   *
   * @param expectedLength of its content; `null` when only the end will tell
   * @returns `null` when this store does not take it: too large, out of order, not worth it
   */
  create(expectedLength: number | null): ContentWriter | null;

  /** Somebody has used what is stored under a key although this store was not asked for it: it goes the later for that. Costs no call of the system. */
  used?(key: string): void;

  /** Replaces everything but the content of the stored response of the same id, if there still is one. */
  update(stored: StoredResponse): void;

  /** Forgets one; whoever reads its content reads it to the end. */
  remove(stored: StoredResponse): void;

  /** Learns what other processes have stored in the same place. @returns whether there was anything new */
  catchUp?(): boolean;

  /** Lets go of copies of what is stored under a key, so that it is looked for where all processes find it. */
  forget?(key: string): void;

  /** Resolves once other processes can find all that was stored so far, or never will. @param isUrgent somebody waits for it */
  written?(isUrgent: boolean): Promise<void>;

  /** Forgets all that a filter picks. @returns how many; resolves once none of them can be found any more */
  purge(picks: (stored: StoredResponse) => boolean): Promise<number>;

  /** Walks over everything stored, in no order; a walk may miss what is stored meanwhile. */
  list(): AsyncIterable<StoredResponse>;

  stats(): StoreStats;

  /** Finishes what is being written, and lets go of everything. */
  close(): Promise<void>;
}

/** Content on its way into a store. Everything is called in order: write, write, ..., then commit or abandon, once. */
export interface ContentWriter {
  /** Octets taken so far. */
  readonly written: number;

  /** Copies what it keeps. @returns false when it has no more room or cannot write: the writer is over, and abandoned */
  write(bytes: Buffer): boolean;

  /** `write` of all of the content, in memory that nobody changes any more: it need not be copied. Not there where it is copied anyway. */
  writeAll?(bytes: Buffer): boolean;

  /** Resolves when more may be written without memory growing; `null` when that is at once. Asked for after `write`. */
  ready(): Promise<void> | null;

  /**
   * What was written from position `from` on, at most `length` octets, for those who read along before it is complete.
   *
   * @returns fewer octets than asked for where fewer are at hand; empty at the end of what is written; `null` when it cannot be read back
   */
  read(from: number, length: number): Soon<Buffer | null>;

  /**
   * The content is complete: from now on it can be found, in place of those that `replaces` lists.
   *
   * @param stored with its final extent
   * @returns whether it is stored
   */
  commit(stored: StoredResponse, replaces: readonly StoredResponse[]): Soon<boolean>;

  /** Forgets all of it. Reading along still works until the last reader is done; then `release` lets go. */
  abandon(): void;

  /** Nobody reads along any more. Called once, after commit or abandon. */
  release(): void;
}

export interface StoreStats extends TierStats {
  /** Where that is: with both, memory has copies of what lies on the disk, so `entries` counts those of the disk, and `bytes` both. */
  readonly tiers: { readonly memory: TierStats | null; readonly disk: TierStats | null };
  /** Since the start of the process. */
  readonly evictions: number;
  readonly refusals: number;
  /** Found damaged and removed. */
  readonly damaged: number;
}

export interface TierStats {
  readonly entries: number;
  /** Octets of content, fields and keys, and what the store needs beside them. */
  readonly bytes: number;
  readonly maxBytes: number;
}
