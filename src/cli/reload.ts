// Owns `reload`: finds the proxy that runs, asks it to read its configuration and policy again, or to start its workers anew, and says what became of it.
import { setTimeout as wait } from 'node:timers/promises';
import { loadConfig } from '../config/load.ts';
import { StartError } from '../errors/start-error.ts';
import { noneRuns } from './asked-proxy.ts';
import type { Arguments } from './command.ts';
import { EXIT_OF_KIND, EXIT_OK } from './exit-codes.ts';
import { chooseRunning, type ReloadOutcome, type RunningNote, readNote, readRunning } from './running.ts';
import type { Terminal } from './terminal.ts';

/** @returns 0 when the proxy has taken the new settings, 65 when it keeps the old ones @throws StartError when there is no such proxy */
export async function reload({ flags }: Arguments, { environment, workingDirectory, print, report }: Terminal): Promise<number> {
  const signal = flags.has('restart') ? 'SIGUSR2' : 'SIGHUP';
  const { stateFolder } = await loadConfig({ config: flags.get('config')?.[0] }, environment, workingDirectory);
  if (stateFolder === null)
    throw new StartError('config', [`state_dir is off, so running proxies cannot be found. Send ${signal} to the process.`]);
  const running = chooseRunning(readRunning(stateFolder), flags.get('process')?.[0], stateFolder);
  if (running === null) throw noneRuns(stateFolder);
  // One process would end by that signal, if it is of a version that does not know it.
  if (flags.has('restart') && !running.workers?.length)
    throw new StartError('unavailable', [
      `process ${running.processId} has no workers to start anew. Give it some: sallyport run --workers auto.`,
    ]);
  ask(running, signal);
  const outcome = await outcomeOf(running, stateFolder, flags.has('restart') ? RESTART_PATIENCE_MS : PATIENCE_MS);
  for (const line of outcome.lines) (outcome.isDone ? print : report)(line);
  return outcome.isDone ? EXIT_OK : EXIT_OF_KIND.data;
}

function ask({ processId }: RunningNote, signal: 'SIGHUP' | 'SIGUSR2'): void {
  try {
    process.kill(processId, signal);
  } catch (error) {
    throw new StartError('permission', [`process ${processId} cannot be signalled; reload it as the user it runs as.`], { cause: error });
  }
}

async function outcomeOf({ processId, reloads }: RunningNote, stateFolder: string, patienceMs: number): Promise<ReloadOutcome> {
  const endMs = performance.now() + patienceMs;
  while (performance.now() < endMs) {
    const note = readNote(stateFolder, processId);
    if (note !== null && note.reloads > reloads && note.lastReload !== null) return note.lastReload;
    await wait(LOOK_EVERY_MS);
  }
  return {
    isDone: false,
    lines: [`process ${processId} was asked and has not answered in ${patienceMs / 1_000} s; its own log has the details`],
  };
}

const PATIENCE_MS = 60_000;
/** One process after the other is started. */
const RESTART_PATIENCE_MS = 300_000;
const LOOK_EVERY_MS = 50;
