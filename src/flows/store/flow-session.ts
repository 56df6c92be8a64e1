// Owns one session: what was recorded in it, written batch by batch and read back. Segments hold everything (segments.ts), the index says where
// (flow-index.ts): it is told of many batches at once, and before it is asked (unwritten-rows.ts). Contents are kept once where they come again soon (recent-contents.ts). What has become too much or too old goes by whole segments.
import { hash } from 'node:crypto';
import path from 'node:path';
import { readSummary } from '../read-summary.ts';
import type { RecordedExchange, RecordedMessage, Summary } from '../recorded.ts';
import { BatchChanges, type Change, WrittenChange } from './batch-changes.ts';
import { type BatchFrame, BatchReader, writeBatchFrame } from './batch-frames.ts';
import { FlowIndex, isDamage } from './flow-index.ts';
import type { KeptContent } from './protocol.ts';
import { type ExchangeFrame, readExchange } from './read-exchange.ts';
import { MOST, RecentContents } from './recent-contents.ts';
import { type ContentReference, FrameBuffer, SEGMENT_HEAD_BYTES, type WrittenReference } from './record-frames.ts';
import { type FoundFrame, type FoundHead, type Place, Segments } from './segments.ts';
import { UnwrittenRows } from './unwritten-rows.ts';

export interface SessionBounds {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
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
  readonly #folder: string;
  readonly #bounds: SessionBounds;
  readonly #segments: Segments;
  readonly #recent = new RecentContents();
  readonly #buffer = new FrameBuffer();
  /** Announced, and not ended. */
  readonly #pending = new Set<number>();
  readonly #rows = new UnwrittenRows();
  readonly #batch = new BatchChanges();
  /** Behind the last record that the index knows of, or a row that waits for it. */
  #through: Place = { segment: 0, at: 0 };
  /** What the index knows of. */
  #indexed: { readonly through: Place; readonly lastId: number } = { through: { segment: 0, at: 0 }, lastId: 0 };
  #index: FlowIndex | null;
  #exchanges = 0;
  #lastId = 0;

  private constructor(folder: string, bounds: SessionBounds) {
    this.name = path.basename(folder);
    this.#folder = folder;
    this.#bounds = bounds;
    this.#segments = new Segments(folder, bounds.segmentBytes);
    this.#index = this.#openIndex();
  }

  /**
   * Opens it, and puts in order what a crash left: in steps, as large ones take seconds.
   *
   * @param folder exists, and nobody else writes into it
   */
  static *open(folder: string, bounds: SessionBounds): Generator<void, FlowSession> {
    const session = new FlowSession(folder, bounds);
    yield* session.#catchUp();
    session.endInterrupted();
    session.#remember();
    return session;
  }

  get exchanges(): number {
    return this.#exchanges;
  }

  get lastId(): number {
    return this.#lastId;
  }

  get bytes(): number {
    return this.#segments.bytes + (this.#index?.bytes ?? 0);
  }

  get segments(): number {
    return this.#segments.count;
  }

  get damaged(): number {
    return this.#segments.damaged;
  }

  // Writing

  /** Writes all of a batch, or nothing of it. */
  take(batch: ArrayBuffer, used: number, nowMs: number): void {
    const reader = new BatchReader(batch, used);
    this.#write(used, nowMs, (target) => {
      while (reader.next()) this.#add(target, reader);
    });
  }

  /**
   * Writes all of them, or none.
   *
   * @param octets at most that many are in the frames
   */
  write(frames: Iterable<BatchFrame>, octets: number, nowMs: number): void {
    this.#write(octets, nowMs, (target) => {
      for (const frame of frames) {
        const { buffer, length } = writeBatchFrame(frame);
        const reader = new BatchReader(buffer, length);
        if (reader.next()) this.#add(target, reader);
      }
    });
  }

  #write(octets: number, nowMs: number, addAll: (target: Place) => void): void {
    if (this.#isIndexBehind()) this.#indexRows();
    const target = this.#segments.toWrite(octets);
    if (target.at === SEGMENT_HEAD_BYTES) this.#narrowSharing(nowMs);
    if (target.segment !== this.#rows.segment) this.#indexRows();
    this.#buffer.begin(target);
    this.#rows.begin(target.segment);
    this.#batch.begin(this.listeners.size > 0);
    try {
      addAll(target);
      this.#segments.append(this.#buffer.octets, nowMs);
    } catch (error) {
      this.#segments.cutOff(target);
      this.#rows.takeBack();
      this.#recent.forgetFrom(target);
      throw error;
    }
    this.#through = this.#segments.end;
    this.#count(this.#batch);
    this.#tell(this.#batch);
  }

  #add(target: Place, frame: BatchReader): void {
    const { kind, id, octets, summaryAt, detailAt, requestAt, responseAt, end } = frame;
    if (kind === 'message') {
      const { number } = JSON.parse(octets.toString('utf8', detailAt, requestAt)) as RecordedMessage;
      const at = this.#buffer.addMessage(frame, number);
      this.#rows.messages.push({ id, number, place: placeIn(target, at), length: this.#buffer.length - at });
      this.#batch.messages?.add(id);
      return;
    }
    const request = this.#addContent(target, octets, requestAt, responseAt);
    const response = this.#addContent(target, octets, responseAt, end);
    const at = this.#buffer.addExchange(frame, request, response);
    this.#batch.add(id, this.#isNew(id), kind);
    this.#rows.put(id, octets, summaryAt, detailAt, target.at + at, this.#buffer.length - at, kind === 'finished');
    this.#batch.changes?.set(id, new WrittenChange(id, octets.toString('utf8', summaryAt, detailAt)));
  }

  #addContent(target: Place, octets: Buffer, from: number, to: number): WrittenReference | null {
    if (from === to) return null;
    const repeated = this.#recent.findRepeated(octets, from, to);
    if (repeated !== null) return repeated;
    const digest = hash('sha256', octets.subarray(from, to), 'latin1');
    const content = this.#recent.find(digest) ?? this.#keepContent(target, digest, octets, from, to);
    this.#recent.keepRepeated(octets, from, to, content);
    return content;
  }

  #keepContent(target: Place, digest: string, octets: Buffer, from: number, to: number): WrittenReference {
    const at = target.at + this.#buffer.addContent(digest, octets, from, to);
    const content = { segment: target.segment, at, length: to - from, digest };
    this.#recent.keep(content);
    this.#rows.contents.push(content);
    return content;
  }

  #isNew(id: number): boolean {
    if (this.#rows.has(id)) return false;
    return id > this.#indexed.lastId || !(this.#pending.has(id) || this.#opened.has(id));
  }

  #count({ news, lastId, begun, ended }: BatchChanges): void {
    this.#exchanges += news;
    this.#lastId = Math.max(this.#lastId, lastId);
    for (const id of begun) this.#pending.add(id);
    if (this.#pending.size > 0) for (const id of ended) this.#pending.delete(id);
  }

  #tell({ changes, messages }: BatchChanges): void {
    if (changes === null || messages === null) return;
    const sorted = [...changes.values()].sort((a, b) => a.id - b.id);
    for (const listener of this.listeners) {
      if (sorted.length > 0) listener.changed(sorted);
      for (const id of messages) listener.messages(id);
    }
  }

  #isIndexBehind(): boolean {
    const { through } = this.#indexed;
    const known = through.segment === this.#through.segment ? through.at : 0;
    return this.#rows.size >= MOST_UNWRITTEN || this.#through.at - known > MOST_UNWRITTEN_BYTES;
  }

  /** Tells the index of what it does not know yet. */
  #indexRows(): void {
    const { segment, at } = this.#indexed.through;
    if (this.#through.segment === segment && this.#through.at === at && this.#rows.size === 0) return;
    this.#saveState();
  }

  // Making room

  /** Removes the oldest segments, as long as there is too much or they are too old. In steps. */
  *prune(nowMs: number): Generator<void> {
    // Before anything goes that somebody could share meanwhile.
    this.#narrowSharing(nowMs);
    while (this.#mustPrune(nowMs)) {
      yield* this.#removeOldest();
      while (this.#opened.giveBack()) yield;
    }
  }

  #mustPrune(nowMs: number): boolean {
    const { first } = this.#segments;
    if (first === null) return false;
    const isTooOld = this.#segments.changedAtMs(first) < nowMs - this.#bounds.maxAgeMs;
    return isTooOld || (this.#segments.count > 1 && this.bytes > this.#bounds.maxBytes);
  }

  *#removeOldest(): Generator<void> {
    const segment = this.#segments.first!;
    const removed = new Set<number>();
    while (this.#removeBlocks(segment, removed)) yield;
    const isWhole = yield* this.#removeRows(this.#segments.heads(segment), removed);
    // Rows of what is damaged are only found by looking at all of them.
    if (!isWhole) for (const id of this.#complete.removeSegment(segment)) removed.add(id);
    while (this.#removeBlocks(segment, removed));
    this.#indexRows();
    this.#opened.removeContents(segment);
    this.#segments.removeOldest();
    this.#through = this.#segments.end;
    this.#exchanges -= removed.size;
    for (const id of removed) this.#pending.delete(id);
    this.#saveState();
    for (const listener of this.listeners) listener.removed(removed);
  }

  /** Some of them. @returns whether there may be more */
  #removeBlocks(segment: number, removed: Set<number>): boolean {
    const index = this.#complete;
    return index.transact(() => {
      for (let count = 0; count < BLOCKS_AT_ONCE; count += 1) {
        const ids = index.removeBlock(segment);
        if (ids === null) return false;
        for (const id of ids) removed.add(id);
      }
      return true;
    });
  }

  /** A row that has come to lie elsewhere since stays. @returns what `heads` does */
  *#removeRows(heads: Generator<FoundHead, boolean>, removed: Set<number>): Generator<void, boolean> {
    for (;;) {
      const end = this.#complete.transact(() => this.#removeSome(heads, removed));
      if (end !== null) return end;
      yield;
    }
  }

  /** @returns `null` when there are more */
  #removeSome(heads: Generator<FoundHead, boolean>, removed: Set<number>): boolean | null {
    for (let count = 0; count < ROWS_AT_ONCE; count += 1) {
      const { done, value } = heads.next();
      if (done === true) return value;
      if (value.kind === 'message') this.#opened.removeMessage(value.id, value.number, value);
      else if (value.kind !== 'content' && this.#opened.remove(value.id, value)) removed.add(value.id);
    }
    return null;
  }

  /** Forgets everything. Ids go on. */
  clear(): void {
    this.#segments.clear();
    this.#rows.clear();
    this.#through = this.#segments.end;
    this.#opened.clear();
    this.#recent.clear();
    this.#pending.clear();
    this.#exchanges = 0;
    this.#saveState();
    for (const listener of this.listeners) listener.removed(null);
  }

  #narrowSharing(nowMs: number): void {
    const { maxBytes, maxAgeMs } = this.#bounds;
    this.#recent.narrow(this.#segments, Math.max(0, maxBytes - this.#opened.bytes), nowMs - maxAgeMs / 3);
  }

  // Reading

  summary(id: number): Summary | null {
    const text = this.#complete.summary(id);
    return text === null ? null : readSummary(text);
  }

  /** Up to `count` of those with the greatest ids below `id`, descending. */
  idsBelow(id: number, count: number): readonly number[] {
    return this.#complete.idsBelow(id, count);
  }

  summariesBelow(id: number, count: number): readonly Summary[] {
    return this.#complete.summariesBelow(id, count).map(([, summary]) => readSummary(summary));
  }

  find(id: number): FoundExchange | null {
    const row = this.#complete.find(id);
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
    return this.#complete.countMessages(id);
  }

  messages(id: number, after: number, limit: number): readonly RecordedMessage[] {
    return this.#complete.messages(id, after, limit).flatMap(({ place, length }) => {
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

  // Opening and closing

  /** Its ids go on from those of another one. */
  goOnFrom(lastId: number): void {
    this.#lastId = Math.max(this.#lastId, lastId);
    this.#saveState();
  }

  /** For whoever copies them: all but the last never change. */
  files(): ReturnType<Segments['files']> {
    return this.#segments.files();
  }

  /** The index is damaged: it is made again from the segments, at once. */
  repairNow(): void {
    this.#index?.close();
    this.#index = null;
    this.#rows.clear();
    for (const _ of this.#catchUp());
    // Rows may be others now.
    for (const listener of this.listeners) listener.removed(null);
  }

  close(): void {
    try {
      if (this.#index !== null) this.#indexRows();
    } catch {
      // The next opening makes the rows of what is in the segments.
    }
    this.#index?.close();
    this.#segments.close();
  }

  get #indexFile(): string {
    return path.join(this.#folder, 'index.sqlite');
  }

  #openIndex(): FlowIndex | null {
    const { maxBytes } = this.#bounds;
    return FlowIndex.open(this.#indexFile, Math.min(Math.max(maxBytes / 64, LEAST_LOG_BYTES), MOST_LOG_BYTES));
  }

  get #opened(): FlowIndex {
    if (this.#index === null) throw new Error(`What was recorded in ${this.name} is being put in order; ask again in a moment.`);
    return this.#index;
  }

  /** It knows of all that was written, unless the disk takes no more: then of what it knew before. */
  get #complete(): FlowIndex {
    const index = this.#opened;
    try {
      this.#indexRows();
    } catch (error) {
      if (isDamage(error)) throw error;
    }
    return index;
  }

  /** Brings the index up to what the segments hold. */
  *#catchUp(): Generator<void> {
    let index = this.#index;
    const isAhead = index !== null && index.state().through.segment !== 0 && !this.#segments.has(index.state().through);
    if (index === null || isAhead) {
      index?.close();
      FlowIndex.remove(this.#indexFile);
      index = this.#openIndex();
      if (index === null) throw new Error(`${this.#indexFile} cannot be made`);
    }
    this.#index = index;
    const { through, exchanges, lastId } = index.state();
    this.#exchanges = exchanges;
    this.#lastId = lastId;
    this.#through = through;
    this.#indexed = { through, lastId };
    for (const id of index.pending()) this.#pending.add(id);
    for (const found of this.#segments.scan(through)) {
      if (found.segment !== this.#rows.segment || this.#rows.size >= ROWS_AT_ONCE) {
        this.#indexRows();
        yield;
      }
      this.#addFound(found);
    }
    this.#indexRows();
  }

  #addFound({ segment, at, length, frame }: FoundFrame): void {
    this.#rows.begin(segment);
    this.#batch.begin(false);
    if (frame.kind === 'content') {
      const digest = Buffer.from(frame.digest, 'hex').toString('latin1');
      this.#rows.contents.push({ segment, at, length: frame.content.length, digest });
    } else if (frame.kind === 'message') this.#rows.messages.push({ id: frame.id, number: frame.number, place: { segment, at }, length });
    else {
      const { id, kind, summary } = frame;
      this.#batch.add(id, this.#isNew(id), kind);
      this.#rows.put(id, summary, 0, summary.length, at, length, kind === 'finished');
    }
    this.#through = { segment, at: at + length };
    this.#count(this.#batch);
  }

  /** What is under way will not end any more, as far as this session is told. */
  endInterrupted(): void {
    const index = this.#complete;
    index.transact(() => {
      for (const id of this.#pending) {
        const { summary, place, length } = index.find(id)!;
        const ended: Summary = { ...readSummary(summary), state: 'done', outcome: 'aborted' };
        index.put(id, JSON.stringify(ended), place, length, true);
      }
    });
    this.#pending.clear();
  }

  #remember(): void {
    for (const content of this.#opened.recentContents(MOST)) this.#recent.keep(content);
  }

  #saveState(): void {
    const state = { through: this.#through, exchanges: this.#exchanges, lastId: this.#lastId };
    this.#opened.write(this.#rows, state);
    this.#rows.clear();
    this.#indexed = state;
  }
}

function placeIn({ segment, at }: Place, offset: number): Place {
  return { segment, at: at + offset };
}

const ROWS_AT_ONCE = 500;
const BLOCKS_AT_ONCE = 50;
/** What the next opening makes again after a crash: a few hundredths of a second. */
const MOST_UNWRITTEN = 4096;
const MOST_UNWRITTEN_BYTES = 16 << 20;
const LEAST_LOG_BYTES = 64 << 10;
const MOST_LOG_BYTES = 4 << 20;
