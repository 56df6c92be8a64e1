// Owns the estimate of how often a key has been asked for lately: a count-min sketch of 4-bit counters that are halved now and then.
// It forgets nothing at once and remembers no key, so what was asked for and is not kept counts as well. It may estimate too much, never too
// little. G. Cormode, S. Muthukrishnan, "An improved data stream summary: the count-min sketch and its applications", J. Algorithms 55 (2005);
// halving, and why four bits are enough: G. Einziger, R. Friedman, B. Manes, "TinyLFU: a highly efficient cache admission policy", ACM TOS 13 (2017).
import { mixed } from '../key-hash.ts';

export class FrequencySketch {
  readonly #words: Int32Array;
  readonly #blockMask: number;
  #additions = 0;

  /** @param counters how many it has, rounded up to a power of two; half an octet each */
  constructor(counters: number) {
    const blocks = 2 ** Math.max(0, Math.ceil(Math.log2(counters / COUNTERS_IN_BLOCK)));
    this.#words = new Int32Array(blocks * WORDS_IN_BLOCK);
    this.#blockMask = blocks - 1;
  }

  /**
   * Counts one request for the key of this hash (key-hash.ts). Nobody outside may know hashes, or he chooses keys that share the counters of another.
   *
   * @param period after how many requests every counter is halved; at the soonest when that is a few words' work for each of them
   */
  add(hash: number, period: number): void {
    const words = this.#words;
    const block = (hash & this.#blockMask) * WORDS_IN_BLOCK;
    const places = mixed(hash ^ PLACES);
    for (let row = 0; row < ROWS; row += 1) {
      const place = (places >>> (row * 8)) & 31;
      const word = block + row * WORDS_IN_ROW + (place >>> 3);
      const shift = (place & 7) * 4;
      if (((words[word]! >>> shift) & MOST) !== MOST) words[word]! += 1 << shift;
    }
    this.#additions += 1;
    if (this.#additions >= period && this.#additions * MOST_WORK >= words.length) this.#halve();
  }

  /** @returns 0 to 15 */
  estimate(hash: number): number {
    const words = this.#words;
    const block = (hash & this.#blockMask) * WORDS_IN_BLOCK;
    const places = mixed(hash ^ PLACES);
    let least = MOST;
    for (let row = 0; row < ROWS; row += 1) {
      const place = (places >>> (row * 8)) & 31;
      const count = (words[block + row * WORDS_IN_ROW + (place >>> 3)]! >>> ((place & 7) * 4)) & MOST;
      if (count < least) least = count;
    }
    return least;
  }

  #halve(): void {
    const words = this.#words;
    for (let i = 0; i < words.length; i += 1) words[i] = (words[i]! >>> 1) & 0x77777777;
    this.#additions >>>= 1;
  }
}

const MOST = 15;
const ROWS = 4;
// A block is a line of the processor's cache: four rows of four words, each of eight counters.
const WORDS_IN_ROW = 4;
const WORDS_IN_BLOCK = ROWS * WORDS_IN_ROW;
const COUNTERS_IN_BLOCK = WORDS_IN_BLOCK * 8;
const PLACES = 0x5bd1e995;
/** Words to halve for each request: a large sketch that few keys are counted in would be halved over and over. */
const MOST_WORK = 8;
