import { describe, expect, test } from 'vitest';
import { median, medianRatio } from '../../bench/statistics.ts';

test.each([
  [[], null],
  [[3], 3],
  [[10, 9, 100], 10],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %j', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test('the median leaves the order of the rounds alone', () => {
  const values = [3, 1, 2];
  median(values);
  expect(values).toEqual([3, 1, 2]);
});

describe('the ratio to another peer', () => {
  const base = new Map([
    [1, 10],
    [2, 100],
    [3, 20],
  ]);

  test('is taken within each round, so that a disturbed round does not shift it', () => {
    const values = new Map([
      [1, 5],
      [2, 50],
      [3, 12],
    ]);
    expect(medianRatio(values, base)).toBe(0.5);
  });

  test('leaves out rounds that lack either side, or whose base is nothing', () => {
    expect(
      medianRatio(
        new Map([
          [2, 25],
          [4, 1],
        ]),
        base,
      ),
    ).toBe(0.25);
    expect(medianRatio(new Map([[1, 5]]), new Map([[1, 0]]))).toBeNull();
    expect(medianRatio(new Map(), base)).toBeNull();
  });
});
