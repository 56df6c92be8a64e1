// Owns noticing that files have changed, by what a look at them says and not by what a notification claims: editors replace files, orchestrators swap
// links, and network file systems tell nobody. A notification only makes the next look come sooner. A file that is still being written is waited for.
import { type FSWatcher, type Stats, watch } from 'node:fs';
import { lstat, readlink, stat } from 'node:fs/promises';
import path from 'node:path';

export class WatchedFiles {
  readonly #onChange: (changed: readonly string[]) => void;
  readonly #seen = new Map<string, string>();
  readonly #folders = new Map<string, FSWatcher | null>();
  #timer: NodeJS.Timeout;
  #willLookSoon = false;
  #isLooking = false;
  #isClosed = false;

  /** @param onChange told once for each change, with the files that differ from what they were */
  constructor(onChange: (changed: readonly string[]) => void) {
    this.#onChange = onChange;
    this.#timer = this.#lookIn(EVERY_MS);
  }

  /** What has changed by now is about to be read, and is no news any more. */
  async catchUp(): Promise<void> {
    for (const file of this.#seen.keys()) this.#seen.set(file, await look(file));
  }

  /**
   * Watches these files from now on, and no others. One that is watched already stays as it was last seen, so that a change during the reading is
   * told of.
   *
   * @param readSinceMs milliseconds since the epoch: a file that is new here and has changed since may have been read before it did
   */
  async watch(files: readonly string[], readSinceMs: number): Promise<void> {
    const wanted = new Set(files);
    for (const file of this.#seen.keys()) if (!wanted.has(file)) this.#seen.delete(file);
    for (const file of wanted) if (!this.#seen.has(file)) this.#seen.set(file, await lookSince(file, readSinceMs));
    const folders = new Set(files.map((file) => path.dirname(file)));
    for (const [folder, watcher] of this.#folders) {
      if (folders.has(folder)) continue;
      watcher?.close();
      this.#folders.delete(folder);
    }
    if (!this.#isClosed) for (const folder of folders) this.#watchFolder(folder);
    // Nobody was notified of what has changed before.
    this.#lookSoon();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#folders.values()) watcher?.close();
    this.#folders.clear();
  }

  #watchFolder(folder: string): void {
    if (this.#folders.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, (event, name) => {
        // A log may be written here without a pause. What replaces a file, or a link on the way to it, is a `rename`.
        if (event === 'rename' || name === null || this.#isWatched(folder, name)) this.#lookSoon();
      });
      watcher.on('error', () => watcher.close());
      this.#folders.set(folder, watcher);
    } catch {
      this.#folders.set(folder, null); // no notifications here: it is looked at now and then all the same
    }
  }

  #isWatched(folder: string, name: string): boolean {
    for (const file of this.#seen.keys()) if (path.basename(file) === name && path.dirname(file) === folder) return true;
    return false;
  }

  /** However often it is called meanwhile: what comes without end must not put the look off for as long. */
  #lookSoon(): void {
    if (this.#willLookSoon || this.#isLooking || this.#isClosed) return;
    this.#willLookSoon = true;
    clearTimeout(this.#timer);
    this.#timer = this.#lookIn(SETTLED_MS);
  }

  #lookIn(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => void this.#look(), milliseconds).unref();
  }

  async #look(): Promise<void> {
    this.#willLookSoon = false;
    this.#isLooking = true;
    const changed: string[] = [];
    for (const file of this.#seen.keys()) {
      const now = await settled(file);
      // What it was seen as may have changed while it was looked at: who has caught up meanwhile has read what it is now.
      if (!this.#seen.has(file) || now === this.#seen.get(file)) continue;
      this.#seen.set(file, now);
      changed.push(file);
    }
    this.#isLooking = false;
    if (this.#isClosed) return;
    this.#timer = this.#lookIn(EVERY_MS);
    if (changed.length > 0) this.#onChange(changed);
  }
}

/** What a file is when it has stopped changing. */
async function settled(file: string): Promise<string> {
  let before = await look(file);
  for (let i = 0; i < MOST_LOOKS; i += 1) {
    if (Date.now() - modifiedMs(before) > SETTLED_MS) break;
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS).unref());
    const now = await look(file);
    if (now === before) break;
    before = now;
  }
  return before;
}

/** Everything that is different when a file is: when it was written, how long it is, and which one it is. */
async function look(file: string): Promise<string> {
  return described(await stats(file));
}

/** The same; something that it never looks like, when it or the way to it has changed since then, or it is gone: it may not be what was read. */
async function lookSince(file: string, sinceMs: number): Promise<string> {
  const found = await stats(file);
  if (found === null || found.ctimeMs + CLOCK_STEP_MS >= sinceMs) return UNKNOWN;
  return (await wayChangedSince(path.resolve(file), sinceMs)) ? UNKNOWN : described(found);
}

/** Whether a link on the way to a file was put there since: what it leads to now may be older than what it led to. */
async function wayChangedSince(file: string, sinceMs: number, links = 0): Promise<boolean> {
  let way = path.parse(file).root;
  const names = file.slice(way.length).split(path.sep);
  for (const [i, name] of names.entries()) {
    way = path.join(way, name);
    const found = await lstat(way).catch(() => null);
    if (found === null || links > MOST_LINKS) return true;
    if (!found.isSymbolicLink()) continue;
    if (found.ctimeMs + CLOCK_STEP_MS >= sinceMs) return true;
    const target = path.resolve(path.dirname(way), await readlink(way).catch(() => ''), ...names.slice(i + 1));
    return wayChangedSince(target, sinceMs, links + 1);
  }
  return false;
}

async function stats(file: string): Promise<Stats | null> {
  try {
    return await stat(file);
  } catch {
    return null;
  }
}

function described(found: Stats | null): string {
  return found === null ? '0 absent' : `${found.mtimeMs} ${found.size} ${found.ino}`;
}

function modifiedMs(seen: string): number {
  return Number(seen.slice(0, seen.indexOf(' ')));
}

const UNKNOWN = '';
/** The clock of file systems ticks once in so many milliseconds. */
const CLOCK_STEP_MS = 10;
/** As many as Linux follows. */
const MOST_LINKS = 40;
const EVERY_MS = 5_000;
const SETTLED_MS = 200;
const MOST_LOOKS = 50;
