// Owns what the two threads of the disk store say to each other: disk-changes.ts, where requests are answered, and disk-worker.ts, which writes.
import type { DiskStoreOptions } from '../options.ts';

/** What a change does to the index, in the order in which it was asked for. */
export type Change =
  | {
      readonly kind: 'put';
      readonly keyHash: number;
      readonly responseId: string;
      readonly head: string;
      readonly content: HandedContent | FiledContent;
      /** What it may add to `StoreSize.bytes`: room is made before. */
      readonly bytes: number;
    }
  | { readonly kind: 'update'; readonly keyHash: number; readonly responseId: string; readonly head: string }
  | { readonly kind: 'remove'; readonly keyHash: number; readonly responseId: string }
  /** By its row, which is damaged, so that nothing in it can be believed. */
  | { readonly kind: 'discard'; readonly row: number }
  | { readonly kind: 'use'; readonly row: number };

/** Octets `at` to `at + length - 1` of the batch's contents, and their CRC-32: it is to lie in the index. */
export interface HandedContent {
  readonly at: number;
  readonly length: number;
  readonly sum: number;
}

/** Content that lies in its file already; `place` as stored-row.ts writes it. */
export interface FiledContent {
  readonly place: string;
  readonly bytesOnDisk: number;
}

export interface Batch {
  readonly kind: 'batch';
  readonly number: number;
  readonly changes: readonly Change[];
  readonly contents: ArrayBuffer;
}

export type ToWorker = Batch | { readonly kind: 'damaged'; readonly generation: number } | { readonly kind: 'close' };

export interface StoreSize {
  readonly entries: number;
  /** Of all files of the store. */
  readonly bytes: number;
  readonly evictions: number;
}

export type FromWorker =
  | { readonly kind: 'opened'; readonly size: StoreSize }
  | { readonly kind: 'unusable'; readonly problem: string }
  /** The batch is in the index, but for what there was no room for. After a failure some of it is not. */
  | ({ readonly kind: 'done'; readonly number: number; readonly failure: Failure | null; readonly size: StoreSize } & Applied)
  | { readonly kind: 'size'; readonly size: StoreSize }
  | { readonly kind: 'filter'; readonly memory: SharedArrayBuffer }
  /** There is another index under the same name: all that was in the one before is gone. */
  | { readonly kind: 'renewed'; readonly generation: number; readonly size: StoreSize }
  | { readonly kind: 'report'; readonly line: string }
  | { readonly kind: 'closed' };

/** How many responses were stored, and for how many there was no room. */
export interface Applied {
  readonly stored: number;
  readonly refusals: number;
}

/** What is left of an error on its way between threads. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

export interface WorkerTask {
  readonly options: DiskStoreOptions;
}

/** Of the index. A change takes at least one. */
export const PAGE_BYTES = 8192;
