// Owns one session: what was recorded in it, written batch by batch (session-writer.ts) and read back, and who is told of that. Segments hold everything
// (segments.ts), the index says where (session-index.ts). What has become too much or too old goes by whole segments (remove-oldest.ts).
import path from 'node:path';
import { readSummary } from '../read-summary.ts';
import type { RecordedExchange, RecordedMessage, Summary } from '../recorded.ts';
import type { BatchChanges, Change } from './batch-changes.ts';
import type { BatchFrame } from './batch-frames.ts';
import { SessionCounts } from './counts.ts';
import type { KeptContent } from './protocol.ts';
import { type ExchangeFrame, readExchange } from './read-exchange.ts';
import type { ContentReference } from './record-frames.ts';
import { removeOldest } from './remove-oldest.ts';
import { type Place, Segments } from './segments.ts';
import { SessionIndex } from './session-index.ts';
import { type KeptBounds, SessionWriter } from './session-writer.ts';

export interface SessionBounds extends KeptBounds {
  readonly segmentBytes: number;
}

/** Is told after it was written. */
export interface SessionListener {
  /** Ascending. */
  changed(changes: readonly Change[]): void;
  /** Messages were added to this exchange. */
  messages(id: number): void;
  /** `null`: all of them. */
  removed(ids: ReadonlySet<number> | null): void;
  /** These are about to be told of as removed. */
  left?(summaries: readonly Summary[]): void;
}

/** Detail and contents come later, and only where somebody wants them. */
export interface FoundExchange {
  readonly summary: Summary;
  exchange(): RecordedExchange;
  content(of: 'request' | 'response'): Buffer | null;
}

/** Calls may throw errors of Node's and of SQLite's (`isDamage`). */
export class FlowSession {
  readonly name: string;
  readonly listeners = new Set<SessionListener>();
  readonly #bounds: SessionBounds;
  readonly #segments: Segments;
  readonly #index: SessionIndex;
  readonly #writer: SessionWriter;
  #leftCounts = new SessionCounts();

  private constructor(folder: string, bounds: SessionBounds) {
    this.name = path.basename(folder);
    this.#bounds = bounds;
    this.#segments = new Segments(folder, bounds.segmentBytes);
    this.#index = new SessionIndex(folder, bounds.maxBytes);
    this.#writer = new SessionWriter(this.#segments, this.#index, bounds);
  }

  /**
   * Opens it, and puts in order what a crash left: in steps, as large ones take seconds.
   *
   * @param folder exists, and nobody else writes into it
   */
  static *open(folder: string, bounds: SessionBounds): Generator<void, FlowSession> {
    const session = new FlowSession(folder, bounds);
    yield* session.#index.catchUp(session.#segments);
    session.endInterrupted();
    session.#writer.remember();
    return session;
  }

  get exchanges(): number {
    return this.#index.exchanges;
  }

  get lastId(): number {
    return this.#index.lastId;
  }

  get bytes(): number {
    return this.#segments.bytes + this.#index.bytes;
  }

  /** Of what had to go since it was opened. */
  get leftCounts(): SessionCounts {
    return this.#leftCounts;
  }

  get segments(): number {
    return this.#segments.count;
  }

  get damaged(): number {
    return this.#segments.damaged;
  }

  /** Writes all of a batch, or nothing of it. */
  take(batch: ArrayBuffer, used: number, nowMs: number): void {
    this.#tell(this.#writer.take(batch, used, nowMs, this.listeners.size > 0));
  }

  /**
   * Writes all of them, or none.
   *
   * @param octets at most that many are in the frames
   */
  write(frames: Iterable<BatchFrame>, octets: number, nowMs: number): void {
    this.#tell(this.#writer.write(frames, octets, nowMs, this.listeners.size > 0));
  }

  #tell({ changes, messages }: BatchChanges): void {
    if (changes === null || messages === null) return;
    const sorted = [...changes.values()].sort((a, b) => a.id - b.id);
    for (const listener of this.listeners) {
      if (sorted.length > 0) listener.changed(sorted);
      for (const id of messages) listener.messages(id);
    }
  }

  /** Removes the oldest segments, as long as there is too much or they are too old. In steps. */
  *prune(nowMs: number): Generator<void> {
    // Before anything goes that somebody could share meanwhile.
    this.#writer.narrowSharing(nowMs);
    while (this.#mustPrune(nowMs)) {
      const removed = yield* removeOldest(this.#segments, this.#index, (summaries) => this.#left(summaries.map(readSummary), nowMs));
      for (const listener of this.listeners) listener.removed(removed);
      while (this.#index.opened.giveBack()) yield;
    }
  }

  #left(summaries: readonly Summary[], nowMs: number): void {
    for (const summary of summaries) if (summary.state === 'done') this.#leftCounts.add(summary, nowMs);
    for (const listener of this.listeners) listener.left?.(summaries);
  }

  #mustPrune(nowMs: number): boolean {
    const { first } = this.#segments;
    if (first === null) return false;
    const isTooOld = this.#segments.changedAtMs(first) < nowMs - this.#bounds.maxAgeMs;
    return isTooOld || (this.#segments.count > 1 && this.bytes > this.#bounds.maxBytes);
  }

  /** Forgets everything. Ids go on. */
  clear(): void {
    this.#segments.clear();
    this.#writer.clear();
    this.#index.clear(this.#segments.end);
    this.#leftCounts = new SessionCounts();
    for (const listener of this.listeners) listener.removed(null);
  }

  summary(id: number): Summary | null {
    const text = this.#index.complete.summary(id);
    return text === null ? null : readSummary(text);
  }

  /** Up to `count` of those with the greatest ids below `id`, descending. */
  idsBelow(id: number, count: number): readonly number[] {
    return this.#index.complete.idsBelow(id, count);
  }

  summariesBelow(id: number, count: number): readonly Summary[] {
    return this.#index.complete.summariesBelow(id, count).map(([, summary]) => readSummary(summary));
  }

  find(id: number): FoundExchange | null {
    const row = this.#index.complete.find(id);
    if (row === null) return null;
    const summary = readSummary(row.summary);
    let frame: ExchangeFrame | null | undefined;
    const read = (): ExchangeFrame | null => (frame === undefined ? (frame = this.#frame(row.place, row.length)) : frame);
    let exchange: RecordedExchange | undefined;
    return {
      summary,
      exchange: () => (exchange ??= readExchange(summary, read())),
      content: (of) => this.#content(read()?.[of] ?? null),
    };
  }

  content(id: number, of: 'request' | 'response'): KeptContent | null {
    const found = this.find(id);
    const bytes = found?.content(of) ?? null;
    if (found === null || bytes === null) return null;
    const length = (of === 'request' ? found.exchange().requestContent : found.exchange().responseContent)?.length ?? bytes.length;
    return { bytes: new Uint8Array(bytes), length, isCut: bytes.length < length };
  }

  countMessages(id: number): number {
    return this.#index.complete.countMessages(id);
  }

  messages(id: number, after: number, limit: number): readonly RecordedMessage[] {
    return this.#index.complete.messages(id, after, limit).flatMap(({ place, length }) => {
      const frame = this.#segments.read(place, length);
      if (frame?.kind !== 'message') return [];
      return [{ ...(JSON.parse(frame.detail.toString()) as RecordedMessage), preview: frame.preview.toString('base64') }];
    });
  }

  #frame(place: Place, length: number): ExchangeFrame | null {
    const frame = this.#segments.read(place, length);
    return frame?.kind === 'finished' || frame?.kind === 'begun' ? frame : null;
  }

  #content(reference: ContentReference | null): Buffer | null {
    const frame = reference === null ? null : this.#segments.readAt(reference);
    return frame?.kind === 'content' && frame.digest === reference!.digest ? frame.content : null;
  }

  /** What is under way will not end any more, as far as this session is told. */
  endInterrupted(): void {
    this.#index.endInterrupted();
  }

  /** Its ids go on from those of another one. */
  goOnFrom(lastId: number): void {
    this.#index.goOnFrom(lastId);
  }

  /** For whoever copies them: all but the last never change. */
  files(): ReturnType<Segments['files']> {
    return this.#segments.files();
  }

  /** The index is damaged: it is made again from the segments, at once. */
  repairNow(): void {
    this.#index.discard();
    for (const _ of this.#index.catchUp(this.#segments));
    // Rows may be others now.
    for (const listener of this.listeners) listener.removed(null);
  }

  close(): void {
    this.#index.close();
    this.#segments.close();
  }
}
