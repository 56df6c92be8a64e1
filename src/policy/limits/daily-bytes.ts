// Owns how many octets each user or address has moved under a rule today, UTC. Counts go by the rule's name and by who it is, not by the limit: a
// limit that is raised or lowered at noon holds for the whole day. Keeping them over a restart is quota-file.ts.
// Only a later day begins anew. When the clock is set back, today goes on with what is counted: a wrong clock may cost somebody a quota, and never
// gives one out twice.

/** One count, as it is kept. */
export interface DailyCount {
  readonly rule: string;
  readonly who: string;
  readonly bytes: number;
}

export class DailyBytes {
  readonly #nowEpochMs: () => number;
  readonly #onChange: () => void;
  /** Days since the epoch. */
  #day: number;
  readonly #counts = new Map<string, number>();

  /**
   * @param nowEpochMs the wall clock
   * @param onChange called with each change, so often that it must do next to nothing
   */
  constructor(nowEpochMs: () => number, onChange: () => void = () => {}) {
    this.#nowEpochMs = nowEpochMs;
    this.#onChange = onChange;
    this.#day = dayOf(nowEpochMs());
  }

  /** @returns octets moved today; `null` when the count is not kept and there is no room for another: `MOST_COUNTS` are kept */
  used(rule: string, who: string): number | null {
    this.#turnPage();
    const used = this.#counts.get(keyOf(rule, who));
    if (used !== undefined) return used;
    return this.#counts.size < MOST_COUNTS ? 0 : null;
  }

  /** @returns octets moved today, these included */
  add(rule: string, who: string, bytes: number): number {
    this.#turnPage();
    const key = keyOf(rule, who);
    const used = (this.#counts.get(key) ?? 0) + bytes;
    this.#counts.set(key, used);
    this.#onChange();
    return used;
  }

  /** Seconds until counting begins anew, at least 1. */
  secondsLeft(): number {
    this.#turnPage();
    return Math.max(1, Math.ceil(((this.#day + 1) * DAY_MS - this.#nowEpochMs()) / 1000));
  }

  /** `2026-11-23`: the day of the counts. */
  get day(): string {
    return new Date(this.#day * DAY_MS).toISOString().slice(0, 10);
  }

  get size(): number {
    return this.#counts.size;
  }

  /** In the order in which they began; what is added meanwhile comes, too. */
  *counts(): Generator<DailyCount> {
    for (const [key, bytes] of this.#counts) {
      const cut = key.indexOf(SEPARATOR);
      yield { rule: key.slice(0, cut), who: key.slice(cut + 1), bytes };
    }
  }

  /** Takes counts over that were kept for `day` (as in `day`); those of a day that is past are let go. */
  restore(day: string, counts: readonly DailyCount[]): void {
    this.#turnPage();
    if (day < this.day) return;
    for (const { rule, who, bytes } of counts) this.#counts.set(keyOf(rule, who), bytes);
  }

  #turnPage(): void {
    const today = dayOf(this.#nowEpochMs());
    if (today === this.#day) return;
    if (today > this.#day) this.#counts.clear();
    this.#day = today;
  }
}

function dayOf(epochMs: number): number {
  return Math.floor(epochMs / DAY_MS);
}

function keyOf(rule: string, who: string): string {
  return rule + SEPARATOR + who;
}

/** Beyond it nobody new is let in until tomorrow, rather than one who is counted forgotten. */
export const MOST_COUNTS = 100_000;
const DAY_MS = 86_400_000;
/** A control character, which no rule's name and no user's can hold in practice; if one did, only the line in the file would be cut elsewhere. */
const SEPARATOR = '\0';
