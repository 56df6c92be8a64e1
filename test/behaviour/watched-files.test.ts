// Changes of files are noticed soon, whatever else happens in their folder (src/config/watch-files.ts).
import { appendFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { WatchedFiles } from '../../src/config/watch-files.ts';
import { temporaryFolder } from '../support/temp-files.ts';

/** Less than the five seconds in which files are looked at without being told. */
const SOON = { timeout: 4_000, interval: 20 };

interface Watched {
  readonly folder: string;
  readonly told: string[];
  readonly watched: WatchedFiles;
}

function startWatching(): Watched {
  const told: string[] = [];
  const watched = new WatchedFiles((changed) => told.push(...changed));
  onTestFinished(() => watched.close());
  return { folder: temporaryFolder(onTestFinished), told, watched };
}

/** A file whose folder something else is done to all the time; it changes meanwhile. */
async function expectToldWhile(disturb: (folder: string) => void): Promise<void> {
  const { folder, told, watched } = startWatching();
  const file = path.join(folder, 'policy.yaml');
  writeFileSync(file, 'one');
  await watched.watch([file], 0); // whatever it is now is news
  const disturbing = setInterval(() => disturb(folder), 10);
  onTestFinished(() => clearInterval(disturbing));
  await vi.waitFor(() => expect(told).toEqual([file]), SOON);
  writeFileSync(file, 'another');
  await vi.waitFor(() => expect(told).toEqual([file, file]), SOON);
}

it('a file is told of that changes while a log beside it is written without a pause', () =>
  expectToldWhile((folder) => appendFileSync(path.join(folder, 'access.log'), 'line\n')));

it('files beside it that come and go without end do not put it off', () =>
  expectToldWhile((folder) => {
    writeFileSync(path.join(folder, 'a'), '');
    renameSync(path.join(folder, 'a'), path.join(folder, 'b'));
  }));

it('what has been caught up with is no news, though it was just being looked at', async () => {
  const { folder, told, watched } = startWatching();
  const [file, other] = ['policy.yaml', 'other.yaml'].map((name) => path.join(folder, name)) as [string, string];
  for (const each of [file, other]) writeFileSync(each, 'one');
  await watched.watch([file, other], 0); // whatever they are now is news
  await vi.waitFor(() => expect(told).toEqual([file, other]), SOON);
  // One that goes on changing is looked at for as long.
  const changing = setInterval(() => appendFileSync(file, 'more'), 20);
  onTestFinished(() => clearInterval(changing));
  await delay(600);
  clearInterval(changing);
  await watched.catchUp();
  writeFileSync(other, 'another');
  await vi.waitFor(() => expect(told.slice(2)).toEqual([other]), SOON);
});

it('a link on the way to it that is swapped is told of, as orchestrators change what they mount', async () => {
  const { folder, told, watched } = startWatching();
  const file = path.join(folder, 'policy.yaml');
  writeFileSync(path.join(folder, 'first'), 'one');
  writeFileSync(path.join(folder, 'second'), 'another');
  symlinkSync('first', path.join(folder, '..data'));
  symlinkSync('..data', file);
  await watched.watch([file], 0); // whatever it is now is news
  await vi.waitFor(() => expect(told).toEqual([file]), SOON);
  symlinkSync('second', path.join(folder, '..next'));
  renameSync(path.join(folder, '..next'), path.join(folder, '..data'));
  await vi.waitFor(() => expect(told).toEqual([file, file]), SOON);
  rmSync(path.join(folder, '..data'));
  await vi.waitFor(() => expect(told).toHaveLength(3), SOON);
});
