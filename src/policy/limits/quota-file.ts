// Owns the file that keeps daily byte counts over a restart: lines of JSON, a head that names the day, then one count each.
// It is written whole under a temporary name, flushed to the disk (fsync) and renamed, so that a crash leaves the old one or the new one; at most
// every ten seconds, so that a crash costs no more than what those counted. What cannot be read is set aside under another name, never overwritten.
// Trouble with it stops nothing: counting goes on in memory, and the operator is told once.
import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { errorCode } from '../../errors/from-node.ts';
import { makePrivateFolder } from '../../net/private-folder.ts';
import { DailyBytes, type DailyCount, MOST_COUNTS } from './daily-bytes.ts';

export interface QuotaFile {
  readonly dailyBytes: DailyBytes;
  /** Writes what has changed. Never rejects. */
  close(): Promise<void>;
}

/**
 * Reads today's counts, if there are any, and keeps them from there on.
 *
 * @param folder for state of the proxy's own; made (0700) if it is not there
 * @param report a line for the operator
 * @param nowEpochMs the wall clock
 * @param everyMs writes are at least that far apart
 */
export async function openQuotaFile(
  folder: string,
  report: (line: string) => void,
  nowEpochMs: () => number = Date.now,
  everyMs = 10_000,
): Promise<QuotaFile> {
  const kept = new KeptCounts(path.join(folder, FILE_NAME), report, nowEpochMs, everyMs);
  await kept.load();
  return kept;
}

class KeptCounts implements QuotaFile {
  readonly dailyBytes: DailyBytes;
  readonly #file: string;
  readonly #report: (line: string) => void;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | null = null;
  #hasChanged = false;
  #isClosed = false;
  /** The write under way, or the last one. */
  #writing: Promise<void> = Promise.resolve();
  #isInTrouble = false;

  constructor(file: string, report: (line: string) => void, nowEpochMs: () => number, everyMs: number) {
    this.dailyBytes = new DailyBytes(nowEpochMs, () => this.#changed());
    this.#file = file;
    this.#report = report;
    this.#everyMs = everyMs;
  }

  async load(): Promise<void> {
    try {
      const text = await readFile(this.#file, 'utf8');
      const { day, counts } = parse(text);
      this.dailyBytes.restore(day, counts);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') await this.#setAside(error);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#writing;
    if (this.#hasChanged) await this.#write();
  }

  #changed(): void {
    if (this.#hasChanged) return;
    this.#hasChanged = true;
    this.#writeLater();
  }

  #writeLater(): void {
    if (this.#isClosed || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#writing = this.#write().finally(() => {
        this.#timer = null;
        if (this.#hasChanged) this.#writeLater();
      });
    }, this.#everyMs);
    this.#timer.unref();
  }

  async #write(): Promise<void> {
    this.#hasChanged = false;
    try {
      await replaceFile(this.#file, linesOf(this.dailyBytes));
      if (this.#isInTrouble) this.#report(`bytes per day: ${this.#file} is written again`);
      this.#isInTrouble = false;
    } catch (error) {
      this.#hasChanged = !this.#isClosed;
      if (this.#isInTrouble) return;
      this.#isInTrouble = true;
      this.#report(
        `bytes per day: ${this.#file} cannot be written (${reasonOf(error)}). Counting goes on in memory, and a restart would begin at zero. ` +
          'Give this user write access to the folder, and room on its disk',
      );
    }
  }

  async #setAside(error: unknown): Promise<void> {
    const aside = `${this.#file}.broken`;
    const outcome = await rename(this.#file, aside).then(
      () => `it was set aside as ${aside}`,
      (refusal: unknown) => `it cannot be set aside either (${reasonOf(refusal)})`,
    );
    this.#report(
      `WARNING: bytes per day: ${this.#file} cannot be read (${reasonOf(error)}); ${outcome}. Counting begins at zero: limits that say per_day ` +
        'let more pass today than they should',
    );
  }
}

/** All the lines, some at a time, so that a hundred thousand do not hold everything up. */
function* linesOf(dailyBytes: DailyBytes): Generator<string> {
  let lines = `${JSON.stringify({ version: 1, day: dailyBytes.day })}\n`;
  let count = 0;
  for (const each of dailyBytes.counts()) {
    lines += `${JSON.stringify(each)}\n`;
    count += 1;
    if (count % LINES_AT_ONCE !== 0) continue;
    yield lines;
    lines = '';
  }
  yield lines;
}

async function replaceFile(file: string, content: Iterable<string>): Promise<void> {
  // One that is being replaced writes beside the next one: each has a name of its own. `wx` makes sure that it is a new file, and no link to somewhere else.
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  makePrivateFolder(path.dirname(file));
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      for (const lines of content) await handle.appendFile(lines);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** @throws Error saying what is wrong with which line */
function parse(text: string): { readonly day: string; readonly counts: readonly DailyCount[] } {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error('its last line is cut off');
  if (lines.length > MOST_LINES) throw new Error(`it has more than ${MOST_LINES} lines`);
  const { day } = checked(HEAD, lines, 0);
  return { day, counts: lines.slice(1).map((_, index) => checked(COUNT, lines, index + 1)) };
}

function checked<T>(schema: z.ZodType<T>, lines: readonly string[], index: number): T {
  const checked = schema.safeParse(jsonOf(lines[index] ?? ''));
  if (!checked.success) throw new Error(`line ${index + 1} is not what was written there`);
  return checked.data;
}

/** `undefined`, which no schema takes, when it is no JSON. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  return errorCode(error) || (error instanceof Error ? error.message : String(error));
}

const HEAD = z.strictObject({ version: z.literal(1), day: z.string().regex(/^\d{4}-\d{2}-\d{2}$/) });
const COUNT = z.strictObject({ rule: z.string(), who: z.string(), bytes: z.int().nonnegative() });
const FILE_NAME = 'bytes-per-day.jsonl';
const LINES_AT_ONCE = 1_000;
/** Those who were let in together may have become a few more than there was room for; to forget all for that would give quotas out twice. */
const MOST_LINES = 2 * MOST_COUNTS;
