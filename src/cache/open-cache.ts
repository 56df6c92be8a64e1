// Owns opening the cache as it is configured: its stores, and what the stages share.
import { randomBytes } from 'node:crypto';
import { CacheContext } from './cache.ts';
import type { CacheConfig } from './options.ts';
import type { CacheStore } from './stores/cache-store.ts';
import { MemoryStore } from './stores/memory.ts';

/** @param report a line for the operator @throws StartError when the folder cannot be used */
export async function openStore({ memory }: CacheConfig, _report: (line: string) => void): Promise<CacheStore> {
  return new MemoryStore(memory ?? undefined);
}

export function createCacheContext({ rules, offline, staleOk }: CacheConfig, store: CacheStore): CacheContext {
  return new CacheContext({ store, rules, offline, staleOk, now: Date.now, newId, newBoundary });
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
