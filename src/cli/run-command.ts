// Owns `run -- COMMAND`: a proxy that lives as long as one command does. Its address is one that the system chose, known to the command alone by the
// variables it is started with; when the command ends, the proxy says what passed and ends with the command's exit code.
// Refuses to take up a change of the policy meanwhile: the command may be able to write the file.
import { type Config, DEFAULT_ADMIN } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { StartError } from '../errors/start-error.ts';
import { describeDefect, surviveDefects } from '../proxy/defects.ts';
import { type RunningProxy, startProxy } from '../proxy.ts';
import { urlFromHere } from './banner.ts';
import { childEnvironment, hasOwnJavaTrustStore, inheritedRoute } from './child-environment.ts';
import { type ChildEnd, runChild } from './child-process.ts';
import type { Arguments } from './command.ts';
import { EXIT_INTERNAL } from './exit-codes.ts';
import { fromHere } from './from-here.ts';
import { endDespiteHandles, flagSettings } from './run.ts';
import { type CommandReport, reportJson, reportText } from './run-report.ts';
import type { Terminal } from './terminal.ts';
import { tellProblems } from './told-problems.ts';
import { Traffic } from './traffic.ts';
import { TrustFolder } from './trust-folder.ts';
import { writeResult } from './written-file.ts';

/** @returns the exit code of the command @throws StartError when the proxy cannot start */
export async function runCommand(given: Arguments, command: readonly string[], terminal: Terminal): Promise<number> {
  const config = await ownConfig(given, terminal);
  const notes = new HeldNotes(terminal);
  const traffic = new Traffic();
  const proxy = await startProxy(config, notes.report, (flow) => traffic.add(flow));
  surviveDefects(notes.report, () => process.exit(EXIT_INTERNAL));
  const startedAtMs = Date.now();
  const startedMs = performance.now();
  const { policySummary: policy } = proxy;
  let end: ChildEnd;
  let durationMs: number;
  try {
    end = await runThrough(proxy, command, given, terminal, notes);
    durationMs = performance.now() - startedMs;
  } finally {
    await closeProxy(proxy, config, notes);
    notes.release();
    endDespiteHandles();
  }
  if (end.problem !== null) {
    terminal.report(end.problem);
    return end.exitCode;
  }
  const { exitCode, signal } = end;
  await tellReport({ command, startedAtMs, durationMs, exitCode, signal, policy, traffic: traffic.summary }, given, terminal);
  return exitCode;
}

/** Settings as of `run`, but for what only makes sense for a service. */
async function ownConfig({ flags }: Arguments, { environment, workingDirectory }: Terminal): Promise<Config> {
  const config = await loadConfig(flagSettings(flags), environment, workingDirectory);
  const { accessLog, route } = config;
  return {
    ...config,
    // As an editor can follow it from here.
    policyFile: fromHere(config.policyFile, workingDirectory),
    listen: flags.has('listen') ? config.listen : [OWN_ADDRESS],
    // Standard output is the command's, unless somebody wants both there.
    accessLog: accessLog?.file === null && !flags.has('access-log') ? null : accessLog,
    // An inspector for as long as a command runs is for who asks for one.
    admin: config.admin === DEFAULT_ADMIN ? null : config.admin,
    record: flags.has('record') || flags.has('session') ? config.record : null,
    route: route.parents.length > 0 ? route : (parentOf(environment) ?? route),
  };
}

function parentOf(environment: Terminal['environment']): Config['route'] | null {
  try {
    return inheritedRoute(environment);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError('config', [`https_proxy, http_proxy: ${reason} Or unset it, or set "parents" in a configuration file.`], {
      cause: error,
    });
  }
}

async function runThrough(
  proxy: RunningProxy,
  [program = '', ...words]: readonly string[],
  { flags }: Arguments,
  { environment, workingDirectory }: Terminal,
  notes: HeldNotes,
): Promise<ChildEnd> {
  const trust = proxy.authority === null ? null : new TrustFolder(proxy.authority, notes.report);
  try {
    if (trust !== null && hasOwnJavaTrustStore(environment)) notes.report(OWN_JAVA_STORE);
    const own = { ...addressOf(proxy), direct: flags.get('direct')?.[0] ?? '' };
    const variables = () => ({ ...environment, ...childEnvironment(environment, own, trust) });
    const ended = runChild(program, words, variables, workingDirectory);
    notes.hold();
    return await ended;
  } finally {
    trust?.remove();
  }
}

/** What the command left running has a moment to finish, and then no claim. */
async function closeProxy(proxy: RunningProxy, { drainTimeoutMs }: Config, notes: HeldNotes): Promise<void> {
  try {
    await proxy.drain(Math.min(drainTimeoutMs, LINGER_MS));
    await proxy.close();
  } catch (error) {
    notes.report(describeDefect(error));
  }
}

function addressOf({ listening }: RunningProxy): { readonly host: string; readonly port: number } {
  const url = urlFromHere(listening);
  if (url === null) throw new StartError('usage', ['--listen: a command needs a TCP address; leave --listen out for one of its own.']);
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port || 80) };
}

/** That it cannot be written is told, and changes nothing about how the command ended. */
async function tellReport(report: CommandReport, { flags }: Arguments, terminal: Terminal): Promise<void> {
  if (!flags.has('quiet')) terminal.tell(reportText(report, terminal.bold));
  const file = flags.get('report')?.[0];
  if (file === undefined) return;
  try {
    await writeResult(file, reportJson(report), terminal.workingDirectory, '--report');
  } catch (error) {
    tellProblems(error, terminal);
  }
}

/** Lines of the proxy while the command has the terminal: kept, up to a bound, and told when it has ended. */
class HeldNotes {
  readonly #terminal: Terminal;
  readonly #held: string[] = [];
  #isHolding = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  readonly report = (line: string): void => {
    if (!this.#isHolding) this.#terminal.report(line);
    else if (this.#held.length < MOST_HELD) this.#held.push(line);
  };

  hold(): void {
    this.#isHolding = true;
  }

  release(): void {
    this.#isHolding = false;
    for (const line of this.#held.splice(0)) this.#terminal.report(line);
  }
}

/** Nobody is asked for credentials: whoever is on this machine and finds the port acts as its user. */
const OWN_ADDRESS: Config['listen'][number] = { kind: 'tcp', host: '127.0.0.1', port: 0, name: 'command', auth: 'never' };
const OWN_JAVA_STORE =
  'JAVA_TOOL_OPTIONS names a trust store of its own, which is left as it is: put our certificate into it (sallyport ca export), or Java refuses ' +
  'what is opened';
const LINGER_MS = 2_000;
const MOST_HELD = 100;
