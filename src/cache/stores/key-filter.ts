// Owns a filter over keys: a key that was never stored is known for one without asking the index. It says "perhaps" for about one absent key in a
// thousand, and never "no" for a key that was added. A split block Bloom filter (Putze, Sanders, Singler 2007): one cache line a question.
// Its memory is shared between the thread that adds keys (disk-worker.ts) and the one that asks. Keys cannot be taken out; it is built anew instead.

export class KeyFilter {
  readonly memory: SharedArrayBuffer;
  readonly #words: Uint32Array;
  readonly #blocks: number;

  /** @param memory of another filter, to ask the same one from another thread */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Uint32Array(memory);
    this.#blocks = this.#words.length / WORDS_IN_BLOCK;
  }

  /** @param capacity how many keys it holds before it says "perhaps" more often */
  static forKeys(capacity: number): KeyFilter {
    const blocks = Math.max(1, Math.ceil((capacity * BITS_PER_KEY) / (32 * WORDS_IN_BLOCK)));
    return new KeyFilter(new SharedArrayBuffer(blocks * WORDS_IN_BLOCK * 4));
  }

  /** @param hash of the key: stored-row.ts, 52 bits */
  add(hash: number): void {
    const at = this.#blockOf(hash);
    for (let i = 0; i < WORDS_IN_BLOCK; i += 1) this.#words[at + i]! |= bitOf(hash, i);
  }

  mayHave(hash: number): boolean {
    const at = this.#blockOf(hash);
    for (let i = 0; i < WORDS_IN_BLOCK; i += 1) if ((this.#words[at + i]! & bitOf(hash, i)) === 0) return false;
    return true;
  }

  /** By the upper half of the hash; the bits in the block go by the lower. */
  #blockOf(hash: number): number {
    return Math.floor((Math.floor(hash / HALF) / HALF) * this.#blocks) * WORDS_IN_BLOCK;
  }
}

function bitOf(hash: number, word: number): number {
  return 1 << (Math.imul(hash % HALF, SALTS[word]!) >>> 27);
}

const BITS_PER_KEY = 16;
const WORDS_IN_BLOCK = 8;
const HALF = 2 ** 26;
/** Odd, and otherwise of no meaning. */
const SALTS = [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31] as const;
