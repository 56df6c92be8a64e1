import { expect, test } from 'vitest';
import { Invalidations } from '../../../src/cache/invalidations.ts';

test('what was asked for before is outdated, what is asked for after is not, and other keys are not', () => {
  const invalidations = new Invalidations();
  const before = invalidations.moment;
  invalidations.note('a');
  const after = invalidations.moment;
  expect(['a', 'b'].map((key) => [invalidations.isSince(before, key), invalidations.isSince(after, key)])).toEqual([
    [true, false],
    [false, false],
  ]);
});

test('a key that has been forgotten counts as invalidated, for all that was asked for before', () => {
  const invalidations = new Invalidations();
  const before = invalidations.moment;
  for (let i = 0; i <= 4_096; i += 1) invalidations.note(`${i}`);
  expect([invalidations.isSince(before, '0'), invalidations.isSince(before, 'other')]).toEqual([true, true]);
  expect(invalidations.isSince(invalidations.moment, '0')).toBe(false);
});
