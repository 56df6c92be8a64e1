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
  /** Resident memory of the process, in bytes: now, and the most that it ever was (Linux). */
  memory(): { readonly resident: number; readonly peak: number };
  /** @throws if it does not end in order, or reported a defect of its own */
  stop(): Promise<void>;
}

/** One line of the access log, as far as tests ask for it. */
export interface LogLine {
  readonly method: string;
  readonly target: string;
  readonly status: number | null;
  readonly outcome: string;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly error: string | null;
}

/**
 * Starts `sallyport run` on a free port of 127.0.0.1.
 *
 * @param words  more of the command line: `'--policy', file`
 */
export async function runProxy(...words: readonly string[]): Promise<ProxyProcess> {
  // Once it is told to stop, a test has no more use for what is still open.
  const env = { ...CLEAN_ENVIRONMENT, SALLYPORT_TIMEOUTS_DRAIN: '1s' };
  const child = spawn(process.execPath, [PROGRAM, 'run', '--listen', '127.0.0.1:0', ...words], { env });
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
    logged: (isWanted) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`not logged; there is ${JSON.stringify(log)}`)), LOG_TIMEOUT_MS);
        const look = (): void => {
          const line = log.find(isWanted);
          if (line === undefined) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve(line);
        };
        waiting.add(look);
        look();
      }),
    memory: () => memoryOf(child),
    stop: async () => {
      const code = await terminate(child);
      if (code !== 0 || said.includes('a defect')) throw new Error(`the proxy ended with ${code}: ${said}`);
    },
  };
}

function terminate(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  child.removeAllListeners('exit');
  child.kill('SIGTERM');
  return new Promise((resolve) => child.once('exit', resolve));
}

function memoryOf({ pid }: ChildProcess): { resident: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return { resident: kibibytes('VmRSS') * 1024, peak: kibibytes('VmHWM') * 1024 };
}

const PROGRAM = path.join(import.meta.dirname, '../../src/bin.cjs');
const LOG_TIMEOUT_MS = 5_000;
