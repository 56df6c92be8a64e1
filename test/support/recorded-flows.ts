// A recorder whose store is memory: everything that it sends is taken apart by the store's own reader, and can be looked at.

import { readDetail } from '../../src/flows/read-detail.ts';
import { readSummary } from '../../src/flows/read-summary.ts';
import type { RecordedExchange, RecordedMessage, Summary } from '../../src/flows/recorded.ts';
import { type FrameStore, Recorder, type RecorderOptions } from '../../src/flows/recorder.ts';
import { type BatchFrame, framesOfBatch } from '../../src/flows/store/batch-frames.ts';

export interface KeptFrame {
  readonly kind: BatchFrame['kind'];
  readonly id: number;
  readonly summary: Summary | null;
  /** Of one that has ended. */
  readonly exchange: RecordedExchange | null;
  readonly message: Omit<RecordedMessage, 'preview'> | null;
  readonly requestContent: string;
  readonly responseContent: string;
}

export class MemoryStore implements FrameStore {
  readonly base: number;
  /** Set by tests that have a store fall behind. */
  pendingBytes = 0;
  onFreed: (buffer: ArrayBuffer) => void = () => {};
  readonly frames: KeptFrame[] = [];
  /** Octets of each batch. */
  readonly batches: number[] = [];

  constructor(base = 1_000) {
    this.base = base;
  }

  send(bytes: ArrayBuffer, used: number): void {
    this.batches.push(used);
    for (const frame of framesOfBatch(bytes, used)) this.frames.push(keptFrame(frame));
    this.onFreed(bytes);
  }
}

export function recorderInto(store: FrameStore, options: Partial<RecorderOptions> = {}): Recorder {
  return new Recorder(store, {
    bodyLimit: 1_024,
    unwritten: null,
    policyDigestOf: () => 'digest',
    report: (line) => {
      throw new Error(line);
    },
    ...options,
  });
}

function keptFrame({ kind, id, summary, detail, requestContent, responseContent }: BatchFrame): KeptFrame {
  const row = kind === 'message' ? null : readSummary(summary.toString());
  return {
    kind,
    id,
    summary: row,
    exchange: row === null || kind !== 'finished' ? null : { summary: row, ...readDetail(detail, row) },
    message: kind === 'message' ? JSON.parse(detail.toString()) : null,
    requestContent: requestContent.toString('latin1'),
    responseContent: responseContent.toString('latin1'),
  };
}
