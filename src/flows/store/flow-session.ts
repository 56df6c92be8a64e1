// Owns one session: what was recorded in it, written batch by batch and read back. Segments hold everything (segments.ts), the index says where
// (flow-index.ts). Contents are kept once where they come again soon (recent-contents.ts). What has become too much or too old goes by whole segments.
import { hash } from 'node:crypto';
import path from 'node:path';
import { readSummary } from '../read-summary.ts';
import type { RecordedExchange, RecordedMessage, Summary } from '../recorded.ts';
import type { BatchFrame } from './batch-frames.ts';
import { FlowIndex } from './flow-index.ts';
import type { KeptContent } from './protocol.ts';
import { type ExchangeFrame, readExchange } from './read-exchange.ts';
import { MOST, RecentContents } from './recent-contents.ts';
import { type ContentReference, FrameBuffer, SEGMENT_HEAD_BYTES } from './record-frames.ts';
import { type FoundHead, type Place, Segments } from './segments.ts';
import { WrittenBatch } from './written-batch.ts';

export interface SessionBounds {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly segmentBytes: number;
}

/** A row that is new, or other than it was. */
export interface Change {
  readonly id: number;
  readonly summary: Summary;
  readonly isNew: boolean;
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

  /**
   * Writes all of them, or none.
   *
   * @param octets at most that many are in the frames
   */
  write(frames: Iterable<BatchFrame>, octets: number, nowMs: number): void {
    const target = this.#segments.toWrite(octets);
    if (target.at === SEGMENT_HEAD_BYTES) this.#narrowSharing(nowMs);
    const batch = new WrittenBatch();
    this.#buffer.begin(target);
    try {
      for (const frame of frames) this.#add(batch, target, frame);
      this.#segments.append(this.#buffer.octets, nowMs);
      this.#indexBatch(batch, this.#segments.end);
    } catch (error) {
      this.#segments.cutOff(target);
      for (const [, digest] of batch.contents) this.#recent.forget(digest);
      throw error;
    }
    this.#tell(batch);
  }

  #add(batch: WrittenBatch, target: Place, frame: BatchFrame): void {
    const { id, detail } = frame;
    if (frame.kind === 'message') {
      const { number } = JSON.parse(detail.toString()) as RecordedMessage;
      const at = this.#buffer.addMessage(id, number, detail, frame.requestContent);
      batch.messages.push({ id, number, place: placeIn(target, at), length: this.#buffer.length - at });
      return;
    }
    const request = this.#addContent(batch, target, frame.requestContent);
    const response = this.#addContent(batch, target, frame.responseContent);
    const at = this.#buffer.addExchange(frame.kind, id, frame.summary, detail, request, response);
    const row = { summary: frame.summary.toString(), hasEnded: frame.kind === 'finished' };
    batch.putExchange(id, { ...row, place: placeIn(target, at), length: this.#buffer.length - at });
  }

  #addContent(batch: WrittenBatch, target: Place, content: Buffer): ContentReference | null {
    if (content.length === 0) return null;
    const digest = hash('sha256', content);
    const { length } = content;
    const known = this.#recent.find(digest);
    if (known !== null) return { segment: known.segment, at: known.at, length, digest };
    const place = placeIn(target, this.#buffer.addContent(digest, content));
    this.#recent.keep(digest, place);
    batch.contents.push([place, digest]);
    return { segment: place.segment, at: place.at, length, digest };
  }

  #indexBatch(batch: WrittenBatch, through: Place): void {
    const index = this.#opened;
    batch.news = this.#newIn(batch);
    const exchanges = this.#exchanges + batch.news.size;
    const lastId = Math.max(this.#lastId, batch.lastId);
    index.transact(() => {
      for (const [id, { summary, place, length, hasEnded }] of batch.exchanges) index.put(id, summary, place, length, hasEnded);
      for (const { id, number, place, length } of batch.messages) index.putMessage(id, number, place, length);
      for (const [place, digest] of batch.contents) index.putContent(place, digest);
      index.setState(through, exchanges, lastId);
    });
    this.#exchanges = exchanges;
    this.#lastId = lastId;
    for (const [id, { hasEnded }] of batch.exchanges) {
      if (hasEnded) this.#pending.delete(id);
      else this.#pending.add(id);
    }
  }

  #newIn({ exchanges }: WrittenBatch): ReadonlySet<number> {
    const news = new Set<number>();
    for (const id of exchanges.keys()) {
      if (id > this.#lastId || !(this.#pending.has(id) || this.#opened.has(id))) news.add(id);
    }
    return news;
  }

  #tell(batch: WrittenBatch): void {
    if (this.listeners.size === 0) return;
    const changes = [...batch.exchanges].map(([id, { summary }]) => ({
      id,
      summary: readSummary(summary),
      isNew: batch.news.has(id),
    }));
    changes.sort((a, b) => a.id - b.id);
    for (const listener of this.listeners) {
      if (changes.length > 0) listener.changed(changes);
      for (const id of new Set(batch.messages.map((message) => message.id))) listener.messages(id);
    }
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
    const isWhole = yield* this.#removeRows(this.#segments.heads(segment), removed);
    // Rows of what is damaged are only found by looking at all of them.
    if (!isWhole) for (const id of this.#opened.removeSegment(segment)) removed.add(id);
    this.#opened.removeContents(segment);
    this.#segments.removeOldest();
    this.#exchanges -= removed.size;
    for (const id of removed) this.#pending.delete(id);
    this.#saveState();
    for (const listener of this.listeners) listener.removed(removed);
  }

  /** A row that has come to lie elsewhere since stays. @returns what `heads` does */
  *#removeRows(heads: Generator<FoundHead, boolean>, removed: Set<number>): Generator<void, boolean> {
    for (;;) {
      const end = this.#opened.transact(() => this.#removeSome(heads, removed));
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
    const text = this.#opened.summary(id);
    return text === null ? null : readSummary(text);
  }

  /** Up to `count` of those with the greatest ids below `id`, descending. */
  idsBelow(id: number, count: number): readonly number[] {
    return this.#opened.idsBelow(id, count);
  }

  summariesBelow(id: number, count: number): readonly Summary[] {
    return this.#opened.summariesBelow(id, count).map(([, summary]) => readSummary(summary));
  }

  find(id: number): FoundExchange | null {
    const row = this.#opened.find(id);
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
    return this.#opened.countMessages(id);
  }

  messages(id: number, after: number, limit: number): readonly RecordedMessage[] {
    return this.#opened.messages(id, after, limit).flatMap(({ place, length }) => {
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
    for (const _ of this.#catchUp());
    // Rows may be others now.
    for (const listener of this.listeners) listener.removed(null);
  }

  close(): void {
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
    for (const id of index.pending()) this.#pending.add(id);
    let batch = new WrittenBatch();
    let end = through;
    for (const found of this.#segments.scan(through)) {
      batch.addFound(found);
      end = { segment: found.segment, at: found.at + found.length };
      if (batch.size < ROWS_AT_ONCE) continue;
      this.#indexBatch(batch, end);
      batch = new WrittenBatch();
      yield;
    }
    this.#indexBatch(batch, end);
  }

  /** What is under way will not end any more, as far as this session is told. */
  endInterrupted(): void {
    const index = this.#opened;
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
    for (const [place, digest] of this.#opened.recentContents(MOST)) this.#recent.keep(digest, place);
  }

  #saveState(): void {
    this.#opened.setState(this.#segments.end, this.#exchanges, this.#lastId);
  }
}

function placeIn({ segment, at }: Place, offset: number): Place {
  return { segment, at: at + offset };
}

const ROWS_AT_ONCE = 500;
const LEAST_LOG_BYTES = 64 << 10;
const MOST_LOG_BYTES = 4 << 20;
