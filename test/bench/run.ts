// The benchmark as a program, `npm run bench`: rounds of every workload on every peer, a table at the end. Linux only: it reads /proc.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { runBench } from './bench.ts';
import { BenchError, runProgram } from './bench-error.ts';
import { installPackages } from './install.ts';
import { type KeptRun, lineOf, parseRun } from './kept-run.ts';
import { chooseCores, type Machine } from './machine.ts';
import { place } from './marked-part.ts';
import { type BenchOptions, help, parseOptions } from './options.ts';
import { type Measurement, PEER_NAMES, type PeerName } from './plan.ts';
import { plot } from './plot.ts';
import { missingPackages, whyNoTrafficServer } from './programs.ts';
import { report } from './report.ts';
import { summary } from './summary.ts';

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') return console.log(help());
  const { from, svg, markdown } = options;
  const run =
    from === null
      ? await measureRun(options)
      : parseRun(
          tryTo(from, 'read', () => readFileSync(from, 'utf8')),
          from,
        );
  if (run === null) return;
  const { machine, measurements } = run;
  console.log(report(machine, measurements));
  if (markdown !== null) {
    const document = existsSync(markdown) ? tryTo(markdown, 'read', () => readFileSync(markdown, 'utf8')) : null;
    const text = place(summary(machine, measurements), document);
    tryTo(markdown, 'written', () => writeFileSync(markdown, text));
  }
  if (svg !== null) tryTo(svg, 'written', () => writeFileSync(svg, plot(machine, measurements)));
}

/** @returns `null` when it was interrupted */
async function measureRun(options: BenchOptions): Promise<KeptRun | null> {
  const { out, peers } = options;
  if (options.install) installPackages(missingPackages(peers ?? PEER_NAMES, chooseCores().proxy !== null));
  const keep = (fact: Machine | Measurement): void => {
    if (out !== null) tryTo(out, 'written', () => appendFileSync(out, lineOf(fact)));
  };
  const measurements: Measurement[] = [];
  let machine: Machine | null = null;
  const isWhole = await runBench({
    ...options,
    peers: peers ?? usualPeers(),
    onMachine(described) {
      machine = described;
      keep(described);
    },
    onMeasurement(measurement) {
      measurements.push(measurement);
      keep(measurement);
    },
  });
  return isWhole && machine !== null ? { machine, measurements } : null;
}

/** Those that the goals are about. */
function usualPeers(): readonly PeerName[] {
  const reason = whyNoTrafficServer();
  if (reason !== null) console.error(`bench: ats is left out, ${reason}`);
  return ['sallyport', 'squid', ...(reason === null ? (['ats'] as const) : []), 'squid-bump', 'squid-bump-first'];
}

function tryTo<T>(file: string, deed: 'read' | 'written', action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new BenchError(`${file} cannot be ${deed}: ${(cause as Error).message}`, { cause });
  }
}

await runProgram(main);
