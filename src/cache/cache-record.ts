// Owns what the record of an exchange keeps of the cache: how the request was answered and what became of the response, as the very values that
// decided. Cache-Status (cache-status.ts), the log and explanations (explain.ts) are made of it.
import type { Reuse } from './rules/reuse.ts';
import type { StoringCode } from './rules/storability.ts';

export interface CacheRecord {
  readonly key: string;
  /** What the rules said of what was stored; `null` until they were asked. */
  reuse: Reuse | null;
  /**
   * `hit`: a stored response answered, and no origin was asked. `validated`: it answered once the origin had confirmed it. `stale`: it answered
   * since the origin did not. `forwarded`: the origin's response answered. `none`: nothing stored could answer, and no origin was to be asked.
   */
  outcome: 'hit' | 'validated' | 'stale' | 'forwarded' | 'none';
  /** The response came by somebody else's request. */
  isCollapsed: boolean;
  /** Status of the origin's response, where it is not the one that was delivered; `null` where it is, or none was asked for. */
  forwardStatus: number | null;
  /** Seconds of freshness left when it was delivered, negative when stale; `null` when it is not to be said. */
  ttlSeconds: number | null;
  storing: StoringCode | null;
}

export function createCacheRecord(key: string): CacheRecord {
  return { key, reuse: null, outcome: 'forwarded', isCollapsed: false, forwardStatus: null, ttlSeconds: null, storing: null };
}
