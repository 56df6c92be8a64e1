import { expect, test } from 'vitest';
import { MOST_OCTETS, PackedRecords } from '../../../../src/cache/stores/packed-records.ts';

const MIB = 1 << 20;

/** Adds a record of octets that are its own. */
function add(records: PackedRecords, length: number, octet: number): number {
  const number = records.add(length);
  const start = records.startOf(number);
  records.memoryOf(number).fill(octet, start, start + length);
  return number;
}

function isWhole(records: PackedRecords, number: number, length: number, octet: number): boolean {
  const start = records.startOf(number);
  return (
    records.lengthOf(number) === length &&
    records
      .memoryOf(number)
      .subarray(start, start + length)
      .every((each) => each === octet)
  );
}

test('records lie side by side, of any length up to the largest', () => {
  const records = new PackedRecords();
  const lengths = [0, 1, 3, 4, 1000, MOST_OCTETS - 1, MOST_OCTETS];
  const numbers = lengths.map((length, i) => add(records, length, i));
  expect(new Set(numbers).size).toBe(lengths.length);
  expect(numbers.every((number, i) => isWhole(records, number, lengths[i]!, i))).toBe(true);
});

test('whatever comes and goes, what is there stays whole, and gaps stay a small share', () => {
  const records = new PackedRecords();
  const there = new Map<number, { readonly length: number; readonly octet: number }>();
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  let used = 0;
  for (let i = 0; i < 60_000; i += 1) {
    const length = random(20) === 0 ? random(MOST_OCTETS) : random(1500);
    const octet = random(256);
    there.set(add(records, length, octet), { length, octet });
    used += length;
    for (const number of there.keys()) {
      if (used <= 8 * MIB) break;
      // Neither the oldest always, nor anyone: gaps are everywhere.
      if (random(3) > 0) continue;
      used -= there.get(number)!.length;
      there.delete(number);
      records.remove(number);
    }
    if (i % 5000 === 0) expect([...there].every(([number, { length, octet }]) => isWhole(records, number, length, octet))).toBe(true);
  }
  expect([...there].every(([number, { length, octet }]) => isWhole(records, number, length, octet))).toBe(true);
  expect(records.heldBytes).toBeLessThan(1.25 * used + 3 * MIB);
});

test('of what was much and is gone, little memory stays', () => {
  const records = new PackedRecords();
  const numbers = Array.from({ length: 10_000 }, (_, i) => add(records, 2000, i % 256));
  expect(records.heldBytes).toBeGreaterThan(19 * MIB);
  for (const number of numbers) if (number % 100 > 0) records.remove(number);
  expect(records.heldBytes).toBeLessThan(4 * MIB);
  expect(numbers.every((number, i) => number % 100 > 0 || isWhole(records, number, 2000, i % 256))).toBe(true);
});
