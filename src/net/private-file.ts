// Owns making files that are this user's alone (0600), for programs that would make them everybody's. One that is there is never opened: closing it would
// take the locks away that this process has on it (fcntl(2)).
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { errorCode } from '../errors/from-node.ts';

/** Makes it, empty, where it is missing; one that others may read is taken from them. @throws an error of Node's */
export function makePrivateFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined) {
    if ((found.mode & 0o077) !== 0) chmodSync(file, 0o600);
    return;
  }
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    // Another process may have been quicker, and makes it in the same way.
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}
