// Owns what the chaos prints: a table of the steps, what every proxy held at first and in the end, each failure in words, and the verdict.
import { OUTCOMES } from '../tally.ts';
import type { Ended, Row } from './scene.ts';

export class ChaosReport {
  readonly #print: (line: string) => void;
  readonly #table: string[] = [HEAD];
  readonly #scenes: string[] = [];
  #failures = 0;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  get failures(): number {
    return this.#failures;
  }

  /** At once, as it happens. */
  say(line: string): void {
    this.#print(line);
  }

  fail(words: string): void {
    this.#failures += 1;
    if (this.#failures <= MOST_FAILURES) this.#print(`failed: ${words}`);
  }

  row({ name, rounds, seconds, outcomes, hits, failures, notes }: Row): void {
    const counts = OUTCOMES.map((outcome) => String(outcomes[outcome]).padStart(8)).join('');
    const verdict = failures.length === 0 ? 'pass' : 'FAIL';
    this.#table.push(
      `${name.padEnd(12)}${String(rounds).padStart(7)}${seconds.toFixed(1).padStart(8)}${counts}${String(hits).padStart(8)}  ${verdict}`,
    );
    for (const note of notes) this.#print(`${name}: ${note}`);
    for (const words of failures) this.fail(`${name}: ${words}`);
  }

  scene(name: string, { base, after, logLines, tornLines, failures }: Ended): void {
    const both = (key: keyof typeof base): string => `${base[key]} -> ${after[key]}`;
    this.#scenes.push(
      `${name}: processes ${both('processes')}, descriptors ${both('descriptors')}, PSS ${both('pssKiB')} KiB, ${logLines} lines in the log, ${tornLines} torn`,
    );
    for (const words of failures) this.fail(`${name}: ${words}`);
  }

  /** Prints the table and the verdict. @returns whether nothing failed */
  end(): boolean {
    this.#print(['', ...this.#table, '', ...this.#scenes].join('\n'));
    if (this.#failures > MOST_FAILURES) this.#print(`${this.#failures} failures in all`);
    this.#print(this.#failures === 0 ? 'PASS' : 'FAIL');
    return this.#failures === 0;
  }
}

const HEAD = `${'step'.padEnd(12)}${'rounds'.padStart(7)}${'seconds'.padStart(8)}${OUTCOMES.map((outcome) => outcome.padStart(8)).join('')}${'hits'.padStart(8)}`;
const MOST_FAILURES = 40;
