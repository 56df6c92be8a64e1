// Owns how a workload is put on a running proxy, and how its cost is taken: CPU time or memory of the proxy's process tree, before and after.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askForAll } from './ask.ts';
import { BenchError } from './bench-error.ts';
import type { Children, Command } from './children.ts';
import { countAtOrigin, settle, withCpu } from './cost.ts';
import { type Evidence, requireHits, requireMisses, requireStored, sampleNumbers } from './evidence.ts';
import { LOAD_GRACE_MS, type LoadResult, WARM_UP_SECONDS } from './load.ts';
import { measureTls } from './measure-tls.ts';
import { CONTENT_OCTETS, type TlsOrigin } from './origin.ts';
import type { Measurement, WorkloadName } from './plan.ts';
import { memoryKiBOf, readOctetsOf } from './process-tree.ts';
import type { TunnelMode } from './tunnel-load.ts';
import { parseWrkOutput } from './wrk-output.ts';

export interface Subject {
  readonly pid: number;
  readonly port: number;
}

export interface LoadSide {
  readonly children: Children;
  readonly originPort: number;
  /** `null` where no workload opens TLS. */
  readonly tls: TlsOrigin | null;
  /** Absolute path. */
  readonly wrk: string;
  readonly core: number | null;
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** Field lines that requests of the forward workload carry besides their own. */
  readonly fields?: readonly string[];
}

export type Figures = Omit<Measurement, 'round' | 'workload' | 'peer'>;

/** @throws BenchError when the load fails as a whole; single failures are counted */
export function measure(workload: WorkloadName, subject: Subject, side: LoadSide): Promise<Figures> {
  return MEASURES[workload](subject, side);
}

async function measureForward(subject: Subject, side: LoadSide): Promise<Figures> {
  await runWrk(subject, side, WARM_UP_SECONDS, FORWARD);
  return (await measureRequests(subject, side, FORWARD)).figures;
}

/** @param urls  how many; each is asked for in turn */
function measureHits(content: keyof typeof CONTENT_OCTETS, urls: number, tier: 'memory' | 'disk'): Measure {
  const target = { path: `/stored/${content}/`, urls };
  return async (subject, side) => {
    await fill(subject, side, storedUrls(side, target.path, [...Array(urls).keys()]), CONTENT_OCTETS[content]);
    await runWrk(subject, side, WARM_UP_SECONDS, target);
    const { figures, evidence } = await measureRequests(subject, side, target);
    requireHits(evidence, tier, CONTENT_OCTETS[content]);
    return { ...figures, hitRatio: hitRatio(evidence) };
  };
}

async function measureMissStore(subject: Subject, side: LoadSide): Promise<Figures> {
  await runWrk(subject, side, WARM_UP_SECONDS, { path: '/stored/1k/before-', urls: 0 });
  const target = { path: '/stored/1k/', urls: 0 };
  const { figures, evidence } = await measureRequests(subject, side, target);
  requireMisses(evidence);
  const sample = storedUrls(side, target.path, sampleNumbers(evidence.requests));
  const { atOrigin } = await countAtOrigin(side, () => askForAll(subject.port, sample, CONTENT_OCTETS['1k']));
  requireStored(sample.length, atOrigin);
  return { ...figures, hitRatio: hitRatio(evidence) };
}

/** Asks until all of it is stored: a cache may want to see a URL twice, and may write behind its answers. */
async function fill(subject: Subject, side: LoadSide, urls: readonly string[], octets: number): Promise<void> {
  for (let pass = 1; ; pass += 1) {
    side.signal.throwIfAborted();
    const { result, atOrigin } = await countAtOrigin(side, () => askForAll(subject.port, urls, octets));
    if (atOrigin === 0 && result.saidForwarded === 0) return;
    const fetched = `${Math.max(atOrigin, result.saidForwarded)} of ${urls.length} URLs are fetched again`;
    if (pass === MOST_PASSES) throw new BenchError(`it does not store: ${fetched} when asked for the ${MOST_PASSES}th time`);
    await sleep(SETTLE_MS, undefined, { signal: side.signal });
  }
}

function storedUrls({ originPort }: LoadSide, path: string, numbers: readonly number[]): readonly string[] {
  return numbers.map((number) => `http://127.0.0.1:${originPort}${path}${number}`);
}

function hitRatio({ requests, atOrigin }: Evidence): number {
  return Math.max(0, 1 - atOrigin / requests);
}

async function measureRequests(subject: Subject, side: LoadSide, target: Target): Promise<{ figures: Figures; evidence: Evidence }> {
  await settle(subject.pid);
  const readBefore = readOctetsOf(subject.pid);
  const { result: load, atOrigin } = await countAtOrigin(side, () => withCpu(subject, () => runWrk(subject, side, side.seconds, target)));
  const octetsRead = readOctetsOf(subject.pid) - readBefore;
  const { requests, seconds, errors } = load.result;
  const firstError = errors === 0 ? null : 'answers other than 2xx and 3xx, or failed connections';
  const memoryMiB = memoryKiBOf(subject.pid) / 1_024;
  const cost = load.cpuMicroseconds / requests;
  const figures = { cost, operations: requests, seconds, busy: load.busy, memoryMiB, hitRatio: null, errors, firstError };
  return { figures, evidence: { requests, atOrigin, octetsRead } };
}

function measureTunnels(mode: TunnelMode, tunnels: number, costOf: (cpuMicroseconds: number, operations: number) => number): Measure {
  return async (subject, side) => {
    await runTunnelLoad(mode, tunnels, subject, side, WARM_UP_SECONDS);
    const { result, cpuMicroseconds, busy } = await withCpu(subject, () => runTunnelLoad(mode, tunnels, subject, side, side.seconds));
    const memoryMiB = memoryKiBOf(subject.pid) / 1_024;
    return { ...result, cost: costOf(cpuMicroseconds, result.operations), busy, memoryMiB, hitRatio: null };
  };
}

/** The first connections warm the code; what counts is the memory that many more take. */
function measureIdle(mode: 'hold' | 'keep'): Measure {
  return async (subject, side) => {
    const warmUp = await holdOpen(mode, WARM_UP_TUNNELS, subject, side);
    await sleep(SETTLE_MS, undefined, { signal: side.signal });
    const beforeKiB = memoryKiBOf(subject.pid);
    const { result, busy } = await withCpu(subject, () => holdOpen(mode, IDLE_TUNNELS, subject, side));
    await sleep(IDLE_SETTLE_MS, undefined, { signal: side.signal });
    const afterKiB = memoryKiBOf(subject.pid);
    await Promise.all([warmUp.child.stop(), result.child.stop()]);
    const cost = (afterKiB - beforeKiB) / result.load.operations;
    return { ...result.load, cost, busy, memoryMiB: afterKiB / 1_024, hitRatio: null };
  };
}

async function measureStart(subject: Subject, side: LoadSide): Promise<Figures> {
  const { result, busy } = await withCpu(subject, () => holdOpen('keep', 1, subject, side));
  await sleep(IDLE_SETTLE_MS, undefined, { signal: side.signal });
  const memoryMiB = memoryKiBOf(subject.pid) / 1_024;
  await result.child.stop();
  return { ...result.load, cost: memoryMiB, busy, memoryMiB, hitRatio: null };
}

/** What requests are for, at the origin. */
interface Target {
  readonly path: string;
  /** See request.lua; without it there is one URL. */
  readonly urls?: number;
}

async function runWrk({ port }: Subject, side: LoadSide, seconds: number, { path: target, urls }: Target) {
  const authority = `127.0.0.1:${side.originPort}`;
  const flags = ['-t1', '-c64', `-d${seconds}s`, '--timeout', '5s', '-s', path.join(import.meta.dirname, 'request.lua')];
  for (const field of side.fields ?? []) flags.push('-H', field);
  const environment = { URL: `http://${authority}${target}`, AUTHORITY: authority };
  const output = await side.children.run(
    {
      name: 'wrk',
      program: side.wrk,
      args: [...flags, `http://127.0.0.1:${port}/`],
      environment: urls === undefined ? environment : { ...environment, URLS: String(urls) },
      core: side.core,
    },
    seconds * 1_000 + LOAD_GRACE_MS,
  );
  const result = parseWrkOutput(output);
  if (result === null || result.requests === 0) throw new BenchError('no request was answered');
  if (result.errors >= result.requests) throw new BenchError('every request was refused');
  return result;
}

async function runTunnelLoad(mode: TunnelMode, tunnels: number, subject: Subject, side: LoadSide, seconds: number) {
  const output = await side.children.run(tunnelLoad(mode, tunnels, subject, side, seconds), seconds * 1_000 + LOAD_GRACE_MS);
  return parseTunnelLoad(output);
}

/** What it opens stays open until the returned process is stopped. */
async function holdOpen(mode: 'hold' | 'keep', count: number, subject: Subject, side: LoadSide) {
  const child = side.children.start(tunnelLoad(mode, count, subject, side, 0));
  const giveUpMs = performance.now() + LOAD_GRACE_MS;
  while (!child.output.includes('\n')) {
    if (child.hasEnded) throw new BenchError(`${child.name} failed: ${child.lastWords()}`);
    if (performance.now() > giveUpMs) throw new BenchError(`${count} were not open after ${LOAD_GRACE_MS / 1_000} s`);
    await sleep(POLL_MS, undefined, { signal: side.signal });
  }
  return { child, load: parseTunnelLoad(child.output) };
}

function tunnelLoad(mode: TunnelMode, tunnels: number, { port }: Subject, { originPort, core }: LoadSide, seconds: number): Command {
  const program = path.join(import.meta.dirname, 'tunnel-load.ts');
  const numbers = [port, originPort, tunnels, seconds].map(String);
  return { name: `the load "${mode}"`, program: process.execPath, args: [program, mode, ...numbers], core };
}

/** @throws BenchError when nothing was done at all */
function parseTunnelLoad(output: string): LoadResult {
  const result = JSON.parse(output) as LoadResult;
  if (result.operations === 0) throw new BenchError(`no tunnel worked: ${result.firstError ?? 'nothing arrived'}`);
  return result;
}

function perOperation(cpuMicroseconds: number, operations: number): number {
  return cpuMicroseconds / operations;
}

function secondsPerGiB(cpuMicroseconds: number, octets: number): number {
  return cpuMicroseconds / 1e6 / (octets / 2 ** 30);
}

/** So many that no processor keeps them at hand: 64 MiB. */
const DISK_URLS = 1_024;

export type Measure = (subject: Subject, side: LoadSide) => Promise<Figures>;

const MEASURES: Readonly<Record<WorkloadName, Measure>> = {
  forward: measureForward,
  'forward-recorded': measureForward,
  'forward-workers': measureForward,
  'hit-1k': measureHits('1k', 1, 'memory'),
  'hit-1k-recorded': measureHits('1k', 1, 'memory'),
  'hit-1k-workers': measureHits('1k', 1, 'memory'),
  'hit-64k': measureHits('64k', 1, 'memory'),
  'disk-hit-64k': measureHits('64k', DISK_URLS, 'disk'),
  'miss-store': measureMissStore,
  'miss-store-workers': measureMissStore,
  connect: measureTunnels('connect', 32, perOperation),
  'connect-recorded': measureTunnels('connect', 32, perOperation),
  'bulk-1': measureTunnels('download', 1, secondsPerGiB),
  'bulk-16': measureTunnels('download', 16, secondsPerGiB),
  'upload-1': measureTunnels('upload', 1, secondsPerGiB),
  'upload-16': measureTunnels('upload', 16, secondsPerGiB),
  idle: measureIdle('hold'),
  'idle-client': measureIdle('keep'),
  start: measureStart,
  'tls-handshake': measureTls('handshakes', 8),
  'tls-resumed': measureTls('resumptions', 8),
  'tls-newhost': measureTls('handshakes', 1, 'new'),
  'tls-keepalive': measureTls('keep-alive', 16),
  'h2-keepalive': measureTls('http2', 4),
};

const FORWARD: Target = { path: '/1k' };
const MOST_PASSES = 5;
const WARM_UP_TUNNELS = 100;
const IDLE_TUNNELS = 2_000;
const SETTLE_MS = 200;
/** Longer: a collector of garbage may take its time. */
const IDLE_SETTLE_MS = 2_000;
const POLL_MS = 20;
