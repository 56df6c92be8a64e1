import { expect, test } from 'vitest';
import { report } from '../../bench/report.ts';
import { EXAMPLE_MACHINE as machine, rounds } from '../../support/measurements.ts';

test('says where the figures come from', () => {
  const text = report(machine, []);
  expect(text).toContain('Example CPU, 2 cores, 8 GiB; Linux 6.1.0 x64; load average before 0.25\n');
  expect(text).toContain('sallyport 0.1.0; Squid Cache: Version 5.7\n');
});

test('a row holds the median, the spread and the ratios within rounds', () => {
  const text = report(machine, [
    ...rounds('forward', 'sallyport', [40, 80, 50]),
    ...rounds('forward', 'squid', [100, 160, 100]),
    ...rounds('forward', 'ats', [50, 80, 100]),
    ...rounds('forward', 'floor', [20, 40, 20]),
  ]);
  expect(text).toContain('| forward | sallyport | us/request | 50.0 | 40.0 | 80.0 | 0.50 | 0.80 | 2.00 | 500/s |  | 0.90 | 64.0 | 3 | 3 |');
  expect(text).toContain('| forward | squid | us/request | 100.0 | 100.0 | 160.0 | 1.00 | 2.00 | 5.00 |');
});

test('octets are shown as a rate of octets', () => {
  expect(report(machine, rounds('upload-1', 'squid', [1.5], 3e9))).toContain(
    '| upload-1 | squid | s/GiB | 1.500 | 1.500 | 1.500 | 1.00 | 1.50 GB/s |',
  );
});

test('a row of a workload for the cache says how many were hits', () => {
  expect(report(machine, rounds('hit-1k', 'ats', [10]))).toContain('| 1.00 | 500/s | 99.9% | 0.90 |');
});

test('says of each goal whether it is reached, against whom it is set; a workload without a goal is only stated', () => {
  const text = report(machine, [
    ...rounds('forward', 'sallyport', [45]),
    ...rounds('forward', 'squid', [100]),
    ...rounds('hit-1k', 'sallyport', [12]),
    ...rounds('hit-1k', 'squid', [30]),
    ...rounds('hit-1k', 'ats', [10]),
    ...rounds('upload-1', 'sallyport', [1]),
    ...rounds('upload-1', 'squid', [1]),
  ]);
  expect(goalsIn(text)).toEqual([
    '- forward to Squid: 0.45, at most 0.45: reached',
    '- hit-1k to Squid: 0.40, at most 0.45: reached',
    '- hit-1k to ATS: 1.20, at most 1.1: NOT REACHED',
  ]);
});

test('a goal may be about a plain forward of our own, of the same rounds', () => {
  const text = report(machine, [
    ...rounds('forward', 'sallyport', [100, 50, 80]),
    ...rounds('miss-store', 'sallyport', [120, 75, 96]),
    ...rounds('miss-store', 'squid', [1, 1, 1]),
  ]);
  expect(goalsIn(text)).toContain('- miss-store to its own forward: 1.20, at most 1.3: reached');
});

test('a goal is judged by the ratio itself, not by its rounded form', () => {
  const text = report(machine, [...rounds('hit-64k', 'sallyport', [20.1]), ...rounds('hit-64k', 'squid', [100])]);
  expect(goalsIn(text)).toContain('- hit-64k to Squid: 0.20, at most 0.2: NOT REACHED');
});

test('a goal that lacks a side is named, and not judged', () => {
  const text = report(machine, [...rounds('miss-store', 'sallyport', [1]), ...rounds('disk-hit-64k', 'squid', [1])]);
  expect(goalsIn(text)).toEqual([
    '- disk-hit-64k to Squid: at most 0.8; not judged, no round holds both',
    '- miss-store to its own forward: at most 1.3; not judged, no round holds both',
  ]);
});

test('where nothing was measured that a goal is about, it says so', () => {
  expect(report(machine, rounds('upload-1', 'sallyport', [1]))).toMatch(/\nNo goal is about what was measured\.$/);
});

function goalsIn(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.startsWith('- '));
}
