// Owns a proxy of several processes, as the command line has it: the same as one of a single process (proxy.ts), made of workers that serve, and of the
// keeper, which has what must be there once.
// It binds sockets, starts processes, watches them and spreads what they are told; it is never on the line, and holds no traffic, no policy, no store.
//
// The keeper does first what all will do: it finds what is wrong with a configuration, and makes what must be made once (the CA). A reload that the first
// one refuses has changed nothing; another that refuses what the first took is replaced.
// Not node:cluster: it leaves a worker's own socket to the worker, which takes what waits in its queue along when it ends (listening-sockets.ts).
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { BoundSocket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import { StartError } from '../errors/start-error.ts';
import { isSameSocket, type ListenAddress } from '../listeners/listener.ts';
import { describeDefect } from '../proxy/defects.ts';
import type { RunningProxy } from '../proxy.ts';
import type { Birth, Child } from './child.ts';
import { ChildLines } from './child-lines.ts';
import { ListeningSockets } from './listening-sockets.ts';
import type { ChildFacts, Role } from './messages.ts';
import { Position } from './position.ts';
import { workerConfig } from './worker-config.ts';

export interface PrimaryOptions {
  readonly workers: number;
  /** Whether all workers accept from one socket of each address. By default where the system does not share connections out among several. */
  readonly sharesSockets?: boolean;
  /** How often each process is asked whether it is there; for tests. */
  readonly askEveryMs?: number;
}

/** @param report a line for the operator @throws StartError with every problem */
export async function startPrimary(config: Config, options: PrimaryOptions, report: (line: string) => void): Promise<Primary> {
  if (process.platform === 'win32' || BoundSocket === undefined) throw new StartError('config', [UNABLE]);
  const primary = new Primary(config, options, report);
  await primary.start();
  return primary;
}

export class Primary implements Omit<RunningProxy, 'authority' | 'newInspectorLink'> {
  /** Once no worker can be started any more: the proxy has come to its end. */
  readonly hopeless: Promise<void>;
  /** Called when a process has taken the place of another. */
  onChange: () => void = () => {};
  readonly #resolveHopeless: () => void;
  readonly #options: PrimaryOptions;
  readonly #report: (line: string) => void;
  readonly #lines: ChildLines;
  readonly #viaName = `sallyport-${randomBytes(4).toString('hex')}`;
  readonly #keeper: Position;
  readonly #workers: readonly Position[];
  /** For the socket by which they speak; of this user alone. */
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'sallyport-'));
  readonly #ticketSecret = randomBytes(32);
  #config: Config;
  /** The same, as each worker has it. */
  #own: Config;
  #sockets: ListeningSockets;
  /** What the first worker answered last. */
  #facts: ChildFacts | null = null;
  #policyFiles: readonly string[] = [];

  constructor(config: Config, options: PrimaryOptions, report: (line: string) => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.hopeless = promise;
    this.#resolveHopeless = resolve;
    this.#options = options;
    this.#report = report;
    this.#lines = new ChildLines(report);
    this.#config = config;
    this.#own = workerConfig(config, options.workers, this.#viaName);
    this.#sockets = new ListeningSockets(options.workers, options.sharesSockets ?? process.platform !== 'linux');
    this.#keeper = this.#position('keeper', 0);
    this.#workers = Array.from({ length: options.workers }, (_, index) => this.#position('worker', index + 1));
  }

  async start(): Promise<void> {
    try {
      this.#sockets = await this.#sockets.with(this.#config.listen);
      this.#lines.speaksForAll('keeper');
      await this.#keeper.fill();
      this.#lines.speaksForAll(null);
      await Promise.all(this.#workers.map((position) => position.fill()));
      this.#noteFacts();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  get listening(): RunningProxy['listening'] {
    return this.#known.listening;
  }

  get policySummary(): string {
    return this.#known.policySummary;
  }

  get policyFiles(): readonly string[] {
    return this.#policyFiles;
  }

  get asksForCredentials(): boolean {
    return this.#known.asksForCredentials;
  }

  get adminSocket(): string | null {
    return this.#keeper.child?.facts?.adminSocket ?? null;
  }

  /** Of all workers together. */
  get cacheFacts(): RunningProxy['cacheFacts'] {
    const { cacheFacts } = this.#known;
    return cacheFacts === null ? null : { ...cacheFacts, memoryBytes: cacheFacts.memoryBytes * this.#options.workers };
  }

  /** The processes of workers. */
  get processes(): readonly number[] {
    return this.#workers.flatMap(({ child }) => (child === null ? [] : [child.processId]));
  }

  /** All or nothing. Where it listens elsewhere from now on, workers are replaced. @throws StartError, and everything stays as it was */
  async reload(config: Config): Promise<void> {
    const own = workerConfig(config, this.#options.workers, this.#viaName);
    if (!isSameListening(config, this.#config)) return await this.#replaceAll(config, own);
    const first = this.#positions.flatMap(({ child }) => child ?? [])[0];
    if (first === undefined) throw new StartError('unavailable', ['no process is there to try it']);
    this.#lines.speaksForAll(first.name);
    try {
      await first.reload(own);
    } finally {
      this.#lines.speaksForAll(null);
      // Those of a policy that cannot be used, too: a change of them is a reason to try again.
      this.#policyFiles = first.facts?.policyFiles ?? this.#policyFiles;
    }
    this.#take(config, own);
    await Promise.all(this.#serving.filter((child) => child !== first).map((child) => this.#followed(child, own)));
    this.#noteFacts();
  }

  /**
   * Puts a new process in the place of each, one after the other, with the code that is on the disk now. Nobody notices: the old one takes no more
   * connections once the new one does, and leaves when those that it has are done.
   *
   * @throws StartError where a new one cannot start; from there on the old ones stay
   */
  async restart(): Promise<void> {
    const [first, ...others] = this.#workers;
    const filling = new Filling(first!);
    if (await filling.isUnjoined) {
      // It speaks otherwise to the keeper than those that are there. All are started until nothing but a keeper like them is missing.
      const all = [filling, ...others.map((position) => new Filling(position))];
      await Promise.all(all.map(({ isUnjoined }) => isUnjoined));
      await this.#keeper.refill();
      await Promise.all(all.map(({ filled }) => filled));
    } else {
      await filling.filled;
      for (const position of others) await position.fill();
      // The last, since there can't be two: where the code does not start, nothing was ended for it.
      await this.#keeper.refill();
    }
    this.#noteFacts();
  }

  /** How many workers are there whose place others have taken already: where they are waited for, no more than twice as many are there at a time. */
  get leaving(): number {
    return this.#workers.reduce((sum, { leaving }) => sum + leaving, 0);
  }

  /** Once they have left. */
  async left(): Promise<void> {
    await Promise.all(this.#workers.map((position) => position.left()));
  }

  async newInspectorLink(): Promise<string | null> {
    return (await this.#keeper.child?.newLink()) ?? null;
  }

  reopenLogs(): void {
    for (const child of this.#serving) child.reopenLogs();
  }

  async drain(deadlineMs: number): Promise<number> {
    const drained = this.#workers.map((position) => position.drain(deadlineMs));
    // Where nobody accepts any more, newcomers would wait for the end of those who are served.
    this.#sockets.close();
    await Promise.all(drained);
    return this.#workers.reduce((sum, { cutOff }) => sum + cutOff, 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((position) => position.close()));
    // Behind them: what they have recorded is on its way to it.
    await this.#keeper.close();
    this.#sockets.close();
    this.#lines.flush();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #positions(): readonly Position[] {
    return [this.#keeper, ...this.#workers];
  }

  /** Those that leave have clients as well: what holds for all holds for theirs. */
  get #serving(): readonly Child[] {
    return this.#positions.flatMap(({ serving }) => serving);
  }

  get #known(): ChildFacts {
    if (this.#facts === null) throw new Error('the proxy has not been started');
    return this.#facts;
  }

  readonly #leave = (old: Child): Promise<void> => {
    const { drainTimeoutMs } = this.#config;
    return old.drain(drainTimeoutMs, Math.min(PATIENCE_MS, drainTimeoutMs));
  };

  #noteFacts(): void {
    this.#facts = this.#workers[0]!.child?.facts ?? this.#facts;
    this.#policyFiles = this.#facts?.policyFiles ?? this.#policyFiles;
  }

  #position(role: Role, number: number): Position {
    const isWorker = role === 'worker';
    const name = isWorker ? `worker ${number}` : role;
    const keeperSocket = path.join(this.#folder, 'keeper');
    const sockets = (): Birth['sockets'] => (isWorker ? this.#sockets.of(number) : []);
    return new Position({
      name,
      leave: this.#leave,
      birth: () => ({
        role,
        number,
        name,
        config: this.#own,
        sockets: sockets(),
        ticketSecret: this.#ticketSecret,
        keeperSocket,
        askEveryMs: this.#options.askEveryMs ?? ASK_EVERY_MS,
      }),
      onLine: (speaker, line) => this.#lines.say(speaker, line),
      report: this.#report,
      onFilled: () => this.onChange(),
      onAway: () => isWorker && this.#sockets.release(number),
      onFailed: (timesInARow, problems) => this.#failed(name, timesInARow, problems),
    });
  }

  #failed(name: string, timesInARow: number, problems: readonly string[]): void {
    // What is wrong stays wrong for a while; once is enough.
    if (timesInARow === 1) for (const problem of problems) this.#report(`${name} cannot be started: ${problem}`);
    if (timesInARow < MOST_FAILURES || this.#workers.some(({ child }) => child !== null)) return;
    this.#report(`no worker could be started, ${timesInARow} times in a row`);
    this.#resolveHopeless();
  }

  /** Workers on other sockets. The keeper, and the first that starts, show whether the configuration is good. */
  async #replaceAll(config: Config, own: Config): Promise<void> {
    const before = { config: this.#config, own: this.#own, sockets: this.#sockets };
    const sockets = await before.sockets.with(config.listen);
    const [first, ...others] = this.#workers;
    try {
      await this.#keeper.child?.reload(own);
      this.#take(config, own, sockets);
      await first!.fill();
    } catch (error) {
      this.#take(before.config, before.own, before.sockets);
      sockets.close(before.sockets);
      await this.#keeper.child?.reload(before.own).catch((failure) => this.#reportFailure(failure));
      throw error;
    }
    await Promise.all(others.map((position) => position.fill().catch((error) => this.#reportFailure(error))));
    before.sockets.close(sockets);
    const inPlace = this.#positions.map(({ child }) => child);
    await Promise.all(this.#serving.filter((child) => !inPlace.includes(child)).map((child) => this.#followed(child, own)));
    this.#noteFacts();
  }

  #take(config: Config, own: Config, sockets = this.#sockets): void {
    this.#config = config;
    this.#own = own;
    this.#sockets = sockets;
  }

  /** What the first has taken, this one takes as well, or it gives its place to another; one that leaves takes it as far as it is about its clients. */
  async #followed(child: Child, own: Config): Promise<void> {
    const position = this.#workers.find((each) => each.child === child);
    const addressOf = (was: ListenAddress): ListenAddress => own.listen.find((address) => isSameSocket(address, was)) ?? was;
    try {
      await child.reload(position === undefined ? { ...own, listen: child.config.listen.map(addressOf) } : own);
    } catch (error) {
      if (position === undefined && child.howItEnded !== null) return;
      this.#reportFailure(error);
      await (position === undefined ? child.stop() : position.fill().catch((failure) => this.#reportFailure(failure)));
    }
  }

  #reportFailure(error: unknown): void {
    const problems = error instanceof StartError ? error.problems : [describeDefect(error)];
    for (const problem of problems) this.#report(problem);
  }
}

/** A position that is being filled. */
class Filling {
  readonly filled: Promise<void>;
  /** True as soon as its child waits for another keeper, false once it has started or failed without that. */
  readonly isUnjoined: Promise<boolean>;

  constructor(position: Position) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.isUnjoined = promise;
    this.filled = position.fill(() => resolve(true));
    const isOver = (): void => resolve(false);
    this.filled.then(isOver, isOver);
  }
}

function isSameListening(a: Config, b: Config): boolean {
  return a.listen.length === b.listen.length && a.listen.every((address, index) => isSameSocket(address, b.listen[index]!));
}

/** What a client has sent already is there within a round trip; whoever is idle for longer can be left as at any other time (RFC 9112 §9.5). */
const PATIENCE_MS = 2_000;
const MOST_FAILURES = 5;
const ASK_EVERY_MS = 5_000;
const UNABLE = 'workers: more than one needs Linux or macOS, and Node 26.4 or newer. Set workers to 1.';
