import { expect, test } from 'vitest';
import { CacheCounts } from '../../../src/cache/cache-counts.ts';
import { type CacheRecord, createCacheRecord } from '../../../src/cache/cache-record.ts';

function counted(...exchanges: readonly [outcome: CacheRecord['outcome'], bytes: number, isCollapsed?: boolean][]) {
  const counts = new CacheCounts();
  for (const [outcome, bytes, isCollapsed = false] of exchanges)
    counts.add(Object.assign(createCacheRecord('k'), { outcome, isCollapsed }), bytes);
  return counts.answers;
}

test('each exchange is counted by what came of it, and its octets by whether they were forwarded', () => {
  expect(counted(['hit', 1], ['validated', 2], ['stale', 4], ['forwarded', 8, true], ['forwarded', 16])).toEqual({
    ...{ hits: 1, validated: 1, stale: 1, collapsed: 1, forwarded: 1, unanswered: 0 },
    ...{ bytes: 31, bytesReused: 15 },
  });
});

test('the page of a 504 is content of neither the cache nor an origin', () => {
  expect(counted(['hit', 1], ['none', 402])).toMatchObject({ unanswered: 1, bytes: 1, bytesReused: 1 });
});
