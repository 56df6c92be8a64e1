// Owns the description of where figures come from: a figure without its machine says nothing.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { versionLine } from '../../src/cli/version.ts';
import { parseAllowedCores } from './proc-files.ts';

export interface Cores {
  readonly proxy: number | null;
  /** For the load and for the origin. */
  readonly load: number | null;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** How busy the machine was before: averages of the last minute. */
  readonly loadAverage: number;
  readonly versions: readonly string[];
}

/** The proxy has a core to itself when there are two; with one nothing is pinned. */
export function chooseCores(): Cores {
  const [first = null, second = null] = parseAllowedCores(readFileSync('/proc/self/status', 'latin1'));
  return second === null ? { proxy: null, load: null } : { proxy: first, load: second };
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
  };
}

/** nginx says it on standard error, and wrk exits with 1. To Traffic Server `-v` is no option. */
function versionOf(program: string): string {
  const flag = path.basename(program) === 'traffic_server' ? '-V' : '-v';
  const { stdout, stderr } = spawnSync(program, [flag], { encoding: 'utf8', timeout: VERSION_DEADLINE_MS });
  return `${stdout}${stderr}`.split('\n')[0] || program;
}

const VERSION_DEADLINE_MS = 5_000;
