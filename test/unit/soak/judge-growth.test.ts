import { describe, expect, test } from 'vitest';
import { judgeGrowth, type ProcessSample, type Sample } from '../../soak/growth/judge-growth.ts';

const HELD: ProcessSample = { name: 'proxy', busyKiB: 200_000, rssKiB: 190_000, heapKiB: 30_000, externalKiB: 20_000, descriptors: 60 };

/** Thirty-five samples, 50,000 requests apart. */
function samples(change: (index: number) => Partial<ProcessSample>): readonly Sample[] {
  return Array.from({ length: 35 }, (_, index) => ({ requests: (index + 6) * 50_000, processes: [{ ...HELD, ...change(index) }] }));
}

function failed(all: readonly Sample[]): readonly string[] {
  return judgeGrowth(all).flatMap(({ process, figure, rise, atMost }) => (rise > atMost ? [`${process}: ${figure}`] : []));
}

describe('the judgement of growth', () => {
  test('passes what is flat, and what goes up and down', () => {
    expect(failed(samples(() => ({})))).toEqual([]);
    expect(failed(samples((index) => ({ rssKiB: 190_000 + (index % 5) * 8_000, heapKiB: 30_000 - (index % 2) * 4_000 })))).toEqual([]);
  });

  test('is not moved by some samples that lie far above', () => {
    expect(failed(samples((index) => ({ heapKiB: index % 6 === 5 ? 50_000 : 30_000, descriptors: index > 31 ? 70 : 60 })))).toEqual([]);
  });

  test('finds sixteen octets left behind by one request in ten', () => {
    expect(failed(samples((index) => ({ heapKiB: 30_000 + (index * 50_000 * 16) / 10 / 1_024 })))).toEqual(['proxy: heapKiB']);
  });

  test('finds a descriptor that is not closed from time to time', () => {
    expect(failed(samples((index) => ({ descriptors: 60 + Math.floor(index / 10) })))).toEqual(['proxy: descriptors']);
  });

  test('finds the one process that grows', () => {
    const all = samples((index) => ({ rssKiB: 190_000 + index * 500 })).map(({ requests, processes }) => ({
      requests,
      processes: [{ ...HELD, name: 'primary' }, ...processes],
    }));
    expect(failed(all)).toEqual(['proxy: rssKiB']);
  });

  test('refuses to judge by two samples', () => {
    expect(() => judgeGrowth(samples(() => ({})).slice(0, 2))).toThrow('too few');
  });
});
