import { expect, test } from 'vitest';
import { goalTable, judge } from '../../bench/goals.ts';
import type { Measurement } from '../../bench/plan.ts';
import { rounds } from '../../support/measurements.ts';

test('each goal is held against whom it is set; a workload without one is only stated', () => {
  const rows = rowsOf([
    ...rounds('forward', 'sallyport', [35]),
    ...rounds('forward', 'squid', [100]),
    ...rounds('hit-1k', 'sallyport', [12]),
    ...rounds('hit-1k', 'squid', [30]),
    ...rounds('hit-1k', 'ats', [10]),
    ...rounds('upload-1', 'sallyport', [1]),
    ...rounds('upload-1', 'squid', [1]),
  ]);
  expect(rows).toEqual([
    '| `forward` | Squid | 0.35 | at most 0.35 | 0.45 | reached |',
    '| `forward` | ATS |  | at most 0.8 |  | not judged |',
    '| `hit-1k` | Squid | 0.40 | at most 0.35 | 0.45 | **missed** |',
    '| `hit-1k` | ATS | 1.20 | at most 0.95 | 1.1 | **missed** |',
  ]);
});

test('a goal may be about a plain forward of our own, of the same rounds', () => {
  const rows = rowsOf([
    ...rounds('forward', 'sallyport', [100, 50, 80]),
    ...rounds('miss-store', 'sallyport', [120, 75, 96]),
    ...rounds('miss-store', 'squid', [1, 1, 1]),
  ]);
  expect(rows).toContain('| `miss-store` | its own `forward` | 1.20 | at most 1.3 |  | reached |');
});

test('a goal is judged by the ratio itself, not by its rounded form', () => {
  const rows = rowsOf([...rounds('hit-64k', 'sallyport', [17.1]), ...rounds('hit-64k', 'squid', [100])]);
  expect(rows).toContain('| `hit-64k` | Squid | 0.17 | at most 0.17 | 0.2 | **missed** |');
});

test('what only others did has no goal', () => {
  expect(judge(rounds('disk-hit-64k', 'squid', [1]))).toEqual([]);
});

test('a budget is about the cost itself, its median', () => {
  const rows = rowsOf(rounds('idle', 'sallyport', [9, 9.5, 40]));
  expect(rows).toContain('| `idle` | a budget | 9.5 KiB/tunnel | at most 12 |  | reached |');
});

test('workers have to be faster where each has a core, and nowhere else', () => {
  const one = rounds('forward', 'sallyport', [40, 40], 1_000);
  const two = rounds('forward-workers', 'sallyport', [40, 40], 1_700);
  expect(rowsOf([...one, ...two])).toContain(
    '| `forward-workers` | the rate of its own `forward`; needs 4 cores |  | at least 1.8 |  | not judged |',
  );
  const onTwo = two.map((each) => ({ ...each, cores: 2 }));
  expect(rowsOf([...one, ...onTwo])).toContain(
    '| `forward-workers` | the rate of its own `forward` | 1.70 | at least 1.8 |  | **missed** |',
  );
});

function rowsOf(measurements: readonly Measurement[]): readonly string[] {
  return goalTable(judge(measurements)).split('\n').slice(2);
}
