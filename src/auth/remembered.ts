// Owns what was proved or refused lately, so that the next request with the same credentials costs one digest and one look-up.
// Neither passwords nor tokens are kept: the key is a SHA-256 of a secret of this process and the whole field value. Nobody ever sees the digest, so
// the secret in front keys it as well as an HMAC would, at a third of its cost. Remembering the value itself for each connection would keep every
// password in memory for as long as somebody is connected; and what a change of password takes back would stand in more than one place.
import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Principal } from './principal.ts';

export interface Identified {
  readonly kind: 'identified';
  readonly principal: Principal;
}

interface Entry<T> {
  readonly outcome: T;
  /** Milliseconds since the epoch. An entry from the future, after the clock was set back, does not count. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** @typeParam Refused how a refusal is answered */
export class Remembered<Refused extends { readonly kind: 'refused' }> {
  readonly #secret = randomBytes(32).toString('hex');
  // Two tables, so that whoever guesses cannot push out who is proved.
  readonly #identified = new LRUCache<string, Entry<Identified>>({ max: ENTRIES });
  readonly #refused = new LRUCache<string, Entry<Refused>>({ max: ENTRIES });
  #generation = 0;

  /** Changes whenever something is taken back: what was begun before must not be remembered after. */
  get generation(): number {
    return this.#generation;
  }

  keyOf(fieldValue: string): string {
    return hash('sha256', this.#secret + fieldValue, 'latin1');
  }

  find(key: string, nowMs: number): Identified | Refused | undefined {
    return current(this.#identified, key, nowMs) ?? current(this.#refused, key, nowMs);
  }

  keepIdentified(key: string, outcome: Identified, fromMs: number, untilMs: number): void {
    this.#identified.set(key, { outcome, fromMs, untilMs });
    this.#refused.delete(key);
  }

  keepRefused(key: string, outcome: Refused, fromMs: number): void {
    this.#refused.set(key, { outcome, fromMs, untilMs: fromMs + REFUSED_MS });
  }

  /** Asks what has become of every principal; `null` forgets it. Every refusal is forgotten: what was wrong may be right now. */
  renew(renewed: (principal: Principal) => Principal | null): void {
    this.#generation += 1;
    this.#refused.clear();
    for (const [key, { outcome, fromMs, untilMs }] of [...this.#identified.entries()]) {
      const principal = renewed(outcome.principal);
      if (principal === null) this.#identified.delete(key);
      else if (principal !== outcome.principal) this.#identified.set(key, { outcome: { kind: 'identified', principal }, fromMs, untilMs });
    }
  }

  clear(): void {
    this.#generation += 1;
    this.#identified.clear();
    this.#refused.clear();
  }
}

function current<T>(entries: LRUCache<string, Entry<T>>, key: string, nowMs: number): T | undefined {
  const entry = entries.get(key);
  return entry !== undefined && entry.fromMs <= nowMs && nowMs < entry.untilMs ? entry.outcome : undefined;
}

const ENTRIES = 10_000;
/** Long enough that a client which repeats itself is cheap, short enough that a change elsewhere is soon felt. */
const REFUSED_MS = 30_000;
