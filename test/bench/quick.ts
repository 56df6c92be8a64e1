// The short benchmark as a program, `npm run bench:quick`: what each workload costs as a ratio to the floor (floor-proxy.ts) that is measured beside it,
// held against the ratios that are kept in baseline.json. A ratio to Node itself is about the same on any machine, so a kept one can be compared with.
// Exit code 1 names what got slower. `--keep` writes the ratios of this run for the next ones.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runBench } from './bench.ts';
import { BenchError, EXIT_FAILED, runProgram } from './bench-error.ts';
import type { Measurement, WorkloadName } from './plan.ts';
import { type Baseline, compare, QUICK_WORKLOADS, quickReport } from './quick-report.ts';

const BASELINE = path.join(import.meta.dirname, 'baseline.json');
const SECONDS = 1;
/** V8 still compiles then, as it did for the baseline; the rest is what two minutes leave. */
const WARM_UP_SECONDS = 2;

const HELP = `Usage: npm run bench:quick -- [FLAGS]

Measures ${QUICK_WORKLOADS.length} workloads in less than two minutes, each beside the least that a proxy in Node must do, and names
what costs more than it did when test/bench/baseline.json was kept, as ratios. Linux only.

Flags:
  --rounds N   2 unless told; more take longer and say more
  --keep       keep the ratios of this run as the baseline, instead of comparing with it`;

async function main(): Promise<void> {
  const { help, rounds, keep } = read(process.argv.slice(2));
  if (help) return console.log(HELP);
  const measurements: Measurement[] = [];
  const onMeasurement = (measurement: Measurement) => measurements.push(measurement);
  const workloads: readonly WorkloadName[] = QUICK_WORKLOADS;
  if (
    !(await runBench({ peers: ['sallyport', 'floor'], workloads, rounds, seconds: SECONDS, warmUpSeconds: WARM_UP_SECONDS, onMeasurement }))
  )
    return;
  const comparisons = compare(measurements, keep ? {} : readBaseline());
  console.log(quickReport(comparisons));
  if (keep) {
    if (comparisons.some(({ ratio }) => ratio === null)) throw new BenchError(`${BASELINE} stays as it was: not everything was measured.`);
    writeFileSync(BASELINE, `${JSON.stringify(Object.fromEntries(comparisons.map((each) => [each.workload, each.ratio])), null, 2)}\n`);
  }
  if (comparisons.some(({ isSlower }) => isSlower)) process.exitCode = EXIT_FAILED;
}

function read(words: readonly string[]): { readonly help: boolean; readonly rounds: number; readonly keep: boolean } {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        rounds: { type: 'string', default: '2' },
        keep: { type: 'boolean', default: false },
      },
    });
    const rounds = /^[1-9]\d?$/.test(values.rounds) ? Number(values.rounds) : 0;
    if (rounds === 0) throw new Error(`--rounds: expected a whole number from 1 to 99; found "${values.rounds}".`);
    return { ...values, rounds };
  } catch (cause) {
    throw new BenchError(`${(cause as Error).message} See --help.`, { cause });
  }
}

function readBaseline(): Baseline {
  try {
    return JSON.parse(readFileSync(BASELINE, 'utf8')) as Baseline;
  } catch (cause) {
    throw new BenchError(`${BASELINE} cannot be read: ${(cause as Error).message}. Write one with --keep.`, { cause });
  }
}

await runProgram(main);
