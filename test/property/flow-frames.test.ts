// Frames of recorded exchanges, on their way to the store and where they lie: what is written is read back; what is hostile, cut off or damaged is
// refused, and never read as something else.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BatchFrame, BatchReader, framesOfBatch, writeBatchFrame } from '../../src/flows/store/batch-frames.ts';
import { type ContentReference, FrameBuffer, frameBytes, readFrame } from '../../src/flows/store/record-frames.ts';
import { batchOf } from '../support/flow-batches.ts';

const octets = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const batchFrame: fc.Arbitrary<BatchFrame> = fc.record({
  kind: fc.constantFrom('begun', 'finished', 'message'),
  id,
  summary: octets,
  detail: octets,
  requestContent: octets,
  responseContent: octets,
});
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const reference = fc.option(fc.record({ segment: fc.integer({ min: 1, max: 2 ** 32 - 1 }), at: word, length: word, digest }));
const head = fc.record({ mark: word, seed: word });

test('a batch is read as the frames that were put into it', () => {
  fc.assert(
    fc.property(fc.array(batchFrame, { maxLength: 8 }), (frames) => {
      const batch = batchOf(frames);
      expect(plain([...framesOfBatch(batch, batch.byteLength)])).toEqual(plain(frames));
    }),
  );
});

test('of a batch that is cut off, exactly the whole frames are read', () => {
  fc.assert(
    fc.property(fc.array(batchFrame, { minLength: 1, maxLength: 5 }), fc.nat(), (frames, cut) => {
      const batch = batchOf(frames);
      const used = cut % (batch.byteLength + 1);
      const ends = frames.map((_, i) => frames.slice(0, i + 1).reduce((sum, frame) => sum + writeBatchFrame(frame).length, 0));
      const whole = ends.filter((end) => end <= used).length;
      expect([...framesOfBatch(batch, used)]).toHaveLength(whole);
    }),
  );
});

test('any octets are a batch of some frames or of none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const frames = [...framesOfBatch(Uint8Array.from(bytes).buffer, bytes.length + 10)];
      expect(frames.reduce((sum, frame) => sum + writeBatchFrame(frame).length, 0)).toBeLessThanOrEqual(bytes.length);
    }),
  );
});

test('a record is read as what was written, whatever stands in front of it', () => {
  fc.assert(
    fc.property(head, id, octets, octets, reference, reference, word, (head, id, first, second, request, response, number) => {
      const buffer = new FrameBuffer();
      buffer.begin(head);
      const places = [
        buffer.addContent('\xab'.repeat(32), Buffer.concat([second, first]), second.length, second.length + first.length),
        buffer.addExchange(arrived({ kind: 'finished', id, summary: first, detail: second }), written(request), written(response)),
        buffer.addMessage(arrived({ kind: 'message', id, detail: first, requestContent: second }), number),
        buffer.addExchange(arrived({ kind: 'begun', id, summary: first }), null, null),
      ];
      const read = places.map((at) => readFrame(buffer.octets.subarray(at, at + frameBytes(buffer.octets, at, head)!), head));
      expect(plain(read)).toEqual(
        plain([
          { kind: 'content', digest: 'ab'.repeat(32), content: first },
          { kind: 'finished', id, summary: first, detail: second, request, response },
          { kind: 'message', id, number, detail: first, preview: second },
          { kind: 'begun', id, summary: first, detail: Buffer.alloc(0), request: null, response: null },
        ]),
      );
    }),
  );
});

test('a record of which any octet is another is refused, and so is one of another segment', () => {
  fc.assert(
    fc.property(head, id, octets, octets, fc.nat(), fc.integer({ min: 1, max: 255 }), (head, id, summary, detail, place, by) => {
      const buffer = new FrameBuffer();
      buffer.begin(head);
      buffer.addExchange(arrived({ kind: 'finished', id, summary, detail }), null, null);
      const damaged = Buffer.from(buffer.octets);
      const at = place % damaged.length;
      damaged[at] = damaged[at]! ^ by;
      expect(readFrame(damaged, head)).toBeNull();
      expect(readFrame(Buffer.from(buffer.octets), { ...head, seed: (head.seed ^ by) >>> 0 })).toBeNull();
    }),
  );
});

/** The frame of a batch, as the store comes to it. */
function arrived(parts: Pick<BatchFrame, 'kind' | 'id'> & Partial<BatchFrame>): BatchReader {
  const none = Buffer.alloc(0);
  const { buffer, length } = writeBatchFrame({ summary: none, detail: none, requestContent: none, responseContent: none, ...parts });
  const reader = new BatchReader(buffer, length);
  reader.next();
  return reader;
}

/** As it is before it was written. */
function written(reference: ContentReference | null): ContentReference | null {
  return reference === null ? null : { ...reference, digest: Buffer.from(reference.digest, 'hex').toString('latin1') };
}

/** Buffers as texts, so that what differs is seen. */
function plain(values: readonly unknown[]): unknown {
  return values.map((value) =>
    Object.fromEntries(Object.entries(value as object).map(([key, each]) => [key, Buffer.isBuffer(each) ? each.toString('hex') : each])),
  );
}
