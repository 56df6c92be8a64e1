// Owns the proxy under test: its own process, started by its command line with a policy, a configuration and an access log in a folder of its own,
// and what Linux and the probe say about it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { OPENED_HOST } from './opened-tunnel.ts';
import type { Holdings, Question } from './probe.ts';

export interface Measure extends Holdings {
  readonly descriptors: number;
  readonly rssKiB: number;
  readonly pssKiB: number;
  /** CPU time so far, user and system. */
  readonly cpuSeconds: number;
}

export class ProxyProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #said: string[];

  /**
   * @param ports of the origins that the policy allows
   * @param roots file with the certificate that those of TLS are to be verified with
   */
  static async start(ports: readonly number[], roots: string): Promise<ProxyProcess> {
    const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-soak-'));
    writeFileSync(path.join(folder, 'policy.yaml'), policy(ports));
    writeFileSync(path.join(folder, 'config.yaml'), `${CONFIG}tls: ${JSON.stringify({ roots, ca_dir: path.join(folder, 'authority') })}\n`);
    const words = [...NODE_WORDS, MAIN, 'run', '--listen', '127.0.0.1:0', '--admin', 'off'];
    words.push('--config', path.join(folder, 'config.yaml'), '--policy', path.join(folder, 'policy.yaml'));
    words.push('--access-log', path.join(folder, 'access.log'));
    const folders = { SALLYPORT_CACHE_FOLDER: path.join(folder, 'cache'), SALLYPORT_STATE_DIR: path.join(folder, 'state') };
    // Recording has a soak of its own (inspector/soak.ts).
    const env = { ...process.env, ...folders, SALLYPORT_RECORD: 'off' };
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env });
    const said: string[] = [];
    const port = await new Promise<number>((resolve, reject) => {
      let text = '';
      child.once('exit', (code) => reject(new Error(`the proxy exited with ${code}: ${said.join('\n')}${text}`)));
      child.stderr?.on('data', (bytes) => {
        const lines = (text + bytes).split('\n');
        text = lines.pop() ?? '';
        said.push(...lines);
        const listening = said.find((line) => line.startsWith('listening'));
        if (listening !== undefined) resolve(Number(listening.slice(listening.lastIndexOf(':') + 1)));
      });
    });
    return new ProxyProcess(child, folder, said, port);
  }

  private constructor(child: ChildProcess, folder: string, said: string[], port: number) {
    this.#child = child;
    this.#folder = folder;
    this.#said = said;
    this.port = port;
  }

  /** PEM, of the authority under which it opens tunnels. */
  get authority(): string {
    return readFileSync(path.join(this.#folder, 'authority', 'ca.crt'), 'latin1');
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** What it told its operator, but for the banner and that it does as it was told. */
  get reports(): readonly string[] {
    return this.#said
      .slice(this.#said.findIndex((line) => line.startsWith(BANNER_END)) + 1)
      .filter((line) => line !== '' && !/^inspector {2}|reloaded on SIGHUP|stopping on SIGTERM/.test(line));
  }

  /** Has it read its policy and configuration anew; exchanges under way go on with what they began with. */
  reload(): void {
    this.#child.kill('SIGHUP');
  }

  /** As it stands, garbage and all. */
  memory(): Pick<Measure, 'rssKiB' | 'pssKiB' | 'descriptors' | 'cpuSeconds'> {
    const folder = `/proc/${this.#child.pid}`;
    const rollup = readFileSync(`${folder}/smaps_rollup`, 'latin1');
    const kibibytes = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1]);
    const stat = readFileSync(`${folder}/stat`, 'latin1');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    return {
      rssKiB: kibibytes('Rss'),
      pssKiB: kibibytes('Pss'),
      descriptors: readdirSync(`${folder}/fd`).length,
      cpuSeconds: (Number(user) + Number(system)) / TICKS_PER_SECOND,
    };
  }

  /** After two collections of garbage: the memory behind buffers is let go of some time after the first has found them. */
  async measure(): Promise<Measure> {
    await this.#ask('holdings');
    await pause(COLLECT_MS);
    const held = (await this.#ask('holdings')) as Holdings;
    return { ...held, ...this.memory() };
  }

  /** Waits until the descriptors are no more than these, for some seconds at most. */
  async settle(descriptors: number): Promise<void> {
    const endMs = performance.now() + SETTLE_MS;
    while (this.memory().descriptors > descriptors && performance.now() < endMs) await pause(100);
    // What the last sockets held is let go of in turns of its own.
    await pause(500);
  }

  /** Writes what the process holds to a file that DevTools can open. */
  async snapshot(file: string): Promise<void> {
    await this.#ask({ snapshot: file });
  }

  /** @returns the access log @throws Error when it does not end in order */
  async stop(): Promise<string> {
    if (!this.hasEnded) {
      this.#child.removeAllListeners('exit');
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
      await once(this.#child, 'exit');
      clearTimeout(timer);
    }
    const log = readFileSync(path.join(this.#folder, 'access.log'), 'latin1');
    rmSync(this.#folder, { recursive: true });
    if (this.#child.exitCode !== 0) throw new Error(`the proxy ended with ${this.#child.signalCode ?? this.#child.exitCode}`);
    return log;
  }

  async #ask(question: Question): Promise<unknown> {
    const answered = once(this.#child, 'message');
    this.#child.send(question);
    const [answer] = await answered;
    return answer;
  }
}

function policy(ports: readonly number[]): string {
  return `version: 1
default: deny
connect_ports: any
rules:
  - name: Not this folder
    deny: { host: 127.0.0.1, path: /denied/* }
  - name: The origins of the soak
    allow: { host: 127.0.0.1, port: [${ports.join(', ')}] }
  - name: Those that are opened
    intercept: { host: ${OPENED_HOST}, port: [${ports.join(', ')}] }
`;
}

/** Short timers, so that origins that hang cost seconds and connections that nobody uses are gone soon. */
const CONFIG = `timeouts:
  response: 5s
  gap: 5s
  upstream_idle: 2s
  idle: 20s
  drain: 5s
limits:
  connections: 12000
  connections_per_client: 12000
`;
const NODE_WORDS = ['--expose-gc', '--import', path.join(import.meta.dirname, 'probe.ts')];
const MAIN = path.join(import.meta.dirname, '../../src/main.ts');
const BANNER_END = 'browser';
const TICKS_PER_SECOND = 100;
const SETTLE_MS = 15_000;
const COLLECT_MS = 1_000;
const STOP_MS = 15_000;
