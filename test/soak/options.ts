// Owns the command line of the soak: words in, a checked value out.
import { parseArgs } from 'node:util';

export const PHASES = ['tunnels', 'busy', 'opened', 'hostile', 'growth'] as const;
export type Phase = (typeof PHASES)[number];
/** Those that are judged by what comes back of what was held, on one proxy after another. */
export const USUAL_PHASES = ['tunnels', 'busy', 'opened', 'hostile'] as const satisfies readonly Phase[];
export type UsualPhase = (typeof USUAL_PHASES)[number];

export interface SoakOptions {
  /** How long each phase with clients lasts. Its warm-up before is a quarter of it, 8 to 20 s; tunnels are held open for a sixth, at most 20 s. */
  readonly seconds: number;
  readonly clients: number;
  readonly tunnels: number;
  readonly phases: readonly Phase[];
  readonly seed: number;
  /** Of the growth phase, for each number of workers. */
  readonly requests: number;
  readonly workers: readonly number[];
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
      phase: { type: 'string', default: USUAL_PHASES.join(',') },
      seed: { type: 'string', default: '1' },
      requests: { type: 'string', default: '2000000' },
      workers: { type: 'string', default: '1,2' },
    },
  });
  if (values.help) return 'help';
  return {
    seconds: count('seconds', values.seconds, 1, 86_400),
    clients: count('clients', values.clients, 1, 5_000),
    tunnels: count('tunnels', values.tunnels, 1, 8_000),
    phases: phases(values.phase),
    seed: count('seed', values.seed, 0, 0xffff_ffff),
    requests: count('requests', values.requests, 4_000, 1_000_000_000),
    workers: values.workers.split(',').map((text) => count('workers', text, 1, 64)),
  };
}

export const HELP = `Usage: npm run soak -- [FLAGS]

Runs the proxy as a process of its own (Linux) under idle tunnels, under busy clients with origins
that misbehave among them, under clients that speak HTTP/2 in tunnels that are opened, and under
those together with clients and origins that send frames and octets as chance has it. Fails on a
wrong answer to anybody, on descriptors or memory that do not come back, on a report of a defect,
and on an access log that does not match. The last line is PASS or FAIL, and so is the exit code (0
or 1).

The phase growth, which is run only when it is named, makes millions of requests as fast as they are
answered (forwarded, out of the cache, to be stored, uploads, denied, tunnels) with the record and
the access log on, to a proxy of one process and then to one of two workers. Behind each fortieth it
prints what every process holds. A line through that may not rise once the first 15 % are over.

Flags:
  --seconds N   of each phase with clients; 120 unless told
  --clients N   busy clients, a tenth of them with origins that misbehave; 500 unless told. In opened
                tunnels there are a tenth as many, each with several exchanges at once
  --tunnels N   idle tunnels; 5000 unless told
  --phase NAMES tunnels, busy, opened, hostile and growth, with commas between them; all but growth
                unless told
  --seed N      of every choice that is left to chance; 1 unless told
  --requests N  of growth, for each number of workers; 2000000 unless told. With fewer than 200000 its
                warm-up is over before caches are full and code is compiled
  --workers N,N of growth, one proxy after the other; 1,2 unless told

With SOAK_HEAP_SNAPSHOT=FILE in the environment, the proxy's heap is written to FILE when a phase
with clients has failed; after growth, that of each process, to a name that begins with FILE.`;

function count(flag: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new Error(`--${flag}: expected a whole number from ${least} to ${most}; found "${text}"`);
  return value;
}

function phases(text: string): readonly Phase[] {
  const names = text.split(',');
  const known = PHASES.filter((phase) => names.includes(phase));
  if (known.length < names.length) throw new Error(`--phase: expected some of ${PHASES.join(', ')}; found "${text}"`);
  return known;
}
