// Owns what the soak prints and its verdict: figures, the table of outcomes, what came back, and every failure in words.
import type { Measure } from './proxy-process.ts';
import { type Counts, OUTCOMES } from './tally.ts';

export interface Spare {
  readonly descriptors: number;
  readonly memoryKiB: number;
}

export class Report {
  readonly failures: string[] = [];
  readonly #print: (line: string) => void;
  readonly #table: string[] = [];

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** At once, as it happens. */
  say(line: string): void {
    this.#print(line);
  }

  fail(words: string): void {
    this.failures.push(words);
    if (this.failures.length <= MOST_FAILURES) this.#print(`failed: ${words}`);
  }

  figure(name: string, value: number): void {
    const shown = Number.isInteger(value) ? String(value) : value.toFixed(2);
    this.#table.push(`${name.padEnd(28)} ${shown.padStart(10)}`);
  }

  counts(counts: Counts): void {
    this.#table.push('', `${''.padEnd(20)}${OUTCOMES.map((outcome) => outcome.padStart(9)).join('')}`);
    for (const kind of Object.keys(counts).sort()) {
      const row = counts[kind]!;
      this.#table.push(`${kind.padEnd(20)}${OUTCOMES.map((outcome) => String(row[outcome]).padStart(9)).join('')}`);
    }
    this.#table.push('');
  }

  /**
   * What was held at the start, after the warm-up (the base) and at the end. Descriptors have to be back to the base exactly, the heap after
   * a collection of garbage nearly so: what V8 learns of code that runs for the first time, and the cache's last verdicts on as many URLs as it
   * remembers, take some 3 MiB. External memory may have grown by the read buffers that the proxy keeps for reuse (24 MiB at most).
   *
   * The resident set remembers the most that was ever under way at once, and a proxy that has to wait for the processor has more under way than one
   * that has not. Pages of V8 are let go of by the probe's collection. But while it is busy V8 lets up to 64 MiB of buffers that nobody needs gather
   * before it makes a full collection for their sake, and most of them are in the heap of C, of which glibc returns to the system what lies at its
   * end alone. What grows for ever, a little at a time, is found by the growth phase.
   *
   * @param spare what more may be held: files that the store has open, and memory that the allocator keeps of what came in every size
   */
  holdings(phase: string, start: Measure, base: Measure, after: Measure, spare: Spare = NOTHING_SPARE): void {
    this.#table.push(
      `${phase.padEnd(28)} ${'start'.padStart(10)} ${'base'.padStart(10)} ${'after'.padStart(10)} ${'at most'.padStart(10)}`,
    );
    const limits = {
      descriptors: base.descriptors + spare.descriptors,
      heapKiB: base.heapKiB + 4 * 1_024,
      externalKiB: base.externalKiB + 24 * 1_024,
      cHeapKiB: base.cHeapKiB + 72 * 1_024 + spare.memoryKiB,
      restKiB: base.restKiB * 1.1 + 24 * 1_024 + spare.memoryKiB,
    };
    for (const key of Object.keys(limits) as (keyof typeof limits)[]) {
      const row = [start[key], base[key], after[key], Math.floor(limits[key])];
      this.#table.push(`  ${key.padEnd(26)} ${row.map((value) => String(value).padStart(10)).join(' ')}`);
      if (after[key] > limits[key])
        this.fail(`${phase}: ${key} is ${after[key]}, and was ${base[key]} before; ${JSON.stringify(after.resources)}`);
    }
    this.#table.push('');
  }

  /** Prints the table and the verdict. @returns whether nothing failed */
  end(): boolean {
    this.#print(['', ...this.#table].join('\n'));
    if (this.failures.length > MOST_FAILURES) this.#print(`${this.failures.length} failures in all`);
    this.#print(this.failures.length === 0 ? 'PASS' : 'FAIL');
    return this.failures.length === 0;
  }
}

const MOST_FAILURES = 40;
const NOTHING_SPARE: Spare = { descriptors: 0, memoryKiB: 0 };
