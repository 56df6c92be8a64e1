import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../../src/net/token-bucket.ts';

describe('a bucket', () => {
  test('begins full: a burst of one second is there at once, and not one token more', () => {
    const bucket = new TokenBucket(10);
    expect(bucket.take(10, 0)).toBe(true);
    expect(bucket.take(1, 0)).toBe(false);
  });

  test('a refused take costs nothing', () => {
    const bucket = new TokenBucket(10);
    expect(bucket.take(11, 0)).toBe(false);
    expect(bucket.take(10, 0)).toBe(true);
  });

  test('a rate below one a second still gives its one token, and then none until its time has come', () => {
    const bucket = new TokenBucket(0.5);
    expect(bucket.take(1, 0)).toBe(true);
    expect(bucket.msUntil(1, 0)).toBe(2_000);
    expect(bucket.take(1, 1_999)).toBe(false);
    expect(bucket.take(1, 2_000)).toBe(true);
  });

  test.each([
    [10, 10, 1, 100],
    [10, 4, 6, 0],
    [10, 4, 7, 100],
    [1000, 1000, 250, 250],
    [3, 3, 1, 1000 / 3],
    [10, 0, 11, Number.POSITIVE_INFINITY],
  ])('at %d a second, after %d taken, %d more are there in %d ms', (rate, taken, wanted, ms) => {
    const bucket = new TokenBucket(rate);
    bucket.take(taken, 0);
    expect(bucket.msUntil(wanted, 0)).toBeCloseTo(ms, 6);
  });

  test('a long rest fills it to its burst and no further', () => {
    const bucket = new TokenBucket(10);
    bucket.take(10, 0);
    expect(bucket.isFull(999)).toBe(false);
    expect(bucket.isFull(1_000)).toBe(true);
    expect(bucket.available(1_000_000)).toBe(10);
  });

  test('a clock that goes back gives nothing and takes nothing', () => {
    const bucket = new TokenBucket(10);
    bucket.take(10, 1_000);
    expect(bucket.available(0)).toBe(0);
    expect(bucket.available(1_000)).toBe(0);
    expect(bucket.available(1_100)).toBe(1);
  });
});

describe('whatever is asked of it', () => {
  const rates = fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0.01, max: 50, noNaN: true }));
  const steps = fc.array(
    fc.record({ afterMs: fc.double({ min: 0, max: 3_000, noNaN: true }), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    {
      maxLength: 60,
    },
  );

  test('no window of t seconds lets more than rate * t + burst pass', () => {
    fc.assert(
      fc.property(rates, steps, (rate, asked) => {
        const bucket = new TokenBucket(rate);
        const passed: { atMs: number; sum: number }[] = [];
        let nowMs = 0;
        let sum = 0;
        for (const { afterMs, share } of asked) {
          nowMs += afterMs;
          const n = Math.ceil(share * bucket.burst);
          if (!bucket.take(n, nowMs)) continue;
          passed.push({ atMs: nowMs, sum });
          sum += n;
          for (const first of passed) {
            const most = (rate * (nowMs - first.atMs)) / 1000 + bucket.burst;
            expect(sum - first.sum).toBeLessThanOrEqual(most + 0.001);
          }
        }
      }),
    );
  });

  test('who waits as long as it was told gets what it waited for', () => {
    fc.assert(
      fc.property(rates, steps, (rate, asked) => {
        const bucket = new TokenBucket(rate);
        let nowMs = 0;
        for (const { afterMs, share } of asked) {
          nowMs += afterMs;
          const n = Math.max(1, Math.floor(share * bucket.burst));
          nowMs += bucket.msUntil(n, nowMs);
          expect(bucket.take(n, nowMs)).toBe(true);
        }
      }),
    );
  });
});
