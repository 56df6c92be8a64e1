import { expect, test } from 'vitest';
import { canRun, PEER_NAMES, WORKLOAD_NAMES, WORKLOADS } from '../../bench/plan.ts';

test('a peer that keeps nothing is left out where something is stored', () => {
  expect(WORKLOAD_NAMES.filter((name) => !canRun('floor', name))).toEqual(['hit-1k', 'hit-64k', 'disk-hit-64k', 'miss-store']);
  for (const peer of PEER_NAMES.filter((name) => name !== 'floor')) {
    expect(WORKLOAD_NAMES.every((name) => canRun(peer, name))).toBe(true);
  }
});

test('a goal against our own forward is about the same unit', () => {
  for (const { goals, unit } of Object.values(WORKLOADS)) {
    if ('forward' in goals) expect(unit).toBe(WORKLOADS.forward.unit);
  }
});
