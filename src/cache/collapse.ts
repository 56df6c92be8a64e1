// Owns collapsed forwarding: while a response to a key is being fetched, others who ask for the same wait for it instead of fetching it again.
// Who fetches is the leader. Waiters are let in the moment its head turns out to be shared, or to confirm what is stored, and released the moment it
// turns out to do neither, or the fetch fails: nobody waits for content, nobody waits twice, and nobody waits for long: what one request makes slow, by
// a field that others do not have or by the one backend that is stuck, must not be slow for everybody. RFC 9111 §4 allows it for what may be reused
// without a question to its origin: only that is shared, however long all of them have been waiting.
import type { Cancellable } from '../net/cancellation.ts';
import type { ArrivingResponse } from './arriving.ts';
import { hashOf } from './key-hash.ts';
import type { Claim } from './neighbours.ts';
import type { CacheOverrides } from './rules/options.ts';
import type { StoredResponse } from './stored-response.ts';

export interface Waiter {
  /** The head is here and may be shared. @returns false when it does not fit this request, which goes its own way */
  joins(arriving: ArrivingResponse): boolean;
  /** The origin has confirmed what is stored (304). @returns false when that does not answer this request, which goes its own way */
  confirmed(stored: StoredResponse): boolean;
  /** There is nothing to join: the response is not for sharing, or did not come. Each fetches its own at once. */
  released(): void;
}

export class PendingFetch {
  readonly key: string;
  /** Of the rule under which it is fetched: what that rule forces is for nobody else. */
  readonly overrides: CacheOverrides;
  /** From the moment its head has come, until its content has. */
  arriving: ArrivingResponse | null = null;
  /** Of the key, where other processes could fetch it as well. */
  claim: Claim | null = null;
  #waiters: Waiter[] = NOBODY;
  #leaderless: Cancellable | null = null;
  #patience: NodeJS.Timeout | undefined;
  readonly #all: PendingFetches;
  /** Of those whose keys share a place; written by `PendingFetches` alone. */
  next: PendingFetch | null = null;

  constructor(key: string, overrides: CacheOverrides, all: PendingFetches) {
    this.key = key;
    this.overrides = overrides;
    this.#all = all;
  }

  wait(waiter: Waiter): void {
    if (this.#waiters === NOBODY) {
      this.#waiters = [waiter];
      this.#patience = setTimeout(() => this.#outOfPatience(), MOST_WAIT_MS).unref();
    } else this.#waiters.push(waiter);
  }

  leave(waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter);
    if (at === -1) return;
    this.#waiters.splice(at, 1);
    if (this.#waiters.length > 0) return;
    const leaderless = this.#leaderless;
    this.#takeWaiters();
    leaderless?.cancel();
  }

  /** Its client has left. @param request  is cancelled once nobody waits for it either */
  leaderLeft(request: Cancellable): void {
    if (this.#waiters.length === 0) request.cancel();
    else this.#leaderless = request;
  }

  /** The head is here and may be shared. */
  share(arriving: ArrivingResponse): void {
    this.arriving = arriving;
    for (const waiter of this.#takeWaiters()) if (!waiter.joins(arriving)) waiter.released();
  }

  /** It is over: what is stored holds. Nobody finds it any more. */
  confirm(stored: StoredResponse): void {
    this.#close();
    for (const waiter of this.#takeWaiters()) if (!waiter.confirmed(stored)) waiter.released();
  }

  /** It is over, or of no use to others. Nobody finds it any more. */
  settle(): void {
    this.#close();
    for (const waiter of this.#takeWaiters()) waiter.released();
  }

  /** Those who come from here on lead anew. */
  #outOfPatience(): void {
    const leaderless = this.#leaderless;
    this.settle();
    leaderless?.cancel();
  }

  /** Of no use to anybody who comes from here on, in any process. */
  outdate(): void {
    this.#all.forget(this);
    this.claim?.release();
  }

  #close(): void {
    this.arriving = null;
    this.claim?.release();
    this.#all.forget(this);
  }

  #takeWaiters(): Waiter[] {
    const waiters = this.#waiters;
    this.#waiters = NOBODY;
    this.#leaderless = null;
    clearTimeout(this.#patience);
    return waiters;
  }
}

/** Where most come and go within a moment, a table whose members carry their links leaves nothing behind (net/linked-set.ts says why it is no Map). */
export class PendingFetches {
  readonly #places: (PendingFetch | null)[] = new Array<PendingFetch | null>(PLACES).fill(null);

  find(key: string): PendingFetch | undefined {
    let fetch: PendingFetch | null = this.#places[placeOf(key)]!;
    while (fetch !== null && fetch.key !== key) fetch = fetch.next;
    return fetch ?? undefined;
  }

  /** Begins one; whoever calls it settles it. */
  lead(key: string, overrides: CacheOverrides): PendingFetch {
    const former = this.find(key);
    if (former !== undefined) this.forget(former);
    const fetch = new PendingFetch(key, overrides, this);
    const place = placeOf(key);
    fetch.next = this.#places[place]!;
    this.#places[place] = fetch;
    return fetch;
  }

  /** Nobody finds it any more. */
  forget(fetch: PendingFetch): void {
    const place = placeOf(fetch.key);
    let before: PendingFetch | null = null;
    let at: PendingFetch | null = this.#places[place]!;
    while (at !== null && at !== fetch) {
      before = at;
      at = at.next;
    }
    if (at === null) return;
    if (before === null) this.#places[place] = fetch.next;
    else before.next = fetch.next;
    fetch.next = null;
  }

  /** What is on its way is outdated (RFC 9111 §4.4): those who wait for it had asked before, and nobody else joins them. */
  outdate(key: string): void {
    this.find(key)?.outdate();
  }

  outdateAll(): void {
    for (const first of this.#places) {
      let next: PendingFetch | null = null;
      for (let fetch = first; fetch !== null; fetch = next) {
        next = fetch.next;
        fetch.outdate();
      }
    }
  }
}

function placeOf(key: string): number {
  return hashOf(key) & (PLACES - 1);
}

const PLACES = 1024;
/** Longer than an origin takes that is well, and no longer than somebody looks at an empty page. */
const MOST_WAIT_MS = 5_000;
/** Shared by all who have no waiters, which is nearly everybody; never written to. */
const NOBODY: Waiter[] = [];
