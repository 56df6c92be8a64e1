// Owns the way of access log lines to a file or to standard output: batched, one write in flight, never blocking or failing an exchange.
// What cannot be written yet waits, up to a bound; beyond it lines are lost, counted and told to the operator. It knows no format: that is log-formats.ts.
//
// Order is kept, no line is written twice, and a write that was cut short goes on where it stopped. A file that refuses (full, I/O error)
// is tried again every second, except when its reader left (EPIPE), when `reopen` already replaced it, or at the end: then its lines are given up.
// Processes that share a log do not break each other's lines: the system appends each write to a file as a whole (O_APPEND), and what goes into a pipe goes
// in pieces that it takes as a whole (POSIX, write(): PIPE_BUF); a single line may be longer than that. Where a full disk takes a part of a line, that is
// taken back: another process would write behind it as soon as there is room.
import { close, closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, type Stats, write } from 'node:fs';
import os from 'node:os';
import { getSystemErrorMessage } from 'node:util';
import { shownCode } from '../errors/from-node.ts';
import { StartError, type StartErrorKind } from '../errors/start-error.ts';
import type { Flow } from '../flows/flow.ts';
import { OctetWriter } from '../flows/octet-writer.ts';
import { LINE_WRITERS, type LogFormat } from './log-formats.ts';

export interface AccessLogOptions {
  /** Path of a file that lines are appended to (made with mode 0640); `null` is standard output. */
  readonly file: string | null;
  readonly format: LogFormat;
  /** Milliseconds that a line may wait for others to be written with; a batch of 64 KiB never waits. */
  readonly flushMs: number;
  /** Octets of lines that may wait while the file takes none or too few. Over it lines are lost. */
  readonly maxPendingBytes: number;
  /** Whether other processes write there, too. */
  readonly isShared: boolean;
}

export const ACCESS_LOG_DEFAULTS: AccessLogOptions = {
  file: null,
  format: 'json',
  flushMs: 200,
  maxPendingBytes: 8 * 1024 * 1024,
  isShared: false,
};

/**
 * @param onProblem  hears of lost lines and of failed reopening, in a sentence for the operator, at most every five seconds for the same trouble
 * @throws StartError naming the path and the cause when the file cannot be opened
 */
export function openAccessLog(options: AccessLogOptions, onProblem: (message: string) => void): AccessLog {
  if (options.file === null) return new AccessLog(options, STANDARD_OUTPUT, onProblem);
  try {
    return new AccessLog(options, openForAppending(options.file), onProblem);
  } catch (cause) {
    const { kind, reason } = openFailure(cause);
    throw new StartError(kind, [`${options.file}: the access log ${reason}`], { cause });
  }
}

/** Where lines go. `batches` counts those that are cut and not yet done with. */
interface Sink {
  readonly fd: number;
  readonly takesPieces: boolean;
  batches: number;
  /** Replaced by `reopen`: closed when its last batch is done. */
  retired: boolean;
  /** Its reader left; nothing will be taken any more. */
  gone: boolean;
}

interface Batch {
  readonly sink: Sink;
  readonly bytes: Buffer;
  written: number;
  readonly end: number;
}

export class AccessLog {
  readonly #file: string | null;
  readonly #writeLine: (flow: Flow, out: OctetWriter) => void;
  /** The line that is being taken. */
  readonly #line = new OctetWriter();
  readonly #flushMs: number;
  readonly #maxPendingBytes: number;
  readonly #onProblem: (message: string) => void;
  readonly #isShared: boolean;

  #sink: Sink;
  // The batch being filled, and a buffer of the usual size that a finished batch left behind.
  #bytes: Buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
  #used = 0;
  #spare: Buffer | null = null;

  // Batches waiting to be written; the first may be in flight. `#pendingBytes` counts them and the one being filled.
  readonly #queue: Batch[] = [];
  #pendingBytes = 0;
  #isWriting = false;
  #flushTimer: NodeJS.Timeout | null = null;
  #retryTimer: NodeJS.Timeout | null = null;

  /** Why the file refused the last write, in the system's words; `null` once it takes lines again. */
  #refusal: string | null = null;
  #refusalToldMs = Number.NEGATIVE_INFINITY;
  /** Lines lost since the last report, and why: a refusal, if there was one. */
  #lostLines = 0;
  #lostBecause = TOO_SLOW;
  #reportTimer: NodeJS.Timeout | null = null;

  #closing: Promise<void> | null = null;
  #closed: (() => void) | null = null;
  #closeDeadline = 0;

  /** Use `openAccessLog`. */
  constructor(options: AccessLogOptions, fd: number, onProblem: (message: string) => void) {
    this.#file = options.file;
    this.#writeLine = LINE_WRITERS[options.format];
    this.#flushMs = options.flushMs;
    this.#maxPendingBytes = options.maxPendingBytes;
    this.#onProblem = onProblem;
    this.#isShared = options.isShared;
    this.#sink = this.#sinkOf(fd);
  }

  /** Takes the line of a finished exchange. Returns at once and never throws; after `close` it does nothing. */
  write(flow: Flow): void {
    if (this.#closing !== null) return;
    if (this.#sink.gone) {
      this.#lostLines += 1; // told once when the reader left, and in all at the end
      return;
    }
    const line = this.#line;
    line.clear();
    this.#writeLine(flow, line);
    const length = line.at;
    if (this.#pendingBytes + length > this.#maxPendingBytes) {
      this.#lose(1);
      return;
    }
    if (this.#used + length > this.#bytes.length) this.#startBatch(length);
    line.octets.copy(this.#bytes, this.#used, 0, length);
    this.#used += length;
    this.#pendingBytes += length;
    this.#flushTimer ??= setTimeout(this.#flush, this.#flushMs).unref();
  }

  /**
   * Opens the file anew by its name, after somebody moved the old one away (SIGHUP from logrotate). Lines taken before go to the old file,
   * lines taken after to the new one. When the file cannot be opened, the old one stays in use and the operator is told.
   */
  reopen(): void {
    if (this.#file === null || this.#closing !== null) return;
    let fd: number;
    try {
      fd = openForAppending(this.#file);
    } catch (cause) {
      this.#onProblem(`${this.#file}: the access log ${openFailure(cause).reason} Lines still go to the file that was open before.`);
      return;
    }
    this.#cutBatch();
    const old = this.#sink;
    this.#sink = this.#sinkOf(fd);
    old.retired = true;
    closeWhenDone(old);
    this.#retry();
  }

  /** Writes what is left and closes the file. A file that refuses now is not tried again; a reader that stopped reading is given two seconds. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#closed = resolve;
      this.#closeDeadline = performance.now() + CLOSE_PATIENCE_MS;
      this.#cutBatch();
      this.#retry();
    });
    return this.#closing;
  }

  readonly #flush = (): void => {
    this.#flushTimer = null;
    this.#writeNext();
  };

  #sinkOf(fd: number): Sink {
    return { fd, takesPieces: this.#isShared && !fstatSync(fd).isFile(), batches: 0, retired: false, gone: false };
  }

  /** Moves the lines gathered so far into the queue. */
  #cutBatch(): void {
    if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
    this.#flushTimer = null;
    if (this.#used === 0) return;
    this.#queue.push({ sink: this.#sink, bytes: this.#bytes, written: 0, end: this.#used });
    this.#sink.batches += 1;
    this.#bytes = this.#spare ?? Buffer.allocUnsafeSlow(BATCH_BYTES);
    this.#spare = null;
    this.#used = 0;
  }

  #startBatch(length: number): void {
    this.#cutBatch();
    this.#writeNext();
    // One line may be longer than a batch: a target of 16 KiB can need six times that in JSON.
    if (length > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(length);
  }

  #writeNext(): void {
    if (this.#isWriting || this.#retryTimer !== null) return;
    // Cut only when it can be written now: behind a slow disk, batches are full, so that memory stays near `maxPendingBytes`.
    if (this.#queue.length === 0 && this.#flushTimer === null) this.#cutBatch();
    const batch = this.#queue[0];
    if (batch === undefined) {
      if (this.#closed !== null) this.#finishClosing(this.#closed);
      return;
    }
    this.#isWriting = true;
    const length = batch.sink.takesPieces ? pieceOf(batch) : batch.end - batch.written;
    write(batch.sink.fd, batch.bytes, batch.written, length, null, this.#onWritten);
  }

  readonly #onWritten = (error: NodeJS.ErrnoException | null, length: number): void => {
    this.#isWriting = false;
    const batch = this.#queue[0]!;
    if (error !== null) {
      this.#onRefused(batch.sink, error);
      return;
    }
    this.#refusal = null;
    this.#pendingBytes -= length;
    batch.written += length;
    if (batch.written === batch.end) this.#dropFirst();
    else if (this.#takeBackBegun(batch)) {
      this.#onRefused(batch.sink, noSpace());
      return;
    }
    this.#writeNext();
  };

  /** @returns whether a line was begun, and is no longer in the file */
  #takeBackBegun(batch: Batch): boolean {
    if (!this.#isShared || this.#file === null || batch.sink.takesPieces) return false;
    const begun = batch.bytes.subarray(batch.bytes.lastIndexOf(LINE_FEED, batch.written - 1) + 1, batch.written);
    if (begun.length === 0 || !takeBack(begun, batch.sink.fd, this.#file)) return false;
    batch.written -= begun.length;
    this.#pendingBytes += begun.length;
    return true;
  }

  #onRefused(sink: Sink, error: NodeJS.ErrnoException): void {
    // A FIFO that is full for the moment is slow, not broken.
    const isFull = error.code === 'EAGAIN';
    sink.gone = error.code === 'EPIPE';
    if (!isFull) this.#noteRefusal(error, sink.gone);
    const isHopeless = this.#closing === null ? sink.retired && !isFull : !isFull || performance.now() > this.#closeDeadline;
    if (sink.gone || isHopeless) {
      this.#giveUp(sink);
      this.#writeNext();
      return;
    }
    const timer = setTimeout(this.#retry, isFull ? FULL_FIFO_MS : RETRY_MS);
    this.#retryTimer = this.#closing === null ? timer.unref() : timer;
  }

  #noteRefusal(error: NodeJS.ErrnoException, isGone: boolean): void {
    const isNew = this.#refusal === null;
    this.#refusal = error.errno === undefined ? error.message : getSystemErrorMessage(error.errno);
    this.#lostBecause = this.#refusal;
    const nowMs = performance.now();
    // A disk at its brim takes and refuses in turns: that is one trouble, not one for each turn.
    if (!isNew || this.#closing !== null || nowMs - this.#refusalToldMs < REPORT_MS) return;
    this.#refusalToldMs = nowMs;
    const untilWhen = this.#file === null ? '' : ' until SIGHUP reopens the file';
    const next = isGone ? `the reader left, so no more is written${untilWhen}` : 'lines wait until there is room';
    this.#onProblem(`access log: ${this.#refusal}; ${next}`);
  }

  readonly #retry = (): void => {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    this.#writeNext();
  };

  /** Loses the batches at the head of the queue that were meant for this sink. */
  #giveUp(sink: Sink): void {
    while (this.#queue[0]?.sink === sink) {
      const batch = this.#queue[0];
      this.#pendingBytes -= batch.end - batch.written;
      this.#lose(linesIn(batch.bytes, batch.written, batch.end));
      this.#dropFirst();
    }
  }

  #dropFirst(): void {
    const batch = this.#queue.shift();
    if (batch === undefined) return;
    if (batch.bytes.length === BATCH_BYTES) this.#spare = batch.bytes;
    batch.sink.batches -= 1;
    closeWhenDone(batch.sink);
  }

  #lose(lines: number): void {
    if (this.#lostLines === 0) this.#lostBecause = this.#refusal ?? TOO_SLOW;
    this.#lostLines += lines;
    // Told after a while, and not at once: the sentence shall say how bad it is.
    if (this.#closing === null) this.#reportTimer ??= setTimeout(this.#report, REPORT_MS).unref();
  }

  readonly #report = (): void => {
    this.#reportTimer = null;
    if (this.#lostLines === 0) return;
    const count = this.#lostLines === 1 ? '1 line' : `${this.#lostLines.toLocaleString('en-US')} lines`;
    const next = this.#closing !== null || this.#sink.gone ? '' : '; writing goes on when there is room';
    this.#onProblem(`access log: ${count} lost: ${this.#lostBecause}${next}`);
    this.#lostLines = 0;
  };

  #finishClosing(closed: () => void): void {
    this.#closed = null;
    if (this.#reportTimer !== null) clearTimeout(this.#reportTimer);
    this.#report();
    this.#sink.retired = true;
    closeWhenDone(this.#sink);
    closed();
  }
}

/** As many whole lines as a pipe takes at once; one at least. */
function pieceOf({ bytes, written, end }: Batch): number {
  if (end - written <= PIPE_BYTES) return end - written;
  const last = bytes.lastIndexOf(LINE_FEED, written + PIPE_BYTES - 1);
  return (last < written ? bytes.indexOf(LINE_FEED, written) : last) + 1 - written;
}

/**
 * Cuts these octets off the end of a file, if they are still there: nobody has written behind them. At once, so that nobody does meanwhile.
 *
 * @param fd can append to the file, but not read it
 */
function takeBack(octets: Buffer, fd: number, file: string): boolean {
  try {
    const reading = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = Buffer.allocUnsafe(octets.length);
      const stats = fstatSync(fd);
      const start = stats.size - octets.length;
      if (start < 0 || !isSame(stats, fstatSync(reading))) return false;
      if (readSync(reading, found, 0, found.length, start) < found.length || !found.equals(octets)) return false;
      ftruncateSync(fd, start);
      return true;
    } finally {
      closeSync(reading);
    }
  } catch {
    return false; // moved away, or not to be read: the line goes on where it stopped
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/** Why a file takes less than it is given. */
function noSpace(): NodeJS.ErrnoException {
  return Object.assign(new Error('no space left'), { code: 'ENOSPC', errno: -os.constants.errno.ENOSPC });
}

function closeWhenDone(sink: Sink): void {
  // Nothing is left to lose when closing fails, and nobody who could do anything about it.
  if (sink.retired && sink.batches === 0 && sink.fd !== STANDARD_OUTPUT) close(sink.fd, () => {});
}

/** Never waits, not even for a FIFO that nobody reads: with O_NONBLOCK such a one is refused (ENXIO). Regular files do not heed the flag. */
function openForAppending(file: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
  return openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o640);
}

function openFailure(cause: unknown): { readonly kind: StartErrorKind; readonly reason: string } {
  const code = shownCode(cause);
  return {
    kind: OPEN_KINDS[code] ?? 'config',
    reason: OPEN_REASONS[code] ?? `cannot be opened (${code}). Choose another file with --access-log.`,
  };
}

/** What may be otherwise a moment later, or for another user; else it is the setting that is wrong. */
const OPEN_KINDS: Readonly<Record<string, StartErrorKind>> = {
  EACCES: 'permission',
  EPERM: 'permission',
  EROFS: 'permission',
  ENXIO: 'unavailable',
};

const OPEN_REASONS: Readonly<Record<string, string>> = {
  EACCES: 'may not be written by this user (EACCES). Give this user write access, or choose another file with --access-log.',
  EPERM: 'may not be written by this user (EPERM). Give this user write access, or choose another file with --access-log.',
  EROFS: 'lies on a file system that is read-only (EROFS). Choose another file with --access-log.',
  ENOENT: 'cannot be made: its folder does not exist (ENOENT). Make the folder, or choose another file with --access-log.',
  ENOTDIR: 'cannot be made: its folder is a file (ENOTDIR). Choose another file with --access-log.',
  EISDIR: 'is a folder, not a file (EISDIR). Name a file in it with --access-log.',
  ENXIO: 'is a FIFO that nobody reads (ENXIO). Start its reader first.',
};

function linesIn(bytes: Buffer, start: number, end: number): number {
  let lines = 0;
  for (let at = start; at < end; at += 1) if (bytes[at] === LINE_FEED) lines += 1;
  return lines;
}

const STANDARD_OUTPUT = 1;
/** PIPE_BUF of Linux. */
const PIPE_BYTES = 4_096;
const BATCH_BYTES = 64 * 1024;
const RETRY_MS = 1_000;
const FULL_FIFO_MS = 20;
const REPORT_MS = 5_000;
const CLOSE_PATIENCE_MS = 2_000;
const TOO_SLOW = 'lines come faster than they are written';
const LINE_FEED = 0x0a;
