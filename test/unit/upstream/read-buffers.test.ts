import { expect, test } from 'vitest';
import { ReadBuffers } from '../../../src/upstream/read-buffers.ts';

const SIZES = [16_384, 65_536, 262_144] as const;

test.for(SIZES)('%d octets: a buffer that was given is taken again, one that was not never is', (size) => {
  const buffers = new ReadBuffers('lossless');
  const first = buffers.take(size);
  const second = buffers.take(size);
  expect(overlap(first, second)).toBe(false);
  buffers.give(first);
  expect(overlap(buffers.take(size), first)).toBe(true);
  expect(overlap(buffers.take(size), first)).toBe(false);
});

test('buffers in use never overlap, of whatever size and in whatever order they came and went', () => {
  const buffers = new ReadBuffers('lossless');
  const inUse: Buffer[] = [];
  for (let step = 0; step < 2_000; step += 1) {
    // As good as chance, and the same each time.
    const roll = (step * 7_919) % 101;
    if (roll < 55) {
      const taken = buffers.take(SIZES[step % 3]!);
      expect(inUse.some((other) => overlap(taken, other))).toBe(false);
      inUse.push(taken);
    } else if (inUse.length > 0) buffers.give(inUse.splice(roll % inUse.length, 1)[0]!);
  }
});

test.for(SIZES)('%d octets: a view of what was read leads back to the whole buffer', (size) => {
  const buffers = new ReadBuffers('lossless');
  // More than one slab of small ones.
  for (const whole of Array.from({ length: 70 }, () => buffers.take(size))) {
    for (const view of [whole, whole.subarray(0, 1), whole.subarray(0, size - 1)]) {
      const found = ReadBuffers.wholeOf(view);
      expect({ start: found.byteOffset, length: found.length, same: found.buffer === whole.buffer }).toEqual({
        start: whole.byteOffset,
        length: size,
        same: true,
      });
    }
  }
});

test.for([
  ['a full small one is followed by a medium one', 16_384, 16_384, 65_536],
  ['a full medium one by a large one', 65_536, 65_536, 262_144],
  ['a full large one by another', 262_144, 262_144, 262_144],
  ['one that is not full keeps its size', 20_000, 65_536, 65_536],
  ['one that is nearly empty is followed by a small one', 8_192, 262_144, 16_384],
  ['a small one stays small', 1, 16_384, 16_384],
] as const)('%s', ([, read, size, next]) => {
  expect(ReadBuffers.sizeAfter(read, size)).toBe(next);
});

test('small ones that may be lost share memory with no others, so that nothing is kept by what is left of it', () => {
  const lossy = new ReadBuffers('lossy');
  const memories = Array.from({ length: 100 }, () => lossy.take(16_384).buffer);
  expect(new Set(memories).size).toBe(100);
  expect(memories.every(({ byteLength }) => byteLength === 16_384)).toBe(true);
});

test('of small ones that are never lost all are kept', () => {
  const lossless = new ReadBuffers('lossless');
  const given = new Set(Array.from({ length: 1_000 }, () => lossless.take(16_384)));
  for (const buffer of given) lossless.give(buffer);
  expect(Array.from({ length: 1_000 }, () => lossless.take(16_384)).every((buffer) => given.has(buffer))).toBe(true);
});

test('what is kept of the larger sizes is bounded', () => {
  for (const size of [65_536, 262_144]) {
    const buffers = new ReadBuffers('lossless');
    const given = new Set(Array.from({ length: 200 }, () => buffers.take(size)));
    for (const buffer of given) buffers.give(buffer);
    const again = Array.from({ length: 200 }, () => buffers.take(size));
    expect(again.filter((buffer) => given.has(buffer))).toHaveLength(64);
  }
});

function overlap(a: Buffer, b: Buffer): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.length && b.byteOffset < a.byteOffset + a.length;
}
