// The proxy as its users run it: a process of its own, started by the command line, with the default policy and its access log read back.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CLEAN_ENVIRONMENT } from './programs.ts';

export interface ProxyProcess {
  /** `http://127.0.0.1:port` of the first listener. */
  readonly url: string;
  readonly port: number;
  /** Every listener, as the banner names it. */
  readonly listening: readonly string[];
  /** The first finished exchange in the access log for which this holds; waits for it. */
  logged(isWanted: (line: LogLine) => boolean): Promise<LogLine>;
  /** Everything logged so far. */
  readonly log: readonly LogLine[];
  /** Everything on standard error so far. */
  readonly said: string;
  /** Standard error, once the pattern is in it; waits for it. */
  says(pattern: RegExp): Promise<string>;
  /** Resident memory of the process, in bytes: now, and the most that it ever was (Linux). */
  memory(): { readonly resident: number; readonly peak: number };
  /** @throws if it does not end in order, or reported a defect of its own */
  stop(): Promise<void>;
}

/** One line of the access log, as far as tests ask for it. */
export interface LogLine {
  readonly user: string | null;
  readonly method: string;
  readonly target: string;
  readonly status: number | null;
  readonly outcome: string;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly error: string | null;
  /** Of HTTP: `1.1`, `2`. */
  readonly version: string;
  /** Of a request out of an opened tunnel: the `id` of its CONNECT, and the version towards the origin. */
  readonly connect?: number;
  readonly upstream_version?: string | null;
  /** Of a tunnel that was looked into. */
  readonly interception?: 'opened' | 'passed' | 'refused';
  readonly interception_why?: string | null;
}

/**
 * Starts `sallyport run` on a free port of 127.0.0.1.
 *
 * @param words  more of the command line: `'--policy', file`
 */
export function runProxy(...words: readonly string[]): Promise<ProxyProcess> {
  return runProxyWith('--listen', '127.0.0.1:0', ...words);
}

/** Starts `sallyport run` with these words and no others: a configuration file says where it listens. */
export function runProxyWith(...words: readonly string[]): Promise<ProxyProcess> {
  return runProxyIn({ SALLYPORT_STATE_DIR: 'off' }, ...words);
}

/** The same on a free port, with the inspector on another one and what passes kept in this folder. */
export function runRecordingProxy(stateFolder: string, ...words: readonly string[]): Promise<ProxyProcess> {
  const settings = { SALLYPORT_STATE_DIR: stateFolder, SALLYPORT_RECORD: 'on' };
  return runProxyIn(settings, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', ...words);
}

async function runProxyIn(settings: Readonly<Record<string, string>>, ...words: readonly string[]): Promise<ProxyProcess> {
  // Once it is told to stop, a test has no more use for what is still open, nor for what would be kept for the next start.
  const env = { ...CLEAN_ENVIRONMENT, SALLYPORT_TIMEOUTS_DRAIN: '1s', SALLYPORT_CACHE_DISK: '0', ...settings };
  const child = spawn(process.execPath, ['--max-semi-space-size=8', PROGRAM, 'run', ...words], { env });
  const log: LogLine[] = [];
  const waiting = new Set<() => void>();
  let said = '';
  let pendingLog = '';
  child.stdout.on('data', (bytes) => {
    const lines = (pendingLog + bytes).split('\n');
    pendingLog = lines.pop() ?? '';
    log.push(...lines.map((line) => JSON.parse(line) as LogLine));
    for (const look of [...waiting]) look();
  });
  const listening = await new Promise<string[]>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the proxy exited with ${code}: ${said}`)));
    child.stderr.on('data', (bytes) => {
      said += bytes;
      for (const look of [...waiting]) look();
      const banner = /listening {2}(.*)\n[\s\S]*browser .*\n/.exec(said);
      if (banner !== null) resolve(banner[1]!.split('  '));
    });
  });
  const url = listening[0]!;
  return {
    url,
    port: Number(new URL(url).port),
    listening,
    log,
    get said() {
      return said;
    },
    logged: (isWanted) =>
      soon(
        waiting,
        () => log.find(isWanted),
        () => `not logged; there is ${JSON.stringify(log)}`,
      ),
    says: (pattern) =>
      soon(
        waiting,
        () => (pattern.test(said) ? said : undefined),
        () => `${pattern} not said; there is ${said}`,
      ),
    memory: () => memoryOf(child),
    stop: async () => {
      const code = await terminate(child);
      if (code !== 0 || said.includes('a defect')) throw new Error(`the proxy ended with ${code}: ${said}`);
    },
  };
}

/** What `find` finds, as soon as it does; it looks whenever the process has written something. */
function soon<T>(waiting: Set<() => void>, find: () => T | undefined, failure: () => string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(failure())), PATIENCE_MS);
    const look = (): void => {
      const found = find();
      if (found === undefined) return;
      clearTimeout(timer);
      waiting.delete(look);
      resolve(found);
    };
    waiting.add(look);
    look();
  });
}

function terminate(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  child.removeAllListeners('exit');
  child.kill('SIGTERM');
  // Not `exit`: what it wrote last may still be on its way.
  return new Promise((resolve) => child.once('close', resolve));
}

function memoryOf({ pid }: ChildProcess): { resident: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return { resident: kibibytes('VmRSS') * 1024, peak: kibibytes('VmHWM') * 1024 };
}

const PROGRAM = path.join(import.meta.dirname, '../../src/bin.cjs');
const PATIENCE_MS = 20_000;
