// Owns the joint between the proxy and its cache: opening it, what a reload keeps of it, and what the admin API may ask of it.
import { policyTerms } from '../admin/policy-terms.ts';
import { type CacheAdmin, createCacheAdmin } from '../cache/cache-admin.ts';
import { createCacheContext, openStore } from '../cache/open-cache.ts';
import type { CacheConfig } from '../cache/options.ts';
import type { Config } from '../config/config.ts';
import type { LastingParts } from './lasting-parts.ts';
import { isSame, type OpenedCache, type OpenedParts } from './parts.ts';

/** What the cache may take, and where. */
export interface CacheFacts extends Pick<CacheConfig, 'disk' | 'offline' | 'staleOk'> {
  /** 0 keeps nothing in memory. */
  readonly memoryBytes: number;
}

/** What is stored stays over a reload that changes nothing about where it lies. @throws StartError when the folder cannot serve */
export async function openCache(
  { cache }: Config,
  old: OpenedParts | null,
  { shared, report }: Pick<LastingParts, 'shared' | 'report'>,
): Promise<OpenedCache | null> {
  // What is stored is stored where clients ask.
  if (cache === null || shared?.role === 'keeper') return null;
  const before = old?.config.cache;
  // With what is on its way, so that an unsafe method still outdates it.
  if (old !== null && isSame(before, cache)) return old.cache;
  const isKept = isSame(before?.memory, cache.memory) && isSame(before?.disk, cache.disk);
  const { store, verify } = (isKept ? old?.cache : null) ?? (await openStore(cache, report));
  return { store, verify, context: createCacheContext(cache, store, shared?.role === 'worker' ? shared.neighbours : null) };
}

/** `null` when it is off. */
export function cacheFactsOf({ cache, config }: OpenedParts): CacheFacts | null {
  if (cache === null || config.cache === null) return null;
  const { memory, disk, offline, staleOk } = config.cache;
  // Without a way to verify it, the folder could not be used.
  return { memoryBytes: memory?.maxBytes ?? 0, disk: cache.verify === null ? null : disk, offline, staleOk };
}

/** What may be asked of the cache of the moment, or of those of all workers; `null` while it is off. */
export function cacheAdminOf({ parts, shared, cacheCounts }: LastingParts): CacheAdmin | null {
  if (shared?.role === 'keeper') return (parts?.config.cache ?? null) === null ? null : shared.workers.cache;
  if (parts === null || parts.cache === null) return null;
  const { cache, policy } = parts;
  const { store, verify, context } = cache;
  return createCacheAdmin({
    store,
    rules: context.parts.rules,
    now: Date.now,
    lastVerdict: (key) => context.lastVerdict(key),
    mode: context.parts,
    answers: () => cacheCounts.answers,
    outdateAll: () => context.outdateAll(),
    termsOf: (question) => policyTerms(policy, question, Date.now()),
    verify,
  });
}
