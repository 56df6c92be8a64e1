// Owns which keys have been invalidated of late (RFC 9111 §4.4). A response whose request went out before that may come after it: it is as stale as
// what was stored then. Bounded: of keys that are forgotten, everything asked for before their last invalidation counts as outdated.
import { LRUCache } from 'lru-cache';

export class Invalidations {
  #count = 0;
  #forgotten = 0;
  readonly #last = new LRUCache<string, number>({
    max: KEYS,
    dispose: (moment, _key, why) => {
      if (why === 'evict') this.#forgotten = Math.max(this.#forgotten, moment);
    },
  });

  /** Now, for `isSince`. */
  get moment(): number {
    return this.#count;
  }

  note(key: string): void {
    this.#count += 1;
    this.#last.set(key, this.#count);
  }

  /** Every key, those that nobody has named yet as well. */
  noteAll(): void {
    this.#count += 1;
    this.#forgotten = this.#count;
  }

  isSince(moment: number, key: string): boolean {
    // As nearly always: then nothing is looked for.
    if (moment === this.#count) return false;
    return this.#forgotten > moment || (this.#last.get(key) ?? 0) > moment;
  }
}

const KEYS = 4_096;
