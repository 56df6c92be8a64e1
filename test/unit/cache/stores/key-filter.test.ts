import { describe, expect, test } from 'vitest';
import { KeyFilter } from '../../../../src/cache/stores/key-filter.ts';
import { hashOfKey } from '../../../../src/cache/stores/stored-row.ts';

describe('the filter of keys', () => {
  test('never denies a key that was added, and is wrong about few others', () => {
    const filter = KeyFilter.forKeys(10_000);
    const hashes = Array.from({ length: 20_000 }, (_, i) => hashOfKey(`http://a.test/${i}`));
    for (const hash of hashes.slice(0, 10_000)) filter.add(hash);
    expect(hashes.slice(0, 10_000).every((hash) => filter.mayHave(hash))).toBe(true);
    expect(hashes.slice(10_000).filter((hash) => filter.mayHave(hash)).length).toBeLessThan(50);
  });

  test('takes a few octets a key', () => {
    expect(KeyFilter.forKeys(1_000_000).memory.byteLength).toBeLessThanOrEqual(2_000_032);
  });

  test('answers the same over the same memory', () => {
    const filter = KeyFilter.forKeys(1);
    const other = new KeyFilter(filter.memory);
    expect(other.mayHave(hashOfKey('http://a.test/'))).toBe(false);
    filter.add(hashOfKey('http://a.test/'));
    expect(other.mayHave(hashOfKey('http://a.test/'))).toBe(true);
  });

  test('holds for the least and the greatest hash', () => {
    const filter = KeyFilter.forKeys(100);
    for (const hash of [0, 2 ** 52 - 1]) {
      filter.add(hash);
      expect(filter.mayHave(hash)).toBe(true);
    }
  });
});
