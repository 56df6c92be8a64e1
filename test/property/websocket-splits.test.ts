// However octets of a WebSocket are cut, and whatever they are, its observer tells the same story and throws nothing.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type FrameShape, frame, hear, watch } from '../support/websocket-frames.ts';

const DEFLATE = 'permessage-deflate';
const OPTIONS = { previewOctets: 40, maxInflated: 2000 };

const shape: fc.Arbitrary<FrameShape> = fc.record(
  {
    opcode: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(0, 1, 2, 8, 9, 10) }, { weight: 1, arbitrary: fc.nat({ max: 15 }) }),
    payload: fc.oneof(
      { weight: 8, arbitrary: fc.uint8Array({ maxLength: 140 }) },
      { weight: 1, arbitrary: fc.constant(Buffer.alloc(300, 1)) },
      { weight: 1, arbitrary: fc.constant(Buffer.from('f248cdc9c90700', 'hex')) },
    ),
    isFinal: fc.boolean(),
    reserved: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(0, 4) }, { weight: 1, arbitrary: fc.nat({ max: 7 }) }),
    key: fc.constantFrom([1, 2, 3, 4] as const, null),
  },
  { noNullPrototype: true },
);
const octets = fc.oneof(
  { weight: 5, arbitrary: fc.array(shape, { maxLength: 8 }).map((shapes) => Buffer.concat(shapes.map(frame))) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)) },
);

it('the same, cut at any places', () => {
  fc.assert(
    fc.property(octets, fc.array(fc.nat(), { maxLength: 12 }), fc.constantFrom('fromClient', 'toClient'), (bytes, places, way) => {
      const whole = watch(DEFLATE, OPTIONS);
      hear((piece) => whole.observer[way](piece), bytes);
      const cut = watch(DEFLATE, OPTIONS);
      const cuts = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
      hear((piece) => cut.observer[way](piece), bytes, ...cuts);
      expect(cut.seen).toEqual(whole.seen);
      expect(cut.previews).toEqual(whole.previews);
      expect(cut.observer.counts).toEqual(whole.observer.counts);
    }),
    { numRuns: 500 },
  );
});

it('all payloads of right frames come back as they were', () => {
  const message = fc.record(
    { parts: fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 5 }), isText: fc.boolean() },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.uint8Array({ minLength: 4, maxLength: 4 }), (messages, key) => {
      const { observer, seen, previews } = watch();
      const frames = messages.flatMap(({ parts, isText }) =>
        parts.map((payload, at) =>
          frame({
            opcode: at > 0 ? 0 : isText ? 1 : 2,
            payload,
            isFinal: at === parts.length - 1,
            key: [key[0]!, key[1]!, key[2]!, key[3]!],
          }),
        ),
      );
      hear((bytes) => observer.fromClient(bytes), Buffer.concat(frames));
      expect(previews).toEqual(messages.map(({ parts }) => Buffer.concat(parts)));
      expect(seen.map(({ kind, problem }) => [kind, problem])).toEqual(messages.map(({ isText }) => [isText ? 'text' : 'binary', null]));
    }),
  );
});
