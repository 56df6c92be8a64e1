// Owns the command line of the benchmark: words in, a checked value out.
import { parseArgs } from 'node:util';
import { BenchError } from './bench-error.ts';
import { MARKS } from './marked-part.ts';
import { PEER_NAMES, type PeerName, WORKLOAD_NAMES, WORKLOADS, type WorkloadName } from './plan.ts';

export interface BenchOptions {
  readonly rounds: number;
  /** How long each measurement runs; the warm-up before it is not counted. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly workloads: readonly WorkloadName[];
  /** `null` for those that the goals are about, as far as they are installed. */
  readonly peers: readonly PeerName[] | null;
  /** A file that the machine and the measurements are appended to, each a line of JSON; `null` keeps none. */
  readonly out: string | null;
  /** Whether what is missing is installed first. */
  readonly install: boolean;
  /** A file that an earlier run has kept with `out`, to report on instead of measuring; `null` measures. */
  readonly from: string | null;
  /** Files for the table and for a picture of the ratios; `null` writes none. */
  readonly markdown: string | null;
  readonly svg: string | null;
}

/** @returns `'help'` when help was asked for @throws BenchError for what cannot be done */
export function parseOptions(words: readonly string[]): BenchOptions | 'help' {
  const values = read(words);
  if (values.help) return 'help';
  return {
    rounds: count('rounds', values.rounds, 1_000),
    seconds: count('seconds', values.seconds, 600),
    warmUpSeconds: count('warm-up', values['warm-up'], 600),
    workloads: names('workloads', values.workloads, WORKLOAD_NAMES),
    peers: values.peers === undefined ? null : names('peers', values.peers, PEER_NAMES),
    install: values.install,
    from: values.from ?? null,
    out: values.out ?? null,
    markdown: values.markdown ?? null,
    svg: values.svg ?? null,
  };
}

export function help(): string {
  const workloads = WORKLOAD_NAMES.map((name) => `  ${name.padEnd(19)} ${WORKLOADS[name].text}`);
  return `Usage: npm run bench -- [FLAGS]

Measures Sallyport beside Squid and Apache Traffic Server on this machine (Linux): CPU time for
an operation, memory for what is kept, and how long answers take at half load. Rounds are interleaved, and every measurement has a
fresh process. What was to be a hit and is none, or a hit of another tier, is an error and no figure;
so is TLS that was not opened, or not with the handshake that a workload is about.

Flags:
  --rounds N        ${DEFAULTS.rounds} unless told
  --seconds N       of each measurement; ${DEFAULTS.seconds} unless told
  --warm-up N       seconds that each peer is asked for the same before, uncounted; ${DEFAULTS.warmUp} unless told. What V8 compiles
                    it has compiled by then
  --workloads LIST  all unless told
  --peers LIST      of ${PEER_NAMES.slice(0, 5).join(', ')}, ${PEER_NAMES.slice(5).join(', ')};
                    unless told all but mitmproxy and floor, ats where it is installed. Each runs the workloads that it can:
                    floor stores nothing, and squid-bump, squid-bump-first and mitmproxy are for opened TLS
  --install         first install what is missing, with apt-get as root (of all peers, unless --peers is told). Debian may start
                    what it installs as services: stop those that you do not want
  --out FILE        also append the machine and each measurement to FILE, as lines of JSON
  --from FILE       measure nothing: report on what an earlier run has kept there with --out. Of a round that was measured twice
                    the later one counts
  --markdown FILE   also write a table to FILE, as for a README: between the lines
                    ${MARKS.begin} and ${MARKS.end} where it has them, and instead of it where not
  --svg FILE        also write a picture of the ratios to Squid to FILE

Workloads:
${workloads.join('\n')}`;
}

function read(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        rounds: { type: 'string', default: DEFAULTS.rounds },
        seconds: { type: 'string', default: DEFAULTS.seconds },
        'warm-up': { type: 'string', default: DEFAULTS.warmUp },
        workloads: { type: 'string', default: WORKLOAD_NAMES.join(',') },
        peers: { type: 'string' },
        install: { type: 'boolean', default: false },
        from: { type: 'string' },
        out: { type: 'string' },
        markdown: { type: 'string' },
        svg: { type: 'string' },
      },
    }).values;
  } catch (cause) {
    throw new BenchError(`${(cause as Error).message} See --help.`, { cause });
  }
}

function count(flag: string, text: string, most: number): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw new BenchError(`--${flag}: expected a whole number from 1 to ${most}; found "${text}"`);
  return value;
}

/** In the order of `known`, each once. */
function names<T extends string>(flag: string, text: string, known: readonly T[]): readonly T[] {
  const asked = text.split(',').map((word) => word.trim());
  const unknown = asked.find((word) => !known.some((name) => name === word));
  if (unknown !== undefined) throw new BenchError(`--${flag}: expected a list of ${known.join(', ')}; found "${unknown}"`);
  return known.filter((name) => asked.includes(name));
}

const DEFAULTS = { rounds: '5', seconds: '3', warmUp: '8' };
