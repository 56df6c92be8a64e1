import { expect, test } from 'vitest';
import { compare, QUICK_WORKLOADS, quickReport } from '../../bench/quick-report.ts';
import { rounds } from '../../support/measurements.ts';

test('what costs more than 1.15 of what was kept is slower, as a ratio to the floor of the same rounds', () => {
  const measured = [
    ...rounds('forward', 'sallyport', [40, 80]),
    ...rounds('forward', 'floor', [20, 40]),
    ...rounds('connect', 'sallyport', [116]),
    ...rounds('connect', 'floor', [100]),
    ...rounds('hit-1k', 'sallyport', [9]),
    ...rounds('hit-1k', 'floor', [10]),
  ];
  const comparisons = compare(measured, { forward: 1.74, connect: 1, 'hit-1k': 1 });
  expect(comparisons.filter(({ isSlower }) => isSlower).map(({ workload }) => workload)).toEqual(['connect']);
  const text = quickReport(comparisons);
  expect(text).toContain('| forward | 2.00 | 1.74 | +15 % |\n| hit-1k | 0.90 | 1.00 | -10 % |\n| connect | 1.16 | 1.00 | +16 % |');
  expect(text).toContain('\nNot measured: bulk-16, tls-keepalive.\nSlower by more than 15 %: connect. ');
});

test('what was not measured is not said to be as fast as before', () => {
  const measured = [...rounds('forward', 'sallyport', [2]), ...rounds('forward', 'floor', [1])];
  expect(quickReport(compare(measured, { forward: 2, connect: 1 }))).toMatch(/\nNot measured: .*\.\nOf the others, none got slower\.$/);
});

test('without a baseline nothing is called slower, nor not slower', () => {
  const measured = QUICK_WORKLOADS.flatMap((name) => [...rounds(name, 'sallyport', [2]), ...rounds(name, 'floor', [1])]);
  expect(quickReport(compare(measured, {}))).toMatch(/\nNo baseline to compare with\.$/);
  expect(quickReport(compare(measured, Object.fromEntries(QUICK_WORKLOADS.map((name) => [name, 2]))))).toMatch(/\nNothing got slower\.$/);
});
