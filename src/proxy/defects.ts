// Owns what happens to an exception that nobody caught: it is a defect of ours, told with its stack on one line, and the proxy keeps serving.
// Every exchange holds its own state and fails closed, so one that broke takes nobody else with it; but defects that come in a burst mean that
// shared state is broken, and then a restart is the honest answer.

/** At most `most` defects in any `windowMs`. */
export class DefectBudget {
  readonly #most: number;
  readonly #windowMs: number;
  #times: number[] = [];

  constructor(most = 100, windowMs = 10_000) {
    this.#most = most;
    this.#windowMs = windowMs;
  }

  /** Counts one. @param nowMs on a monotonic clock @returns whether it was one too many */
  isSpentBy(nowMs: number): boolean {
    this.#times = this.#times.filter((time) => nowMs - time < this.#windowMs);
    this.#times.push(nowMs);
    return this.#times.length > this.#most;
  }
}

/** The text of a defect: its stack, or what was thrown when it is no Error, and the causes below it. */
export function describeDefect(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `defect: thrown ${String(thrown)}`;
  const cause = thrown.cause === undefined ? '' : `\ncaused by ${describeDefect(thrown.cause)}`;
  return `defect: ${thrown.stack ?? thrown.message}${cause}`;
}

/** From now on. @param giveUp is called when the budget is spent */
export function surviveDefects(report: (line: string) => void, giveUp: () => void): void {
  const budget = new DefectBudget();
  const onDefect = (thrown: unknown) => {
    report(describeDefect(thrown));
    if (budget.isSpentBy(performance.now())) giveUp();
  };
  process.on('uncaughtException', onDefect);
  process.on('unhandledRejection', onDefect);
}
