import { describe, expect, test } from 'vitest';
import type { StoredResponse } from '../../../../src/cache/stored-response.ts';
import { copyRecord, type FilePlace, hashOfKey, readRecord, recordBytes, writeRecord } from '../../../../src/cache/stores/stored-record.ts';
import { contentOf, sample } from './store-contract.ts';

const FILE: FilePlace = { length: 2 ** 40, sum: 0xffffffff, name: '0123456789abcdef'.repeat(2) };
const SEED = 12_345;

describe('a stored response as a record', () => {
  test.each([null, FILE])('comes back as it was, its field lines too, with the place of its file: %j', (file) => {
    const stored = sample({
      fields: [
        { name: 'A', value: 'b', line: 'A: b\r\n' },
        { name: 'c', value: '\x01\xff "' },
      ],
      reason: 'Très bien\0',
      selectedBy: [{ name: 'accept', value: null }],
      origin: { address: '::1', port: 8080 },
      tags: ['x', '\ud800'],
    });
    const content = file === null ? contentOf(stored) : Buffer.alloc(0);
    const record = recordOf(stored, content, file);
    const read = readRecord(record, SEED)!;
    expect(read).toMatchObject({ file, order: 7, contentLength: content.length });
    expect(read.stored).toMatchObject({ ...stored, fields: stored.fields.map(({ name, value }) => ({ name, value })) });
    expect(read.stored.fields.map(({ line }) => line)).toEqual(['A: b\r\n', 'c: \x01\xff "\r\n']);
    expect(record.subarray(read.contentAt)).toEqual(content);
    // Its head is enough to read it.
    expect(readRecord(record.subarray(0, read.contentAt), SEED)).toEqual(read);
    expect(readRecord(record.subarray(0, read.contentAt - 1), SEED)).toBeNull();
  });

  test('with any bit of header and head flipped, or in another place, is damaged', () => {
    const record = recordOf(sample(), Buffer.from('content'), null);
    const { contentAt } = readRecord(record, SEED)!;
    for (let at = 0; at < contentAt; at += 1) {
      const damaged = Buffer.from(record);
      damaged[at]! ^= 1 << (at % 8);
      expect(readRecord(damaged, SEED)).toBeNull();
    }
    expect(readRecord(record, SEED + 1)).toBeNull();
  });

  test('can be copied to another place as it is', () => {
    const record = recordOf(sample(), Buffer.from('content'), null);
    const elsewhere = Buffer.alloc(record.length + 10);
    copyRecord(elsewhere, 10, SEED + 1, record);
    expect(readRecord(elsewhere.subarray(10), SEED + 1)).toEqual(readRecord(record, SEED));
    expect(readRecord(elsewhere.subarray(10), SEED)).toBeNull();
  });

  test.each(['', 'x', '../../etc/passwd', '0123', FILE.name.toUpperCase()])('does not take %j for the name of a file', (name) => {
    const record = recordOf(sample(), Buffer.alloc(0), { ...FILE, name });
    expect(readRecord(record, SEED)!.file!.name).toMatch(/^[0-9a-f]{32}$/);
  });
});

test('hashes of keys are numbers of 32 bits, differ as much as such can, and depend on the seed', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `http://a.test/some/path/${i}`);
  const hashes = keys.map((key) => hashOfKey(key, 1));
  expect(hashes.every((hash) => Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32)).toBe(true);
  // By chance 0.05 of them share one.
  expect(new Set(hashes).size).toBeGreaterThan(keys.length - 3);
  expect(keys.filter((key, i) => hashOfKey(key, 2) === hashes[i]).length).toBeLessThan(3);
  // And they spread evenly over the tables.
  const counts = new Array<number>(16).fill(0);
  for (const hash of hashes) counts[hash >>> 28]! += 1;
  expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.25);
});

function recordOf(stored: StoredResponse, content: Buffer, file: FilePlace | null): Buffer {
  const record = Buffer.alloc(recordBytes(stored, file, content));
  writeRecord(record, 0, SEED, stored, file, content, 7);
  record.set(content, record.length - content.length);
  return record;
}
