// Owns the proxy under test, a process of its own that is started as its users start it: recording is on, the inspector listens, and all that it keeps
// lies in folders of its own. Linux tells what it takes.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { endChild, expectOrderlyEnd } from '../end-child.ts';
import { policyFor } from '../proxy-process.ts';

export interface ProxySettings {
  /** It stays over starts. */
  readonly folder: string;
  /** Ports of the origins. */
  readonly ports: readonly number[];
  /** File with the certificate that the origins' is verified with; `null` where none speaks TLS. */
  readonly roots: string | null;
  /** Octets that the session may take. */
  readonly maxSize: number;
}

export class RecordedProxy {
  readonly port: number;
  /** Of the inspector: `http://127.0.0.1:8081`. */
  readonly inspectorUrl: string;
  /** What a browser follows once. */
  readonly link: string;
  /** From its start until it listens. */
  readonly startedInMs: number;
  /** The largest resident set that was sampled. */
  peakKiB = 0;
  readonly #child: ChildProcess;
  readonly #settings: ProxySettings;
  readonly #said: readonly string[];
  readonly #sampling: NodeJS.Timeout;

  static async start(settings: ProxySettings): Promise<RecordedProxy> {
    const { folder } = settings;
    mkdirSync(folder, { recursive: true });
    const tls = { ca_dir: path.join(folder, 'authority'), ...(settings.roots !== null && { roots: settings.roots }) };
    writeFileSync(path.join(folder, 'policy.yaml'), policyFor(settings.ports));
    writeFileSync(path.join(folder, 'config.yaml'), `tls: ${JSON.stringify(tls)}\n`);
    const words = ['run', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--access-log', path.join(folder, 'access.log')];
    words.push('--config', path.join(folder, 'config.yaml'), '--policy', path.join(folder, 'policy.yaml'));
    const startedMs = performance.now();
    const child = spawn(process.execPath, ['--max-semi-space-size=8', PROGRAM, ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: environment(settings),
    });
    const said: string[] = [];
    const find = (name: string): string | undefined =>
      said
        .find((line) => line.startsWith(name))
        ?.split(/\s+/)
        .find((word) => word.startsWith('http://'));
    const [listening, link] = await new Promise<[string, string]>((resolve, reject) => {
      let text = '';
      child.once('exit', (code) => reject(new Error(`the proxy exited with ${code}: ${said.join('\n')}${text}`)));
      child.stderr?.on('data', (bytes) => {
        const lines = (text + bytes).split('\n');
        text = lines.pop() ?? '';
        said.push(...lines);
        const [listening, link] = [find('listening'), find('inspector')];
        if (listening !== undefined && link !== undefined) resolve([listening, link]);
      });
    });
    return new RecordedProxy(settings, child, said, new URL(listening), new URL(link), performance.now() - startedMs);
  }

  private constructor(
    settings: ProxySettings,
    child: ChildProcess,
    said: readonly string[],
    listening: URL,
    link: URL,
    startedInMs: number,
  ) {
    this.#settings = settings;
    this.#child = child;
    this.#said = said;
    this.port = Number(listening.port);
    this.inspectorUrl = link.origin;
    this.link = link.href;
    this.startedInMs = startedInMs;
    this.#sampling = setInterval(() => this.#sample(), SAMPLE_MS);
    // Whoever ends in the middle leaves no proxy behind.
    process.once('exit', () => child.kill('SIGKILL'));
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** PEM, of the authority that it made to open tunnels. */
  get authority(): string {
    return readFileSync(path.join(this.#settings.folder, 'authority/ca.crt'), 'latin1');
  }

  /** What programs show to the inspector. */
  get token(): string {
    return readFileSync(path.join(this.#settings.folder, `state/sallyport/running/${this.#child.pid}.token`), 'latin1').trim();
  }

  get residentKiB(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'latin1');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  }

  /** CPU time so far, user and system. */
  get cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    return (Number(user) + Number(system)) / TICKS_PER_SECOND;
  }

  /** Octets that its session takes on the disk. */
  get storedBytes(): number {
    const session = path.join(this.#settings.folder, 'state/sallyport/sessions/default');
    // A segment may go while it is being looked for.
    return readdirSync(session).reduce((sum, name) => sum + (statSync(path.join(session, name), { throwIfNoEntry: false })?.size ?? 0), 0);
  }

  /** What it said of trouble with its record. */
  get complaints(): readonly string[] {
    return this.#said.filter((line) => /inspector: |defect/.test(line));
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** @throws Error when it does not end in order */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    expectOrderlyEnd(this.#child);
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    clearInterval(this.#sampling);
    await endChild(this.#child, STOP_MS, signal);
  }

  #sample(): void {
    if (!this.hasEnded) this.peakKiB = Math.max(this.peakKiB, this.residentKiB);
  }
}

/** Of this machine, but for what whoever runs the soak has set for a proxy of their own. */
function environment({ folder, maxSize }: ProxySettings): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^SALLYPORT_|^XDG_|^NODE_OPTIONS$|_proxy$/i.test(name));
  return {
    ...Object.fromEntries(inherited),
    ...Object.fromEntries(['cache', 'config', 'data', 'state'].map((kind) => [`XDG_${kind.toUpperCase()}_HOME`, path.join(folder, kind)])),
    SALLYPORT_RECORD: 'on',
    SALLYPORT_RECORD_MAX_SIZE: String(maxSize),
  };
}

const PROGRAM = path.join(import.meta.dirname, '../../../src/bin.cjs');
const SAMPLE_MS = 100;
const STOP_MS = 30_000;
const TICKS_PER_SECOND = 100;
