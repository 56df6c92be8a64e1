// Owns that one process, and one part of it, writes into a session, by the lock of a file in its folder.
import path from 'node:path';
import { FileLock } from '../../net/file-lock.ts';

/** @returns `null` when somebody else has it. @throws when the folder cannot be written */
export function lockSession(folder: string): FileLock | null {
  for (let tries = 1; ; tries += 1) {
    try {
      return FileLock.take(path.join(folder, 'lock'), WAIT_MS);
    } catch (error) {
      // Another process may have removed the session in between. SQLite does not say so; where it is gone, the next try does.
      if (tries === MOST_TRIES) throw error;
    }
  }
}

/** Somebody may only have looked whether it is taken. */
const WAIT_MS = 100;
const MOST_TRIES = 4;
