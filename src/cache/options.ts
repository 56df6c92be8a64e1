// Owns what may be configured about the cache as a whole, and the sizes that hold when nobody says: what the stores may take, what the rules leave
// to the operator (rules/options.ts), and whether the origins are asked at all.
import { CACHE_RULE_DEFAULTS, type CacheRuleOptions } from './rules/options.ts';

export interface CacheConfig {
  /** What is asked for often; `null` keeps nothing in memory. */
  readonly memory: MemoryStoreOptions | null;
  /** Everything that is stored, over restarts too; `null` keeps nothing on disk. */
  readonly disk: DiskStoreOptions | null;
  /** Somebody has chosen the folder, so it has to serve; the default one may fail, and then memory alone is used. */
  readonly isDiskRequired: boolean;
  readonly rules: CacheRuleOptions;
  /** No origin is asked: what is not stored, or may not be reused, is answered with 504 (as RFC 9111 §5.2.1.7 does for only-if-cached). */
  readonly offline: boolean;
  /** A stale response answers however old it is, where no directive of the origin forbids it (RFC 9111 §4.2.4), and is validated behind the answer. */
  readonly staleOk: boolean;
}

export interface MemoryStoreOptions {
  /** Octets of content, fields and keys together. */
  readonly maxBytes: number;
  /** Octets of content of one stored response. */
  readonly maxObjectBytes: number;
}

export interface DiskStoreOptions {
  /** Absolute; made, for this user alone, when it is missing. */
  readonly folder: string;
  /** Octets of all files in the folder: contents, the index, and what is still being written. */
  readonly maxBytes: number;
  /** Octets of content of one stored response. */
  readonly maxObjectBytes: number;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;

export const MEMORY_STORE_DEFAULTS: MemoryStoreOptions = { maxBytes: 256 * MIB, maxObjectBytes: 8 * MIB };
/** An image of an installer fits; a folder of nothing else does not come of it. */
export const DISK_STORE_DEFAULTS: Omit<DiskStoreOptions, 'folder'> = { maxBytes: 10 * GIB, maxObjectBytes: 2 * GIB };

export const CACHE_DEFAULTS: Omit<CacheConfig, 'memory' | 'disk' | 'isDiskRequired'> = {
  rules: CACHE_RULE_DEFAULTS,
  offline: false,
  staleOk: false,
};
