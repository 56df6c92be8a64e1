// Owns octets a second that several transfers share, in turns: who finds none left waits in line, and one deadline serves the line.
// Deadlines are coarse (100 to 200 ms), so a slow transfer moves in a few steps a second, each of what has gathered since; the rate is kept all the same.
// Whoever leaves the line takes nothing along: no tokens are set aside for those who wait.
import type { Deadline, Deadlines } from './deadlines.ts';
import { TokenBucket } from './token-bucket.ts';

/** A transfer that has octets to pass on. */
export interface Waiter {
  /** How many; at least 1 while it waits. */
  readonly wanted: number;
  /** That many may pass, from 1 to `wanted`: it is out of the line, and may get in again at its end. */
  granted(octets: number): void;
}

export class ByteRate {
  readonly #bucket: TokenBucket;
  readonly #turn: Deadline;
  /** In the order in which they came. */
  readonly #line = new Set<Waiter>();

  constructor(bytesPerSecond: number, deadlines: Deadlines) {
    this.#bucket = new TokenBucket(bytesPerSecond);
    this.#turn = deadlines.create(() => this.#serve());
  }

  /** From now on, for those who wait as well. */
  changeTo(bytesPerSecond: number): void {
    if (bytesPerSecond === this.#bucket.ratePerSecond) return;
    this.#bucket.changeRate(bytesPerSecond, performance.now());
    this.#serveLater();
  }

  /** @returns how many of `wanted` octets may pass at once: none while others wait */
  take(wanted: number): number {
    if (this.#line.size > 0) return 0;
    const nowMs = performance.now();
    const octets = Math.min(wanted, this.#bucket.available(nowMs));
    this.#bucket.take(octets, nowMs);
    return octets;
  }

  wait(waiter: Waiter): void {
    this.#line.add(waiter);
    if (this.#line.size === 1) this.#serveLater();
  }

  /** Does nothing to who does not wait. */
  leave(waiter: Waiter): void {
    this.#line.delete(waiter);
    if (this.#line.size === 0) this.#turn.clear();
  }

  /** Nobody waits, and nothing is remembered of what has passed. */
  isAtRest(nowMs: number): boolean {
    return this.#line.size === 0 && this.#bucket.isFull(nowMs);
  }

  /** Everybody in line gets an equal part, as far as the least one goes. Who asks again from within stands behind the others. */
  #serve(): void {
    const nowMs = performance.now();
    let unserved = this.#line.size;
    for (const waiter of this.#line) {
      if (unserved === 0) break;
      const available = this.#bucket.available(nowMs);
      const part = Math.min(waiter.wanted, Math.max(this.#leastPart(), Math.floor(available / unserved)));
      if (!this.#bucket.take(part, nowMs)) break;
      unserved -= 1;
      this.#line.delete(waiter);
      waiter.granted(part);
    }
    this.#serveLater();
  }

  #serveLater(): void {
    const [first] = this.#line;
    if (first === undefined) return;
    const part = Math.min(first.wanted, this.#leastPart());
    this.#turn.set(Math.max(1, this.#bucket.msUntil(part, performance.now())));
  }

  /** Not so little that pieces cost more than what is in them; not so much that one round takes longer than a second, when other timers would run out. */
  #leastPart(): number {
    return Math.max(1, Math.min(WORTH_WRITING, Math.floor(this.#bucket.ratePerSecond / this.#line.size)));
  }
}

const WORTH_WRITING = 1024;
