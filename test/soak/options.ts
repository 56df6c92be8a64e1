// Owns the command line of the soak: words in, a checked value out.
import { parseArgs } from 'node:util';

export const PHASES = ['tunnels', 'busy', 'opened', 'hostile'] as const;
export type Phase = (typeof PHASES)[number];

export interface SoakOptions {
  /** How long each phase with clients lasts. Its warm-up before is a quarter of it, 8 to 20 s; tunnels are held open for a sixth, at most 20 s. */
  readonly seconds: number;
  readonly clients: number;
  readonly tunnels: number;
  readonly phases: readonly Phase[];
  readonly seed: number;
}

/** @returns `'help'` when help was asked for @throws Error for what cannot be done */
export function parseOptions(words: readonly string[]): SoakOptions | 'help' {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      seconds: { type: 'string', default: '120' },
      clients: { type: 'string', default: '500' },
      tunnels: { type: 'string', default: '5000' },
      phase: { type: 'string', default: 'all' },
      seed: { type: 'string', default: '1' },
    },
  });
  if (values.help) return 'help';
  return {
    seconds: count('seconds', values.seconds, 1, 86_400),
    clients: count('clients', values.clients, 1, 5_000),
    tunnels: count('tunnels', values.tunnels, 1, 8_000),
    phases: phases(values.phase),
    seed: count('seed', values.seed, 0, 0xffff_ffff),
  };
}

export const HELP = `Usage: npm run soak -- [FLAGS]

Runs the proxy as a process of its own (Linux) under idle tunnels, under busy clients with origins
that misbehave among them, under clients that speak HTTP/2 in tunnels that are opened, and under
those together with clients and origins that send frames and octets as chance has it. Fails on a
wrong answer to anybody, on descriptors or memory that do not come back, on a report of a defect,
and on an access log that does not match. The last line is PASS or FAIL, and so is the exit code (0
or 1).

Flags:
  --seconds N   of each phase with clients; 120 unless told
  --clients N   busy clients, a tenth of them with origins that misbehave; 500 unless told. In opened
                tunnels there are a tenth as many, each with several exchanges at once
  --tunnels N   idle tunnels; 5000 unless told
  --phase NAMES tunnels, busy, opened and hostile, with commas between them; all unless told
  --seed N      of every choice that is left to chance; 1 unless told

With SOAK_HEAP_SNAPSHOT=FILE in the environment, the proxy's heap is written to FILE when the busy
phase has failed.`;

function count(flag: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new Error(`--${flag}: expected a whole number from ${least} to ${most}; found "${text}"`);
  return value;
}

function phases(text: string): readonly Phase[] {
  if (text === 'all') return PHASES;
  const names = text.split(',');
  const known = PHASES.filter((phase) => names.includes(phase));
  if (known.length < names.length) throw new Error(`--phase: expected some of ${PHASES.join(', ')}, or all; found "${text}"`);
  return known;
}
