// Which contents are shared: those that were kept or shared lately, and lie where nothing goes soon.
import { expect, test } from 'vitest';
import { MOST, RecentContents } from '../../../../src/flows/store/recent-contents.ts';

const segments = {
  first: 1,
  end: { segment: 4, at: 100 },
  bytesBehind: (segment: number) => (4 - segment) * 100,
  changedAtMs: (segment: number) => segment * 1000,
};

test('the oldest is forgotten, unless it was shared since', () => {
  const recent = new RecentContents();
  for (let i = 0; i < MOST; i += 1) recent.keep(`${i}`, { segment: 1, at: i });
  expect(recent.find('0')).toEqual({ segment: 1, at: 0 });
  recent.keep('another', { segment: 1, at: MOST });
  expect(recent.find('1')).toBeNull();
  expect(recent.find('0')).not.toBeNull();
  recent.forget('0');
  expect(recent.find('0')).toBeNull();
});

test.each([
  ['octets', 600, 0, 2],
  ['octets of the third alone', 299, 0, 4],
  ['age', 10_000, 2500, 3],
  ['neither', 10_000, 0, 1],
])('what lies too far back by %s is not shared', (_, maxBytes, oldestMs, first) => {
  const recent = new RecentContents();
  for (const segment of [1, 2, 3, 4]) recent.keep(`in ${segment}`, { segment, at: 0 });
  recent.narrow(segments, maxBytes, oldestMs);
  expect([1, 2, 3, 4].filter((segment) => recent.find(`in ${segment}`) !== null)).toEqual(
    [1, 2, 3, 4].filter((segment) => segment >= first),
  );
});
