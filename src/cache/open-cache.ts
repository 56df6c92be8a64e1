// Owns opening the cache as it is configured: its stores, and what the stages share.
import { randomBytes } from 'node:crypto';
import { StartError } from '../errors/start-error.ts';
import { CacheContext } from './cache.ts';
import type { Neighbours } from './neighbours.ts';
import type { CacheConfig, DiskStoreOptions } from './options.ts';
import type { CacheStore } from './stores/cache-store.ts';
import { type DiskStore, openDiskStore } from './stores/disk.ts';
import { MemoryStore } from './stores/memory.ts';
import { createTieredStore } from './stores/tiered.ts';

/** A store, and how all that lies on the disk is compared with its sums; `null` without a disk. */
export interface OpenedStore {
  readonly store: CacheStore;
  readonly verify: DiskStore['verify'] | null;
}

/**
 * @param report a line for the operator
 * @throws StartError when the folder cannot serve, unless it is the default one and there is memory
 */
export async function openStore({ memory, disk, isDiskRequired }: CacheConfig, report: (line: string) => void): Promise<OpenedStore> {
  const kept = memory === null ? null : new MemoryStore(memory);
  const lying = disk === null ? null : await openDisk(disk, isDiskRequired || kept === null, report);
  const store = kept === null ? lying! : createTieredStore(kept, lying);
  return { store, verify: lying === null ? null : () => lying.verify() };
}

async function openDisk(options: DiskStoreOptions, isRequired: boolean, report: (line: string) => void): Promise<DiskStore | null> {
  try {
    return await openDiskStore(options, report);
  } catch (error) {
    if (isRequired || !(error instanceof StartError)) throw error;
    for (const problem of error.problems) report(`WARNING: nothing is cached on disk: ${problem}`);
    return null;
  }
}

/** @param neighbours `null` where no other process shares the store */
export function createCacheContext(
  { rules, offline, staleOk }: CacheConfig,
  store: CacheStore,
  neighbours: Neighbours | null = null,
): CacheContext {
  return new CacheContext({ store, rules, offline, staleOk, now: Date.now, newId, newBoundary, neighbours });
}

let ids = 0;
/** Nobody else begins with the same 72 bits. */
const ID_PREFIX = randomBytes(9).toString('base64url');

function newId(): string {
  ids += 1;
  return `${ID_PREFIX}${ids.toString(36)}`;
}

function newBoundary(): string {
  return randomBytes(18).toString('base64url');
}
