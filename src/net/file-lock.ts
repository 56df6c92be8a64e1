// Owns that one process at a time does what a file stands for. The lock is SQLite's: the system lets go of it when the process ends, however it ends, and
// two parts of one process keep each other out as well. The file is empty, is this user's alone (0600), and stays.
import type { DatabaseSync } from 'node:sqlite';
import { isBusy } from '../errors/from-sqlite.ts';
import { makePrivateFile } from './private-file.ts';

export class FileLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** @param waitMs for somebody who has it. @returns `null` while somebody else has it. @throws when the file cannot be made or written */
  static take(file: string, waitMs = 0): FileLock | null {
    makePrivateFile(file);
    // Few starts need it, and none of them should load a database for the others.
    const sqlite = process.getBuiltinModule('node:sqlite');
    const database = new sqlite.DatabaseSync(file, { timeout: waitMs });
    try {
      database.exec('PRAGMA journal_mode = MEMORY; PRAGMA cache_size = 1; BEGIN EXCLUSIVE');
      return new FileLock(database);
    } catch (error) {
      database.close();
      if (isBusy(error)) return null;
      throw error;
    }
  }

  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
