// Owns what became of the last response to each of the keys that were asked for lately, without an object or a text for any of them: most are asked for
// once, and nobody asks why. A key is known by two hashes. What is older than some thousands of others is forgotten.
import { checkOf, hashOf } from './key-hash.ts';
import { STORING_REASONS, type StoringCode } from './rules/storability.ts';

export interface NotedVerdict {
  readonly code: StoringCode;
  readonly status: number;
  readonly atMs: number;
}

export class Verdicts {
  readonly #hashes = new Int32Array(PLACES);
  readonly #checks = new Int32Array(PLACES);
  readonly #times = new Float64Array(PLACES);
  readonly #statuses = new Uint16Array(PLACES);
  /** One more than the place in `CODES`: zero where there is none. */
  readonly #codes = new Uint8Array(PLACES);

  note(key: string, code: StoringCode, status: number, atMs: number): void {
    const known = this.#placeOf(key);
    const place = known === NOWHERE ? this.#oldest(firstPlace(key)) : known;
    this.#hashes[place] = hashOf(key);
    this.#checks[place] = checkOf(key);
    this.#times[place] = atMs;
    this.#statuses[place] = status;
    this.#codes[place] = CODES.indexOf(code) + 1;
  }

  codeOf(key: string): StoringCode | null {
    const place = this.#placeOf(key);
    return place === NOWHERE ? null : CODES[this.#codes[place]! - 1]!;
  }

  of(key: string): NotedVerdict | null {
    const place = this.#placeOf(key);
    if (place === NOWHERE) return null;
    return { code: CODES[this.#codes[place]! - 1]!, status: this.#statuses[place]!, atMs: this.#times[place]! };
  }

  #placeOf(key: string): number {
    const hash = hashOf(key);
    const first = firstPlace(key);
    for (let place = first; place < first + WAYS; place += 1) {
      if (this.#codes[place] !== 0 && this.#hashes[place] === hash && this.#checks[place] === checkOf(key)) return place;
    }
    return NOWHERE;
  }

  /** Of those that a key may have. */
  #oldest(first: number): number {
    let oldest = first;
    for (let place = first + 1; place < first + WAYS; place += 1) if (this.#times[place]! < this.#times[oldest]!) oldest = place;
    return oldest;
  }
}

function firstPlace(key: string): number {
  return (hashOf(key) & (PLACES / WAYS - 1)) * WAYS;
}

const CODES = Object.keys(STORING_REASONS) as StoringCode[];
const NOWHERE = -1;
/** 19 octets each. Of those noted 4,096 others ago, two in a hundred are forgotten. */
const PLACES = 16_384;
const WAYS = 4;
