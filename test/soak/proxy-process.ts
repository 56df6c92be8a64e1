// Owns the proxy under test: its own process, started by its command line with a policy, a configuration and an access log in a folder of its own,
// and what Linux and the probe say about it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { endChild, expectOrderlyEnd } from './end-child.ts';
import { OPENED_HOST } from './opened-tunnel.ts';
import { type Holdings, PROBES_VARIABLE } from './probe.ts';
import { ProbeLink } from './probe-link.ts';
import { figuresOf, type ProcessFigures } from './process-figures.ts';

export type Measure = Holdings & ProcessFigures;

export class ProxyProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #said: string[];
  readonly #probe: ProbeLink;

  /**
   * @param ports of the origins that the policy allows
   * @param roots file with the certificate that those of TLS are to be verified with
   */
  static async start(ports: readonly number[], roots: string): Promise<ProxyProcess> {
    const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-soak-'));
    writeFileSync(path.join(folder, 'policy.yaml'), policyFor(ports));
    writeFileSync(path.join(folder, 'config.yaml'), `${CONFIG}tls: ${JSON.stringify({ roots, ca_dir: path.join(folder, 'authority') })}\n`);
    const words = [...NODE_WORDS, 'run', '--listen', '127.0.0.1:0', '--admin', 'off'];
    words.push('--config', path.join(folder, 'config.yaml'), '--policy', path.join(folder, 'policy.yaml'));
    words.push('--access-log', path.join(folder, 'access.log'));
    const folders = { SALLYPORT_CACHE_FOLDER: path.join(folder, 'cache'), SALLYPORT_STATE_DIR: path.join(folder, 'state') };
    // Recording has a soak of its own (inspector/soak.ts).
    const env = { ...process.env, ...folders, SALLYPORT_RECORD: 'off', [PROBES_VARIABLE]: folder };
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'], env });
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
    return new ProxyProcess(child, folder, said, port, await ProbeLink.open(folder, child.pid!));
  }

  private constructor(child: ChildProcess, folder: string, said: string[], port: number, probe: ProbeLink) {
    this.#child = child;
    this.#folder = folder;
    this.#said = said;
    this.port = port;
    this.#probe = probe;
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
  memory(): ProcessFigures {
    return figuresOf(this.#child.pid!);
  }

  /** After two collections of garbage: the memory behind buffers is let go of some time after the first has found them. */
  async measure(): Promise<Measure> {
    await this.#probe.holdings();
    await pause(COLLECT_MS);
    const held = await this.#probe.holdings();
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
    await this.#probe.snapshot(file);
  }

  /** @returns the access log @throws Error when it does not end in order */
  async stop(): Promise<string> {
    await endChild(this.#child, STOP_MS);
    const log = readFileSync(path.join(this.#folder, 'access.log'), 'latin1');
    rmSync(this.#folder, { recursive: true });
    expectOrderlyEnd(this.#child);
    return log;
  }
}

/** Lets clients reach the origins on these ports, tunnels to one of their names be opened, and one folder be denied. */
export function policyFor(ports: readonly number[]): string {
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
/**
 * As `npm start` begins, and the probe. Without that bound V8's young generation would grow to 64 MB, all the more where the proxy waits for the
 * processor and more is under way at once.
 */
export const NODE_WORDS: readonly string[] = [
  '--max-semi-space-size=8',
  '--expose-gc',
  ...['--import', path.join(import.meta.dirname, 'probe.ts')],
  path.join(import.meta.dirname, '../../src/bin.cjs'),
];
const BANNER_END = 'browser';
const SETTLE_MS = 15_000;
const COLLECT_MS = 1_000;
const STOP_MS = 15_000;
