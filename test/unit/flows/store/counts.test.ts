// What is counted of a session as a whole.
import { expect, test } from 'vitest';
import { SessionCounts } from '../../../../src/flows/store/counts.ts';
import { summaryOf } from '../../../support/recorded.ts';

const NOW = 1_760_000_000_000;

test('seconds are those in which exchanges ended, and are forgotten after ten minutes', () => {
  const counts = new SessionCounts();
  const at = (startedAtMs: number, totalMs: number | null): void => counts.add(summaryOf({ startedAtMs, totalMs, responseBytes: 10 }), NOW);
  at(NOW, 1500);
  at(NOW + 1000, 10);
  at(NOW, null);
  at(NOW - 601_000, 0);
  const second = NOW / 1000;
  expect(counts.overview()).toMatchObject({
    exchanges: 4,
    seconds: [
      { second, exchanges: 1 },
      { second: second + 1, exchanges: 2, bytes: 20 },
    ],
  });
  counts.add(summaryOf({ startedAtMs: NOW + 601_000, totalMs: 0 }), NOW + 601_000);
  expect(counts.overview().seconds.map((each) => each.second)).toEqual([second + 1, second + 601]);
});

test('what was counted of others is added, name by name, from the first of all on', () => {
  const [counts, others, all] = [new SessionCounts(), new SessionCounts(), new SessionCounts()];
  const summaries = [
    summaryOf({ host: 'a', user: 'ada', startedAtMs: NOW - 2_000, cache: 'hit', status: 304 }),
    summaryOf({ host: 'b', decision: 'deny', rule: 'r', startedAtMs: NOW - 5_000, status: 403 }),
    summaryOf({ host: 'a', rule: 'r', startedAtMs: NOW - 1_000 }),
  ];
  for (const [i, summary] of summaries.entries()) {
    (i === 1 ? others : counts).add(summary, NOW);
    all.add(summary, NOW);
  }
  counts.include(others);
  expect(counts.overview()).toEqual(all.overview());
  expect(counts.overview().sinceMs).toBe(NOW - 5_000);
  expect(new Map(counts.rules().map(({ rule, ...hits }) => [rule, hits]))).toEqual(
    new Map(all.rules().map(({ rule, ...hits }) => [rule, hits])),
  );
});

test('octets are saved where the cache answered; names are those of the largest first; rules keep their last hit', () => {
  const counts = new SessionCounts();
  counts.add(summaryOf({ cache: 'validated', responseBytes: 100, host: 'a', rule: 'r', startedAtMs: 5 }), NOW);
  counts.add(summaryOf({ cache: 'stale', responseBytes: 20, host: 'b', rule: 'r', startedAtMs: 9 }), NOW);
  counts.add(
    summaryOf({ cache: 'forwarded', responseBytes: 3, host: 'b', rule: 'r', startedAtMs: 7, contentType: 'Text/HTML; charset=x' }),
    NOW,
  );
  counts.add(summaryOf({ decision: 'deny', outcome: 'denied', status: 403, rule: null, startedAtMs: 2, host: 'b' }), NOW);
  counts.add(summaryOf({ decision: null, outcome: 'failed', status: 0, host: 'b' }), NOW);
  const { savedBytes, hosts, denied, failed, statuses, types } = counts.overview();
  expect({ savedBytes, denied, failed, statuses }).toEqual({ savedBytes: 120, denied: 1, failed: 1, statuses: [1, 0, 3, 0, 1, 0] });
  expect(hosts.map(({ name, exchanges }) => [name, exchanges])).toEqual([
    ['b', 4],
    ['a', 1],
  ]);
  expect(types.map(({ name }) => name)).toContain('text/html');
  expect(counts.rules()).toEqual([
    { rule: 'r', hits: 3, lastHitMs: 9 },
    { rule: null, hits: 1, lastHitMs: 2 },
  ]);
});

test('what was refused before any rule had its say is no hit of the default', () => {
  const counts = new SessionCounts();
  counts.add(summaryOf({ decision: 'deny', outcome: 'denied', rule: null, startedAtMs: 1 }), NOW);
  counts.add(summaryOf({ decision: 'deny', outcome: 'denied', rule: null, deniedFor: 'connect-ports', startedAtMs: 2 }), NOW);
  counts.add(summaryOf({ decision: 'deny', outcome: 'denied', rule: 'r', deniedFor: 'identity-needed', startedAtMs: 3 }), NOW);
  expect(counts.overview().denied).toBe(3);
  expect(counts.rules()).toEqual([
    { rule: null, hits: 1, lastHitMs: 1 },
    { rule: 'r', hits: 1, lastHitMs: 3 },
  ]);
});

test('what a rule on trial would have denied is its hit, too', () => {
  const counts = new SessionCounts();
  counts.add(summaryOf({ rule: 'r', startedAtMs: 1, reported: 2, reportedBy: ['trial', 'p.yaml:7'] }), NOW);
  counts.add(summaryOf({ rule: 'r', startedAtMs: 2, reported: 1, reportedBy: ['trial'] }), NOW);
  expect(counts.rules()).toEqual([
    { rule: 'r', hits: 2, lastHitMs: 2 },
    { rule: 'trial', hits: 2, lastHitMs: 2 },
    { rule: 'p.yaml:7', hits: 1, lastHitMs: 1 },
  ]);
});

test('names beyond some thousands are not told apart, and take no memory', () => {
  const counts = new SessionCounts();
  for (let i = 0; i < 6000; i += 1) counts.add(summaryOf({ host: `${i}.example`, rule: `rule ${i}` }), NOW);
  expect(counts.overview().exchanges).toBe(6000);
  expect(counts.overview().hosts).toHaveLength(50);
  expect(counts.rules()).toHaveLength(5000);
});
