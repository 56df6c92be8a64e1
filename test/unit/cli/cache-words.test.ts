import { expect, test } from 'vitest';
import { entryLine, freshnessText, periodText } from '../../../src/cli/cache-words.ts';

test.each([
  [0, '0s'],
  [59, '59s'],
  [3_599, '59m'],
  [86_399, '23h'],
  [86_400 * 364, '364d'],
  [86_400 * 800, '2y'],
])('%d seconds are %s', (seconds, text) => {
  expect(periodText(seconds)).toBe(text);
});

test.each([
  [true, 60, 120, 'fresh for 1m'],
  [false, 120, 60, 'stale for 1m'],
  [false, 60, 60, 'stale for 0s'],
  [false, 0, 60, 'to be validated'],
])('fresh %s at the age of %d of %d seconds: %s', (isFresh, ageSeconds, lifetimeSeconds, text) => {
  expect(freshnessText({ isFresh, ageSeconds, lifetimeSeconds })).toBe(text);
});

test('what a URL or a user is called cannot steer the terminal', () => {
  const entry = { status: 200, bytes: 1, isComplete: false, isFresh: true, ageSeconds: 0, lifetimeSeconds: 60, selectedBy: [], tags: [] };
  expect(entryLine({ ...entry, url: 'http://a.test/\x1b[2J', partition: 'user=a\nb' })).toBe(
    '200        1 B  fresh for 1m     http://a.test/\\u001b[2J  (part; user=a | b)',
  );
});
