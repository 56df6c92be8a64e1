// Owns the time in which nothing is stored because the disk would not have it: full, failing, read-only, or no descriptors left. An answer never
// waits for that and never fails by it. The operator is told once when it begins and once when storing works again.
// By a clock that nobody sets (performance.now), so that a wall clock that jumps neither prolongs nor ends it.
import { errorCode } from '../../errors/from-node.ts';

export class StoringPause {
  readonly #folder: string;
  readonly #report: (line: string) => void;
  #untilMs = 0;
  /** Doubled each time that it was in vain. */
  #nextMs = FIRST_PAUSE_MS;
  #isReported = false;

  constructor(folder: string, report: (line: string) => void) {
    this.#folder = folder;
    this.#report = report;
  }

  get isOn(): boolean {
    return this.#untilMs !== 0 && performance.now() < this.#untilMs;
  }

  /** Something could not be written. */
  begin(error: unknown): void {
    // Several writers may fail by the same cause.
    if (this.isOn) return;
    this.#untilMs = performance.now() + this.#nextMs;
    this.#nextMs = Math.min(this.#nextMs * 2, LONGEST_PAUSE_MS);
    if (this.#isReported) return;
    this.#isReported = true;
    this.#report(`cache: nothing can be stored in ${this.#folder} (${reasonOf(error)}); answers go on without, and it is tried again`);
  }

  /** Something was written. */
  end(): void {
    if (!this.#isReported) return;
    this.#untilMs = 0;
    this.#nextMs = FIRST_PAUSE_MS;
    this.#isReported = false;
    this.#report(`cache: storing in ${this.#folder} works again`);
  }
}

/** @param error of Node's, of SQLite's, or what is left of one that came from another thread */
export function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const code = errorCode(error);
  const message = error instanceof Error ? error.message : '';
  const known = REASONS[code];
  if (known !== undefined) return `${known}, ${code}`;
  return code === '' || code === 'ERR_SQLITE_ERROR' ? message : code;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left',
  EDQUOT: 'the quota is used up',
  EFBIG: 'files may not become that large',
  EROFS: 'the file system is read-only',
  EIO: 'the disk fails',
  EMFILE: 'this process has too many open files',
  ENFILE: 'the system has too many open files',
  EACCES: 'no permission to write',
};
