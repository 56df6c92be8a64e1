// Owns one forked process as the primary has it: how it is started, what it is told and answers, and how it ends.
import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.ts';
import { StartError } from '../errors/start-error.ts';
import { codeCache } from '../net/code-cache.ts';
import type { HandedOver } from './listening-sockets.ts';
import { type ChildFacts, type FromChild, ORDER_VERSION, type Role, type StartOrder, type ToChild } from './messages.ts';

/** What a child is started with. */
export interface Birth {
  readonly role: Role;
  readonly number: number;
  /** As the operator knows it. */
  readonly name: string;
  readonly config: Config;
  readonly sockets: readonly HandedOver[];
  readonly ticketSecret: Uint8Array;
  readonly keeperSocket: string;
  /** How often it is asked whether it is there, once it has started; in milliseconds. */
  readonly askEveryMs: number;
}

interface Asked {
  readonly resolve: (message: FromChild) => void;
  readonly reject: (error: Error) => void;
}

export class Child {
  readonly name: string;
  readonly config: Config;
  /** Once it has ended; never fails. */
  readonly ended: Promise<void>;
  /** Those of its last answer. */
  facts: ChildFacts | null = null;
  /** Called while it starts: the keeper of the moment is of another version. */
  onUnjoined: () => void = () => {};
  readonly #process: ChildProcess;
  readonly #startedMs = performance.now();
  readonly #onLine: (name: string, line: string) => void;
  readonly #order: StartOrder;
  readonly #asked: Asked[] = [];
  readonly #askEveryMs: number;
  readonly #timer: NodeJS.Timeout;
  /** How often it has not said that it is there. */
  #silences = 0;
  #cutOff = 0;
  #howItEnded: string | null = null;

  /** @param onLine what it has to say to the operator, after its name */
  constructor(birth: Birth, onLine: (name: string, line: string) => void) {
    const { role, number, name, config, sockets, ticketSecret, keeperSocket, askEveryMs } = birth;
    this.name = name;
    this.config = config;
    this.#onLine = onLine;
    const handed = sockets.map(({ address }, index) => ({ address, descriptor: FIRST_HANDED + index }));
    this.#order = { kind: 'start', version: ORDER_VERSION, number, config, sockets: handed, ticketSecret, keeperSocket };
    this.#process = fork(FILES[role], [], {
      execArgv: [...process.execArgv, ...V8_FLAGS],
      env: { ...process.env, ...codeCache() },
      // Of what configuration is made of, `undefined` would not pass as JSON.
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...sockets.map(({ socket }) => socket.fd())],
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#process.on('message', (message) => this.#take(message as FromChild));
    this.#askEveryMs = askEveryMs;
    this.#timer = setInterval(() => this.#look(), askEveryMs).unref();
    this.#process.once('error', (error) => this.#over(error.message, resolve));
    this.#process.once('exit', (code, signal) => this.#over(signal ?? `exit code ${code}`, resolve));
  }

  get processId(): number {
    return this.#process.pid ?? 0;
  }

  /** How long it has been there, in milliseconds. */
  get ageMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** A signal or a code; `null` while it runs. */
  get howItEnded(): string | null {
    return this.#howItEnded;
  }

  /** How many exchanges and tunnels its deadline cut off. */
  get cutOff(): number {
    return this.#cutOff;
  }

  /** @throws StartError when it cannot start, and ends; any other error is a defect */
  async start(): Promise<void> {
    await this.#ask(this.#order);
  }

  /** While it starts: it is not waited for any more, and ends. @param problem what the start fails with */
  giveUp(problem: string): void {
    this.#answered({ kind: 'refused', why: { errorKind: 'unavailable', problems: [problem] }, facts: null });
    // It has nothing to lose but who comes to its socket.
    this.#process.kill('SIGKILL');
  }

  /** All or nothing. @throws StartError, and it goes on as before */
  async reload(config: Config): Promise<void> {
    await this.#ask({ kind: 'reload', config });
  }

  async newLink(): Promise<string | null> {
    const answer = await this.#ask({ kind: 'new-link' });
    return answer.kind === 'link' ? answer.url : null;
  }

  reopenLogs(): void {
    this.#tell({ kind: 'reopen-logs' });
  }

  /** Ends when it has ended, at the latest a little after the deadline. @param patienceMs as of `RunningProxy.drain` */
  async drain(deadlineMs: number, patienceMs: number): Promise<void> {
    this.#tell({ kind: 'drain', deadlineMs, patienceMs });
    await this.#endedWithin(deadlineMs + CLOSE_MS);
  }

  /** The same, at once. */
  async stop(): Promise<void> {
    this.#tell({ kind: 'stop' });
    await this.#endedWithin(CLOSE_MS);
  }

  /** One that hangs would keep its clients and every order waiting. Counted, and not timed: this process may have been stopped as well. */
  #look(): void {
    if (this.facts === null) return;
    this.#silences += 1;
    if (this.#silences <= MOST_SILENCES) this.#tell({ kind: 'are-you-there' });
    else {
      this.#howItEnded ??= `no answer for ${(this.#askEveryMs * MOST_SILENCES) / 1_000} s`;
      this.#process.kill('SIGKILL');
    }
  }

  async #endedWithin(patienceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), patienceMs);
    await this.ended;
    clearTimeout(timer);
  }

  async #ask(message: ToChild): Promise<FromChild> {
    const { promise, resolve, reject } = Promise.withResolvers<FromChild>();
    if (this.#howItEnded !== null) throw this.#endedError(this.#howItEnded);
    this.#asked.push({ resolve, reject });
    this.#tell(message);
    return await promise;
  }

  #tell(message: ToChild): void {
    // That it is gone is told by its end.
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  #take(message: FromChild): void {
    switch (message.kind) {
      case 'report':
        this.#onLine(this.name, message.line);
        return;
      case 'unjoined':
        this.onUnjoined();
        return;
      case 'here':
        this.#silences = 0;
        return;
      case 'drained':
        this.#cutOff = message.cutOff;
        return;
      case 'done':
      case 'refused':
        this.facts = message.facts ?? this.facts;
        this.#answered(message);
        return;
      case 'link':
        this.#answered(message);
        return;
      default:
        message satisfies never;
    }
  }

  #answered(message: FromChild): void {
    const asked = this.#asked.shift();
    if (message.kind !== 'refused') asked?.resolve(message);
    else {
      const { errorKind, problems } = message.why;
      asked?.reject(errorKind === null ? new Error(problems.join('\n')) : new StartError(errorKind, problems));
    }
  }

  #over(how: string, resolve: () => void): void {
    this.#howItEnded ??= how;
    clearInterval(this.#timer);
    for (const { reject } of this.#asked.splice(0)) reject(this.#endedError(how));
    resolve();
  }

  #endedError(how: string): Error {
    return new StartError('unavailable', [`${this.name} ended (${how}) before it had answered; what it said last stands above`]);
  }
}

function fileOf(name: string): string {
  // It has the ending of this file: `.ts` from the sources, `.js` when built.
  return fileURLToPath(new URL(`./${name}${path.extname(import.meta.url)}`, import.meta.url));
}

const FILES: Readonly<Record<Role, string>> = { worker: fileOf('worker'), keeper: fileOf('keeper-process') };
/** As bin.cjs sets them for a process that is all of the proxy, and why. */
const V8_FLAGS = [
  ...['--max-semi-space-size=8', '--no-allocation-site-pretenuring', '--invocation-count-for-turbofan=1000'],
  ...['--max-inlined-bytecode-size=900', '--max-inlined-bytecode-size-cumulative=2400'],
];
const MOST_SILENCES = 6;
/** Behind standard input, output and error, and the channel. */
const FIRST_HANDED = 4;
/** What closing may take: the access log gives its reader two seconds, and what is recorded is written. */
const CLOSE_MS = 8_000;
