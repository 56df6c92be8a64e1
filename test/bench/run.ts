// The benchmark as a program, `npm run bench`: rounds of every workload on every peer, a table at the end. Linux only: it reads /proc.
// Everything it makes lives in one temporary folder, and goes with it; so do its processes, also on Ctrl-C.
import { appendFileSync, chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BenchError } from './bench-error.ts';
import { Children } from './children.ts';
import { type Cores, chooseCores, describeMachine } from './machine.ts';
import { type LoadSide, measure } from './measure.ts';
import { type BenchOptions, help, parseOptions } from './options.ts';
import { startOrigin, type TlsOrigin } from './origin.ts';
import { PEERS } from './peers.ts';
import { canRun, isRecorded, type Measurement, opensTls, type PeerName, WORKLOADS, type WorkloadName } from './plan.ts';
import { findPrograms, type Programs, whyNoTrafficServer } from './programs.ts';
import { report } from './report.ts';
import { freePort, startServer } from './server-process.ts';
import { writeTlsFiles } from './tls-files.ts';

interface Bench {
  readonly options: BenchOptions;
  readonly peers: readonly PeerName[];
  readonly folder: string;
  readonly cores: Cores;
  readonly programs: Programs;
  readonly children: Children;
  readonly signal: AbortSignal;
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') return console.log(help());
  if (process.platform !== 'linux') throw new BenchError('the benchmark reads /proc and runs on Linux only');
  const cores = chooseCores();
  const peers = options.peers ?? usualPeers();
  const programs = findPrograms(peers, cores.proxy !== null);
  const interruption = new AbortController();
  const { signal } = interruption;
  const children = new Children();
  // What waits for a process goes on when that process ends.
  signal.addEventListener('abort', () => void children.close());
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => interruption.abort());
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-bench-'));
  // Squid gives root up, and has to pass on its way to what it stores.
  chmodSync(folder, 0o711);
  try {
    await runBench({ options, peers, folder, cores, programs, children, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error('bench: interrupted; ending its processes and removing its files');
    process.exitCode = EXIT_INTERRUPTED;
  } finally {
    await children.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Those that the goals are about. */
function usualPeers(): readonly PeerName[] {
  const reason = whyNoTrafficServer();
  if (reason !== null) console.error(`bench: ats is left out, ${reason}`);
  return ['sallyport', 'squid', ...(reason === null ? (['ats'] as const) : []), 'squid-bump', 'squid-bump-first'];
}

async function runBench(bench: Bench): Promise<void> {
  const { options, folder, cores, programs, children, signal } = bench;
  const { nginx, wrk, squid, traffic_server, mitmdump } = programs;
  const machine = describeMachine([nginx, wrk, squid, traffic_server, mitmdump].filter((program) => program !== ''));
  if (cores.proxy === null) console.error('bench: one core only; proxy, load and origin share it, and rates tell nothing');
  if (options.out !== null) keep(options.out, machine);
  const tls = options.workloads.some(opensTls) ? await prepareTls(folder, options.workloads) : null;
  const originPort = await startOrigin(children, folder, nginx, cores.load, signal, tls);
  const side: LoadSide = { children, originPort, tls, wrk, core: cores.load, seconds: options.seconds, signal };
  const measurements: Measurement[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const workload of options.workloads) await measurePeers(bench, side, round, workload, measurements);
  }
  console.log(report(machine, measurements));
}

async function prepareTls(folder: string, workloads: readonly WorkloadName[]): Promise<TlsOrigin> {
  const files = await writeTlsFiles(folder, workloads.includes('tls-newhost'));
  return { files, port: await freePort(), newHostsPort: await freePort() };
}

/** Neighbours in time, so that what disturbs the machine disturbs all of them. */
async function measurePeers(
  bench: Bench,
  side: LoadSide,
  round: number,
  workload: WorkloadName,
  measurements: Measurement[],
): Promise<void> {
  const { options } = bench;
  const able = bench.peers.filter((peer) => canRun(peer, workload));
  // Nobody is always first.
  for (const peer of round % 2 === 1 ? able : able.toReversed()) {
    try {
      const measurement = { round, workload, peer, ...(await measureFresh(bench, side, workload, peer)) };
      measurements.push(measurement);
      console.error(progress(measurement));
      if (options.out !== null) keep(options.out, measurement);
    } catch (error) {
      bench.signal.throwIfAborted();
      if (!(error instanceof BenchError)) throw error;
      // The other figures are worth having.
      console.error(`bench: round ${round} ${workload} ${peer}: ${error.message}`);
      process.exitCode = EXIT_FAILED;
    }
  }
}

async function measureFresh({ cores, folder, programs, children, signal }: Bench, side: LoadSide, workload: WorkloadName, peer: PeerName) {
  signal.throwIfAborted();
  const peerFolder = mkdtempSync(path.join(folder, `${peer}-`));
  const port = await freePort();
  const { program, args, prepare } = PEERS[peer]({
    folder: peerFolder,
    port,
    programs,
    hasMemoryTier: WORKLOADS[workload].cache !== 'disk',
    isRecorded: isRecorded(workload),
    tls: opensTls(workload) ? (side.tls?.files ?? null) : null,
  });
  const command = { name: peer, program, core: cores.proxy };
  if (prepare !== undefined) await children.run({ ...command, args: prepare }, PREPARE_DEADLINE_MS);
  const child = await startServer(children, { ...command, args }, port, signal);
  try {
    const figures = await measure(workload, { pid: child.pid, port }, side);
    if (child.hasEnded) throw new BenchError(`it ended during the measurement: ${child.lastWords()}`);
    return figures;
  } finally {
    await child.stop();
    rmSync(peerFolder, { recursive: true, force: true });
  }
}

function keep(file: string, line: object): void {
  try {
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  } catch (cause) {
    throw new BenchError(`${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

function progress({ round, workload, peer, cost, errors, firstError }: Measurement): string {
  const trouble = errors === 0 ? '' : `  ${errors} errors, first: ${firstError}`;
  return `round ${round}  ${workload.padEnd(13)}  ${peer.padEnd(16)}  ${cost.toFixed(3)} ${WORKLOADS[workload].unit}${trouble}`;
}

const PREPARE_DEADLINE_MS = 15_000;
const EXIT_FAILED = 1;
const EXIT_INTERRUPTED = 130;

try {
  await main();
} catch (error) {
  if (!(error instanceof BenchError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = EXIT_FAILED;
}
