// Owns how a workload is put on a running proxy, and how its cost is taken: CPU time or memory of the proxy's process tree, before and after.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError } from './bench-error.ts';
import type { Children, Command } from './children.ts';
import type { Measurement, WorkloadName } from './plan.ts';
import { cpuMicrosecondsOf, memoryKiBOf } from './process-tree.ts';
import type { TunnelLoadResult, TunnelMode } from './tunnel-load.ts';
import { parseWrkOutput } from './wrk-output.ts';

export interface Subject {
  readonly pid: number;
  readonly port: number;
}

export interface LoadSide {
  readonly children: Children;
  readonly originPort: number;
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
  await runWrk(subject, side, WARM_UP_SECONDS);
  const { result, cpuMicroseconds, busy } = await withCpu(subject, () => runWrk(subject, side, side.seconds));
  const { requests, seconds, errors } = result;
  const firstError = errors === 0 ? null : 'answers other than 2xx and 3xx, or failed connections';
  const memoryMiB = memoryKiBOf(subject.pid) / 1_024;
  return { cost: cpuMicroseconds / requests, operations: requests, seconds, busy, memoryMiB, errors, firstError };
}

function measureTunnels(mode: TunnelMode, tunnels: number, costOf: (cpuMicroseconds: number, operations: number) => number): Measure {
  return async (subject, side) => {
    await runTunnelLoad(mode, tunnels, subject, side, WARM_UP_SECONDS);
    const { result, cpuMicroseconds, busy } = await withCpu(subject, () => runTunnelLoad(mode, tunnels, subject, side, side.seconds));
    const memoryMiB = memoryKiBOf(subject.pid) / 1_024;
    return { ...result, cost: costOf(cpuMicroseconds, result.operations), busy, memoryMiB };
  };
}

/** The first tunnels warm the code; what counts is the memory that many more take. */
async function measureIdle(subject: Subject, side: LoadSide): Promise<Figures> {
  const warmUp = await holdTunnels(WARM_UP_TUNNELS, subject, side);
  await sleep(SETTLE_MS, undefined, { signal: side.signal });
  const beforeKiB = memoryKiBOf(subject.pid);
  const { result, busy } = await withCpu(subject, () => holdTunnels(IDLE_TUNNELS, subject, side));
  await sleep(IDLE_SETTLE_MS, undefined, { signal: side.signal });
  const afterKiB = memoryKiBOf(subject.pid);
  await Promise.all([warmUp.child.stop(), result.child.stop()]);
  return { ...result.load, cost: (afterKiB - beforeKiB) / result.load.operations, busy, memoryMiB: afterKiB / 1_024 };
}

/** @returns what the load returned, and the CPU time that the proxy spent meanwhile */
async function withCpu<T>({ pid }: Subject, load: () => Promise<T>): Promise<{ result: T; cpuMicroseconds: number; busy: number }> {
  const startedMs = performance.now();
  const before = cpuMicrosecondsOf(pid);
  const result = await load();
  const elapsedMs = performance.now() - startedMs;
  // Closing what the load left open is part of the work.
  await sleep(SETTLE_MS);
  const cpuMicroseconds = cpuMicrosecondsOf(pid) - before;
  return { result, cpuMicroseconds, busy: cpuMicroseconds / 1_000 / elapsedMs };
}

async function runWrk({ port }: Subject, side: LoadSide, seconds: number) {
  const authority = `127.0.0.1:${side.originPort}`;
  const flags = ['-t1', '-c64', `-d${seconds}s`, '--timeout', '5s', '-s', path.join(import.meta.dirname, 'request.lua')];
  for (const field of side.fields ?? []) flags.push('-H', field);
  const output = await side.children.run(
    {
      name: 'wrk',
      program: side.wrk,
      args: [...flags, `http://127.0.0.1:${port}/`],
      environment: { URL: `http://${authority}/1k`, AUTHORITY: authority },
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

/** The tunnels stay open until the returned process is stopped. */
async function holdTunnels(tunnels: number, subject: Subject, side: LoadSide) {
  const child = side.children.start(tunnelLoad('hold', tunnels, subject, side, 0));
  const giveUpMs = performance.now() + LOAD_GRACE_MS;
  while (!child.output.includes('\n')) {
    if (child.hasEnded) throw new BenchError(`${child.name} failed: ${child.lastWords()}`);
    if (performance.now() > giveUpMs) throw new BenchError(`${tunnels} tunnels were not open after ${LOAD_GRACE_MS / 1_000} s`);
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
function parseTunnelLoad(output: string): TunnelLoadResult {
  const result = JSON.parse(output) as TunnelLoadResult;
  if (result.operations === 0) throw new BenchError(`no tunnel worked: ${result.firstError ?? 'nothing arrived'}`);
  return result;
}

function perOperation(cpuMicroseconds: number, operations: number): number {
  return cpuMicroseconds / operations;
}

function secondsPerGiB(cpuMicroseconds: number, octets: number): number {
  return cpuMicroseconds / 1e6 / (octets / 2 ** 30);
}

type Measure = (subject: Subject, side: LoadSide) => Promise<Figures>;

const MEASURES: Readonly<Record<WorkloadName, Measure>> = {
  forward: measureForward,
  connect: measureTunnels('connect', 32, perOperation),
  'bulk-1': measureTunnels('download', 1, secondsPerGiB),
  'bulk-16': measureTunnels('download', 16, secondsPerGiB),
  'upload-1': measureTunnels('upload', 1, secondsPerGiB),
  'upload-16': measureTunnels('upload', 16, secondsPerGiB),
  idle: measureIdle,
};

/** For code to be compiled and pools to be filled. */
const WARM_UP_SECONDS = 2;
const WARM_UP_TUNNELS = 100;
const IDLE_TUNNELS = 2_000;
const SETTLE_MS = 200;
/** Longer: a collector of garbage may take its time. */
const IDLE_SETTLE_MS = 2_000;
const LOAD_GRACE_MS = 20_000;
const POLL_MS = 20;
