// Owns the proxy under test: one process or several, with a cache, a record and an access log that are bounded, so that all of them are full soon; and
// what each of its processes holds.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { childrenOf } from '../chaos/linux.ts';
import { until } from '../chaos/until.ts';
import { PROBES_VARIABLE } from '../probe.ts';
import { ProbeLink } from '../probe-link.ts';
import { figuresOf } from '../process-figures.ts';
import { NODE_WORDS, policyFor } from '../proxy-process.ts';
import type { ProcessSample } from './judge-growth.ts';

interface Part {
  readonly name: string;
  readonly processId: number;
  readonly probe: ProbeLink;
}

export class GrowthProxy {
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #parts: readonly Part[] = [];
  #said = '';

  /** @param ports of the origins that the policy allows @throws Error with what it said, when it does not serve */
  static async start(ports: readonly number[], workers: number): Promise<GrowthProxy> {
    const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-growth-'));
    writeFileSync(path.join(folder, 'policy.yaml'), policyFor(ports));
    writeFileSync(path.join(folder, 'config.yaml'), CONFIG);
    const proxy = new GrowthProxy(folder, workers);
    await until('the proxy serves', () => {
      if (proxy.hasEnded) throw new Error(`the proxy ended: ${proxy.#said}`);
      return /^browser /m.test(proxy.#said);
    });
    await proxy.#findParts(workers);
    return proxy;
  }

  private constructor(folder: string, workers: number) {
    this.#folder = folder;
    const words = [...NODE_WORDS, 'run', '--listen', '127.0.0.1:0', '--admin', 'off', '--workers', String(workers)];
    words.push('--config', path.join(folder, 'config.yaml'), '--policy', path.join(folder, 'policy.yaml'), '--access-log', this.#log);
    const folders = {
      SALLYPORT_CACHE_FOLDER: path.join(folder, 'cache'),
      SALLYPORT_STATE_DIR: path.join(folder, 'state'),
      SALLYPORT_TLS_CA_DIR: path.join(folder, 'authority'),
      [PROBES_VARIABLE]: folder,
    };
    this.#child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...folders } });
    this.#ended = once(this.#child, 'close');
    this.#child.stderr?.on('data', (bytes) => {
      this.#said += bytes;
    });
  }

  get port(): number {
    return Number(/127\.0\.0\.1:(\d+)/.exec(this.#said)?.[1]);
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** What it said of defects and of a record that is not whole, each in a line. */
  get complaints(): readonly string[] {
    return this.#said.split('\n').filter((line) => /defect|inspector: |ended|dropped/.test(line));
  }

  /** CPU time so far of all of its processes, in seconds. */
  get cpuSeconds(): number {
    return this.#parts.reduce((sum, { processId }) => sum + figuresOf(processId).cpuSeconds, 0);
  }

  /** Of each process, as it stands. */
  get residentKiB(): readonly number[] {
    return this.#parts.map(({ processId }) => figuresOf(processId).rssKiB);
  }

  /** After two collections of garbage: the memory behind buffers is let go of some time after the first has found them. */
  async measure(busyKiB: readonly number[]): Promise<readonly ProcessSample[]> {
    await Promise.all(this.#parts.map(({ probe }) => probe.holdings()));
    await new Promise((resolve) => setTimeout(resolve, COLLECT_MS));
    return Promise.all(
      this.#parts.map(async ({ name, processId, probe }, index) => {
        const { heapKiB, externalKiB } = await probe.holdings();
        const { rssKiB, descriptors } = figuresOf(processId);
        return { name, busyKiB: busyKiB[index]!, rssKiB, heapKiB, externalKiB, descriptors };
      }),
    );
  }

  /** Empties the access log once it has a line for each of so many exchanges: all of them together would fill a disk. @throws Error when it has not */
  async takeLog(lines: number): Promise<void> {
    await until(`${lines} lines in the access log`, () => countLines(this.#log) >= lines);
    const found = countLines(this.#log);
    truncateSync(this.#log, 0);
    if (found !== lines) throw new Error(`the access log has ${found} lines for ${lines} exchanges`);
  }

  /** Writes what each process holds to files that begin like this. */
  async snapshot(file: string): Promise<void> {
    for (const { name, probe } of this.#parts) await probe.snapshot(`${file}-${name.replace(' ', '-')}.heapsnapshot`);
  }

  /** @throws Error when it does not end in order */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
    rmSync(this.#folder, { recursive: true });
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== 0) throw new Error(`the proxy ended with ${signalCode ?? exitCode}: ${this.#said.slice(-2_000)}`);
  }

  get #log(): string {
    return path.join(this.#folder, 'access.log');
  }

  async #findParts(workers: number): Promise<void> {
    const first = this.#child.pid!;
    const open = async (name: string, processId: number): Promise<Part> => ({
      name,
      processId,
      probe: await ProbeLink.open(this.#folder, processId),
    });
    if (workers === 1) this.#parts = [await open('proxy', first)];
    else {
      const children = childrenOf(first, '/worker.ts').map((processId, index) => open(`worker ${index + 1}`, processId));
      const [keeper] = childrenOf(first, '/keeper-process.ts');
      this.#parts = await Promise.all([...children, open('keeper', keeper!), open('primary', first)]);
    }
  }
}

function countLines(file: string): number {
  const bytes = readFileSync(file);
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

/** What it keeps is full long before the warm-up ends; nobody's connection stays longer than a moment. */
const CONFIG = `timeouts: { response: 20s, gap: 20s, upstream_idle: 1s }
limits: { connections: 12000, connections_per_client: 12000 }
cache: { memory: 4MiB, disk: 12MiB }
record: { use: on, max_size: 16MiB }
`;
const NEWLINE = 0x0a;
const COLLECT_MS = 300;
const STOP_MS = 60_000;
