// Owns one run of measurements: what it needs on this machine, its processes and its folder, and a fresh process for each measurement.
// Everything it makes lives in one temporary folder, and goes with it; so do its processes, also on Ctrl-C.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BenchError, EXIT_FAILED } from './bench-error.ts';
import { Children } from './children.ts';
import { type ListFiles, writeLists } from './list-names.ts';
import { type Cores, chooseCores, coresFor, describeMachine, type Machine } from './machine.ts';
import { type LoadSide, measure } from './measure.ts';
import { startOrigin, type TlsOrigin } from './origin.ts';
import { PEERS } from './peers.ts';
import { canRun, factsOf, type Measurement, opensTls, type PeerName, WORKLOADS, type WorkloadName } from './plan.ts';
import { findPrograms, type Programs } from './programs.ts';
import { freePort, startServer } from './server-process.ts';
import { writeTlsFiles } from './tls-files.ts';

export interface BenchPlan {
  readonly peers: readonly PeerName[];
  readonly workloads: readonly WorkloadName[];
  readonly rounds: number;
  /** Of each measurement, without its warm-up. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Told before anything is measured. */
  readonly onMachine?: (machine: Machine) => void;
  readonly onMeasurement: (measurement: Measurement) => void;
}

interface Bench extends BenchPlan {
  readonly folder: string;
  /** Those with which policies are large; `null` where none is. */
  readonly lists: ListFiles | null;
  readonly cores: Cores;
  readonly programs: Programs;
  readonly children: Children;
  readonly signal: AbortSignal;
}

/**
 * Measures every workload on every peer that can run it, round by round, and sets the exit code of this process where something failed.
 *
 * @returns whether it came to its end
 * @throws BenchError when nothing can be measured here
 */
export async function runBench(plan: BenchPlan): Promise<boolean> {
  if (process.platform !== 'linux') throw new BenchError('the benchmark reads /proc and runs on Linux only');
  const workloads = plan.workloads.filter((workload) => plan.peers.includes('squid') || !isAtHalfLoad(workload));
  if (workloads.length < plan.workloads.length) console.error('bench: without squid there is no rate for latency, which is left out');
  const cores = chooseCores();
  const programs = findPrograms(plan.peers, cores.proxy !== null);
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
    const listedNames = Math.max(0, ...workloads.map((workload) => factsOf(workload).listedNames ?? 0));
    const lists = listedNames > 0 ? writeLists(folder, listedNames) : null;
    await runRounds({ ...plan, workloads, folder, lists, cores, programs, children, signal });
    return true;
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error('bench: interrupted; ending its processes and removing its files');
    process.exitCode = EXIT_INTERRUPTED;
    return false;
  } finally {
    await children.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runRounds(bench: Bench): Promise<void> {
  const { folder, cores, programs, children, signal, workloads } = bench;
  const { nginx, wrk, squid, traffic_server, mitmdump } = programs;
  bench.onMachine?.(describeMachine([nginx, wrk, squid, traffic_server, mitmdump].filter((program) => program !== '')));
  for (const remark of remarksOn(cores, workloads)) console.error(`bench: ${remark}`);
  const tls = workloads.some(opensTls) ? await prepareTls(folder, workloads) : null;
  const originPort = await startOrigin(children, folder, nginx, cores.origin, signal, tls);
  const { seconds, warmUpSeconds } = bench;
  const idle: LoadSide = { children, originPort, tls, wrk, cores: cores.load, seconds, warmUpSeconds, signal, rate: null };
  const side = { ...idle, rate: workloads.some(isAtHalfLoad) ? await findHalfLoad(bench, idle) : null };
  const perRound = workloads.reduce((sum, workload) => sum + bench.peers.filter((peer) => canRun(peer, workload)).length, 0);
  console.error(`bench: ${perRound} measurements in each of ${bench.rounds} rounds`);
  for (let round = 1; round <= bench.rounds; round += 1) {
    for (const workload of workloads) await measurePeers(bench, side, round, workload);
  }
}

function remarksOn({ proxies }: Cores, workloads: readonly WorkloadName[]): readonly string[] {
  if (proxies.length === 0) return ['one core only; proxy, load and origin share it, and rates tell nothing'];
  const most = Math.max(...workloads.map((workload) => factsOf(workload).workers ?? 1));
  if (most <= proxies.length) return [];
  const rest = proxies.length === 1 ? 'one for proxies' : `${proxies.length} for proxies`;
  return [`of the cores of this machine there is ${rest}, for ${most} workers: CPU time for an operation is telling, the rate is not`];
}

/** Half of the rate that Squid reaches at most: with wrk, on a process of its own. `null` where that fails: what else there is can be measured. */
async function findHalfLoad(bench: Bench, side: LoadSide): Promise<number | null> {
  try {
    const { operations, seconds } = await measureFresh(bench, side, 'forward', 'squid');
    const rate = Math.floor(operations / seconds / 2);
    console.error(`bench: squid reaches ${rate * 2} requests a second; half of that is the rate for latency`);
    return rate;
  } catch (error) {
    bench.signal.throwIfAborted();
    if (!(error instanceof BenchError)) throw error;
    console.error(`bench: the rate for latency: ${error.message}`);
    return null;
  }
}

function isAtHalfLoad(workload: WorkloadName): boolean {
  return factsOf(workload).isAtHalfLoad === true;
}

async function prepareTls(folder: string, workloads: readonly WorkloadName[]): Promise<TlsOrigin> {
  const files = await writeTlsFiles(folder, workloads.includes('tls-newhost'));
  return { files, port: await freePort(), newHostsPort: await freePort() };
}

/** Neighbours in time, so that what disturbs the machine disturbs all of them. */
async function measurePeers(bench: Bench, side: LoadSide, round: number, workload: WorkloadName): Promise<void> {
  const able = bench.peers.filter((peer) => canRun(peer, workload));
  // Nobody is always first.
  for (const peer of round % 2 === 1 ? able : able.toReversed()) {
    try {
      const measurement = { round, workload, peer, ...(await measureFresh(bench, side, workload, peer)) };
      console.error(progress(measurement));
      bench.onMeasurement(measurement);
    } catch (error) {
      bench.signal.throwIfAborted();
      if (!(error instanceof BenchError)) throw error;
      // The other figures are worth having.
      console.error(`bench: round ${round} ${workload} ${peer}: ${error.message}`);
      process.exitCode = EXIT_FAILED;
    }
  }
}

async function measureFresh(
  { cores, folder, lists, programs, children, signal }: Bench,
  side: LoadSide,
  workload: WorkloadName,
  peer: PeerName,
): Promise<Omit<Measurement, 'round' | 'workload' | 'peer'>> {
  signal.throwIfAborted();
  const facts = factsOf(workload);
  const own = coresFor(cores, facts.workers ?? 1);
  const peerFolder = mkdtempSync(path.join(folder, `${peer}-`));
  const port = await freePort();
  const {
    program,
    args,
    prepare,
    leftovers = [],
  } = PEERS[peer]({
    folder: peerFolder,
    port,
    programs,
    facts,
    lists: facts.listedNames === undefined ? null : lists,
    tls: opensTls(workload) ? (side.tls?.files ?? null) : null,
  });
  const command = { name: peer, program, cores: own.length === 0 ? null : own.join(',') };
  if (prepare !== undefined) await children.run({ ...command, args: prepare }, PREPARE_DEADLINE_MS);
  const child = await startServer(children, { ...command, args }, port, signal);
  try {
    const figures = await measure(workload, { pid: child.pid, port }, side);
    if (child.hasEnded) throw new BenchError(`it ended during the measurement: ${child.lastWords()}`);
    return { ...figures, warmUpSeconds: side.warmUpSeconds, cores: own.length === 0 ? null : own.length };
  } finally {
    await child.stop();
    for (const left of [peerFolder, ...leftovers]) rmSync(left, { recursive: true, force: true });
  }
}

function progress({ round, workload, peer, cost, errors, firstError }: Measurement): string {
  const trouble = errors === 0 ? '' : `  ${errors} errors, first: ${firstError}`;
  return `round ${round}  ${workload.padEnd(18)}  ${peer.padEnd(16)}  ${cost.toFixed(3)} ${WORKLOADS[workload].unit}${trouble}`;
}

const PREPARE_DEADLINE_MS = 15_000;
const EXIT_INTERRUPTED = 130;
