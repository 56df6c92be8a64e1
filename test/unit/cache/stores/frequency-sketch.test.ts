import { expect, test } from 'vitest';
import { FrequencySketch } from '../../../../src/cache/stores/frequency-sketch.ts';
import { steadyHash } from './steady-hash.ts';

const NEVER = Number.POSITIVE_INFINITY;

test('counts to fifteen, never too little', () => {
  const sketch = new FrequencySketch(4096);
  for (let times = 1; times <= 20; times += 1) {
    sketch.add(steadyHash('a'), NEVER);
    expect(sketch.estimate(steadyHash('a'))).toBe(Math.min(times, 15));
  }
  expect(sketch.estimate(steadyHash('b'))).toBe(0);
});

test('estimates too much for few keys where there are several counters for each', () => {
  const sketch = new FrequencySketch(65_536);
  const keys = Array.from({ length: 8192 }, (_, i) => `http://a.test/${i}`);
  for (const key of keys) sketch.add(steadyHash(key), NEVER);
  const estimates = keys.map((key) => sketch.estimate(steadyHash(key)));
  expect(Math.min(...estimates)).toBe(1);
  expect(estimates.filter((estimate) => estimate > 1).length).toBeLessThan(keys.length * 0.2);
});

test('halves every counter at the end of a period', () => {
  const sketch = new FrequencySketch(128);
  for (let i = 0; i < 9; i += 1) sketch.add(steadyHash('often'), 10);
  sketch.add(steadyHash('once'), 10);
  expect(sketch.estimate(steadyHash('often'))).toBe(4);
  expect(sketch.estimate(steadyHash('once'))).toBe(0);
});

test('halves a large sketch no sooner than is a few words for each request', () => {
  const sketch = new FrequencySketch(65_536);
  for (let i = 0; i < 1_023; i += 1) sketch.add(steadyHash('often'), 1);
  expect(sketch.estimate(steadyHash('often'))).toBe(15);
  sketch.add(steadyHash('often'), 1);
  expect(sketch.estimate(steadyHash('often'))).toBe(7);
});
