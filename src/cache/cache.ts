// Owns what the cache is made of, and what the two stages (reuse-stored.ts, store-response.ts) share: the store, the rules' options, the fetches under
// way, what became of the last response to a key, and what can be said of a stored response once for all the times it is looked at.
import { LRUCache } from 'lru-cache';
import type { Body, ResponseHead } from '../http/message.ts';
import type { CacheRecord } from './cache-record.ts';
import { PendingFetches } from './collapse.ts';
import { Invalidations } from './invalidations.ts';
import { factsOf, type ResponseFacts } from './rules/freshness.ts';
import { type CacheOverrides, type CacheRuleOptions, NO_OVERRIDES } from './rules/options.ts';
import type { StoringCode } from './rules/storability.ts';
import type { StoredResponse } from './stored-response.ts';
import type { CacheStore } from './stores/cache-store.ts';

export interface CacheParts {
  readonly store: CacheStore;
  readonly rules: CacheRuleOptions;
  /** No origin is asked. */
  readonly offline: boolean;
  /** Stale responses answer where the origin does not forbid it. */
  readonly staleOk: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** An id that no stored response has had, in any process. */
  readonly newId: () => string;
  /** A boundary for multipart content that no content holds. */
  readonly newBoundary: () => string;
}

/** A response as it leaves the cache: what the origin sent, or what we kept of it. */
export interface CachedResponse {
  readonly head: ResponseHead;
  readonly body: Body | null;
  /** Where a stored one came from; `null` for one that has just been fetched, and for one that a parent proxy fetched. */
  readonly origin: StoredResponse['origin'];
}

/** What became of the last response to a key, for whoever asks why. */
export interface Verdict {
  readonly code: StoringCode;
  readonly status: number;
  readonly atMs: number;
}

export class CacheContext {
  readonly parts: CacheParts;
  readonly fetches = new PendingFetches();
  readonly invalidations = new Invalidations();
  readonly verdicts = new LRUCache<string, Verdict>({ max: VERDICTS });
  readonly #facts = new WeakMap<StoredResponse, ResponseFacts>();

  constructor(parts: CacheParts) {
    this.parts = parts;
  }

  /** What does not change about a stored response while it is stored. */
  factsOf(stored: StoredResponse, overrides: CacheOverrides): ResponseFacts {
    if (overrides !== NO_OVERRIDES) return factsOf(stored, this.parts.rules, overrides);
    const known = this.#facts.get(stored);
    if (known !== undefined) return known;
    const facts = factsOf(stored, this.parts.rules, overrides);
    this.#facts.set(stored, facts);
    return facts;
  }

  /** Remembers what became of a response to a GET. */
  note(record: CacheRecord, code: StoringCode, status: number): void {
    record.storing = code;
    this.verdicts.set(record.key, { code, status, atMs: this.parts.now() });
  }
}

/** Keys whose last verdict is remembered: some 200 octets each. */
const VERDICTS = 4_096;
