// Owns the description of where figures come from, since a figure without its machine says nothing, and who runs on which of its cores.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { versionLine } from '../../src/cli/version.ts';
import { parseAllowedCores } from './proc-files.ts';

/** As taskset takes them: `0`, `0,1`; `null` leaves the choice to the kernel. */
export type CoreList = string | null;

export interface Cores {
  /** For proxies, a core for each worker as far as they go; empty where nothing is pinned. */
  readonly proxies: readonly number[];
  /** For a proxy that is one process. */
  readonly proxy: CoreList;
  readonly load: CoreList;
  readonly origin: CoreList;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** How busy the machine was before: averages of the last minute. */
  readonly loadAverage: number;
  readonly versions: readonly string[];
  /** When it was measured, by the calendar: 2026-11-23. */
  readonly date: string;
}

export function chooseCores(): Cores {
  return shareOut(parseAllowedCores(readFileSync('/proc/self/status', 'latin1')));
}

/** The proxy has a core to itself when there are two; of four or more, load and origin have one each, and workers the others. With one nothing is pinned. */
export function shareOut(allowed: readonly number[]): Cores {
  const [first, second] = allowed;
  if (first === undefined || second === undefined) return { proxies: [], proxy: null, load: null, origin: null };
  if (allowed.length < 4) return { proxies: [first], proxy: String(first), load: String(second), origin: String(allowed[2] ?? second) };
  const [origin, load] = allowed.slice(-2);
  return { proxies: allowed.slice(0, -2), proxy: String(first), load: String(load), origin: String(origin) };
}

/** Of a proxy with so many workers: a core for each, or all there are. */
export function coresFor({ proxies }: Cores, workers: number): readonly number[] {
  return proxies.slice(0, workers);
}

/** @param programs their absolute paths; each is asked for its version */
export function describeMachine(programs: readonly string[]): Machine {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    loadAverage: os.loadavg()[0] ?? 0,
    versions: [versionLine(), ...programs.map(versionOf)],
    date: new Date().toISOString().slice(0, 10),
  };
}

/** A line about the machine, and one about the programs. */
export function describeInWords({ cpu, cores, memoryGiB, kernel, loadAverage, versions, date }: Machine): readonly [string, string] {
  return [
    `${date}: ${cpu}, ${cores} cores, ${memoryGiB} GiB; ${kernel}; load average before ${loadAverage.toFixed(2)}`,
    versions.join('; '),
  ];
}

/** nginx says it on standard error, and wrk exits with 1. */
function versionOf(program: string): string {
  const flag = VERSION_FLAGS[path.basename(program)] ?? '-v';
  const { stdout, stderr } = spawnSync(program, [flag], { encoding: 'utf8', timeout: VERSION_DEADLINE_MS });
  const [line = ''] = `${stdout}${stderr}`.split('\n');
  // Behind the version stand dates, hosts and rights.
  return /^.*?\d+\.\d\S*/.exec(line)?.[0] ?? program;
}

/** Those to which `-v` is something else. */
const VERSION_FLAGS: Readonly<Record<string, string>> = { traffic_server: '-V', mitmdump: '--version' };
const VERSION_DEADLINE_MS = 5_000;
