// Owns a file of the operator's that takes effect when it changes: looked at once a second, never while a request waits.
// One that cannot be read or understood stops the start; later it leaves what was in force standing, and the operator is told once.
// What others on the machine may read is worth a line too: these files let people guess, or are secrets.
import { type FileHandle, open, stat } from 'node:fs/promises';
import { cannotRead, StartError } from '../errors/start-error.ts';

export interface TextOptions {
  /** For the operator: `the password file`. */
  readonly what: string;
  readonly isSecret: boolean;
  /** A line for the operator. */
  readonly report: (line: string) => void;
}

export interface WatchedFileOptions<T> extends TextOptions {
  /** @throws StartError with every problem */
  readonly parse: (text: string) => T;
  readonly onChange?: (content: T, before: T) => void;
  /** Milliseconds between two looks. */
  readonly pollMs?: number;
}

export class WatchedFile<T> {
  readonly #path: string;
  readonly #options: WatchedFileOptions<T>;
  readonly #poll: NodeJS.Timeout;
  #content: T;
  /** Of what was last read or tried. */
  #version: string;
  #isLooking = false;

  /** @throws StartError with every problem */
  static async open<T>(path: string, options: WatchedFileOptions<T>): Promise<WatchedFile<T>> {
    // The version is taken before the content, so that a change in between shows up as a newer version at the next look.
    const version = await versionNow(path);
    return new WatchedFile(path, options, options.parse(await readText(path, options)), version);
  }

  private constructor(path: string, options: WatchedFileOptions<T>, content: T, version: string) {
    this.#path = path;
    this.#options = options;
    this.#content = content;
    this.#version = version;
    this.#poll = setInterval(() => void this.#look(), options.pollMs ?? POLL_MS).unref();
  }

  get content(): T {
    return this.#content;
  }

  close(): void {
    clearInterval(this.#poll);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      if ((await versionNow(this.#path)) !== this.#version) await this.#readAgain();
    } finally {
      this.#isLooking = false;
    }
  }

  async #readAgain(): Promise<void> {
    const { what, parse, onChange, report } = this.#options;
    const before = this.#content;
    const version = await versionNow(this.#path);
    try {
      const text = await readText(this.#path, this.#options);
      // Half of a file may be a good file: one that is still being written is left for the next look.
      if ((await versionNow(this.#path)) !== version) return;
      this.#content = parse(text);
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.#version = version;
      for (const problem of error.problems) report(problem);
      report(`${this.#path}: ${what} stays in force as it was before.`);
      return;
    }
    this.#version = version;
    onChange?.(this.#content, before);
  }
}

/** @throws StartError */
async function readText(path: string, { what, report, isSecret }: TextOptions): Promise<string> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, 'r');
    const stats = await handle.stat();
    if (!stats.isFile()) throw new StartError('unreadable', [`${path}: ${what} is not a regular file. Check the path.`]);
    if (stats.size > MAX_BYTES) throw new StartError('data', [`${path}: ${what} is larger than 16 MiB.`]);
    if (isSecret && (stats.mode & OTHERS) !== 0) report(`${path}: ${what} is open to every user of this machine. Run: chmod o= ${path}`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile());
  } catch (error) {
    if (error instanceof StartError) throw error;
    if (error instanceof TypeError) throw new StartError('data', [`${path}: ${what} is not UTF-8 text. Save it in that encoding.`]);
    throw cannotRead(what, path, error);
  } finally {
    await handle?.close();
  }
}

async function versionNow(path: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch {
    // Why it is not there is said by reading it.
    return 'unreadable';
  }
}

const POLL_MS = 1_000;
const MAX_BYTES = 16 * 1024 * 1024;
const OTHERS = 0o007;
