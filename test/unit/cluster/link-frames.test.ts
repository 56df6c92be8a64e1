import { expect, test } from 'vitest';
import {
  BrokenFrame,
  FrameReader,
  frameHead,
  LINK_KINDS,
  type LinkFrame,
  MOST_HEAD_OCTETS,
  MOST_OCTETS,
} from '../../../src/cluster/link-frames.ts';

const OCTETS = Buffer.from([0, 1, 2, 255]);
const STREAM = Buffer.concat([
  frameHead(LINK_KINDS.said, 0, { kind: 'batch', used: 4 }, OCTETS.length),
  OCTETS,
  frameHead(LINK_KINDS.asked, 4_294_967_295, { kind: 'admit', user: 'Zoë' }, 0),
  frameHead(LINK_KINDS.answered, 7, {}, 0),
]);

function readIn(...pieces: readonly Buffer[]): readonly LinkFrame[] {
  const frames: LinkFrame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  for (const piece of pieces) reader.take(piece);
  return frames;
}

/** A beginning that announces so much. */
function prefix(head: number, octets: number, kind: number): Buffer {
  const buffer = Buffer.alloc(13);
  buffer.writeUInt32LE(head, 0);
  buffer.writeUInt32LE(octets, 4);
  buffer[8] = kind;
  return buffer;
}

test('messages are what they were, wherever the stream is cut', () => {
  const whole = readIn(STREAM);
  expect(whole.map(({ kind, number, head }) => ({ kind, number, head }))).toEqual([
    { kind: LINK_KINDS.said, number: 0, head: { kind: 'batch', used: 4 } },
    { kind: LINK_KINDS.asked, number: 4_294_967_295, head: { kind: 'admit', user: 'Zoë' } },
    { kind: LINK_KINDS.answered, number: 7, head: {} },
  ]);
  expect(Buffer.from(whole[0]!.octets!)).toEqual(OCTETS);
  expect(whole[1]!.octets).toBeNull();
  for (let at = 0; at <= STREAM.length; at += 1) expect(readIn(STREAM.subarray(0, at), STREAM.subarray(at))).toEqual(whole);
});

test('messages are what they were, octet by octet', () => {
  expect(readIn(...Array.from(STREAM, (octet) => Buffer.from([octet])))).toEqual(readIn(STREAM));
});

test('octets lie in memory of their own, and can be handed on', () => {
  const [frame] = readIn(STREAM);
  expect(frame!.octets!.byteLength).toBe(OCTETS.length);
  expect(structuredClone(frame!.octets, { transfer: [frame!.octets!] })!.byteLength).toBe(OCTETS.length);
});

test.each([
  ['a head beyond the bound', prefix(MOST_HEAD_OCTETS + 1, 0, 1)],
  ['octets beyond the bound', prefix(2, MOST_OCTETS + 1, 1)],
  ['the largest lengths', prefix(0xffff_ffff, 0xffff_ffff, 1)],
  ['no head', prefix(0, 0, 1)],
  ['a kind that there is none of', prefix(2, 0, 9)],
  ['a head that is not JSON', Buffer.concat([prefix(2, 0, 1), Buffer.from('{]')])],
  ['a head that is no object', Buffer.concat([prefix(2, 0, 1), Buffer.from('42')])],
])('%s is no frame', (_, octets) => {
  expect(() => readIn(octets)).toThrow(BrokenFrame);
});
