// Owns which responses make room in the log (disk-log.ts). A hand goes over segments in the order in which they were begun. What was not used since it
// was stored, or since the hand came past, goes; what was is appended anew, without its mark, and so stays for another turn. So what is asked for once
// goes soon, and a scan does not flush what is used: this is CLOCK (Corbató 1968), as SIEVE (Zhang and others, NSDI 2024) but for where the used ones
// go, which a log leaves no choice in. Before that, segments of which little is stored any more are emptied, and nothing goes for it.
// Appending anew costs room and time: so much of it may be done as has been stored since, and no more than some MiB at once.
import type { DiskLog } from './disk-log.ts';
import type { Segment } from './disk-segment.ts';
import type { Entry } from './key-table.ts';

interface Victim {
  readonly segment: Segment;
  /** Hardly anything in it is stored any more; what is need not go. */
  readonly keepsAll: boolean;
  readonly entries: readonly Entry[];
  /** How many of them have been looked at. */
  at: number;
}

export class Eviction {
  evictions = 0;
  readonly #log: DiskLog;
  readonly #mostCredit: number;
  readonly #evicted: (entry: Entry) => void;
  #credit: number;
  #victim: Victim | null = null;

  /** @param evicted is told of each, before it goes */
  constructor(log: DiskLog, maxBytes: number, evicted: (entry: Entry) => void) {
    this.#log = log;
    this.#mostCredit = Math.min(maxBytes / 4, MOST_CREDIT);
    this.#credit = this.#mostCredit;
    this.#evicted = evicted;
  }

  /** So many octets have been stored. */
  earn(bytes: number): void {
    this.#credit = Math.min(this.#mostCredit, this.#credit + bytes);
  }

  /** Looks at a few responses. @returns false when nothing is left @throws errors of SQLite's */
  step(isEnough: () => boolean): boolean {
    this.#victim ??= this.#choose();
    const victim = this.#victim;
    if (victim === null) return false;
    for (let i = 0; i < LOOKED_AT_ONCE && victim.at < victim.entries.length; i += 1) {
      const entry = victim.entries[victim.at]!;
      victim.at += 1;
      if (this.#log.isThere(entry)) this.#pass(entry, victim.keepsAll);
      if (isEnough()) return true;
    }
    if (victim.at < victim.entries.length) return true;
    this.#victim = null;
    // What is left in it is known to no row of the index.
    for (const entry of victim.segment.entries === 0 ? [] : this.#log.table.of(new Set([victim.segment.number]))) this.#evict(entry);
    return true;
  }

  #pass(entry: Entry, isKept: boolean): void {
    const cost = entry.length + COST_OF_ONE;
    const stays = (isKept || this.#log.table.isUsed(entry)) && this.#credit >= cost;
    if (stays && this.#log.move(entry)) this.#credit -= cost;
    else if (this.#log.isThere(entry)) this.#evict(entry);
  }

  #evict(entry: Entry): void {
    this.#evicted(entry);
    this.evictions += 1;
    this.#log.drop(entry, LATER_MS);
  }

  #choose(): Victim | null {
    let oldest: Segment | null = null;
    let emptiest: Segment | null = null;
    for (const segment of this.#log.segments.values()) {
      oldest ??= segment;
      if (segment.isSealed && segment.liveBytes * 4 < segment.end) emptiest ??= segment;
    }
    const segment = emptiest ?? oldest;
    if (segment === null) return null;
    const entries = this.#log.allOf(segment);
    // The last one may be the one that is being filled.
    this.#log.seal(segment);
    return { segment, keepsAll: emptiest !== null, entries, at: 0 };
  }
}

const LOOKED_AT_ONCE = 32;
const MOST_CREDIT = 16 << 20;
/** Of a read, and of all that is done for one. */
const COST_OF_ONE = 4096;
const LATER_MS = 250;
