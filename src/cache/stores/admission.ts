// Owns who stays when there is not room for all: W-TinyLFU. What comes new passes a small window in order of use; where it leaves the window it stays
// only if it was asked for more often than each of those that would have to go for it. So what is asked for once, however much of it, flushes
// nothing that is used. G. Einziger, R. Friedman, B. Manes, "TinyLFU: a highly efficient cache admission policy", ACM TOS 13 (2017).
// Sizes differ here, so one may have to take the place of many: G. Einziger, O. Eytan, R. Friedman, B. Manes, "Lightweight robust size aware cache
// management", ACM TOS 18 (2022). There the many are compared by their sum, which favours small ones and hits; by the most frequent of them, as
// here, octets count as well. Whoever was asked for twice may win a draw: popularity moves, and counts are halved too seldom to follow it alone.
// The shares below are those that lost to plain LRU the least on test/bench/cache-traces.ts.
// Members carry their links, so that to move one leaves nothing behind (net/linked-set.ts): most come, pass the window and go.
import { LinkedSet } from '../../net/linked-set.ts';
import { FrequencySketch } from './frequency-sketch.ts';

/** Something of a size that is asked for by the hash of its key. The owner of the cache derives from it what it keeps, its key too. */
export class Member<M> {
  readonly hash: number;
  /** Written by the cache alone, as is all that follows. */
  bytes = 0;
  /** Where it is; `null` while it is not kept. */
  segment: Segment | null = null;
  previous: M | null = null;
  next: M | null = null;

  constructor(hash: number) {
    this.hash = hash;
  }
}

export type Segment = 'window' | 'probation' | 'protected';

export class AdmittingCache<M extends Member<M>> {
  readonly #members = new Map<number, M>();
  readonly #segments = { window: new OrderOfUse<M>(), probation: new OrderOfUse<M>(), protected: new OrderOfUse<M>() };
  readonly #sketch: FrequencySketch;
  readonly #maxBytes: number;
  readonly #windowBytes: number;
  readonly #evicted: (member: M) => void;
  #reservedBytes = 0;

  /** @param evicted hears of each that has to go, and of what `put` did not keep */
  constructor(maxBytes: number, evicted: (member: M) => void) {
    this.#maxBytes = maxBytes;
    this.#windowBytes = maxBytes * WINDOW;
    this.#sketch = new FrequencySketch(maxBytes / OCTETS_A_COUNTER);
    this.#evicted = evicted;
  }

  get bytes(): number {
    return this.#segments.window.bytes + this.#mainBytes;
  }

  get size(): number {
    return this.#members.size;
  }

  /** The member of this hash; that it was asked for is counted, whether it is there or not. */
  find(hash: number): M | undefined {
    const member = this.#members.get(hash);
    if (member === undefined) this.#count(hash);
    else this.use(member);
    return member;
  }

  /** The same, of one that is at hand. */
  use(member: M): void {
    if (member.segment === 'probation') this.#promote(member);
    else this.#refresh(member);
    this.#count(member.hash);
  }

  /** The member of this hash, for whoever does not use it. */
  peek(hash: number): M | undefined {
    return this.#members.get(hash);
  }

  /** Adds a member in the place of any other of its hash, or gives one that is there another size. @returns whether it is kept */
  put(member: M, bytes: number): boolean {
    const segment = member.segment ?? 'window';
    if (member.segment === null) this.#enter(member);
    else this.#segments[segment].delete(member);
    member.bytes = bytes;
    if (segment === 'window' && bytes > this.#windowBytes) this.#contest(member);
    else if (bytes > this.#mainLimit) this.#evict(member);
    else this.#add(member, segment);
    this.#settle();
    return member.segment !== null;
  }

  /** Whether something of this size would be kept now: asked for more than once, and more often than those that would have to go. */
  isWorth(hash: number, bytes: number): boolean {
    return this.#sketch.estimate(hash) >= ASKED_AGAIN && this.#victims(hash, bytes).isWon;
  }

  delete(member: M): void {
    if (member.segment === null) return;
    this.#segments[member.segment].delete(member);
    this.#members.delete(member.hash);
    member.segment = null;
  }

  /** How many octets of the limit are needed for something else. */
  reserve(bytes: number): void {
    const isMore = bytes > this.#reservedBytes;
    this.#reservedBytes = bytes;
    if (isMore) this.#settle();
  }

  /** All members, as they are now. */
  members(): M[] {
    return [...this.#members.values()];
  }

  get #mainBytes(): number {
    return this.#segments.probation.bytes + this.#segments.protected.bytes;
  }

  get #mainLimit(): number {
    return this.#maxBytes - this.#windowBytes - this.#reservedBytes;
  }

  /** Two keys of one hash are so rare that one of them may go. */
  #enter(member: M): void {
    const other = this.#members.get(member.hash);
    if (other !== undefined) {
      this.delete(other);
      this.#evicted(other);
    }
    this.#members.set(member.hash, member);
  }

  #add(member: M, segment: Segment): void {
    member.segment = segment;
    this.#segments[segment].add(member);
  }

  #count(hash: number): void {
    this.#sketch.add(hash, Math.max(this.size, LEAST_MEMBERS) * REQUESTS_A_MEMBER);
  }

  #refresh(member: M): void {
    this.#segments[member.segment!].refresh(member);
  }

  #promote(member: M): void {
    this.#segments.probation.delete(member);
    this.#add(member, 'protected');
    this.#demote();
  }

  /** The protected may not be so many that nobody else could prove himself. */
  #demote(): void {
    const { protected: kept } = this.#segments;
    while (kept.bytes > this.#mainLimit * PROTECTED) this.#add(kept.takeOldest()!, 'probation');
  }

  #settle(): void {
    const { window, probation, protected: kept } = this.#segments;
    while (window.bytes > this.#windowBytes) this.#contest(window.takeOldest()!);
    this.#demote();
    while (this.#mainBytes > this.#mainLimit) this.#evict((probation.takeOldest() ?? kept.takeOldest())!);
  }

  /** Someone who is in no segment any more takes the place of the oldest, or of nobody. */
  #contest(member: M): void {
    if (this.#mainBytes + member.bytes <= this.#mainLimit) {
      this.#add(member, 'probation');
      return;
    }
    const { victims, isWon } = this.#victims(member.hash, member.bytes);
    if (isWon) {
      for (const victim of victims) {
        this.#segments[victim.segment!].delete(victim);
        this.#evict(victim);
      }
      this.#add(member, 'probation');
    } else {
      // Who has stood one contest is not asked again before the others: a frequent one at the end would guard all that are not.
      for (const victim of victims) this.#refresh(victim);
      this.#evict(member);
    }
  }

  /** Those that would have to go, the oldest first, as far as the first one that need not. */
  #victims(hash: number, bytes: number): { readonly victims: readonly M[]; readonly isWon: boolean } {
    const victims: M[] = [];
    if (bytes > this.#mainLimit) return { victims, isWon: false };
    const frequency = this.#sketch.estimate(hash);
    let missing = this.#mainBytes + bytes - this.#mainLimit;
    const { probation, protected: kept } = this.#segments;
    for (let victim = probation.oldest ?? kept.oldest; victim !== null && missing > 0; victim = this.#after(victim)) {
      victims.push(victim);
      const other = this.#sketch.estimate(victim.hash);
      if (other > frequency || (other === frequency && frequency < ASKED_AGAIN)) return { victims, isWon: false };
      missing -= victim.bytes;
    }
    return { victims, isWon: true };
  }

  /** The next younger one of those in the main part. */
  #after(member: M): M | null {
    return member.next ?? (member.segment === 'probation' ? this.#segments.protected.oldest : null);
  }

  /** Of one that is in no segment any more. */
  #evict(member: M): void {
    member.segment = null;
    this.#members.delete(member.hash);
    this.#evicted(member);
  }
}

/** Bounded by its owner: what leaves must be judged first. */
class OrderOfUse<M extends Member<M>> {
  readonly #members = new LinkedSet<M>();
  bytes = 0;

  get oldest(): M | null {
    return this.#members.first;
  }

  add(member: M): void {
    this.#members.add(member);
    this.bytes += member.bytes;
  }

  delete(member: M): void {
    this.#members.delete(member);
    this.bytes -= member.bytes;
  }

  takeOldest(): M | null {
    const { oldest } = this;
    if (oldest !== null) this.delete(oldest);
    return oldest;
  }

  refresh(member: M): void {
    this.#members.delete(member);
    this.#members.add(member);
  }
}

/** Shares of the whole and of what is not the window. */
const WINDOW = 0.02;
const PROTECTED = 0.6;
const ASKED_AGAIN = 2;
// Four counters for each that asks, and some for what was asked for and not kept: 0.2 % of the whole where members have 4 KiB.
const OCTETS_A_COUNTER = 256;
const REQUESTS_A_MEMBER = 10;
const LEAST_MEMBERS = 100;
