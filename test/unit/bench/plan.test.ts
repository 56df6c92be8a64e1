import { expect, test } from 'vitest';
import { canRun, factsOf, OWN_BASES, opensTls, PEER_NAMES, WORKLOAD_NAMES, type WorkloadName } from '../../bench/plan.ts';

const OPENING = ['tls-handshake', 'tls-resumed', 'tls-newhost', 'tls-keepalive', 'h2-keepalive'] as const;

test('we run everything, and a peer what it can do: the floor has no files and signs nothing', () => {
  expect(WORKLOAD_NAMES.every((name) => canRun('sallyport', name))).toBe(true);
  const isOwnAffair = (name: WorkloadName): boolean => factsOf(name).isRecorded === true || (factsOf(name).workers ?? 1) > 1;
  const own = WORKLOAD_NAMES.filter(isOwnAffair);
  const ofTwo = ['hit-1k-listed', 'stored-memory', 'stored-disk'];
  expect(WORKLOAD_NAMES.filter((name) => !canRun('ats', name) && !isOwnAffair(name))).toEqual([...ofTwo, ...OPENING]);
  expect(own.flatMap((name) => PEER_NAMES.filter((peer) => canRun(peer, name)))).toEqual(own.map(() => 'sallyport'));
  const beyond = [
    ...[
      'forward-corporate',
      'forward-p99',
      'hit-1k-corporate',
      'hit-1k-listed',
      'disk-hit-64k',
      'miss-store',
      'stored-memory',
      'stored-disk',
    ],
    ...['tls-newhost', 'h2-keepalive'],
  ];
  expect(WORKLOAD_NAMES.filter((name) => !canRun('floor', name) && !isOwnAffair(name))).toEqual(beyond);
});

test('peers that open TLS run what is about that, and nothing else', () => {
  expect(WORKLOAD_NAMES.filter(opensTls)).toEqual(OPENING);
  expect(WORKLOAD_NAMES.filter((name) => canRun('squid-bump', name))).toEqual(['tls-handshake', 'tls-newhost', 'tls-keepalive']);
});

test('a goal is about a peer that can run the workload', () => {
  for (const name of WORKLOAD_NAMES) {
    const { goals, peers } = factsOf(name);
    const bases = Object.keys(goals).filter((base) => !OWN_BASES.some((own) => own === base));
    for (const base of bases) expect(peers).toContain(base);
  }
});

test('a goal against a plainer workload of our own is about the same unit', () => {
  for (const { goals, unit } of WORKLOAD_NAMES.map(factsOf)) {
    for (const base of OWN_BASES) if (base in goals) expect(unit).toBe(factsOf(base).unit);
  }
});

test('a first goal is one that was tightened since', () => {
  for (const { goals, firstGoals = {} } of WORKLOAD_NAMES.map(factsOf)) {
    for (const [base, first] of Object.entries(firstGoals)) expect(first).toBeGreaterThan(goals[base as keyof typeof goals] ?? Infinity);
  }
});
