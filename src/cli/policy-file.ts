// Owns which policy a command is about, and reading it as `run` would: with all its problems where there are any.
import path from 'node:path';
import { loadConfig } from '../config/load.ts';
import { StartError } from '../errors/start-error.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { List } from '../policy/lists/list.ts';
import { loadPolicy } from '../policy/load.ts';
import { formatProblem } from '../policy/yaml-source.ts';
import type { Arguments } from './command.ts';
import { fromHere } from './from-here.ts';
import type { Terminal } from './terminal.ts';

export interface ReadPolicy {
  readonly compiled: CompiledPolicy;
  readonly lists: readonly List[];
  /** Each a sentence about a list. */
  readonly warnings: readonly string[];
}

/**
 * The policy that `run` would use with the same flags and environment, as people would name it. It is opened by this name, too, and so is relative only
 * where that leads to it from the process's own folder.
 */
export async function configuredPolicy({ flags }: Arguments, { environment, workingDirectory }: Terminal): Promise<string> {
  const { policyFile } = await loadConfig(
    { config: flags.get('config')?.[0], policy: flags.get('policy')?.[0] },
    environment,
    workingDirectory,
  );
  const named = fromHere(policyFile, workingDirectory);
  return path.resolve(named) === policyFile ? named : policyFile;
}

/** @throws StartError `unreadable` or `data` */
export async function readPolicy(file: string): Promise<ReadPolicy> {
  const loaded = await loadPolicy(file);
  if ('compiled' in loaded) return loaded;
  // A problem on line 0 is about the file and not about anything in it.
  const kind = loaded.problems.some(({ line }) => line === 0) ? 'unreadable' : 'data';
  throw new StartError(kind, loaded.problems.map(formatProblem));
}
