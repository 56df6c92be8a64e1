// Owns the command line of the chaos: words in, a checked value out.
import { parseArgs } from 'node:util';

/** In the order in which they are done, with how often each does what it does, and how often with `--quick`. */
export const STEPS = {
  workers: { rounds: 10, quick: 2 },
  keeper: { rounds: 3, quick: 1 },
  reload: { rounds: 100, quick: 10 },
  restart: { rounds: 5, quick: 1 },
  rotate: { rounds: 20, quick: 4 },
  slowloris: { rounds: 1, quick: 1 },
  disk: { rounds: 1, quick: 1 },
  descriptors: { rounds: 1, quick: 1 },
} as const;
export type Step = keyof typeof STEPS;

export interface ChaosOptions {
  readonly steps: readonly Step[];
  readonly isQuick: boolean;
  /** How long conditions that have to be borne are held. */
  readonly seconds: number;
  readonly clients: number;
  readonly seed: number;
}

/** @returns `'help'` when help was asked for @throws Error for what cannot be done */
export function parseOptions(words: readonly string[]): ChaosOptions | 'help' {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      steps: { type: 'string', default: 'all' },
      seconds: { type: 'string' },
      clients: { type: 'string', default: '24' },
      seed: { type: 'string', default: '1' },
    },
  });
  if (values.help) return 'help';
  return {
    steps: stepsOf(values.steps),
    isQuick: values.quick,
    seconds: count('seconds', values.seconds ?? (values.quick ? '1' : '15'), 1, 3_600),
    clients: count('clients', values.clients, 2, 500),
    seed: count('seed', values.seed, 0, 0xffff_ffff),
  };
}

export const HELP = `Usage: npm run chaos -- [FLAGS]

Runs the proxy with two workers, cache, log and recording (Linux) under honest clients that check
every octet of every answer, and does to it, one after another:

  workers      kill -9 of a worker, ten times: only its own connections break, and it is back
  keeper       kill -9 of the keeper, three times: nobody notices
  reload       100 reloads (SIGHUP, sallyport reload), broken policies among them: nobody notices
  restart      all processes are started anew, five times: nobody notices
  rotate       the access log is moved away and opened anew, 20 times: no line is lost or double
  slowloris    2,000 clients that send an octet now and then: the next one is served in a second
  disk         the disk of cache, log and recording is full, and then has room again (needs root)
  descriptors  256 descriptors a process, and more clients than that: they wait, and are served or told

Fails on a wrong answer to anybody, on one that breaks where nobody should notice, on a log that
does not match, on a report of a defect, and on processes, descriptors or memory that do not come
back. The last line is PASS or FAIL, and so is the exit code (0 or 1).

Flags:
  --steps NAMES  with commas between them; all unless told
  --quick        a few rounds of each, for seconds in place of minutes
  --seconds N    how long a full disk, Slowloris and exhaustion last; 15 unless told, 1 with --quick
  --clients N    honest ones, at a time; 24 unless told
  --seed N       of every choice that is left to chance; 1 unless told`;

function stepsOf(text: string): readonly Step[] {
  const known = Object.keys(STEPS) as Step[];
  if (text === 'all') return known;
  const names = text.split(',');
  const chosen = known.filter((step) => names.includes(step));
  if (chosen.length < names.length) throw new Error(`--steps: expected some of ${known.join(', ')}, or all; found "${text}"`);
  return chosen;
}

function count(flag: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new Error(`--${flag}: expected a whole number from ${least} to ${most}; found "${text}"`);
  return value;
}
