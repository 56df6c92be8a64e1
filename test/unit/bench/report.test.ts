import { expect, test } from 'vitest';
import { report } from '../../bench/report.ts';
import { EXAMPLE_MACHINE as machine, rounds } from '../../support/measurements.ts';

test('says where the figures come from', () => {
  const text = report(machine, []);
  expect(text).toContain('2026-11-23: Example CPU, 2 cores, 8 GiB; Linux 6.1.0 x64; load average before 0.25\n');
  expect(text).toContain('sallyport 0.1.0; Squid Cache: Version 5.7\n');
});

test('a row holds the median, the spread and the ratios within rounds', () => {
  const text = report(machine, [
    ...rounds('forward', 'sallyport', [40, 80, 50]),
    ...rounds('forward', 'squid', [100, 160, 100]),
    ...rounds('forward', 'ats', [50, 80, 100]),
    ...rounds('forward', 'floor', [20, 40, 20]),
  ]);
  expect(text).toContain(
    '| forward | sallyport | us/request | 50.0 | 40.0 | 80.0 | 0.50 | 0.80 | 2.00 | 500/s |  |  | 0.90 | 64.0 | 3 | 3 |',
  );
  expect(text).toContain('| forward | squid | us/request | 100.0 | 100.0 | 160.0 | 1.00 | 2.00 | 5.00 |');
});

test('octets are shown as a rate of octets', () => {
  expect(report(machine, rounds('upload-1', 'squid', [1.5], 3e9))).toContain(
    '| upload-1 | squid | s/GiB | 1.500 | 1.500 | 1.500 | 1.00 | 1.50 GB/s |',
  );
});

test('a row of a workload for the cache says how many were hits', () => {
  expect(report(machine, rounds('hit-1k', 'ats', [10]))).toContain('| 1.00 | 500/s | 99.9% |  | 0.90 |');
});

test('the goals follow in a table of their own, or it says that there are none', () => {
  expect(report(machine, rounds('forward', 'sallyport', [1]))).toContain('\n| workload | beside | measured | goal | first goal |  |\n');
  expect(report(machine, rounds('upload-1', 'sallyport', [1]))).toMatch(/\nNo goal is about what was measured\.$/);
});

test('a row about latency has the median beside the 99th percentile', () => {
  expect(report(machine, rounds('forward-p99', 'sallyport', [4]))).toContain(
    '| forward-p99 | sallyport | ms | 4.000 | 4.000 | 4.000 | 500/s |  | 2.00 |',
  );
});
