// Owns that one process, and one part of it, writes into a session. The lock is SQLite's on a file of its own: the system lets go of it when the process
// ends, however it ends.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isBusy } from '../../errors/from-sqlite.ts';
import { makePrivateFile } from './private-file.ts';

export class SessionLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** @returns `null` when somebody else has it. @throws when the folder cannot be written */
  static take(folder: string): SessionLock | null {
    for (let tries = 1; ; tries += 1) {
      const file = path.join(folder, 'lock');
      makePrivateFile(file);
      try {
        return SessionLock.#taken(file);
      } catch (error) {
        if (isBusy(error)) return null;
        // Another process may have removed the session in between. SQLite does not say so; where it is gone, the next try does.
        if (tries === MOST_TRIES) throw error;
      }
    }
  }

  static #taken(file: string): SessionLock {
    const database = new DatabaseSync(file, { timeout: WAIT_MS });
    try {
      database.exec('PRAGMA journal_mode = MEMORY; PRAGMA cache_size = 1; BEGIN EXCLUSIVE');
      return new SessionLock(database);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** Somebody may only have looked whether it is taken. */
const WAIT_MS = 100;
const MOST_TRIES = 4;
