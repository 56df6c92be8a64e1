// The benchmark as a program, `npm run bench`: rounds of every workload on every peer, a table at the end. Linux only: it reads /proc.
import { appendFileSync, writeFileSync } from 'node:fs';
import { EXIT_FAILED, runBench } from './bench.ts';
import { BenchError } from './bench-error.ts';
import type { Machine } from './machine.ts';
import { help, parseOptions } from './options.ts';
import type { Measurement, PeerName } from './plan.ts';
import { plot } from './plot.ts';
import { whyNoTrafficServer } from './programs.ts';
import { report } from './report.ts';

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') return console.log(help());
  const { out, svg, markdown } = options;
  const measurements: Measurement[] = [];
  let machine: Machine | null = null;
  const isWhole = await runBench({
    ...options,
    peers: options.peers ?? usualPeers(),
    onMachine(described) {
      machine = described;
      if (out !== null) keep(out, described);
    },
    onMeasurement(measurement) {
      measurements.push(measurement);
      if (out !== null) keep(out, measurement);
    },
  });
  if (!isWhole || machine === null) return;
  const text = report(machine, measurements);
  console.log(text);
  if (markdown !== null) write(markdown, `${text}\n`);
  if (svg !== null) write(svg, plot(machine, measurements));
}

/** Those that the goals are about. */
function usualPeers(): readonly PeerName[] {
  const reason = whyNoTrafficServer();
  if (reason !== null) console.error(`bench: ats is left out, ${reason}`);
  return ['sallyport', 'squid', ...(reason === null ? (['ats'] as const) : []), 'squid-bump', 'squid-bump-first'];
}

function keep(file: string, line: object): void {
  tryTo(file, () => appendFileSync(file, `${JSON.stringify(line)}\n`));
}

function write(file: string, text: string): void {
  tryTo(file, () => writeFileSync(file, text));
}

function tryTo(file: string, action: () => void): void {
  try {
    action();
  } catch (cause) {
    throw new BenchError(`${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BenchError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = EXIT_FAILED;
}
