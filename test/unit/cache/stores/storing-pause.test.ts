import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { reasonOf, StoringPause } from '../../../../src/cache/stores/storing-pause.ts';

const FULL = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a failure turns storing off, longer each time that it comes again, and is told of once, as is its end', () => {
  const lines: string[] = [];
  const pause = new StoringPause('/cache', (line) => lines.push(line));
  expect(pause.isOn).toBe(false);
  const lengths: number[] = [];
  for (let i = 0; i < 8; i += 1) {
    pause.begin(FULL);
    pause.begin(FULL);
    const at = performance.now();
    while (pause.isOn) vi.advanceTimersByTime(500);
    lengths.push(performance.now() - at);
  }
  expect(lengths).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  expect(lines).toEqual(['cache: nothing can be stored in /cache (no space left, ENOSPC); answers go on without, and it is tried again']);
  pause.end();
  pause.end();
  expect(lines.slice(1)).toEqual(['cache: storing in /cache works again']);
});

test('a wall clock that jumps changes nothing', () => {
  const pause = new StoringPause('/cache', () => {});
  pause.begin(FULL);
  vi.setSystemTime(0);
  expect(pause.isOn).toBe(true);
  vi.advanceTimersByTime(1000);
  vi.setSystemTime(4e12);
  expect(pause.isOn).toBe(false);
});

test.each([
  [{ code: 'EIO', message: 'x' }, 'the disk fails, EIO'],
  [{ code: 'EXDEV' }, 'EXDEV'],
  [Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR' }), 'database or disk is full'],
  ['odd', 'odd'],
])('%j is told as %s', (error, told) => {
  expect(reasonOf(error)).toBe(told);
});
