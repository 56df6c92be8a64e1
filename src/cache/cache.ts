// Owns what the cache is made of, and what the two stages (reuse-stored.ts, store-response.ts) share: the store, the rules' options, the fetches under
// way, what became of the last response to a key, and what can be said of a stored response once for all the times it is looked at.
import { LRUCache } from 'lru-cache';
import type { Body, Fields, ResponseHead } from '../http/message.ts';
import type { CacheRecord } from './cache-record.ts';
import type { LetGo } from './claims.ts';
import { PendingFetches } from './collapse.ts';
import type { ReceivedResponse } from './explain.ts';
import { Invalidations } from './invalidations.ts';
import { Claim, type Granted, type Neighbours, Unwritten } from './neighbours.ts';
import { NO_REQUEST_DIRECTIVES, type RequestDirectives, requestDirectives } from './rules/cache-control.ts';
import { factsOf, type ResponseFacts } from './rules/freshness.ts';
import { type CacheOverrides, type CacheRuleOptions, NO_OVERRIDES } from './rules/options.ts';
import { STORING_REASONS, type StoringCode } from './rules/storability.ts';
import type { StoredResponse } from './stored-response.ts';
import type { CacheStore } from './stores/cache-store.ts';
import { type NotedVerdict, Verdicts } from './verdicts.ts';

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
  /** Other processes that use the same store; `null` where there are none. */
  readonly neighbours: Neighbours | null;
}

/** A response as it leaves the cache: what the origin sent, or what we kept of it. */
export interface CachedResponse {
  readonly head: ResponseHead;
  readonly body: Body | null;
  /** Where a stored one came from; `null` for one that has just been fetched, and for one that a parent proxy fetched. */
  readonly origin: StoredResponse['origin'];
}

/** What became of the last response to a key, for whoever asks why. */
export interface Verdict extends NotedVerdict {
  /** Of one that was not stored, while it is remembered: what the smallest change at the origin is told from. */
  readonly response: ReceivedResponse | null;
}

export class CacheContext {
  readonly parts: CacheParts;
  readonly fetches = new PendingFetches();
  readonly invalidations = new Invalidations();
  readonly #verdicts = new Verdicts();
  readonly #refused = new LRUCache<string, ReceivedResponse>({ max: REFUSED });
  readonly #facts = new WeakMap<StoredResponse, ResponseFacts>();
  /** Of keys that are fetched here for all processes. */
  readonly #claims = new Map<string, Claim>();
  readonly #unwritten: Unwritten;
  readonly #claimEnded = (ended: Claim): void => {
    if (this.#claims.get(ended.key) === ended) this.#claims.delete(ended.key);
  };
  readonly #plainFacts = (stored: StoredResponse): ResponseFacts => this.factsOf(stored, NO_OVERRIDES);

  constructor(parts: CacheParts) {
    this.parts = parts;
    this.#unwritten = new Unwritten(parts.store);
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

  /** The same, to be asked for many. */
  factsUnder(overrides: CacheOverrides): (stored: StoredResponse) => ResponseFacts {
    return overrides === NO_OVERRIDES ? this.#plainFacts : (stored) => this.factsOf(stored, overrides);
  }

  /** What a request asks of the cache. Offline it is not heard: that is advice (RFC 9111 §5.2.1), and what it asks for cannot be had. */
  directivesOf(fields: Fields): RequestDirectives {
    return this.parts.offline ? NO_REQUEST_DIRECTIVES : requestDirectives(fields);
  }

  /** Remembers what became of a response to a GET. */
  note(record: CacheRecord, code: StoringCode, status: number): void {
    record.storing = code;
    this.#verdicts.note(record.key, code, status, this.parts.now());
  }

  /** The same of one that the rules do not let store. */
  noteRefused(record: CacheRecord, code: StoringCode, response: ReceivedResponse): void {
    this.note(record, code, response.status);
    this.#refused.set(record.key, response);
  }

  /** Why the last response to a key was stored, or not. */
  lastCode(key: string): StoringCode | null {
    return this.#verdicts.codeOf(key);
  }

  lastVerdict(key: string): Verdict | null {
    const verdict = this.#verdicts.of(key);
    if (verdict === null) return null;
    const isStored = STORING_REASONS[verdict.code].isStored;
    return { ...verdict, response: isStored ? null : (this.#refused.peek(key) ?? null) };
  }

  /** What is stored under these keys, and on its way, has to be validated (RFC 9111 §4.4). @returns `null` when it is done at once */
  outdate(keys: readonly string[]): Promise<unknown> | null {
    const { store } = this.parts;
    const waited: Promise<void>[] = [];
    for (const key of keys) {
      this.invalidations.note(key);
      this.fetches.outdate(key);
      const all = store.find(key);
      if (all instanceof Promise) waited.push(all.then((found) => markInvalid(store, found)));
      else markInvalid(store, all);
    }
    return waited.length === 0 ? null : Promise.all(waited);
  }

  /** The same in all processes. Two that mark the same record would both lose it: the others are told when they can find the mark. */
  async outdateEverywhere(keys: readonly string[], neighbours: Neighbours): Promise<void> {
    await this.outdate(keys);
    await this.parts.store.written?.(true);
    await neighbours.outdate(keys);
  }

  /** The right to fetch a key was given to this process. */
  hold(key: string, granted: Granted): Claim {
    const claim = new Claim(key, granted, this.parts.store, this.#unwritten, this.#claimEnded);
    this.#claims.set(key, claim);
    return claim;
  }

  // What neighbours say

  /** Somebody waits for what is fetched here. */
  wanted(key: string): void {
    this.#claims.get(key)?.wanted();
  }

  /** Somebody asks who fetches it. @returns resolves when this process has let go, and to how; `null` where it does not fetch it for others */
  fetched(key: string): Promise<LetGo> | null {
    return this.#claims.get(key)?.over() ?? null;
  }

  /** What they know of is marked on the disk already; what only this process has is marked here. */
  outdatedElsewhere(keys: readonly string[]): Promise<unknown> | null {
    const { store } = this.parts;
    store.catchUp?.();
    for (const key of keys) store.forget?.(key);
    return this.outdate(keys);
  }

  /** Looks for what others have stored under a key. @returns false where nobody has stored anything anywhere since it was asked last */
  catchUp(key: string): boolean {
    const { store } = this.parts;
    if (store.catchUp?.() !== true) return false;
    store.forget?.(key);
    return true;
  }

  /** The same for certain, though what others have stored may have been learnt meanwhile for another key's sake. */
  lookAnew(key: string): void {
    const { store } = this.parts;
    store.catchUp?.();
    store.forget?.(key);
  }

  changedElsewhere(keys: readonly string[]): void {
    for (const key of keys) this.parts.store.forget?.(key);
  }

  /** Tells neighbours of what is stored in place of something else, as soon as they can find it. */
  replaced(key: string): void {
    const { neighbours, store } = this.parts;
    if (neighbours === null) return;
    void (store.written?.(false) ?? Promise.resolve()).then(() => neighbours.changed([key]));
  }

  /** Whatever is on its way is older than this moment: what is stored of it has to be validated, and nobody else joins it. */
  outdateAll(): void {
    this.invalidations.noteAll();
    this.fetches.outdateAll();
  }
}

function markInvalid(store: CacheStore, all: readonly StoredResponse[]): void {
  for (const stored of all) if (!stored.isInvalidated) store.update({ ...stored, isInvalidated: true });
}

/** Keys whose last response is remembered, of those that were not stored: a few KiB each. */
const REFUSED = 256;
