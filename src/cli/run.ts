// Owns `run`: the proxy's life in a process. It starts, serves until a signal stops it, drains with a deadline, and reloads on SIGHUP.
import type { Config } from '../config/config.ts';
import { type FlagSettings, loadConfig } from '../config/load.ts';
import { StartError } from '../errors/start-error.ts';
import { type RunningProxy, startProxy } from '../proxy.ts';
import { banner } from './banner.ts';
import type { Arguments } from './command.ts';
import { describeDefect, surviveDefects } from './defects.ts';
import { EXIT_INTERNAL, EXIT_OK } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';
import { version } from './version.ts';

/** @returns the exit code, once a signal has stopped the proxy @throws StartError when it cannot start */
export async function run({ flags }: Arguments, terminal: Terminal): Promise<number> {
  const settings: FlagSettings = {
    config: flags.get('config')?.[0],
    listen: flags.get('listen'),
    policy: flags.get('policy')?.[0],
    accessLog: flags.get('access-log')?.[0],
    accessLogFormat: flags.get('access-log-format')?.[0],
  };
  const load = () => loadConfig(settings, terminal.environment, terminal.workingDirectory);
  const config = await load();
  const proxy = await startProxy(config, terminal.report);
  surviveDefects(terminal.report, () => process.exit(EXIT_INTERNAL));
  // Before the banner: who reads it may signal at once.
  const serving = new Serving(proxy, config, load, terminal);
  const { listening, policySummary } = proxy;
  const running = { version: version(), nodeVersion: process.versions.node, processId: process.pid };
  terminal.tell(banner({ listening, policySummary, ...running }, terminal.bold));
  await serving.stopped;
  // Everything is closed; should a handle have been forgotten, it must not keep a stopped proxy alive.
  setTimeout(() => process.exit(), FORGOTTEN_HANDLE_MS).unref();
  return EXIT_OK;
}

/** A running proxy and the signals that act on it. */
class Serving {
  readonly stopped: Promise<void>;
  readonly #proxy: RunningProxy;
  readonly #load: () => Promise<Config>;
  readonly #terminal: Terminal;
  readonly #resolveStopped: () => void;
  #drainTimeoutMs: number;
  #stopAskedMs: number | null = null;
  /** Reloads follow one another: the last signal's settings win. */
  #reloaded: Promise<void> = Promise.resolve();

  constructor(proxy: RunningProxy, config: Config, load: () => Promise<Config>, terminal: Terminal) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.stopped = promise;
    this.#resolveStopped = resolve;
    this.#proxy = proxy;
    this.#load = load;
    this.#terminal = terminal;
    this.#drainTimeoutMs = config.drainTimeoutMs;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void this.#stop(signal));
    process.on('SIGHUP', () => {
      // The other meaning of this signal: a window was closed, and nobody sees what goes on in it.
      if (terminal.isGone()) return void this.#stop('SIGHUP');
      this.#reloaded = this.#reloaded.then(() => this.#reload());
    });
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

  async #close(): Promise<void> {
    try {
      await this.#proxy.close();
    } catch (error) {
      this.#terminal.report(describeDefect(error));
    }
    this.#resolveStopped();
  }

  async #reload(): Promise<void> {
    if (this.#stopAskedMs !== null) return;
    this.#proxy.reopenLogs();
    try {
      const config = await this.#load();
      await this.#proxy.reload(config);
      this.#drainTimeoutMs = config.drainTimeoutMs;
      this.#terminal.report(`reloaded on SIGHUP; policy ${this.#proxy.policySummary}`);
    } catch (error) {
      const problems = error instanceof StartError ? error.problems : [describeDefect(error)];
      for (const problem of problems) this.#terminal.report(problem);
      this.#terminal.report('not reloaded on SIGHUP: configuration and policy stay as they were');
    }
  }
}

const SAME_SIGNAL_MS = 1_000;
const FORGOTTEN_HANDLE_MS = 1_000;
