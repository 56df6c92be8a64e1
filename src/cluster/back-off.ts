// Owns how long to wait before what has ended is started again. What ran for a while and breaks is back at once; what breaks as soon as it
// starts is given more and more time, since whatever ends it will most likely do so again.

export class BackOff {
  #inARow = 0;

  /** @param ranMs how long it ran @returns milliseconds to wait, 0 the first time */
  after(ranMs: number): number {
    this.#inARow = ranMs < SOON_MS ? this.#inARow + 1 : 0;
    return this.#inARow < 2 ? 0 : Math.min(FIRST_MS * 2 ** (this.#inARow - 2), MOST_MS);
  }
}

/** Whoever is up for so long has not broken for a reason that was there at its start. */
const SOON_MS = 10_000;
const FIRST_MS = 250;
const MOST_MS = 30_000;
