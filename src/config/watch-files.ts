// Owns noticing that files have changed, by what a look at them says and not by what a notification claims: editors replace files, orchestrators swap
// links, and network file systems tell nobody. A notification only makes the next look come sooner. A file that is still being written is waited for.
import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';

export class WatchedFiles {
  readonly #onChange: (changed: readonly string[]) => void;
  readonly #seen = new Map<string, string>();
  readonly #folders = new Map<string, FSWatcher | null>();
  #timer: NodeJS.Timeout;
  #isLooking = false;
  #isClosed = false;

  /** @param onChange told once for each change, with the files that differ from what they were */
  constructor(onChange: (changed: readonly string[]) => void) {
    this.#onChange = onChange;
    this.#timer = this.#lookIn(EVERY_MS);
  }

  /** Watches these files from now on, as they are now, and no others. */
  async watch(files: readonly string[]): Promise<void> {
    const wanted = new Set(files);
    for (const file of this.#seen.keys()) if (!wanted.has(file)) this.#seen.delete(file);
    for (const file of wanted) this.#seen.set(file, await look(file));
    const folders = new Set(files.map((file) => path.dirname(file)));
    for (const [folder, watcher] of this.#folders) {
      if (folders.has(folder)) continue;
      watcher?.close();
      this.#folders.delete(folder);
    }
    if (!this.#isClosed) for (const folder of folders) this.#watchFolder(folder);
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
      const watcher = watch(folder, { persistent: false }, () => this.#lookSoon());
      watcher.on('error', () => watcher.close());
      this.#folders.set(folder, watcher);
    } catch {
      this.#folders.set(folder, null); // no notifications here: it is looked at now and then all the same
    }
  }

  #lookSoon(): void {
    if (this.#isLooking || this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = this.#lookIn(SETTLED_MS);
  }

  #lookIn(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => void this.#look(), milliseconds).unref();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    const changed: string[] = [];
    for (const [file, before] of this.#seen) {
      const now = await settled(file);
      if (now === before || !this.#seen.has(file)) continue;
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
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return '0 absent';
  }
}

function modifiedMs(seen: string): number {
  return Number(seen.slice(0, seen.indexOf(' ')));
}

const EVERY_MS = 5_000;
const SETTLED_MS = 200;
const MOST_LOOKS = 50;
