import { expect, test } from 'vitest';
import { coresFor, shareOut } from '../../bench/machine.ts';

test.each([
  [[3], { proxies: [], proxy: null, load: null, origin: null }],
  [[0, 1], { proxies: [0], proxy: '0', load: '1', origin: '1' }],
  [[0, 1, 2], { proxies: [0], proxy: '0', load: '1', origin: '2' }],
  [[0, 2, 4, 6, 8], { proxies: [0, 2, 4], proxy: '0', load: '8', origin: '6' }],
])('the cores %j are shared out so that a proxy has its own', (allowed, cores) => {
  expect(shareOut(allowed)).toEqual(cores);
});

test('each worker has a core as far as they go', () => {
  const cores = shareOut([0, 1, 2, 3]);
  expect([1, 2, 4].map((workers) => coresFor(cores, workers))).toEqual([[0], [0, 1], [0, 1]]);
});
