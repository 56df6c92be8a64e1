import { expect, it } from 'vitest';
import type { Distrust } from '../../../src/tls/alerts.ts';
import { Pinned } from '../../../src/tls/pinned.ts';

const HOUR_MS = 3_600_000;
const CLIENT = '192.0.2.7';
const HOST = 'api.example';
const SAID: Distrust = { kind: 'said', alert: 'unknown_ca' };
const SUSPECTED: Distrust = { kind: 'suspected' };

it('an alert is believed at once, for that client and that host alone', () => {
  const pinned = new Pinned();
  pinned.noteRefusal(CLIENT, HOST, SAID, 1_000);
  expect(pinned.passthrough(CLIENT, HOST, HOUR_MS, 2_000)).toEqual({
    alert: 'unknown_ca',
    refusals: 1,
    firstMs: 1_000,
    lastMs: 1_000,
    untilMs: 1_000 + HOUR_MS,
  });
  expect(pinned.passthrough('192.0.2.8', HOST, HOUR_MS, 2_000)).toBeNull();
  expect(pinned.passthrough(CLIENT, 'other.example', HOUR_MS, 2_000)).toBeNull();
});

it('it is believed for as long as it is held, and longer once it is repeated', () => {
  const pinned = new Pinned();
  pinned.noteRefusal(CLIENT, HOST, SAID, 0);
  expect(pinned.passthrough(CLIENT, HOST, HOUR_MS, HOUR_MS - 1)).not.toBeNull();
  expect(pinned.passthrough(CLIENT, HOST, HOUR_MS, HOUR_MS)).toBeNull();
  pinned.noteRefusal(CLIENT, HOST, SAID, HOUR_MS);
  expect(pinned.passthrough(CLIENT, HOST, HOUR_MS, 2 * HOUR_MS - 1)).toMatchObject({ refusals: 2, firstMs: 0, lastMs: HOUR_MS });
});

it.each<[string, readonly number[], boolean]>([
  ['once', [0], false],
  ['twice', [0, 10], false],
  ['three times within a minute', [0, 30_000, 60_000], true],
  ['three times, and not within a minute', [0, 30_000, 60_001], false],
])('leaving without a word %s', (_, times, isBelieved) => {
  const pinned = new Pinned();
  for (const atMs of times) pinned.noteRefusal(CLIENT, HOST, SUSPECTED, atMs);
  const evidence = pinned.passthrough(CLIENT, HOST, HOUR_MS, times.at(-1)!);
  expect(evidence !== null).toBe(isBelieved);
  if (evidence !== null) expect(evidence.alert).toBeNull();
});

it('a request that came through takes everything back', () => {
  const pinned = new Pinned();
  pinned.noteRefusal(CLIENT, HOST, SAID, 0);
  pinned.noteSuccess(CLIENT, HOST);
  expect(pinned.passthrough(CLIENT, HOST, HOUR_MS, 1)).toBeNull();
  pinned.noteRefusal(CLIENT, HOST, SUSPECTED, 2);
  expect(pinned.passthrough(CLIENT, HOST, HOUR_MS, 3)).toBeNull();
});

it('what comes from the future does not count: the clock was set back', () => {
  const pinned = new Pinned();
  pinned.noteRefusal(CLIENT, HOST, SAID, 5 * HOUR_MS);
  expect(pinned.passthrough(CLIENT, HOST, HOUR_MS, 4 * HOUR_MS)).toBeNull();
});

it('the memory is bounded: the oldest pairs are intercepted again', () => {
  const pinned = new Pinned();
  for (let n = 0; n <= 10_000; n += 1) pinned.noteRefusal(CLIENT, `host-${n}.example`, SAID, 0);
  expect(pinned.passthrough(CLIENT, 'host-0.example', HOUR_MS, 1)).toBeNull();
  expect(pinned.passthrough(CLIENT, 'host-1.example', HOUR_MS, 1)).not.toBeNull();
});
