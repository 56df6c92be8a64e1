// The proxy as several processes, started by the command line for one test: what its processes are, and signals for them.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { CLEAN_ENVIRONMENT } from './programs.ts';
import { temporaryFolder } from './temp-files.ts';

export interface ProxyProcesses {
  readonly port: number;
  /** The process that was started. */
  readonly primary: ChildProcess;
  /** Ids of workers, in order of their start. */
  workers(): readonly number[];
  /** That of the keeper; `undefined` while there is none. */
  keeper(): number | undefined;
  /** Standard error, once the pattern is found in what came behind the last place that was waited for. */
  says(pattern: RegExp): Promise<string>;
  /** Everything on standard error so far. */
  readonly said: string;
  /** The exit code, once it and all that it started have ended. */
  readonly ended: Promise<number | null>;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
}

/** Starts `sallyport run` on a free port of 127.0.0.1 with these settings; `undefined` leaves one to the configuration file. @throws with what was said, when it ends at once */
export async function startWorkers(
  settings: Readonly<Record<string, string | undefined>> = {},
  ...words: readonly string[]
): Promise<ProxyProcesses> {
  const processes = spawnWorkers({ SALLYPORT_LISTEN: '127.0.0.1:0', ...settings }, ...words);
  const banner = await Promise.race([processes.says(/browser .*\n/), processes.ended]);
  if (typeof banner !== 'string') throw new Error(`the proxy ended with ${banner}: ${processes.said}`);
  return processes;
}

/** The same, from a copy of the program that a test may change. @returns what has been started, and the folder of its sources */
export async function startCopiedWorkers(
  settings: Readonly<Record<string, string | undefined>>,
): Promise<ProxyProcesses & { readonly sources: string }> {
  const folder = temporaryFolder(onTestFinished);
  for (const name of ['src', 'package.json']) cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  const sources = path.join(folder, 'src');
  const processes = spawnProgram(path.join(sources, 'bin.cjs'), { SALLYPORT_LISTEN: '127.0.0.1:0', ...settings }, []);
  await processes.says(/browser .*\n/);
  return Object.assign(processes, { sources });
}

/** Without waiting until it serves. */
export function spawnWorkers(settings: Readonly<Record<string, string | undefined>> = {}, ...words: readonly string[]): ProxyProcesses {
  return spawnProgram(PROGRAM, settings, words);
}

function spawnProgram(program: string, settings: Readonly<Record<string, string | undefined>>, words: readonly string[]): ProxyProcesses {
  const env = { ...CLEAN_ENVIRONMENT, ...SETTINGS, ...settings };
  const primary = spawn(process.execPath, [program, 'run', ...words], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  let from = 0;
  let look = (): void => {};
  primary.stderr!.on('data', (bytes) => {
    said += bytes;
    look();
  });
  // Its children have the same standard error: `close` comes when the last of them has ended.
  const ended = new Promise<number | null>((resolve) => primary.once('close', resolve));
  const stop = (): Promise<number | null> => {
    primary.kill('SIGTERM');
    return ended;
  };
  // Of a test that takes too long, too.
  onTestFinished(async () => {
    if (primary.exitCode === null && primary.signalCode === null) primary.kill('SIGTERM');
    const timer = setTimeout(() => primary.kill('SIGKILL'), PATIENCE_MS);
    await ended;
    clearTimeout(timer);
  });
  return {
    get port() {
      return Number(/127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
    },
    primary,
    workers: () => childrenOf(primary.pid!).filter((child) => runs(child, 'worker.ts')),
    keeper: () => childrenOf(primary.pid!).find((child) => runs(child, 'keeper-process.ts')),
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${pattern} not said; there is ${said}`)), PATIENCE_MS);
        look = () => {
          const found = pattern.exec(said.slice(from));
          if (found === null) return;
          clearTimeout(timer);
          from += found.index + found[0].length;
          look = () => {};
          resolve(said);
        };
        look();
      }),
    get said() {
      return said;
    },
    ended,
    stop,
  };
}

/** Whether a process is there, and not only waiting for its end to be noticed (Linux). */
export function isRunning(processId: number): boolean {
  return statOf(processId) !== null;
}

/** What a process has had of the processor, in the system's ticks (Linux). */
export function cpuTicks(processId: number): number {
  const fields = statOf(processId);
  return fields === null ? 0 : Number(fields[11]) + Number(fields[12]);
}

function childrenOf(parent: number): readonly number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return all.map(Number).filter((processId) => Number(statOf(processId)?.[1]) === parent);
}

function runs(processId: number, file: string): boolean {
  try {
    return readFileSync(`/proc/${processId}/cmdline`, 'utf8').includes(`/${file}`);
  } catch {
    return false;
  }
}

/** What stands behind the name in /proc/PID/stat: the state first, then the parent. */
function statOf(processId: number): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${processId}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : fields;
  } catch {
    return null;
  }
}

const SETTINGS = {
  SALLYPORT_WORKERS: '2',
  SALLYPORT_STATE_DIR: 'off',
  SALLYPORT_ACCESS_LOG: 'off',
  SALLYPORT_CACHE: 'off',
  SALLYPORT_TIMEOUTS_DRAIN: '5s',
};
const ROOT = path.join(import.meta.dirname, '../..');
const PROGRAM = path.join(ROOT, 'src/bin.cjs');
const PATIENCE_MS = 60_000;
