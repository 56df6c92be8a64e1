// Where the CPU time of an operation goes, as a program, `npm run bench:profile -- WORKLOAD`: the proxy under the load of the benchmark, sampled by Linux's
// perf, and each sample put down to whose work it was (profile-shares.ts). The cost itself is that of the operating system's accounting, as everywhere
// here; sampling and the map of compiled functions make it some percent dearer.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BenchError, runProgram } from './bench-error.ts';
import { type Child, Children } from './children.ts';
import { installLine } from './install.ts';
import { chooseCores } from './machine.ts';
import { type Figures, type LoadSide, measure, type Subject } from './measure.ts';
import { startOrigin, type TlsOrigin } from './origin.ts';
import { PEERS } from './peers.ts';
import { factsOf, opensTls, type WorkloadName } from './plan.ts';
import { parseSamples, sharesOf } from './profile-shares.ts';
import { findPrograms, type Programs } from './programs.ts';
import { freePort, startServer } from './server-process.ts';
import { writeTlsFiles } from './tls-files.ts';

const WORKLOADS = [
  'forward',
  'forward-recorded',
  'hit-1k',
  'miss-store',
  'connect',
  'tls-keepalive',
  'tls-handshake',
] as const satisfies readonly WorkloadName[];
type Profiled = (typeof WORKLOADS)[number];
const SECONDS = 6;
const WARM_UP_SECONDS = 2;
const SAMPLES_A_SECOND = 1_999;
/** Names are looked up for each frame of each sample. */
const PERF_DEADLINE_MS = 120_000;

const HELP = `Usage: npm run bench:profile -- WORKLOAD

Says whose work an operation of the proxy is, in microseconds of CPU: system calls, Node, garbage, and ours by folder of src.
Needs perf (Debian: apt-get install linux-perf) and leave to use it. Linux only.

Workloads: ${WORKLOADS.join(', ')}`;

async function main(): Promise<void> {
  const [word] = process.argv.slice(2);
  if (word === undefined || word === '--help' || word === '-h') return console.log(HELP);
  const workload = WORKLOADS.find((name) => name === word);
  if (workload === undefined) throw new BenchError(`no workload "${word}" to profile; there are ${WORKLOADS.join(', ')}`);
  if (spawnSync('perf', ['--version']).error !== undefined)
    throw new BenchError(`not installed: perf. On Debian: ${installLine(['linux-perf'])}`);
  const children = new Children();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-bench-'));
  chmodSync(folder, 0o711);
  try {
    await profile(workload, folder, children);
  } finally {
    await children.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function profile(workload: Profiled, folder: string, children: Children): Promise<void> {
  const cores = chooseCores();
  const programs = findPrograms(['sallyport'], cores.proxy !== null);
  const { signal } = new AbortController();
  const tls = opensTls(workload) ? await prepareTls(folder) : null;
  const originPort = await startOrigin(children, folder, programs.nginx, cores.origin, signal, tls);
  const side: LoadSide = {
    children,
    originPort,
    tls,
    wrk: programs.wrk,
    cores: cores.load,
    seconds: SECONDS,
    warmUpSeconds: WARM_UP_SECONDS,
    signal,
    rate: null,
  };
  const port = await freePort();
  const child = await startProxy(workload, path.join(folder, 'proxy'), port, programs, tls, children, cores.proxy);
  const subject = { pid: child.pid, port };
  // Until V8 has compiled what runs often.
  await measure(workload, subject, side);
  const data = path.join(folder, 'perf.data');
  const sampling = record(children, subject, data);
  const figures = await measure(workload, subject, side);
  await sampling;
  report(workload, figures, await perf(children, ['script', '-i', data, '-F', 'comm,ip,sym', '--no-inline']));
}

async function prepareTls(folder: string): Promise<TlsOrigin> {
  return { files: await writeTlsFiles(folder, false), port: await freePort(), newHostsPort: await freePort() };
}

function startProxy(
  workload: Profiled,
  folder: string,
  port: number,
  programs: Programs,
  tls: TlsOrigin | null,
  children: Children,
  cores: string | null,
): Promise<Child> {
  mkdirSync(folder);
  const { program, args } = PEERS.sallyport({ folder, port, programs, facts: factsOf(workload), tls: tls?.files ?? null, lists: null });
  const command = { name: 'sallyport', program, args: ['--perf-basic-prof', ...args], cores };
  return startServer(children, command, port, new AbortController().signal);
}

/** From when the load warms up, for as long as it is sure to last. */
function record(children: Children, { pid }: Subject, file: string): Promise<string> {
  const how = ['-e', 'cpu-clock', '-F', String(SAMPLES_A_SECOND), '-g', '-p', String(pid), '-o', file];
  return perf(children, ['record', ...how, '--', 'sleep', String(SECONDS)]);
}

/** @returns standard output */
function perf(children: Children, args: readonly string[]): Promise<string> {
  return children.run({ name: `perf ${args[0]}`, program: 'perf', args, cores: null }, PERF_DEADLINE_MS);
}

function report(workload: Profiled, { cost, busy }: Figures, script: string): void {
  const samples = parseSamples(script);
  if (samples.length === 0) throw new BenchError('perf took no samples');
  console.log(
    `${workload}: ${cost.toFixed(1)} us of CPU an operation, the proxy busy ${(busy * 100).toFixed(0)} % of the time, ${samples.length} samples\n`,
  );
  console.log('| whose work | us | share |\n| --- | --: | --: |');
  for (const { owner, share } of sharesOf(samples)) {
    if (share >= 0.003) console.log(`| ${owner} | ${(share * cost).toFixed(2)} | ${(share * 100).toFixed(1)} % |`);
  }
}

await runProgram(main);
