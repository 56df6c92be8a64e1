// Rows that wait to be written: by id, of each exchange the latest, and none of a batch that came to nothing.
import { expect, test } from 'vitest';
import { UnwrittenRows } from '../../../../src/flows/store/unwritten-rows.ts';

const SUMMARY = Buffer.from('[1,2,3]');

function put(rows: UnwrittenRows, ids: readonly number[], hasEnded: boolean): void {
  for (const id of ids) rows.put(id, SUMMARY, 0, SUMMARY.length, id, 100, hasEnded);
}

function idsOf(rows: UnwrittenRows): number[] {
  return [...rows.sorted()].map((number) => rows.id(number));
}

test('rows come out by ascending ids, however they came', () => {
  const rows = new UnwrittenRows();
  const ids = Array.from({ length: 5_000 }, (_, i) => 2 ** 36 + ((i * 7_919) % 5_000));
  rows.begin(1);
  put(rows, ids, true);
  expect(idsOf(rows)).toEqual([...ids].sort((a, b) => a - b));
  expect(ids.every((id) => rows.has(id))).toBe(true);
  expect(rows.has(2 ** 36 + 5_000)).toBe(false);
});

test('of an exchange that was announced and has ended, the end counts', () => {
  const rows = new UnwrittenRows();
  rows.begin(1);
  put(rows, [3, 1, 2], false);
  put(rows, [2, 4], true);
  expect(idsOf(rows)).toEqual([1, 2, 3, 4]);
  expect([...rows.sorted()].map((number) => rows.hasEnded(number))).toEqual([false, true, false, true]);
  expect([1, 2, 3, 4, 5].map((id) => rows.has(id))).toEqual([true, true, true, true, false]);
});

test('ids that are far from one another are told apart', () => {
  const rows = new UnwrittenRows();
  const ids = Array.from({ length: 3_000 }, (_, i) => 1 + i * 2_048);
  rows.begin(1);
  put(rows, [...ids, ...ids], true);
  expect(idsOf(rows)).toEqual(ids);
  expect(rows.has(2)).toBe(false);
  rows.clear();
  expect(rows.has(1)).toBe(false);
});

test('a batch that could not be written takes its rows back, and no others', () => {
  const rows = new UnwrittenRows();
  rows.begin(1);
  put(rows, [1, 2], false);
  rows.begin(1);
  put(rows, [2], true);
  put(rows, [9], false);
  rows.takeBack();
  expect(idsOf(rows)).toEqual([1, 2]);
  expect([1, 2, 9].map((id) => rows.has(id))).toEqual([true, true, false]);
  expect([...rows.sorted()].map((number) => rows.hasEnded(number))).toEqual([false, false]);
});
