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
  for (let i = 0; i < MOST; i += 1) recent.keep({ digest: `${i}`, segment: 1, at: i, length: 1 });
  expect(recent.find('0')).toMatchObject({ segment: 1, at: 0 });
  recent.keep({ digest: 'another', segment: 1, at: MOST, length: 1 });
  expect(recent.find('1')).toBeNull();
  expect(recent.find('0')).not.toBeNull();
  recent.forgetFrom({ segment: 1, at: MOST });
  expect(recent.find('0')).not.toBeNull();
  expect(recent.find('another')).toBeNull();
});

test.each([
  ['octets', 600, 0, 2],
  ['octets of the third alone', 299, 0, 4],
  ['age', 10_000, 2500, 3],
  ['neither', 10_000, 0, 1],
])('what lies too far back by %s is not shared', (_, maxBytes, oldestMs, first) => {
  const recent = new RecentContents();
  for (const segment of [1, 2, 3, 4]) recent.keep({ digest: `in ${segment}`, segment, at: 0, length: 1 });
  recent.narrow(segments, maxBytes, oldestMs);
  expect([1, 2, 3, 4].filter((segment) => recent.find(`in ${segment}`) !== null)).toEqual(
    [1, 2, 3, 4].filter((segment) => segment >= first),
  );
});

test('a small one that came a moment ago is known by its octets alone, as long as it is shared', () => {
  const recent = new RecentContents();
  const octets = Buffer.from('..the same..the samE..the same');
  const content = { digest: 'of it', segment: 2, at: 9, length: 8 };
  expect(recent.findRepeated(octets, 2, 10)).toBeNull();
  recent.keepRepeated(octets, 2, 10, content);
  expect(recent.findRepeated(octets, 22, 30)).toBe(content);
  expect(recent.findRepeated(octets, 12, 20)).toBeNull();
  expect(recent.findRepeated(octets, 22, 29)).toBeNull();
  recent.narrow(segments, 299, 0);
  expect(recent.findRepeated(octets, 22, 30)).toBeNull();
  const long = Buffer.alloc(5000, 'x');
  recent.keepRepeated(long, 0, 5000, { ...content, segment: 4 });
  expect(recent.findRepeated(long, 0, 5000)).toBeNull();
});
