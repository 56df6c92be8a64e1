// Owns what the caches of several processes have to tell each other that share one store on disk: who fetches a key (claims.ts), and what does not hold any
// more. What is stored they learn from the disk. Where nobody answers, each goes its own way: that costs a fetch, never a wrong answer.
import type { LetGo } from './claims.ts';
import type { CacheStore, Soon } from './stores/cache-store.ts';

/** The others, as this process reaches them. Nothing of it rejects. */
export interface Neighbours {
  /** @returns where this process fetches: what it releases in the end; `null`: another one did, and that is settled */
  claim(key: string): Soon<Granted | null>;
  /** Resolves once what they have stored under these keys has to be validated (RFC 9111 §4.4). */
  outdate(keys: readonly string[]): Promise<void>;
  /** What is stored under these keys has been replaced: copies in memory are old. */
  changed(keys: readonly string[]): void;
}

/** Others may fetch the same key from its release on. */
export interface Granted {
  /** Others may have stored it since this process looked last (`catchUp`), which it does now. */
  readonly isBehind: boolean;
  release(how: LetGo): void;
}

/** The right to fetch a key for all processes, from its grant until the others can find what came of it. */
export class Claim {
  readonly key: string;
  readonly #granted: Granted;
  readonly #store: CacheStore;
  readonly #unwritten: Unwritten;
  readonly #ended: (claim: Claim) => void;
  #state: 'held' | 'stored' | 'over' = 'held';
  #isWanted = false;
  #over: PromiseWithResolvers<LetGo> | null = null;
  #patience: NodeJS.Timeout | undefined;

  /** @param ended told once */
  constructor(key: string, granted: Granted, store: CacheStore, unwritten: Unwritten, ended: (claim: Claim) => void) {
    this.key = key;
    this.#granted = granted;
    this.#store = store;
    this.#unwritten = unwritten;
    this.#ended = ended;
  }

  /** Somebody waits for its end. */
  wanted(): void {
    this.#isWanted = true;
    if (this.#state === 'stored') this.#endOnceWritten();
  }

  /** Resolves at its end, for which somebody waits. */
  over(): Promise<LetGo> {
    this.#over ??= Promise.withResolvers<LetGo>();
    this.wanted();
    return this.#over.promise;
  }

  /** What was fetched is stored: it is let go once others can find it. Of what is in memory alone each process has its own. */
  stored(): void {
    if (this.#state !== 'held') return;
    if (this.#store.written === undefined) {
      this.#end('unsettled');
      return;
    }
    this.#state = 'stored';
    if (this.#isWanted) this.#endOnceWritten();
    else this.#unwritten.add(this);
  }

  /** Others can find what it has stored. */
  written(): void {
    if (this.#state === 'stored') this.#end('settled');
  }

  release(): void {
    if (this.#state === 'held') this.#end('settled');
  }

  /** It may be stored, and takes a while to come: others cannot read along, and shall not wait for long. One of each process fetches it as well. */
  releaseIn(patienceMs: number): void {
    if (this.#state === 'held') this.#patience ??= setTimeout(() => this.#state === 'held' && this.#end('unsettled'), patienceMs).unref();
  }

  #endOnceWritten(): void {
    void this.#store.written?.(true).then(() => this.written());
  }

  #end(how: LetGo): void {
    this.#state = 'over';
    clearTimeout(this.#patience);
    this.#ended(this);
    this.#granted.release(how);
    this.#over?.resolve(how);
  }
}

/** Claims whose response is stored and may not be found by others yet. Nobody waits for them: all of one turn of the event loop are told together. */
export class Unwritten {
  readonly #store: CacheStore;
  #claims: Claim[] = [];
  readonly #onTurnEnd = (): void => this.#wait();

  constructor(store: CacheStore) {
    this.#store = store;
  }

  add(claim: Claim): void {
    this.#claims.push(claim);
    if (this.#claims.length === 1) setImmediate(this.#onTurnEnd);
  }

  #wait(): void {
    const claims = this.#claims;
    this.#claims = [];
    void this.#store.written?.(false).then(() => {
      for (const claim of claims) claim.written();
    });
  }
}
