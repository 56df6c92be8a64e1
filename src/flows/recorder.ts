// Owns what is being recorded: which exchanges are under way, the frames of those that have ended on their way to the store, and how much of either there
// may be. Observers can not slow what they see: each exchange is encoded once, when it ends, into memory that the store's thread is handed; nothing is
// asked, awaited or promised, and nothing is thrown. Beyond the bounds, contents are left out first, then records, and what was left out is counted.
//
// An exchange that has not ended after ANNOUNCED_AFTER_MS is announced, so that the list shows it while it lasts. Most end before, and cost no more than
// their one frame. So ids come nearly in order: one that comes late began at most twice that time before the others, or was announced.
import { fieldValue, hasField } from '../http/fields.ts';
import { NO_FIELDS, type RequestHead } from '../http/message.ts';
import { LinkedSet } from '../net/linked-set.ts';
import { Capture, type CapturedMessage, type CaptureOwner } from './capture.ts';
import { CaptureMemory } from './captured-content.ts';
import { ExchangeEncoder } from './encode-frame.ts';
import type { Flow } from './flow.ts';
import { type Copied, FRAME_KINDS, type Frame, FrameBatch, frameOctets } from './frame-batch.ts';
import { readDetail } from './read-detail.ts';
import { readSummary } from './read-summary.ts';
import type { RecordedExchange } from './recorded.ts';
import type { UnwrittenSecrets } from './redact-fields.ts';

/** The store, as far as it is needed here (store/flow-store.ts). */
export interface FrameStore {
  readonly base: number;
  readonly pendingBytes: number;
  onFreed: (buffer: ArrayBuffer) => void;
  send(bytes: ArrayBuffer, used: number): void;
}

export interface RecorderOptions {
  /** Octets that are kept of each content. */
  readonly bodyLimit: number;
  /** `null` where all secrets but those of the proxy itself are kept. */
  readonly unwritten: UnwrittenSecrets | null;
  /** Of the policy that a rule, or the place of a default, belongs to. */
  readonly policyDigestOf: (decider: object) => string;
  /** A line for the operator. */
  readonly report: (line: string) => void;
  /** Octets that may wait for the store, and those of contents under way; for tests. */
  readonly maxPendingBytes?: number;
  readonly maxContentBytes?: number;
}

/** What was not kept since the start, because there was too much of it at once. */
export interface Dropped {
  contents: number;
  exchanges: number;
  messages: number;
}

export class Recorder implements CaptureOwner<Flow> {
  readonly dropped: Dropped = { contents: 0, exchanges: 0, messages: 0 };
  readonly #store: FrameStore;
  readonly #options: RecorderOptions;
  readonly #encoder: ExchangeEncoder;
  readonly #memory: CaptureMemory;
  readonly #maxPendingBytes: number;
  /** Under way, in the order in which they began: those that were announced, and those that were not. */
  readonly #announced = new LinkedSet<Capture<Flow>>();
  readonly #unannounced = new LinkedSet<Capture<Flow>>();
  readonly #free: ArrayBuffer[] = [];
  #batch: FrameBatch | null = null;
  #timer: NodeJS.Timeout | null = null;
  #hasReportedDefect = false;
  readonly #onTick = (): void => this.#tick();

  constructor(store: FrameStore, options: RecorderOptions) {
    this.#store = store;
    this.#options = options;
    this.#encoder = new ExchangeEncoder({ base: store.base, ...options });
    this.#memory = new CaptureMemory(options.maxContentBytes ?? MAX_CONTENT_BYTES);
    this.#maxPendingBytes = options.maxPendingBytes ?? MAX_PENDING_BYTES;
    store.onFreed = (buffer) => this.#useAgain(buffer);
  }

  /** Exchanges that have not ended. */
  get underWay(): number {
    return this.#announced.size + this.#unannounced.size;
  }

  /** Octets of contents of exchanges that have not ended. */
  get contentBytes(): number {
    return this.#memory.usedBytes;
  }

  /** Octets that are kept of each content. */
  get bodyLimit(): number {
    return this.#options.bodyLimit;
  }

  /** What contents are kept in while their exchanges last. */
  get memory(): CaptureMemory {
    return this.#memory;
  }

  begin(flow: Flow, request: RequestHead): Capture<Flow> {
    const capture = new Capture(flow, request, this);
    flow.capture = capture;
    this.#unannounced.add(capture);
    this.#arm();
    return capture;
  }

  /** The exchange has ended: what is to be kept of it is on its way, and nothing of it is held any more. */
  finish(flow: Flow): void {
    const { capture } = flow;
    if (capture === null) return;
    flow.capture = null;
    capture.isOver = true;
    (capture.isAnnounced ? this.#announced : this.#unannounced).delete(capture);
    try {
      this.#record(flow, capture);
    } catch (defect) {
      this.#noteDefect(defect);
    }
    capture.requestContent?.release();
    capture.responseContent?.release();
  }

  /** From a capture: a message passed. One that is over tells of none. */
  message(capture: Capture<Flow>, message: CapturedMessage): void {
    capture.messages += 1;
    if (this.#pendingBytes() > this.#maxPendingBytes) {
      this.dropped.messages += 1;
      return;
    }
    try {
      // The store has to know what it is a message of.
      if (!capture.isAnnounced) this.#announce(capture);
      const id = this.#store.base + capture.flow.id;
      const preview = copied(this.#maskedPreview(message));
      const texts = this.#encoder.message(this.#place(preview.kept), message, id, capture.messages);
      this.#write({ kind: FRAME_KINDS.message, id, texts, requestContent: preview, responseContent: null });
    } catch (defect) {
      this.#noteDefect(defect);
    }
  }

  /** What is known so far of an exchange that has not ended; `null` of any other. @param id in the session */
  active(id: number): RecordedExchange | null {
    const capture = this.#find(id);
    if (capture === null) return null;
    const { flow } = capture;
    const place = { octets: Buffer.alloc(MOST_TEXTS), at: 0 };
    const row = this.#encoder.begun(place, flow, capture);
    const summary = readSummary(row.octets.toString('latin1', row.at, row.at + row.summary));
    const all = this.#encoder.finished(place, flow, capture);
    return { summary, ...readDetail(all.octets.subarray(all.at + all.summary, all.at + all.summary + all.detail), summary) };
  }

  /** A copy of what is kept so far of a content; `null` where there is none, or its exchange has ended. */
  activeContent(id: number, of: 'request' | 'response'): Buffer | null {
    const capture = this.#find(id);
    const content = of === 'request' ? capture?.requestContent : capture?.responseContent;
    if (!content) return null;
    const bytes = Buffer.alloc(content.kept);
    content.copyTo(bytes, 0);
    return bytes;
  }

  /** Hands over what has been encoded. */
  flush(): void {
    const batch = this.#batch;
    this.#batch = null;
    this.#send(batch);
  }

  /** Nothing is to be recorded any more; the store is for whoever opened it to close. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.flush();
  }

  #record(flow: Flow, capture: Capture<Flow>): void {
    const pendingBytes = this.#pendingBytes();
    // One that is in the list already has to end there.
    if (pendingBytes > this.#maxPendingBytes && !capture.isAnnounced) {
      this.dropped.exchanges += 1;
      return;
    }
    if (this.#options.unwritten !== null) this.#maskContents(flow, capture, this.#options.unwritten);
    let { requestContent, responseContent } = capture;
    const kept = (requestContent?.kept ?? 0) + (responseContent?.kept ?? 0);
    if (requestContent?.isShort || responseContent?.isShort) this.dropped.contents += 1;
    if (kept > 0 && pendingBytes + kept > this.#maxPendingBytes * SHARE_OF_CONTENTS) {
      this.dropped.contents += 1;
      requestContent?.release();
      responseContent?.release();
      requestContent = null;
      responseContent = null;
    }
    const id = this.#store.base + flow.id;
    const texts = this.#encoder.finished(this.#place(kept), flow, capture);
    this.#write({ kind: FRAME_KINDS.finished, id, texts, requestContent, responseContent });
  }

  /** Of content that has a coding nobody here can tell what is secret, and so nothing of it is written. */
  #maskContents(
    { contentType }: Flow,
    { request, requestContent, responseFields, responseLines, responseContent }: Capture,
    secrets: UnwrittenSecrets,
  ): void {
    const mask = (type: string | null) => (octets: Buffer) => secrets.maskedContent(octets, type);
    if (hasField(request.fields, 'content-encoding')) requestContent?.release();
    else requestContent?.replaceKept(mask(fieldValue(request.fields, 'content-type') ?? null));
    const isCoded = hasField(responseFields ?? NO_FIELDS, 'content-encoding') || CODED.test(responseLines ?? '');
    if (isCoded) responseContent?.release();
    else responseContent?.replaceKept(mask(contentType));
  }

  #maskedPreview({ kind, preview }: CapturedMessage): Buffer {
    const { unwritten } = this.#options;
    if (unwritten === null || (kind !== 'text' && kind !== 'sse')) return preview;
    return unwritten.maskedContent(preview, kind === 'sse' ? 'text/event-stream' : null);
  }

  #announce(capture: Capture<Flow>): void {
    this.#unannounced.delete(capture);
    this.#announced.add(capture);
    capture.isAnnounced = true;
    const id = this.#store.base + capture.flow.id;
    const texts = this.#encoder.begun(this.#place(0), capture.flow, capture);
    this.#write({ kind: FRAME_KINDS.begun, id, texts, requestContent: null, responseContent: null });
  }

  /** Where texts of a usual length find room, and their contents behind them. */
  #place(contents: number): FrameBatch {
    const batch = this.#batch;
    if (batch?.hasRoomFor(MOST_TEXTS + contents)) return batch;
    this.flush();
    return (this.#batch = this.#newBatch(MOST_TEXTS + contents));
  }

  /** Where its place did not suffice, it begins a new batch. The one before is handed over last: texts may stand in it. */
  #write(frame: Frame): void {
    const octets = frameOctets(frame);
    const place = this.#batch!;
    if (place.hasRoomFor(octets)) place.add(frame);
    else {
      this.#batch = this.#newBatch(octets);
      this.#batch.add(frame);
      this.#send(place);
    }
    this.#arm();
  }

  #newBatch(octets: number): FrameBatch {
    return new FrameBatch(octets > BATCH_OCTETS ? new ArrayBuffer(octets) : (this.#free.pop() ?? new ArrayBuffer(BATCH_OCTETS)));
  }

  #send(batch: FrameBatch | null): void {
    if (batch === null) return;
    if (batch.used === 0) {
      // What was to be its first frame was too long for it, or a defect.
      this.#useAgain(batch.bytes);
      return;
    }
    try {
      this.#store.send(batch.bytes, batch.used);
    } catch (defect) {
      this.#noteDefect(defect);
    }
  }

  #useAgain(buffer: ArrayBuffer): void {
    if (buffer.byteLength === BATCH_OCTETS && this.#free.length < MOST_FREE) this.#free.push(buffer);
  }

  #pendingBytes(): number {
    return this.#store.pendingBytes + (this.#batch?.used ?? 0);
  }

  #find(id: number): Capture<Flow> | null {
    const wanted = id - this.#store.base;
    for (const set of [this.#announced, this.#unannounced]) for (const capture of set) if (capture.flow.id === wanted) return capture;
    return null;
  }

  /** While nothing is new, no timer runs. */
  #arm(): void {
    this.#timer ??= setTimeout(this.#onTick, FLUSH_MS);
  }

  #tick(): void {
    this.#timer = null;
    try {
      const sinceMs = performance.now() - ANNOUNCED_AFTER_MS;
      for (let first = this.#unannounced.first; first !== null && first.flow.startedMs <= sinceMs; first = this.#unannounced.first) {
        this.#announce(first);
      }
    } catch (defect) {
      this.#noteDefect(defect);
    }
    this.flush();
    if (this.#unannounced.size > 0) this.#arm();
  }

  /** Traffic goes on, whatever happens here. Told once: it would be told of every exchange. */
  #noteDefect(defect: unknown): void {
    this.dropped.exchanges += 1;
    if (this.#hasReportedDefect) return;
    this.#hasReportedDefect = true;
    this.#options.report(
      `inspector: a defect left an exchange out of the record: ${defect instanceof Error ? (defect.stack ?? defect.message) : String(defect)}`,
    );
  }
}

function copied(bytes: Buffer): Copied {
  return { kept: bytes.length, copyTo: (target, at) => target.set(bytes, at) };
}

/** Among lines that were made ready before. */
const CODED = /^content-encoding:/im;
const FLUSH_MS = 100;
const ANNOUNCED_AFTER_MS = 100;
/** Smaller ones cost the store a transaction and a wake-up each; at a rate where that matters, this is what comes in `FLUSH_MS`. */
const BATCH_OCTETS = 1024 * 1024;
/** Texts of more, which only long targets and fields come to, are written elsewhere first. */
const MOST_TEXTS = 16 * 1024;
/** Batches that wait for their next use. */
const MOST_FREE = 4;
const MAX_PENDING_BYTES = 64 * 2 ** 20;
/** Of what may wait, how much before contents are left out. */
const SHARE_OF_CONTENTS = 0.75;
const MAX_CONTENT_BYTES = 64 * 2 ** 20;
