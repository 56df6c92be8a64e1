// Owns the processes that the benchmark starts: each leads a process group of its own, so that it ends with everything below it, and a Ctrl-C
// in the terminal reaches the benchmark alone. No other process is ever sent a signal.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError } from './bench-error.ts';
import type { CoreList } from './machine.ts';

export interface Command {
  /** As messages call it. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cores: CoreList;
}

/** Started processes. `close` ends all that still run. */
export class Children {
  readonly #running = new Set<Child>();

  /** The process may fail at once; `Child.hasEnded` and `Child.ended` tell. */
  start(command: Command): Child {
    const child = new Child(command, () => this.#running.delete(child));
    this.#running.add(child);
    return child;
  }

  /** @returns standard output of a process that ends by itself @throws BenchError when it fails or is not done in time */
  async run(command: Command, deadlineMs: number): Promise<string> {
    const child = this.start(command);
    const timer = new AbortController();
    const ended = await Promise.race([child.ended.then(() => true), sleep(deadlineMs, false, { signal: timer.signal })]);
    timer.abort();
    if (!ended) {
      await child.stop();
      throw new BenchError(`${command.name} was not done after ${deadlineMs / 1_000} s`);
    }
    if (child.exitCode !== 0) throw new BenchError(`${command.name} failed: ${child.lastWords()}`);
    return child.output;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((child) => child.stop()));
  }
}

export class Child {
  readonly name: string;
  /** Settles when it has ended and its output has been read; never rejects. */
  readonly ended: Promise<void>;
  /** Everything on standard output so far. */
  output = '';
  exitCode: number | null = null;
  hasEnded = false;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  #errorOutput = '';

  constructor(command: Command, onEnd: () => void) {
    const { program, args, cores } = command;
    const [first, ...rest] = cores === null ? [program, ...args] : ['taskset', '-c', cores, program, ...args];
    this.name = command.name;
    this.#process = spawn(first!, rest, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...inheritedEnvironment(), ...command.environment },
    });
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errorOutput = (this.#errorOutput + text).slice(-KEPT_ERROR_OUTPUT);
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    // A program that cannot be started has no other end than this error; `close` follows it too.
    this.#process.on('error', (error) => (this.#errorOutput += error.message));
    this.#process.on('close', (code) => {
      this.hasEnded = true;
      this.exitCode = code;
      onEnd();
      resolve();
    });
  }

  /** @throws BenchError when it could not be started */
  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new BenchError(`${this.name} could not be started: ${this.lastWords()}`);
    return pid;
  }

  /** The last line that it wrote, to say why it failed. */
  lastWords(): string {
    const lines = `${this.output}\n${this.#errorOutput}`.trim().split('\n');
    return lines.at(-1)?.slice(0, LONGEST_LAST_WORDS) || 'it says nothing';
  }

  /** Asks the process to end, and after some seconds ends it and everything below it. */
  async stop(): Promise<void> {
    this.#signal('SIGTERM');
    const timer = new AbortController();
    const patience = sleep(STOP_PATIENCE_MS, undefined, { signal: timer.signal }).then(
      () => this.#signal('SIGKILL'),
      () => {},
    );
    await this.ended;
    timer.abort();
    await patience;
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.hasEnded || this.#process.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, signal);
    } catch (error) {
      // It has ended this moment, and `close` is on its way.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Without the settings of a proxy that whoever runs the benchmark may have: neither ours nor those that programs read. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^SALLYPORT_|^NODE_OPTIONS$|_proxy$/i.test(name)));
}

const STOP_PATIENCE_MS = 3_000;
const KEPT_ERROR_OUTPUT = 4_096;
const LONGEST_LAST_WORDS = 300;
