// Owns what the process of the keeper runs (keeper.ts), and clearing away the folder of its socket where the primary, whose folder it is, was killed.
import { rmdirSync } from 'node:fs';
import path from 'node:path';
import { obey } from './forked.ts';
import { startKeeper } from './keeper.ts';

/** Whoever has lost its parent has another one. */
const PRIMARY = process.ppid;

obey(({ config, keeperSocket }, { report }) => {
  process.once('exit', () => {
    // While the primary lives the next keeper needs it.
    if (process.ppid !== PRIMARY) removeEmpty(path.dirname(keeperSocket));
  });
  return startKeeper(config, keeperSocket, report);
});

/** What has something in it stays: nobody looks here at what that is. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It is left for whoever clears temporary files away.
  }
}
