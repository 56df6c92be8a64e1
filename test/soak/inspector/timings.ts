// Owns how long answers took, and what that was at most for nearly all of them.

export class Timings {
  readonly #all: number[] = [];

  add(tookMs: number): void {
    this.#all.push(tookMs);
  }

  get count(): number {
    return this.#all.length;
  }

  /** @param share 0.99: that of which a hundredth were slower @returns 0 of none */
  quantile(share: number): number {
    const sorted = this.#all.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }

  toString(): string {
    const [half, most, worst] = [0.5, 0.99, 1].map((share) => this.quantile(share).toFixed(1));
    return `${this.count} answers: p50 ${half} ms, p99 ${most} ms, worst ${worst} ms`;
  }
}
