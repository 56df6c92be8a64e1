import { expect, test } from 'vitest';
import { Unfinished } from '../../../src/cluster/unfinished.ts';
import type { Summary } from '../../../src/flows/recorded.ts';
import { type BatchFrame, framesOfBatch, writeBatchFrame } from '../../../src/flows/store/batch-frames.ts';

const NOTHING = Buffer.alloc(0);

function frame(kind: BatchFrame['kind'], id: number, summary: Partial<Summary> = {}): Buffer<ArrayBuffer> {
  const text = Buffer.from(JSON.stringify({ id, state: 'pending', outcome: null, messages: 0, ...summary }), 'latin1');
  return writeBatchFrame({ kind, id, summary: text, detail: NOTHING, requestContent: NOTHING, responseContent: NOTHING });
}

function batch(...frames: readonly Buffer[]): ArrayBuffer {
  return new Uint8Array(Buffer.concat(frames)).buffer;
}

test('what a worker that is gone has begun and not ended is ended, with what was known of it', () => {
  const unfinished = new Unfinished();
  unfinished.note(batch(frame('begun', 1), frame('begun', 2, { path: '/two', user: 'ada' }), frame('message', 2)));
  unfinished.note(batch(frame('finished', 1), frame('message', 2), frame('finished', 3)));
  const ends = unfinished.end()!;
  const ended = [...framesOfBatch(ends, ends.byteLength)];
  expect(ended.map(({ id, kind }) => [id, kind])).toEqual([[2, 'finished']]);
  const summary = JSON.parse(ended[0]!.summary.toString('latin1')) as Summary;
  expect(summary).toMatchObject({ id: 2, path: '/two', user: 'ada', state: 'done', outcome: 'aborted', messages: 2 });
  expect(JSON.parse(ended[0]!.detail.toString()).facts.errorMessage).toBe('The process that served it has ended.');
  expect(unfinished.end()).toBeNull();
});

test('texts of any characters come through as they were', () => {
  const unfinished = new Unfinished();
  const text = Buffer.from(`{"id":4,"user":"\\u6797 é","messages":0}`, 'latin1');
  const begun = { kind: 'begun', id: 4, summary: text, detail: NOTHING, requestContent: NOTHING, responseContent: NOTHING } as const;
  unfinished.note(batch(writeBatchFrame(begun)));
  const ends = unfinished.end()!;
  const [ended] = framesOfBatch(ends, ends.byteLength);
  expect(JSON.parse(ended!.summary.toString('latin1'))).toMatchObject({ user: '林 é' });
});
