import { expect, test } from 'vitest';
import { summary } from '../../bench/summary.ts';
import { EXAMPLE_MACHINE, rounds } from '../../support/measurements.ts';

const TEXT = summary(EXAMPLE_MACHINE, [
  ...rounds('forward', 'sallyport', [40, 80, 50]),
  ...rounds('forward', 'squid', [100, 160, 100]),
  ...rounds('forward', 'ats', [50, 80, 100]),
  ...rounds('tls-keepalive', 'sallyport', [60, 60, 60]),
  ...rounds('tls-keepalive', 'squid-bump', [100, 100, 100]),
  ...rounds('idle', 'squid', [30]),
  ...rounds('forward-p99', 'sallyport', [4]),
  ...rounds('forward-p99', 'squid', [8]),
]);

test('a row is a workload of ours: the median and its spread, and the ratios within rounds', () => {
  expect(TEXT).toContain('64 kept connections | 50.0 us/request (40.0 to 80.0) | 100 | 80.0 | 0.50 | 0.80 |\n');
  expect(TEXT).not.toContain('`idle`');
});

test('where TLS is opened, the Squid that opens it stands for Squid', () => {
  expect(TEXT).toContain('| 60.0 us/request (60.0 to 60.0) | 100 |  | 0.60 |  |\n');
});

test('where the cost is a 99th percentile, the median stands beside it', () => {
  expect(TEXT).toContain('| 4.00 ms; half within 2.00 | 8.00; half within 4.00 |  | 0.50 |  |\n');
});

test('the goals are counted in a line and folded up below it', () => {
  expect(TEXT).toContain('<summary>Goals: 2 of 4 reached, 2 missed</summary>\n\n| workload | beside |');
});

test('what everybody was asked before it was measured is said', () => {
  const [measurement] = rounds('forward', 'sallyport', [40]);
  expect(TEXT).toContain('Medians of 1 to 3 rounds, least');
  expect(summary(EXAMPLE_MACHINE, [{ ...measurement!, warmUpSeconds: 8 }])).toContain('Medians of 1 round after 8 s of warm-up, least');
  const uneven = [measurement!, { ...measurement!, round: 2, warmUpSeconds: 2 }, { ...measurement!, round: 3, warmUpSeconds: 8 }];
  expect(summary(EXAMPLE_MACHINE, uneven)).toContain('Medians of 3 rounds after 2 to 8 s of warm-up, least');
});
