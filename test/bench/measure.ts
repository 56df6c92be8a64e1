// Owns how a workload is put on a running proxy, and how its cost is taken: CPU time or memory of the proxy's process tree, before and after.
import { setTimeout as sleep } from 'node:timers/promises';
import { askForAll, askStatus } from './ask.ts';
import { BenchError } from './bench-error.ts';
import type { Children } from './children.ts';
import { CREDENTIALS } from './corporate.ts';
import { countAtOrigin, settle, withCpu } from './cost.ts';
import { type Evidence, requireHits, requireMisses, requireStored, sampleNumbers } from './evidence.ts';
import { domainName } from './list-names.ts';
import type { CoreList } from './machine.ts';
import { measureLatency } from './measure-latency.ts';
import { measureIdle, measureRecorded, measureStart, measureStored } from './measure-memory.ts';
import { measureTls } from './measure-tls.ts';
import { CONTENT_OCTETS, type TlsOrigin } from './origin.ts';
import { factsOf, type Measurement, type WorkloadName } from './plan.ts';
import { memoryKiBOf, readOctetsOf } from './process-tree.ts';
import { runTunnels } from './run-tunnels.ts';
import { runWrk, type Target } from './run-wrk.ts';
import type { TunnelMode } from './tunnel-load.ts';

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
  readonly cores: CoreList;
  readonly seconds: number;
  /** How long it is asked for the same before that, uncounted: for code to be compiled and pools to be filled. */
  readonly warmUpSeconds: number;
  readonly signal: AbortSignal;
  /** What plain requests carry besides their own fields. */
  readonly fields?: readonly Field[];
  /** Requests a second of the workload that asks at a fixed rate; `null` where there is none. */
  readonly rate: number | null;
}

export interface Field {
  readonly name: string;
  readonly value: string;
}

export type Figures = Omit<Measurement, 'round' | 'workload' | 'peer' | 'cores' | 'warmUpSeconds'>;

/** @throws BenchError when the load fails as a whole; single failures are counted */
export function measure(workload: WorkloadName, subject: Subject, side: LoadSide): Promise<Figures> {
  return MEASURES[workload](subject, side);
}

async function measureForward(subject: Subject, side: LoadSide): Promise<Figures> {
  await runWrk(subject, side, side.warmUpSeconds, FORWARD);
  const { figures, evidence } = await measureRequests(subject, side, FORWARD);
  requireMisses(evidence);
  return figures;
}

/** @param urls  how many; each is asked for in turn */
function measureHits(content: keyof typeof CONTENT_OCTETS, urls: number, tier: 'memory' | 'disk'): Measure {
  const target = { path: `/stored/${content}/`, urls };
  return async (subject, side) => {
    await fill(subject, side, storedUrls(side, target.path, [...Array(urls).keys()]), CONTENT_OCTETS[content]);
    await runWrk(subject, side, side.warmUpSeconds, target);
    const { figures, evidence } = await measureRequests(subject, side, target);
    requireHits(evidence, tier, CONTENT_OCTETS[content]);
    return { ...figures, hitRatio: hitRatio(evidence) };
  };
}

let missRuns = 0;

async function measureMissStore(subject: Subject, side: LoadSide): Promise<Figures> {
  // The same proxy may be measured again, and has these stored by then.
  missRuns += 1;
  // What is stored while it warms up has to leave room for what is measured, so most of that time goes by with what nobody stores.
  const storingSeconds = Math.min(side.warmUpSeconds, MOST_STORING_SECONDS);
  if (side.warmUpSeconds > storingSeconds) await runWrk(subject, side, side.warmUpSeconds - storingSeconds, FORWARD);
  await runWrk(subject, side, storingSeconds, { path: `/stored/1k/before-${missRuns}-`, urls: 0 });
  const target = { path: `/stored/1k/${missRuns}-`, urls: 0 };
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
    const { result, atOrigin } = await countAtOrigin(side, () => askForAll(subject.port, urls, octets, side.fields));
    if (atOrigin === 0 && result.saidForwarded === 0) return;
    const fetched = `${Math.max(atOrigin, result.saidForwarded)} of ${urls.length} URLs are fetched again`;
    if (pass === MOST_PASSES) throw new BenchError(`it does not store: ${fetched} when asked for the ${MOST_PASSES}th time`);
    await sleep(SETTLE_MS, undefined, { signal: side.signal });
  }
}

/** The list is in force, or whoever lost it on the way would be the fastest. */
function measureListed(measureUnlisted: Measure): Measure {
  return async (subject, side) => {
    const { listedNames = 0 } = factsOf('hit-1k-listed');
    for (const i of [0, listedNames >> 1, listedNames - 1]) {
      const status = await askStatus(subject.port, `http://www.${domainName(i)}/`);
      if (status !== 403) throw new BenchError(`a host that the list names is answered ${status}; expected 403`);
    }
    return measureUnlisted(subject, side);
  };
}

/** Nobody is let in who cannot say who they are: every request does. */
function measureAsSomebody(measureAsNobody: Measure): Measure {
  return (subject, side) => measureAsNobody(subject, { ...side, fields: [CREDENTIALS] });
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
  const figures = { cost, operations: requests, seconds, busy: load.busy, memoryMiB, hitRatio: null, p50Ms: null, errors, firstError };
  return { figures, evidence: { requests, atOrigin, octetsRead } };
}

function measureTunnels(mode: TunnelMode, tunnels: number, costOf: (cpuMicroseconds: number, operations: number) => number): Measure {
  return async (subject, side) => {
    await runTunnels(mode, tunnels, subject, side, side.warmUpSeconds);
    const { result, cpuMicroseconds, busy } = await withCpu(subject, () => runTunnels(mode, tunnels, subject, side, side.seconds));
    const memoryMiB = memoryKiBOf(subject.pid) / 1_024;
    return { ...result, cost: costOf(cpuMicroseconds, result.operations), busy, memoryMiB, hitRatio: null, p50Ms: null };
  };
}

function perOperation(cpuMicroseconds: number, operations: number): number {
  return cpuMicroseconds / operations;
}

function secondsPerGiB(cpuMicroseconds: number, octets: number): number {
  return cpuMicroseconds / 1e6 / (octets / 2 ** 30);
}

const FORWARD: Target = { path: '/1k' };
/** So many that no processor keeps them at hand: 64 MiB. */
const DISK_URLS = 1_024;

export type Measure = (subject: Subject, side: LoadSide) => Promise<Figures>;

const MEASURES: Readonly<Record<WorkloadName, Measure>> = {
  forward: measureForward,
  'forward-recorded': measureForward,
  'forward-corporate': measureAsSomebody(measureForward),
  'forward-workers': measureForward,
  'forward-workers-4': measureForward,
  'forward-p99': measureLatency(FORWARD),
  'hit-1k': measureHits('1k', 1, 'memory'),
  'hit-1k-corporate': measureAsSomebody(measureHits('1k', 1, 'memory')),
  'hit-1k-recorded': measureHits('1k', 1, 'memory'),
  'hit-1k-workers': measureHits('1k', 1, 'memory'),
  'hit-1k-listed': measureListed(measureHits('1k', 1, 'memory')),
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
  start: measureStart,
  'idle-client': measureIdle('keep'),
  idle: measureIdle('hold'),
  'stored-memory': measureStored('/stored/1k/', CONTENT_OCTETS['1k'], 30_000),
  'stored-disk': measureStored('/stored/1k/', CONTENT_OCTETS['1k'], 100_000),
  'recorded-memory': measureRecorded(FORWARD),
  'tls-handshake': measureTls('handshakes', 8),
  'tls-resumed': measureTls('resumptions', 8),
  'tls-newhost': measureTls('handshakes', 1, 'new'),
  'tls-keepalive': measureTls('keep-alive', 16),
  'h2-keepalive': measureTls('http2', 4),
};

const MOST_STORING_SECONDS = 2;
const MOST_PASSES = 5;
const SETTLE_MS = 200;
