import { expect, test } from 'vitest';
import { freeMemory } from '../../../src/net/free-memory.ts';

test('memory that is wholly of these octets is freed', () => {
  const bytes = Buffer.from(new ArrayBuffer(64));
  freeMemory(bytes);
  expect(bytes.length).toBe(0);
  freeMemory(bytes);
});

test('memory that holds other octets too is left alone', () => {
  const pooled = Buffer.from('a part of a pool');
  const part = Buffer.from(new ArrayBuffer(64)).subarray(1);
  freeMemory(pooled);
  freeMemory(part);
  expect(pooled.toString()).toBe('a part of a pool');
  expect(part.length).toBe(63);
});
