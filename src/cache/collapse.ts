// Owns collapsed forwarding: while a response to a key is being fetched, others who ask for the same wait for it instead of fetching it again.
// Who fetches is the leader. Waiters are let in the moment its head turns out to be shared, and released the moment it turns out not to be, or the
// fetch fails: nobody waits for content, and nobody waits twice for the same. RFC 9111 §4 allows it: they all asked before the answer had come.
import type { ArrivingResponse } from './arriving.ts';

export interface Waiter {
  /** The head is here and may be shared. @returns false when it does not fit this request, which goes its own way */
  joins(arriving: ArrivingResponse): boolean;
  /**
   * There is nothing to join. `look-again`: what is stored has changed, or the leader is gone, and one of those who waited may lead next.
   * `alone`: the response is not for sharing, so each fetches its own at once.
   */
  released(how: 'look-again' | 'alone'): void;
}

export class PendingFetch {
  readonly key: string;
  /** From the moment its head has come, until its content has. */
  arriving: ArrivingResponse | null = null;
  /** Something has made its response stale before it was stored (RFC 9111 §4.4). */
  isOutdated = false;
  #waiters: Waiter[] = NOBODY;
  readonly #pending: Map<string, PendingFetch>;

  constructor(key: string, pending: Map<string, PendingFetch>) {
    this.key = key;
    this.#pending = pending;
  }

  get hasWaiters(): boolean {
    return this.#waiters.length > 0;
  }

  outdate(): void {
    this.isOutdated = true;
  }

  wait(waiter: Waiter): void {
    if (this.#waiters === NOBODY) this.#waiters = [waiter];
    else this.#waiters.push(waiter);
  }

  leave(waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter);
    if (at !== -1) this.#waiters.splice(at, 1);
  }

  /** The head is here and may be shared. */
  share(arriving: ArrivingResponse): void {
    this.arriving = arriving;
    for (const waiter of this.#takeWaiters()) if (!waiter.joins(arriving)) waiter.released('alone');
  }

  /** It is over, or of no use to others. Nobody finds it any more. */
  settle(how: 'look-again' | 'alone'): void {
    this.arriving = null;
    if (this.#pending.get(this.key) === this) this.#pending.delete(this.key);
    for (const waiter of this.#takeWaiters()) waiter.released(how);
  }

  #takeWaiters(): Waiter[] {
    const waiters = this.#waiters;
    this.#waiters = NOBODY;
    return waiters;
  }
}

export class PendingFetches {
  readonly #pending = new Map<string, PendingFetch>();

  find(key: string): PendingFetch | undefined {
    return this.#pending.get(key);
  }

  /** Begins one; whoever calls it settles it. */
  lead(key: string): PendingFetch {
    const fetch = new PendingFetch(key, this.#pending);
    this.#pending.set(key, fetch);
    return fetch;
  }
}

/** Shared by all who have no waiters, which is nearly everybody; never written to. */
const NOBODY: Waiter[] = [];
