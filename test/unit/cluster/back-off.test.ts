import { expect, test } from 'vitest';
import { BackOff } from '../../../src/cluster/back-off.ts';

test('what ran for a while is back at once, however often it ends', () => {
  const backOff = new BackOff();
  expect(Array.from({ length: 5 }, () => backOff.after(10_000))).toEqual([0, 0, 0, 0, 0]);
});

test('what ends as soon as it starts waits twice as long each time, up to half a minute', () => {
  const backOff = new BackOff();
  const waits = Array.from({ length: 10 }, () => backOff.after(100));
  expect(waits).toEqual([0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  expect(backOff.after(60_000)).toBe(0);
  expect(backOff.after(100)).toBe(0);
});
