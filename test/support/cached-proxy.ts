// The proxy with a cache folder of its own, as somebody runs it who keeps one: started, used, stopped, and started again over what it has stored.
// What it did is read from its access log once it has stopped, when every exchange has ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { CLEAN_ENVIRONMENT, type Ended, run } from './programs.ts';
import type { LogLine } from './run-proxy.ts';

export interface CacheHome {
  /** `sallyport run` with these flags, on a free port, for as long as the test lasts. */
  start(...flags: readonly string[]): Promise<CachedProxy>;
  /** `sallyport` with these words, to its end: put to the proxy that runs, or to the folder. */
  say(...words: readonly string[]): Promise<Ended>;
}

export interface CachedProxy {
  readonly url: string;
  /** Everything on standard error so far. */
  readonly said: string;
  /** @returns every exchange of this run @throws if it does not end in order, or reported a defect of its own */
  stop(): Promise<readonly CachedExchange[]>;
}

/** One line of the access log, with what it says of the cache. */
export interface CachedExchange extends LogLine {
  readonly cache?: 'hit' | 'validated' | 'stale' | 'forwarded' | 'none';
  readonly cache_why?: string | null;
  readonly stored?: string | null;
  /** Address and port of whom the request was sent to. */
  readonly upstream: string | null;
}

/**
 * @param folder  for the cache, and for what the proxy keeps besides
 * @param settings  more variables, `SALLYPORT_CACHE_MEMORY` and the like
 * @param before  a command that runs the one behind it, as `nice` does
 */
export function cacheIn(folder: string, settings: Readonly<Record<string, string>> = {}, before: readonly string[] = []): CacheHome {
  const state = path.join(folder, 'state');
  const env = { ...CLEAN_ENVIRONMENT, XDG_CACHE_HOME: folder, SALLYPORT_STATE_DIR: state, SALLYPORT_TIMEOUTS_DRAIN: '1s', ...settings };
  let runs = 0;
  return {
    start(...flags) {
      runs += 1;
      const log = path.join(folder, `access-${runs}.log`);
      return startProcess([...before, ...PROGRAM, 'run', '--listen', '127.0.0.1:0', '--access-log', log, ...flags], env, log);
    },
    say: (...words) => run(PROGRAM[0], [...PROGRAM.slice(1), ...words], { env }),
  };
}

/** Everything was answered from the cache, and no origin was asked for anything. */
export function expectOnlyHits(exchanges: readonly CachedExchange[]): void {
  expect(exchanges.length).toBeGreaterThan(0);
  expect(exchanges.filter(({ cache, upstream }) => cache !== 'hit' || upstream !== null)).toEqual([]);
}

async function startProcess(
  [command, ...words]: readonly string[],
  env: Readonly<Record<string, string>>,
  log: string,
): Promise<CachedProxy> {
  const child = spawn(command!, words, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  // Of a test that fails halfway, nothing is left behind.
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`the proxy exited with ${code}: ${said}`)));
    child.stderr.on('data', (bytes) => {
      said += bytes;
      const banner = /listening {2}(\S+)\n[\s\S]*browser .*\n/.exec(said);
      if (banner !== null) resolve(banner[1]!);
    });
  });
  return {
    url,
    get said() {
      return said;
    },
    async stop() {
      const code = await terminate(child);
      if (code !== 0 || said.includes('a defect')) throw new Error(`the proxy ended with ${code}: ${said}`);
      const lines = readFileSync(log, 'utf8').split('\n');
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as CachedExchange);
    },
  };
}

function terminate(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  child.kill('SIGTERM');
  // One that hears nothing any more would outlive the test.
  const patience = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearTimeout(patience);
      resolve(code);
    });
  });
}

const PATIENCE_MS = 150_000;
/** As the script of the package starts it. */
const PROGRAM = [process.execPath, '--max-semi-space-size=8', path.join(import.meta.dirname, '../../src/bin.cjs')] as const;
