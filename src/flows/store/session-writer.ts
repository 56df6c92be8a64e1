// Owns writing into one session: frames become records in its segments and rows for its index, all of a batch or nothing of it. Contents are kept once where
// they come again soon (recent-contents.ts).
import { hash } from 'node:crypto';
import type { RecordedMessage } from '../recorded.ts';
import { BatchChanges, WrittenChange } from './batch-changes.ts';
import { type BatchFrame, BatchReader, writeBatchFrame } from './batch-frames.ts';
import { MOST, RecentContents } from './recent-contents.ts';
import { FrameBuffer, SEGMENT_HEAD_BYTES, type WrittenReference } from './record-frames.ts';
import type { Place, Segments } from './segments.ts';
import type { SessionIndex } from './session-index.ts';
import type { UnwrittenRows } from './unwritten-rows.ts';

/** What a session may come to; how long something is kept. */
export interface KeptBounds {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export class SessionWriter {
  readonly #segments: Segments;
  readonly #index: SessionIndex;
  readonly #rows: UnwrittenRows;
  readonly #bounds: KeptBounds;
  readonly #recent = new RecentContents();
  readonly #buffer = new FrameBuffer();
  readonly #batch = new BatchChanges();

  constructor(segments: Segments, index: SessionIndex, bounds: KeptBounds) {
    this.#segments = segments;
    this.#index = index;
    this.#rows = index.rows;
    this.#bounds = bounds;
  }

  /** @param isHeard whether somebody will be told of its changes @returns what it changed, until the next one is written */
  take(batch: ArrayBuffer, used: number, nowMs: number, isHeard: boolean): BatchChanges {
    const reader = new BatchReader(batch, used);
    return this.#write(used, nowMs, isHeard, (target) => {
      while (reader.next()) this.#add(target, reader);
    });
  }

  /** The same. @param octets at most that many are in the frames */
  write(frames: Iterable<BatchFrame>, octets: number, nowMs: number, isHeard: boolean): BatchChanges {
    return this.#write(octets, nowMs, isHeard, (target) => {
      for (const frame of frames) {
        const { buffer, length } = writeBatchFrame(frame);
        const reader = new BatchReader(buffer, length);
        if (reader.next()) this.#add(target, reader);
      }
    });
  }

  /** Contents that were kept before the session was opened are shared again. */
  remember(): void {
    for (const content of this.#index.opened.recentContents(MOST)) this.#recent.keep(content);
  }

  /** What is too old, or too far back, is shared with nothing any more: it may go. */
  narrowSharing(nowMs: number): void {
    const { maxBytes, maxAgeMs } = this.#bounds;
    this.#recent.narrow(this.#segments, Math.max(0, maxBytes - this.#index.opened.bytes), nowMs - maxAgeMs / 3);
  }

  clear(): void {
    this.#recent.clear();
  }

  #write(octets: number, nowMs: number, isHeard: boolean, addAll: (target: Place) => void): BatchChanges {
    if (this.#index.isBehind) this.#index.writeRows();
    const target = this.#segments.toWrite(octets);
    if (target.at === SEGMENT_HEAD_BYTES) this.narrowSharing(nowMs);
    if (target.segment !== this.#rows.segment) this.#index.writeRows();
    this.#buffer.begin(target);
    this.#rows.begin(target.segment);
    this.#batch.begin(isHeard);
    try {
      addAll(target);
      this.#segments.append(this.#buffer.octets, nowMs);
    } catch (error) {
      this.#segments.cutOff(target);
      this.#rows.takeBack();
      this.#recent.forgetFrom(target);
      throw error;
    }
    this.#index.add(this.#batch, this.#segments.end);
    return this.#batch;
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
    this.#batch.add(id, this.#index.isNew(id), kind);
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
}

function placeIn({ segment, at }: Place, offset: number): Place {
  return { segment, at: at + offset };
}
