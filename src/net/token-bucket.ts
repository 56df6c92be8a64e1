// Owns a rate with a burst, as a bucket of tokens: it fills at the rate, holds at most the burst, and begins full. No clock and no timer: whoever
// asks says what time it is. In any t seconds it gives rate * t + burst tokens at most. A clock that goes back gives nothing and takes nothing.

export class TokenBucket {
  #ratePerSecond: number;
  #burst: number;
  #tokens: number;
  #filledMs = Number.NEGATIVE_INFINITY;

  /** @param ratePerSecond more than 0; need not be whole */
  constructor(ratePerSecond: number) {
    this.#ratePerSecond = ratePerSecond;
    this.#burst = Math.max(1, ratePerSecond);
    this.#tokens = this.#burst;
  }

  get ratePerSecond(): number {
    return this.#ratePerSecond;
  }

  /** What one second brings, and never less than one token: else a rate below one a second would give nothing, ever. */
  get burst(): number {
    return this.#burst;
  }

  /** From now on; what has gathered stays, as far as there is room for it. */
  changeRate(ratePerSecond: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#ratePerSecond = ratePerSecond;
    this.#burst = Math.max(1, ratePerSecond);
    this.#tokens = Math.min(this.#tokens, this.#burst);
  }

  /** Takes all `n` or none. @returns whether they were there */
  take(n: number, nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens + ROUNDING < n) return false;
    this.#tokens = Math.max(0, this.#tokens - n);
    return true;
  }

  /** Whole tokens that could be taken now. */
  available(nowMs: number): number {
    this.#fill(nowMs);
    return Math.floor(this.#tokens + ROUNDING);
  }

  /** Milliseconds until `n` are there; 0 when they are, and `Infinity` for more than it can hold. */
  msUntil(n: number, nowMs: number): number {
    this.#fill(nowMs);
    if (n > this.#burst) return Number.POSITIVE_INFINITY;
    return Math.max(0, ((n - this.#tokens) * 1000) / this.#ratePerSecond);
  }

  isFull(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens === this.#burst;
  }

  #fill(nowMs: number): void {
    if (nowMs <= this.#filledMs) return;
    const gained = ((nowMs - this.#filledMs) * this.#ratePerSecond) / 1000;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#filledMs = nowMs;
  }
}

/** Sums of fractions miss a whole number by less than this; who waited as long as `msUntil` said must not be told to wait again. */
const ROUNDING = 1e-6;
