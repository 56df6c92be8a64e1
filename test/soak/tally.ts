// Owns the count of how every exchange ended, and what of it is a failure of the proxy.

/**
 * `right`: exactly the octets that were asked for. `error`: an answer that says it is one, with Proxy-Status (RFC 9209). `broken`: the
 * connection ended before the message was whole. `left`: the client itself broke off. `wrong`: a whole answer that is not the right one,
 * or anything that is not HTTP.
 */
export const OUTCOMES = ['right', 'error', 'broken', 'left', 'wrong'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Counts {
  readonly [kind: string]: Readonly<Record<Outcome, number>>;
}

export class Tally {
  readonly #counts: Record<string, Record<Outcome, number>> = {};
  /** The first failures, in words. */
  readonly failures: string[] = [];

  /** @param expected  every other outcome is a failure */
  count(kind: string, outcome: Outcome, expected: readonly Outcome[], words: () => string): void {
    this.#counts[kind] ??= { right: 0, error: 0, broken: 0, left: 0, wrong: 0 };
    this.#counts[kind][outcome] += 1;
    if (!expected.includes(outcome)) this.fail(`${kind} was ${outcome}: ${words()}`);
  }

  fail(words: string): void {
    if (this.failures.length < MOST_FAILURES) this.failures.push(words);
  }

  get counts(): Counts {
    return this.#counts;
  }
}

export function merge(all: readonly Counts[]): Counts {
  const sum: Record<string, Record<Outcome, number>> = {};
  for (const counts of all) {
    for (const [kind, row] of Object.entries(counts)) {
      sum[kind] ??= { right: 0, error: 0, broken: 0, left: 0, wrong: 0 };
      for (const outcome of OUTCOMES) sum[kind][outcome] += row[outcome];
    }
  }
  return sum;
}

const MOST_FAILURES = 20;
