// What `top` draws: all of it has room in a terminal as they are by default.
import { expect, test } from 'vitest';
import { drawn, screenOf } from '../../../src/cli/top.ts';
import type { Overview } from '../../../src/flows/store/protocol.ts';

const many = (name: string) =>
  Array.from({ length: 9 }, (_, i) => ({ name: `${name}-${i}`, exchanges: 1_234_567, denied: 4_321, bytes: 1.5 * 2 ** 30 }));
const OVERVIEW: Overview = {
  ...{ sinceMs: 0, exchanges: 12_345_678, denied: 123_456, failed: 123_456, hits: 1_234_567, bytes: 2 ** 40, savedBytes: 2 ** 39 },
  ...{ statuses: [1, 2, 3, 4, 5, 6], seconds: [], types: [] },
  ...{ hosts: many(`${'a-long-name.'.repeat(5)}example`), clients: many('192.0.2.1'), users: many('ada') },
};

test('nothing is cut off in 80 columns, and a name that is too long says so', () => {
  const lines = screenOf(OVERVIEW, 0, 7).split('\n');
  expect(lines.filter((line) => line.length > 79)).toEqual([]);
  expect(lines.find((line) => line.startsWith('a-long-name'))).toMatch(/… +1,234,567 +4,321 +1\.5 GiB$/);
});

test('what is drawn stays within the screen', () => {
  const lines = drawn(screenOf(OVERVIEW, 0, 7), 40, 24).split('\n');
  expect(lines).toHaveLength(23);
  // Behind each line stands what takes away the rest of it.
  for (const line of lines) expect(line.replaceAll(ESCAPES, '').length).toBeLessThan(40);
});

const ESCAPES = /\u001b\[[HKJ]/g;
