// Owns the command line of the inspector's soak: words in, a checked value out.
import { parseArgs } from 'node:util';

export interface SoakOptions {
  readonly exchanges: number;
  /** Clients at a time. */
  readonly clients: number;
  /** Whether a real browser looks on, besides the stand-in that always does. */
  readonly hasBrowser: boolean;
  /** Whether what is slow fails, or is only told: where others are busy on the same machine, it says nothing. */
  readonly isTimed: boolean;
  readonly seed: number;
}

/** @returns `'help'` when help was asked for @throws Error for what cannot be done */
export function parseOptions(words: readonly string[]): SoakOptions | 'help' {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      exchanges: { type: 'string' },
      clients: { type: 'string', default: '32' },
      page: { type: 'boolean', default: false },
      untimed: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
    },
  });
  if (values.help) return 'help';
  return {
    exchanges: count('exchanges', values.exchanges ?? (values.quick ? '5000' : '200000'), 100, 10_000_000),
    clients: count('clients', values.clients, 1, 500),
    hasBrowser: values.page,
    isTimed: !values.untimed,
    seed: count('seed', values.seed, 0, 0xffff_ffff),
  };
}

export const HELP = `Usage: npm run soak:inspector -- [FLAGS]

Replays an hour's worth of mixed traffic at speed through a proxy that records it (Linux), with the
inspector's list open at its end: 200,000 exchanges and some 5 GiB of content. Then it asks for
everything, kills the proxy in the middle of more traffic, opens the session again, and at last
gives it less room. Fails when the proxy takes 400 MiB or more, when an exchange is missing, there
twice or other than its client saw it, when a list or a filter is slow, and when the store takes
more room than it was given. The last line is PASS or FAIL, and so is the exit code (0 or 1).

Flags:
  --quick         5,000 exchanges
  --exchanges N   200000 unless told
  --clients N     at a time; 32 unless told
  --page          Chromium looks on, too, and has to stay smooth
  --untimed       tells what was slow, and does not fail because of it
  --seed N        of every choice that is left to chance; 1 unless told`;

function count(flag: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new Error(`--${flag}: expected a whole number from ${least} to ${most}; found "${text}"`);
  return value;
}
