import { expect, test } from 'vitest';
import { freeMemory } from '../../../src/net/free-memory.ts';

test('the octets are gone, and freeing them again does nothing', () => {
  const memory = new ArrayBuffer(64);
  const bytes = Buffer.from(memory);
  freeMemory(bytes);
  freeMemory(bytes);
  expect({ length: bytes.length, memory: memory.byteLength }).toEqual({ length: 0, memory: 0 });
});

test('memory that is shared with other octets is left alone', () => {
  const memory = new ArrayBuffer(64);
  const bytes = Buffer.from(memory, 0, 40);
  freeMemory(bytes);
  expect({ length: bytes.length, memory: memory.byteLength }).toEqual({ length: 40, memory: 64 });
});
