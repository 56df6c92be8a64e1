// Owns what a crash leaves behind: temporary files, segments and contents to which the index does not refer, and contents of an index that was set aside. They are
// found in the background, a little at a time, so neither a start nor a request waits for them. The age of a file is judged by the wall clock; one
// that jumps makes this remove what is just being written, which is then not stored.
import { type Dirent, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { errorCode } from '../../errors/from-node.ts';
import { type DiskFolder, keyHashOfName } from './disk-folder.ts';

/** Contents that nobody will complete: they count as what the store takes, so this is not put off. There are few. */
export function removeUnfinished({ temporary }: DiskFolder): void {
  for (const name of namesIn(temporary)) {
    const file = path.join(temporary, name);
    if (!isOfLivingProcess(name) || isOld(file)) remove(file);
  }
}

/** What the index knows of. */
export interface Referred {
  hasSegment(id: number): boolean;
  hasContent(keyHash: number, name: string): boolean;
}

/** Everything else, some file by file. */
export function* removeLeftovers(folder: DiskFolder, referred: Referred): Generator<void> {
  for (const name of namesIn(folder.path)) if (name.startsWith('discarded-')) yield* removeTree(path.join(folder.path, name));
  for (const name of namesIn(folder.segments)) {
    const file = path.join(folder.segments, name);
    // Another process may have begun it a moment ago.
    if (!referred.hasSegment(Number.parseInt(name, 16)) && isOld(file)) remove(file);
    yield;
  }
  for (const part of namesIn(folder.content)) {
    for (const name of namesIn(path.join(folder.content, part))) {
      const file = path.join(folder.content, part, name);
      // One that was renamed a moment ago is about to be referred to.
      if (!referred.hasContent(keyHashOfName(name), name) && isOld(file)) remove(file);
      yield;
    }
  }
}

/** By the number with which its name begins. One that was given to another process meanwhile, as to the first of a container, leaves its age. */
function isOfLivingProcess(name: string): boolean {
  const pid = Number.parseInt(name, 10);
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function* removeTree(folder: string): Generator<void> {
  for (const entry of entriesIn(folder)) {
    const entryPath = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* removeTree(entryPath);
    else remove(entryPath);
    yield;
  }
  remove(folder);
}

function isOld(file: string): boolean {
  const modifiedMs = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  return modifiedMs !== undefined && Math.abs(Date.now() - modifiedMs) > OLD_MS;
}

function namesIn(folder: string): string[] {
  return entriesIn(folder).map(({ name }) => name);
}

function entriesIn(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function remove(file: string): void {
  try {
    rmSync(file, { recursive: true, force: true });
  } catch {
    // The next start tries again.
  }
}

const OLD_MS = 15 * 60_000;
