// Owns which running proxy a command is about, where only a running one can answer.
import { loadConfig } from '../config/load.ts';
import { StartError } from '../errors/start-error.ts';
import type { Arguments } from './command.ts';
import { chooseRunning, type RunningNote, readRunning } from './running.ts';
import type { Terminal } from './terminal.ts';

/** @throws StartError when there is none, several could be meant, or it has no socket to be asked at */
export async function runningProxy(
  { flags }: Arguments,
  { environment, workingDirectory }: Terminal,
): Promise<RunningNote & { readonly adminSocket: string }> {
  const { stateFolder } = await loadConfig({ config: flags.get('config')?.[0] }, environment, workingDirectory);
  if (stateFolder === null) throw new StartError('config', ['state_dir is off, so running proxies cannot be found.']);
  const running = chooseRunning(readRunning(stateFolder), flags.get('process')?.[0], stateFolder);
  if (running === null) throw noneRuns(stateFolder);
  return { ...running, adminSocket: socketOf(running) };
}

/** Where a running proxy can be asked. @throws StartError where it cannot be */
export function socketOf({ adminSocket, processId }: RunningNote): string {
  if (adminSocket !== null) return adminSocket;
  throw new StartError('unavailable', [`process ${processId} has no socket to be asked at; its own log says why.`]);
}

export function noneRuns(stateFolder: string): StartError {
  return new StartError('unavailable', [`no proxy of this user is running, going by ${stateFolder}. Start one with 'sallyport run'.`]);
}
