import { expect, test } from 'vitest';
import { FrequencySketch } from '../../../../src/cache/stores/frequency-sketch.ts';

const NEVER = Number.POSITIVE_INFINITY;

test('counts to fifteen, never too little', () => {
  const sketch = new FrequencySketch(4096, 1);
  for (let times = 1; times <= 20; times += 1) {
    sketch.add(sketch.hash('a'), NEVER);
    expect(sketch.estimate(sketch.hash('a'))).toBe(Math.min(times, 15));
  }
  expect(sketch.estimate(sketch.hash('b'))).toBe(0);
});

test('estimates too much for few keys where there are several counters for each', () => {
  const sketch = new FrequencySketch(65_536, 7);
  const keys = Array.from({ length: 8192 }, (_, i) => `http://a.test/${i}`);
  for (const key of keys) sketch.add(sketch.hash(key), NEVER);
  const estimates = keys.map((key) => sketch.estimate(sketch.hash(key)));
  expect(Math.min(...estimates)).toBe(1);
  expect(estimates.filter((estimate) => estimate > 1).length).toBeLessThan(keys.length * 0.2);
});

test('halves every counter at the end of a period', () => {
  const sketch = new FrequencySketch(128, 1);
  for (let i = 0; i < 9; i += 1) sketch.add(sketch.hash('often'), 10);
  sketch.add(sketch.hash('once'), 10);
  expect(sketch.estimate(sketch.hash('often'))).toBe(4);
  expect(sketch.estimate(sketch.hash('once'))).toBe(0);
});

test('halves a large sketch no sooner than is a few words for each request', () => {
  const sketch = new FrequencySketch(65_536, 1);
  for (let i = 0; i < 1_023; i += 1) sketch.add(sketch.hash('often'), 1);
  expect(sketch.estimate(sketch.hash('often'))).toBe(15);
  sketch.add(sketch.hash('often'), 1);
  expect(sketch.estimate(sketch.hash('often'))).toBe(7);
});

test('which keys share counters depends on the seed', () => {
  const hashes = [1, 2, 3].map((seed) => new FrequencySketch(128, seed).hash('http://a.test/'));
  expect(new Set(hashes).size).toBe(3);
});
