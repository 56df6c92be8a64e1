import { beforeEach, expect, test } from 'vitest';
import { DailyBytes, MOST_COUNTS } from '../../../../src/policy/limits/daily-bytes.ts';

const HOUR = 3_600_000;
const MIDNIGHT = Date.UTC(2026, 10, 23);
let epochMs: number;
let daily: DailyBytes;

beforeEach(() => {
  epochMs = MIDNIGHT + 12 * HOUR;
  daily = new DailyBytes(() => epochMs);
});

test('counts go by rule and by who it is', () => {
  daily.add('Artifacts', 'user alice', 5);
  expect(daily.add('Artifacts', 'user alice', 7)).toBe(12);
  daily.add('Other', 'user alice', 1);
  expect(daily.used('Artifacts', 'user alice')).toBe(12);
  expect(daily.used('Artifacts', 'user bob')).toBe(0);
  expect([...daily.counts()]).toEqual([
    { rule: 'Artifacts', who: 'user alice', bytes: 12 },
    { rule: 'Other', who: 'user alice', bytes: 1 },
  ]);
});

test('a day goes from midnight to midnight UTC, and the next begins at zero', () => {
  daily.add('Artifacts', 'all', 5);
  epochMs = MIDNIGHT + 24 * HOUR - 1;
  expect(daily.used('Artifacts', 'all')).toBe(5);
  expect(daily.secondsLeft()).toBe(1);
  epochMs += 1;
  expect(daily.used('Artifacts', 'all')).toBe(0);
  expect(daily.secondsLeft()).toBe(86_400);
  expect(daily.day).toBe('2026-11-24');
});

test('a clock that is set back gives no quota a second time; the next day is new again', () => {
  epochMs += 3 * 24 * HOUR;
  daily.add('Artifacts', 'all', 5);
  epochMs = MIDNIGHT;
  expect(daily.used('Artifacts', 'all')).toBe(5);
  expect(daily.day).toBe('2026-11-23');
  epochMs += 24 * HOUR;
  expect(daily.used('Artifacts', 'all')).toBe(0);
});

test.each([
  ['today', '2026-11-23', 5],
  ['yesterday, which is over', '2026-11-22', 0],
  ['tomorrow, after the clock was set back', '2026-11-24', 5],
])('counts that were kept for %s', (_, day, expected) => {
  daily.restore(day, [{ rule: 'Artifacts', who: 'all', bytes: 5 }]);
  expect(daily.used('Artifacts', 'all')).toBe(expected);
});

test('a rule or a user with any character in it comes back as it was', () => {
  const odd = { rule: 'a "b"\n\0c', who: 'user \0 \u2028 é', bytes: 3 };
  daily.add(odd.rule, odd.who, odd.bytes);
  const other = new DailyBytes(() => epochMs);
  other.restore(daily.day, [...daily.counts()]);
  expect(other.used(odd.rule, odd.who)).toBe(3);
});

test('nobody new is counted beyond the bound, until the day is over', () => {
  for (let i = 0; i < MOST_COUNTS; i += 1) daily.add('Artifacts', `user ${i}`, 1);
  expect(daily.used('Artifacts', 'user new')).toBeNull();
  expect(daily.used('Artifacts', 'user 0')).toBe(1);
  epochMs += 24 * HOUR;
  expect(daily.used('Artifacts', 'user new')).toBe(0);
});
