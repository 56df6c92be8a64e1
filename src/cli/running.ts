// Owns the note that a running proxy keeps about itself in the state folder, so that `sallyport reload` finds it and hears what became of the reload.
// One small file for each process, for its user's eyes only; notes of processes that are gone are cleared away by whoever looks.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface RunningNote {
  readonly processId: number;
  readonly startedAt: string;
  readonly listening: readonly string[];
  readonly policy: string;
  /** How often it has tried to reload because it was asked to (SIGHUP), and what came of the last time. */
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
    const folder = folderIn(stateFolder);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
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
  const folder = folderIn(stateFolder);
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
    rmSync(path.join(folder, name), { force: true });
    return [];
  });
}

export function readNote(stateFolder: string, processId: number): RunningNote | null {
  try {
    return JSON.parse(readFileSync(path.join(folderIn(stateFolder), `${processId}.json`), 'utf8')) as RunningNote;
  } catch {
    return null;
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function folderIn(stateFolder: string): string {
  return path.join(stateFolder, 'running');
}
