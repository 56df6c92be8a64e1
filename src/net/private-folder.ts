// Owns making folders that are this user's alone (0700), with the folders above them.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

/**
 * Makes it where it is missing. Node's own way does not end where the system says of an existing folder that it is not there, as below /proc.
 *
 * @throws an error of Node's
 */
export function makePrivateFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = path.dirname(folder);
  if (parent !== folder) makePrivateFolder(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process or thread may have been quicker.
    if (!existsSync(folder)) throw error;
  }
}
