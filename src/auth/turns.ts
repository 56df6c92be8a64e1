// Owns taking turns: a few jobs at once, a bounded number waiting, and no further one.

export class Turns {
  readonly #atOnce: number;
  readonly #mostWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(atOnce: number, mostWaiting: number) {
    this.#atOnce = atOnce;
    this.#mostWaiting = mostWaiting;
  }

  /** @returns what the job comes to, or `null` when too many wait already, and it will not be begun */
  take<T>(job: () => Promise<T>): Promise<T> | null {
    if (this.#running >= this.#atOnce && this.#waiting.length >= this.#mostWaiting) return null;
    return this.#run(job);
  }

  async #run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnce) this.#running += 1;
    // Whoever ends hands its place on, so that it is never free for a late comer.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await job();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
