// Owns how often the cache answered, and how: counted by finished exchanges, since the start of the process.
import type { CacheRecord } from './cache-record.ts';

/** Exchanges in which the cache was asked, by what came of it (cache-record.ts), and octets of content to clients. */
export interface CacheAnswers {
  readonly hits: number;
  readonly validated: number;
  readonly stale: number;
  /** Answered by what was fetched for somebody else. */
  readonly collapsed: number;
  readonly forwarded: number;
  readonly unanswered: number;
  /** Octets of content that clients got of what was answered, and of that, what was not forwarded: heads are made anew for each. */
  readonly bytes: number;
  readonly bytesReused: number;
}

export class CacheCounts {
  #hits = 0;
  #validated = 0;
  #stale = 0;
  #collapsed = 0;
  #forwarded = 0;
  #unanswered = 0;
  #bytes = 0;
  #bytesForwarded = 0;

  /** @param bytes  of content, to the client */
  add({ outcome, isCollapsed }: CacheRecord, bytes: number): void {
    if (outcome === 'none') {
      // What the client got is a page of ours: nothing stored, and nothing of an origin's.
      this.#unanswered += 1;
      return;
    }
    this.#bytes += bytes;
    if (outcome === 'hit') this.#hits += 1;
    else if (isCollapsed) this.#collapsed += 1;
    else if (outcome === 'validated') this.#validated += 1;
    else if (outcome === 'stale') this.#stale += 1;
    else {
      this.#forwarded += 1;
      this.#bytesForwarded += bytes;
    }
  }

  get answers(): CacheAnswers {
    return {
      hits: this.#hits,
      validated: this.#validated,
      stale: this.#stale,
      collapsed: this.#collapsed,
      forwarded: this.#forwarded,
      unanswered: this.#unanswered,
      bytes: this.#bytes,
      bytesReused: this.#bytes - this.#bytesForwarded,
    };
  }
}
