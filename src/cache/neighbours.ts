// Owns what the caches of several processes have to tell each other that share one store on disk: who fetches a key (claims.ts), and what does not hold any
// more. What is stored they learn from the disk. Where nobody answers, each goes its own way: that costs a fetch, never a wrong answer.
import type { CacheStore, Soon } from './stores/cache-store.ts';

/** The others, as this process reaches them. Nothing of it rejects. */
export interface Neighbours {
  /** @returns where this process fetches: what it releases in the end; `null`: another one did, and has let go */
  claim(key: string): Soon<Granted | null>;
  /** Resolves once what they have stored under these keys has to be validated (RFC 9111 §4.4). */
  outdate(keys: readonly string[]): Promise<void>;
  /** What is stored under these keys has been replaced: copies in memory are old. */
  changed(keys: readonly string[]): void;
}

/** Others may fetch the same key from its release on. */
export interface Granted {
  release(): void;
}

/** The right to fetch a key for all processes, from its grant until the others can find what came of it. */
export class Claim {
  readonly #granted: Granted;
  readonly #store: CacheStore;
  readonly #ended: (claim: Claim) => void;
  #state: 'held' | 'stored' | 'over' = 'held';
  #isWanted = false;
  #over: PromiseWithResolvers<void> | null = null;

  /** @param ended told once */
  constructor(granted: Granted, store: CacheStore, ended: (claim: Claim) => void) {
    this.#granted = granted;
    this.#store = store;
    this.#ended = ended;
  }

  /** Somebody waits for its end. */
  wanted(): void {
    this.#isWanted = true;
    if (this.#state === 'stored') void this.#store.written?.(true);
  }

  /** Resolves at its end, for which somebody waits. */
  over(): Promise<void> {
    this.#over ??= Promise.withResolvers<void>();
    this.wanted();
    return this.#over.promise;
  }

  /** What was fetched is stored: it is let go once others can find it. */
  stored(): void {
    const written = this.#state === 'held' ? this.#store.written?.(this.#isWanted) : undefined;
    if (written === undefined) return;
    this.#state = 'stored';
    void written.then(() => this.#end());
  }

  release(): void {
    if (this.#state === 'held') this.#end();
  }

  #end(): void {
    this.#state = 'over';
    this.#ended(this);
    this.#granted.release();
    this.#over?.resolve();
  }
}
