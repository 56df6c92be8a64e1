// Owns `run`: the proxy's life in a process, or in several. It starts, serves until a signal stops it, drains with a deadline, reloads on SIGHUP, and
// starts its workers anew on SIGUSR2.
import type { Primary } from '../cluster/primary.ts';
import type { Config } from '../config/config.ts';
import { type FlagSettings, loadConfig } from '../config/load.ts';
import { WatchedFiles } from '../config/watch-files.ts';
import { errorCode, shownCode } from '../errors/from-node.ts';
import { StartError } from '../errors/start-error.ts';
import { describeDefect, surviveDefects } from '../proxy/defects.ts';
import { ownVersion } from '../proxy/own-version.ts';
import { coresOfThisMachine } from '../proxy/this-machine.ts';
import type { RunningProxy } from '../proxy.ts';
import { banner } from './banner.ts';
import type { Arguments } from './command.ts';
import { EXIT_INTERNAL, EXIT_OF_KIND, EXIT_OK } from './exit-codes.ts';
import { type ReloadOutcome, RunningFile, type RunningNote } from './running.ts';
import type { Terminal } from './terminal.ts';

/** @returns the exit code, once a signal has stopped the proxy @throws StartError when it cannot start */
export async function run({ flags }: Arguments, terminal: Terminal): Promise<number> {
  for (const name of OF_COMMANDS) {
    if (flags.has(name)) throw new StartError('usage', [`--${name} is about a command: sallyport run --${name} ... -- COMMAND.`]);
  }
  const settings = flagSettings(flags);
  const load = () => loadConfig(settings, terminal.environment, terminal.workingDirectory);
  const startedAtMs = Date.now();
  const config = await load();
  const proxy = await startHoldingNotes(config, terminal.report);
  surviveDefects(terminal.report, () => process.exit(EXIT_INTERNAL));
  // Before the banner: who reads it may signal at once.
  const serving = new Serving(proxy, config, startedAtMs, load, terminal);
  const { listening, policySummary, cacheFacts, asksForCredentials } = proxy;
  const running = { version: ownVersion(), nodeVersion: process.versions.node, processId: process.pid };
  const inspectorLink = await proxy.newInspectorLink();
  const workers = processesOf(proxy);
  terminal.tell(banner({ listening, policySummary, cacheFacts, asksForCredentials, inspectorLink, workers, ...running }, terminal.bold));
  const exitCode = await serving.stopped;
  endDespiteHandles();
  return exitCode;
}

/** What is noted on the way is about a proxy that serves. Where it does not come to that, the reason stands alone. */
async function startHoldingNotes(config: Config, report: (line: string) => void): Promise<RunningProxy | Primary> {
  const held: string[] = [];
  let note = (line: string): void => void held.push(line);
  const proxy = await start(config, (line) => note(line));
  note = report;
  for (const line of held) note(line);
  return proxy;
}

/** Whichever is not needed is not loaded: a primary has no line, and a single process nobody to watch. */
async function start(config: Config, report: (line: string) => void): Promise<RunningProxy | Primary> {
  const workers = config.workers === 'auto' ? coresOfThisMachine() : config.workers;
  if (workers === 1) return await (await import('../proxy.ts')).startProxy(config, report);
  return await (await import('../cluster/primary.ts')).startPrimary(config, { workers }, report);
}

/** Everything is closed; should a handle have been forgotten, it must not keep a stopped proxy alive. */
export function endDespiteHandles(): void {
  setTimeout(() => process.exit(), FORGOTTEN_HANDLE_MS).unref();
}

/** What the flags of `run` set. */
export function flagSettings(flags: Arguments['flags']): FlagSettings {
  return {
    config: flags.get('config')?.[0],
    listen: flags.get('listen'),
    policy: flags.get('policy')?.[0],
    accessLog: flags.get('access-log')?.[0],
    accessLogFormat: flags.get('access-log-format')?.[0],
    cache: flags.has('no-cache') ? 'off' : flags.get('cache')?.[0],
    cacheDir: flags.get('cache-dir')?.[0],
    offline: flags.has('offline'),
    staleOk: flags.has('stale-ok'),
    caDir: flags.get('ca-dir')?.[0],
    admin: flags.get('admin')?.[0],
    record: flags.get('record')?.[0],
    session: flags.get('session')?.[0],
    workers: flags.get('workers')?.[0],
  };
}

/** A running proxy and the signals that act on it. */
class Serving {
  /** The exit code. */
  readonly stopped: Promise<number>;
  readonly #proxy: RunningProxy | Primary;
  readonly #load: () => Promise<Config>;
  readonly #terminal: Terminal;
  readonly #resolveStopped: (exitCode: number) => void;
  readonly #files: WatchedFiles;
  readonly #running: RunningFile | null;
  #note: RunningNote;
  readonly #atStart: Config;
  #drainTimeoutMs: number;
  #stopAskedMs: number | null = null;
  #isClosed = false;
  /** Reloads follow one another: the last signal's settings win. */
  #reloaded: Promise<void> = Promise.resolve();
  /** The last new start of workers. */
  #restarted: Promise<void> = Promise.resolve();
  #isRestartDue = false;

  constructor(proxy: RunningProxy | Primary, config: Config, startedAtMs: number, load: () => Promise<Config>, terminal: Terminal) {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.stopped = promise;
    this.#resolveStopped = resolve;
    this.#proxy = proxy;
    this.#load = load;
    this.#terminal = terminal;
    this.#atStart = config;
    this.#drainTimeoutMs = config.drainTimeoutMs;
    this.#note = { processId: process.pid, startedAt: new Date().toISOString(), ...factsOf(proxy), reloads: 0, lastReload: null };
    this.#running = keepNote(config.stateFolder, this.#note, terminal);
    this.#files = new WatchedFiles((changed) => this.#reloadAfter(`a change of ${changed.join(', ')}`));
    void this.#files.watch(proxy.policyFiles, startedAtMs);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void this.#stop(signal));
    process.on('SIGHUP', () => {
      // The other meaning of this signal: a window was closed, and nobody sees what goes on in it.
      if (terminal.isGone()) return void this.#stop('SIGHUP');
      proxy.reopenLogs();
      this.#reloadAfter(ASKED);
    });
    process.on('SIGUSR2', () => void this.#restartSoon());
    if (!('hopeless' in proxy)) return;
    void proxy.hopeless.then(() => this.#close(EXIT_OF_KIND.unavailable));
    proxy.onChange = () => this.#noteThat({});
  }

  #reloadAfter(cause: string): void {
    void this.#inTurn(() => this.#reload(cause));
  }

  /** Whatever becomes of one, the next is carried out. */
  #inTurn(order: () => Promise<void>): Promise<void> {
    this.#reloaded = this.#reloaded.then(order).catch((error) => this.#terminal.report(describeDefect(error)));
    return this.#reloaded;
  }

  /** Those that the last one has replaced have to have left. Reloads and a stop do not wait for that; who asks meanwhile asks for the same. */
  async #restartSoon(): Promise<void> {
    if (this.#isRestartDue) return;
    this.#isRestartDue = true;
    await this.#restarted;
    if ('leaving' in this.#proxy && this.#proxy.leaving > 0) {
      this.#terminal.report(`${RESTART}: waits until those have left that were replaced by the last one`);
      await this.#proxy.left();
    }
    this.#isRestartDue = false;
    this.#restarted = this.#inTurn(() => this.#restart());
  }

  async #stop(signal: string): Promise<void> {
    const nowMs = performance.now();
    if (this.#stopAskedMs !== null) {
      // npm and the launcher forward a Ctrl-C that the terminal has sent to everybody already: copies are one request.
      if (nowMs - this.#stopAskedMs < SAME_SIGNAL_MS) return;
      this.#terminal.report(`stopping at once on ${signal}`);
      await this.#close();
      return;
    }
    this.#stopAskedMs = nowMs;
    const deadline = this.#drainTimeoutMs / 1_000;
    this.#terminal.report(`stopping on ${signal}: exchanges and tunnels have ${deadline} s to finish; signal again to stop at once`);
    try {
      // A reload under way would open anew what is being closed.
      await this.#reloaded;
      const cutOff = await this.#proxy.drain(this.#drainTimeoutMs);
      if (cutOff > 0) this.#terminal.report(`${cutOff} had not finished and ${cutOff === 1 ? 'was' : 'were'} cut off`);
    } catch (error) {
      this.#terminal.report(describeDefect(error));
    }
    await this.#close();
  }

  /** Whoever is the first to come to this closes it. */
  async #close(exitCode = EXIT_OK): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#files.close();
    this.#running?.remove();
    try {
      await this.#proxy.close();
    } catch (error) {
      this.#terminal.report(describeDefect(error));
    }
    this.#resolveStopped(exitCode);
  }

  #noteThat(outcome: Partial<Pick<RunningNote, 'reloads' | 'lastReload'>>): void {
    if (this.#isClosed) return;
    this.#note = { ...this.#note, ...factsOf(this.#proxy), ...outcome };
    try {
      this.#running?.write(this.#note);
    } catch (error) {
      // A full disk must not keep the proxy from obeying its next order.
      this.#terminal.report(`what 'sallyport reload' is to learn could not be written (${errorCode(error)})`);
    }
  }

  /** Workers anew, with the code that is on the disk now. */
  async #restart(): Promise<void> {
    if (this.#stopAskedMs !== null) return;
    let outcome: ReloadOutcome;
    try {
      if (!('restart' in this.#proxy)) throw new StartError('usage', [ONE_PROCESS]);
      await this.#proxy.restart();
      outcome = { isDone: true, lines: [`started anew on ${RESTART}: ${this.#proxy.processes.length} workers`, ITSELF_NOT] };
    } catch (error) {
      const problems = error instanceof StartError ? error.problems : [describeDefect(error)];
      outcome = { isDone: false, lines: [...problems, `not started anew on ${RESTART}: what is running goes on`] };
    }
    for (const line of outcome.lines) this.#terminal.report(line);
    this.#noteThat({ reloads: this.#note.reloads + 1, lastReload: outcome });
  }

  async #reload(cause: string): Promise<void> {
    if (this.#stopAskedMs !== null) return;
    let outcome: ReloadOutcome;
    await this.#files.catchUp();
    const startedAtMs = Date.now();
    try {
      const config = await this.#load();
      await this.#proxy.reload(config);
      this.#drainTimeoutMs = config.drainTimeoutMs;
      outcome = { isDone: true, lines: [...unheeded(config, this.#atStart), `reloaded on ${cause}; policy ${this.#proxy.policySummary}`] };
    } catch (error) {
      const problems = error instanceof StartError ? error.problems : [describeDefect(error)];
      outcome = { isDone: false, lines: [...problems, `not reloaded on ${cause}: configuration and policy stay as they were`] };
    }
    for (const line of outcome.lines) this.#terminal.report(line);
    await this.#files.watch(this.#proxy.policyFiles, startedAtMs);
    // A reload that nobody asked for is nobody's answer.
    this.#noteThat(cause === ASKED ? { reloads: this.#note.reloads + 1, lastReload: outcome } : {});
  }
}

function factsOf(proxy: RunningProxy | Primary): Pick<RunningNote, 'listening' | 'policy' | 'adminSocket' | 'workers'> {
  const { listening, policySummary, adminSocket } = proxy;
  return { listening: listening.map(({ url }) => url), policy: policySummary, adminSocket, workers: processesOf(proxy) };
}

/** What this process cannot change while it runs. */
function unheeded(config: Config, atStart: Config): string[] {
  const changed = [config.workers === atStart.workers ? null : 'workers', config.stateFolder === atStart.stateFolder ? null : 'state_dir'];
  return changed.flatMap((name) => (name === null ? [] : `${name}: it stays as it was at the start; start anew to change it`));
}

function processesOf(proxy: RunningProxy | Primary): readonly number[] {
  return 'processes' in proxy ? proxy.processes : [];
}

/** Without a folder to keep it in, the proxy serves all the same; only `sallyport reload` does not find it. */
function keepNote(stateFolder: string | null, note: RunningNote, terminal: Terminal): RunningFile | null {
  if (stateFolder === null) return null;
  try {
    return new RunningFile(stateFolder, note);
  } catch (error) {
    const code = shownCode(error);
    terminal.report(`nothing can be kept in ${stateFolder} (${code}); set state_dir to a folder of this user, or to off`);
    return null;
  }
}

/** Flags that mean something with `-- COMMAND` alone. */
const OF_COMMANDS = ['direct', 'report', 'quiet'] as const;
/** The cause of a reload that somebody asked for. */
const ASKED = 'SIGHUP';
const RESTART = 'SIGUSR2';
const ITSELF_NOT = `process ${process.pid} itself goes on as it was started, with what workers is set to; to renew that too, stop it and start again`;
const ONE_PROCESS = 'a proxy of one process cannot be started anew without a break; set workers to 2 or more, or auto';
const SAME_SIGNAL_MS = 1_000;
const FORGOTTEN_HANDLE_MS = 1_000;
