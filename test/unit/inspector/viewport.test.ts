import { expect, test } from 'vitest';
import { type Scrolled, viewportOf } from '../../../src/inspector/ui/traffic/viewport.ts';

const LIST: Scrolled = { total: 100_000, rowHeight: 28, headHeight: 28, height: 700, scrollTop: 0, isFollowing: false };

test('at the top the first rows are seen, each below the other', () => {
  const { first, last, placeOf, whole } = viewportOf(LIST);
  expect([first, last, placeOf(0), placeOf(1), whole]).toEqual([0, 26, 0, 28, 2_800_000]);
});

test('a row that is half out of sight is still one that is seen', () => {
  expect(viewportOf({ ...LIST, scrollTop: 28 * 500 + 14 })).toMatchObject({ first: 500, last: 526 });
});

test('following shows the end, whatever the browser has been told so far', () => {
  const { end, last, placeOf } = viewportOf({ ...LIST, isFollowing: true });
  expect(last).toBe(100_000);
  // The last row ends where what is seen does: below the head, which is part of what scrolls.
  expect(placeOf(99_999) + 28 + 28).toBe(end + 700);
});

test('fewer rows than fit are all seen, and nothing scrolls', () => {
  expect(viewportOf({ ...LIST, total: 3 })).toMatchObject({ first: 0, last: 3, end: 0 });
  expect(viewportOf({ ...LIST, total: 0, isFollowing: true })).toMatchObject({ first: 0, last: 0, end: 0, whole: 0 });
});

test('more rows than a browser can lay out are all within reach', () => {
  const many = { ...LIST, total: 10_000_000 };
  const { end, whole } = viewportOf(many);
  expect(whole).toBe(15_000_000);
  expect(viewportOf({ ...many, scrollTop: end }).last).toBe(10_000_000);
  const { first, placeOf, scrollTopOf } = viewportOf({ ...many, scrollTop: end / 2 });
  expect(first).toBeGreaterThan(4_999_900);
  // It is drawn where the browser has scrolled to.
  expect(Math.abs(placeOf(first) - end / 2)).toBeLessThan(28);
  expect(viewportOf({ ...many, scrollTop: scrollTopOf(7_000_000) + 0.01 }).first).toBe(7_000_000);
});
