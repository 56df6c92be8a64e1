import { expect, test } from 'vitest';
import { checkOf, hashOf } from '../../../src/cache/key-hash.ts';

test('keys differ in their hashes as much as numbers of 32 bits can, and in both of them independently', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `http://a.test/some/path/${i}`);
  const hashes = keys.map(hashOf);
  expect(hashes.every((hash) => (hash | 0) === hash)).toBe(true);
  // By chance 0.05 of them share one.
  expect(new Set(hashes).size).toBeGreaterThan(keys.length - 3);
  expect(new Set(keys.map(checkOf)).size).toBeGreaterThan(keys.length - 3);
  const counts = new Array<number>(256).fill(0);
  for (const key of keys) counts[(hashOf(key) & 15) * 16 + (checkOf(key) & 15)]! += 1;
  expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(3);
});

test('a key has the same hash each time, whatever was asked for in between', () => {
  const one = hashOf('http://a.test/');
  hashOf('http://b.test/');
  expect(hashOf(['http://', 'a.test/'].join(''))).toBe(one);
  expect(hashOf('')).toBe(hashOf(''));
});
