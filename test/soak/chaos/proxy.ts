// Owns the proxy under test: started by its command line with two workers, everything on, in a folder of its own; what it is told and what it says.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { childrenOf, type Holdings, holdingsOf } from './linux.ts';
import { until } from './until.ts';

export interface Surroundings {
  /** For all that it keeps; must be there. */
  readonly folder: string;
  /** Of the origins that the policy allows. */
  readonly ports: readonly number[];
  /** Descriptors that each of its processes may have; `null` leaves it to the system. */
  readonly mostDescriptors: number | null;
}

export class ChaosProxy {
  readonly #surroundings: Surroundings;
  readonly #primary: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #rotated: string[] = [];
  #said = '';

  /** @throws Error with what it said, when it does not serve */
  static async start(surroundings: Surroundings): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(surroundings);
    const hasEnded = proxy.#ended.then(() => true);
    const serves = until('the proxy serves', () => /browser .*\n/.test(proxy.#said));
    if ((await Promise.race([serves, hasEnded])) && proxy.#primary.exitCode !== null) throw new Error(`the proxy ended: ${proxy.#said}`);
    return proxy;
  }

  private constructor(surroundings: Surroundings) {
    const { folder, mostDescriptors } = surroundings;
    this.#surroundings = surroundings;
    for (const name of ['cache', 'state']) mkdirSync(path.join(folder, name), { mode: 0o700 });
    this.writePolicy('A');
    writeFileSync(path.join(folder, 'config.yaml'), CONFIG);
    this.#environment = {
      ...process.env,
      SALLYPORT_CACHE_FOLDER: this.cacheFolder,
      SALLYPORT_STATE_DIR: path.join(folder, 'state'),
      SALLYPORT_TLS_CA_DIR: path.join(folder, 'authority'),
    };
    const words = [process.execPath, MAIN, 'run', '--listen', '127.0.0.1:0', '--admin', 'off', '--workers', '2'];
    words.push('--config', path.join(folder, 'config.yaml'), '--policy', this.#policyFile, '--access-log', this.logFile);
    // Node takes as many as it may have; so the shell bounds what it may.
    const limit = mostDescriptors === null ? '' : `ulimit -n ${mostDescriptors} && `;
    this.#primary = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: this.#environment,
    });
    this.#ended = once(this.#primary, 'close');
    // Where the chaos is interrupted; its children end with it.
    const end = (): void => void this.#primary.kill('SIGKILL');
    process.prependOnceListener('exit', end);
    void this.#ended.then(() => process.off('exit', end));
    this.#primary.stderr?.on('data', (bytes) => {
      this.#said += bytes;
    });
  }

  get port(): number {
    return Number(/127\.0\.0\.1:(\d+)/.exec(this.#said)?.[1]);
  }

  get workers(): readonly number[] {
    return childrenOf(this.#primary.pid!, '/worker.ts');
  }

  get keeper(): number | undefined {
    return childrenOf(this.#primary.pid!, '/keeper-process.ts')[0];
  }

  get holdings(): Holdings {
    return holdingsOf([this.#primary.pid!, ...childrenOf(this.#primary.pid!, '')]);
  }

  /** Octets on standard error so far: where `says` is to begin to look. */
  get saidSoFar(): number {
    return this.#said.length;
  }

  /** What it said of defects, each in a line. */
  get defects(): readonly string[] {
    return this.#said.split('\n').filter((line) => /defect: |no worker could be started/.test(line));
  }

  get logFile(): string {
    return path.join(this.#surroundings.folder, 'access.log');
  }

  get cacheFolder(): string {
    return path.join(this.#surroundings.folder, 'cache');
  }

  get sessionsFolder(): string {
    return path.join(this.#surroundings.folder, 'state', 'sessions');
  }

  says(pattern: RegExp, from: number): Promise<unknown> {
    return until(`the proxy says ${pattern}`, () => pattern.test(this.#said.slice(from)));
  }

  signal(signal: 'SIGHUP' | 'SIGUSR2'): void {
    this.#primary.kill(signal);
  }

  /** By `sallyport reload`. @returns its exit code */
  async askToReload(...flags: readonly string[]): Promise<number> {
    const child = spawn(process.execPath, [MAIN, 'reload', ...flags], { stdio: 'ignore', env: this.#environment });
    const [code] = await once(child, 'close');
    return code as number;
  }

  /** Two that say the same in other words, and half of one, which would let everything pass. As an editor does it: never seen half-written. */
  writePolicy(which: 'A' | 'B' | 'broken'): void {
    const temporary = `${this.#policyFile}.new`;
    writeFileSync(temporary, which === 'broken' ? BROKEN_POLICY : policy(which, this.#surroundings.ports));
    renameSync(temporary, this.#policyFile);
  }

  /** As logrotate does it: moved away, and a SIGHUP. Resolves once the log is opened anew. */
  async rotateLog(): Promise<void> {
    const old = `${this.logFile}.${this.#rotated.length + 1}`;
    renameSync(this.logFile, old);
    this.#rotated.push(old);
    const from = this.saidSoFar;
    this.signal('SIGHUP');
    await this.says(/: reloaded on SIGHUP/, from);
    await until('the log is opened anew', () => existsSync(this.logFile));
  }

  /** All of the log, in order of its files. @throws Error for a file that ends within a line */
  readLog(): string {
    const texts = [...this.#rotated, this.logFile].map((file) => readFileSync(file, 'latin1'));
    if (texts.some((text) => text !== '' && !text.endsWith('\n'))) throw new Error('a file of the access log ends within a line');
    return texts.join('');
  }

  /** SIGTERM. @throws Error when it does not end in order */
  async stop(): Promise<void> {
    this.#primary.kill('SIGTERM');
    const timer = setTimeout(() => this.#primary.kill('SIGKILL'), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
    const { exitCode, signalCode } = this.#primary;
    if (exitCode !== 0) throw new Error(`the proxy ended with ${signalCode ?? exitCode}: ${this.#said.slice(-2_000)}`);
  }

  /** Where something has failed: what it said last. */
  get lastWords(): string {
    return this.#said.split('\n').slice(-40).join('\n');
  }

  get #policyFile(): string {
    return path.join(this.#surroundings.folder, 'policy.yaml');
  }
}

/** Octets of all files below a folder. */
export function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).reduce((sum, entry) => {
    try {
      return entry.isFile() ? sum + statSync(path.join(entry.parentPath, entry.name)).size : sum;
    } catch {
      return sum; // removed meanwhile
    }
  }, 0);
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** What only a policy lets pass that was taken by half. */
export const HALF = 'Half of a policy';

function policy(which: string, ports: readonly number[]): string {
  return `version: 1
default: deny
connect_ports: any
rules:
  - name: Not this folder (${which})
    deny: { host: 127.0.0.1, path: /denied/* }
  - name: The origins of the chaos (${which})
    allow: { host: 127.0.0.1, port: [${ports.join(', ')}] }
`;
}

const BROKEN_POLICY = `version: 1
default: allow
connect_ports: any
rules:
  - name: ${HALF}
    allow: { host: 127.0.0.1 }
  - name: What cannot be
    deny: { hots: 127.0.0.1 }
`;
const CONFIG = `timeouts: { response: 20s, gap: 20s, upstream_idle: 2s }
limits: { connections: 12000, connections_per_client: 12000 }
cache: { memory: 8MiB, disk: 24MiB }
record: { max_size: 24MiB }
`;
const MAIN = path.join(import.meta.dirname, '../../../src/main.ts');
const STOP_MS = 60_000;
