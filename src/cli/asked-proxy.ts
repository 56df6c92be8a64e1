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
  if (running === null)
    throw new StartError('unavailable', [`no proxy of this user is running, going by ${stateFolder}. Start one with 'sallyport run'.`]);
  const { adminSocket } = running;
  if (adminSocket === null)
    throw new StartError('unavailable', [`process ${running.processId} has no socket to be asked at; its own log says why.`]);
  return { ...running, adminSocket };
}
