import { describe, expect, test } from 'vitest';
import {
  areBlocksWhole,
  BLOCK_BYTES,
  bytesOnDisk,
  decodeTrailer,
  encodeTrailer,
  sumOfTrailer,
  sumsOfBlocks,
  trailerBytes,
} from '../../../../src/cache/stores/content-file.ts';
import { contentOf, sample } from './store-contract.ts';

describe('the trailer of a content file', () => {
  const stored = sample({ length: 2 * BLOCK_BYTES + 1 });
  const sums = sumsOfBlocks(contentOf(stored));
  const trailer = encodeTrailer(sums, stored);

  test('has a sum for each block, the last one short', () => {
    expect(sums).toHaveLength(3);
    expect(trailer).toHaveLength(trailerBytes(stored.extent.length));
    expect([...decodeTrailer(trailer, sumOfTrailer(trailer), stored)!]).toEqual(sums);
  });

  test('is of one response: another key, another id, and it is none', () => {
    const sum = sumOfTrailer(trailer);
    expect(decodeTrailer(trailer, sum, { ...stored, key: 'http://b.test/' })).toBeNull();
    expect(decodeTrailer(trailer, sum, { ...stored, id: 'other' })).toBeNull();
  });

  test('with any bit flipped is none', () => {
    const sum = sumOfTrailer(trailer);
    for (let bit = 0; bit < trailer.length * 8; bit += 1) {
      const damaged = Buffer.from(trailer);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeTrailer(damaged, sum, stored)).toBeNull();
    }
  });

  test('cut short is none', () => {
    for (let length = 0; length < trailer.length; length += 1) {
      const part = trailer.subarray(0, length);
      expect(decodeTrailer(part, sumOfTrailer(trailer), stored)).toBeNull();
    }
  });

  test('of a form that this version does not know is none', () => {
    const other = Buffer.from(trailer);
    other.writeUInt32LE(2, other.length - 8);
    expect(decodeTrailer(other, sumOfTrailer(other), stored)).toBeNull();
  });
});

test('blocks are proven one by one, from any block on', () => {
  const content = contentOf(sample({ length: 3 * BLOCK_BYTES + 5 }));
  const sums = Uint32Array.from(sumsOfBlocks(content));
  expect(areBlocksWhole(content, 0, sums)).toBe(true);
  expect(areBlocksWhole(content.subarray(2 * BLOCK_BYTES), 2, sums)).toBe(true);
  expect(areBlocksWhole(content.subarray(2 * BLOCK_BYTES), 1, sums)).toBe(false);
  expect(areBlocksWhole(content.subarray(0, -1), 0, sums)).toBe(false);
});

test('what a file takes on the disk is counted in whole blocks of the file system', () => {
  expect(bytesOnDisk(1)).toBe(4096);
  expect(bytesOnDisk(4096 - trailerBytes(1))).toBe(4096);
  expect(bytesOnDisk(4096)).toBe(8192);
});
