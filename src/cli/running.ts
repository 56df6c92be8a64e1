// Owns the note that a running proxy keeps about itself in the state folder, so that commands find it: `reload` hears what became of the reload, and
// the commands of `cache` learn where to ask.
// One small file for each process, for its user's eyes only; notes of processes that are gone are cleared away by whoever looks.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runningFolder } from '../admin/socket-files.ts';
import { errorCode } from '../errors/from-node.ts';
import { StartError } from '../errors/start-error.ts';
import { makePrivateFolder } from '../net/private-folder.ts';

export interface RunningNote {
  readonly processId: number;
  readonly startedAt: string;
  readonly listening: readonly string[];
  readonly policy: string;
  /** Path of the Unix socket of its admin API; `null` where there is none. */
  readonly adminSocket: string | null;
  /** Its workers' processes; none where it is one process. */
  readonly workers?: readonly number[];
  /** How often it has tried to reload or to start anew because it was asked to (SIGHUP, SIGUSR2), and what came of the last time. */
  readonly reloads: number;
  readonly lastReload: ReloadOutcome | null;
}

export interface ReloadOutcome {
  readonly isDone: boolean;
  /** What the proxy told its operator. */
  readonly lines: readonly string[];
}

export class RunningFile {
  readonly #file: string;

  /** @throws the error of the file system, when nothing can be written there */
  constructor(stateFolder: string, note: RunningNote) {
    const folder = runningFolder(stateFolder);
    makePrivateFolder(folder);
    this.#file = path.join(folder, `${note.processId}.json`);
    this.write(note);
  }

  write(note: RunningNote): void {
    const temporary = `${this.#file}.new`;
    writeFileSync(temporary, `${JSON.stringify(note)}\n`, { mode: 0o600 });
    renameSync(temporary, this.#file);
  }

  remove(): void {
    rmSync(this.#file, { force: true });
  }
}

/** The proxies of this user that are running. */
export function readRunning(stateFolder: string): readonly RunningNote[] {
  const folder = runningFolder(stateFolder);
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const processId = Number(/^(\d+)\.json$/.exec(name)?.[1]);
    if (!Number.isInteger(processId)) return [];
    if (isAlive(processId)) return readNote(stateFolder, processId) ?? [];
    for (const left of [name, `${processId}.sock`, `${processId}.token`]) rmSync(path.join(folder, left), { force: true });
    return [];
  });
}

/**
 * The one that a command is about.
 *
 * @param asked  the process that the command line names, if it does
 * @returns `null` when none runs
 * @throws StartError when there is no such process, or when several could be meant
 */
export function chooseRunning(running: readonly RunningNote[], asked: string | undefined, stateFolder: string): RunningNote | null {
  if (asked !== undefined && !/^\d{1,10}$/.test(asked))
    throw new StartError('usage', [`--process: ${JSON.stringify(asked)} is no number of a process.`]);
  const candidates = asked === undefined ? running : running.filter(({ processId }) => String(processId) === asked);
  const [only, ...others] = candidates;
  if (only === undefined && asked !== undefined)
    throw new StartError('unavailable', [
      `process ${asked} is no proxy of this user, going by ${stateFolder}. Start one with 'sallyport run'.`,
    ]);
  if (others.length === 0) return only ?? null;
  throw new StartError('usage', [
    'several proxies are running; choose one with --process:',
    ...candidates.map(({ processId, listening, policy }) => `  --process ${processId}   ${listening.join(' ')}   ${policy}`),
  ]);
}

export function readNote(stateFolder: string, processId: number): RunningNote | null {
  try {
    return JSON.parse(readFileSync(path.join(runningFolder(stateFolder), `${processId}.json`), 'utf8')) as RunningNote;
  } catch {
    return null;
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
