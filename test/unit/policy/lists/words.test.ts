import { describe, expect, test } from 'vitest';
import { openText } from './open-text.ts';

const BEGIN = 'https://x.test/';
const LARGEST_TARGET = 16 * 1024;
const NEEDLE = 'needle42';
const LONGEST_WORD = 'n'.repeat(998);
/** Around where the package stops, and around each border of the pieces in which the rest is read. */
const OFFSETS = [1_792, 2_046, 2_048, ...Array.from({ length: 16 }, (_, n) => (n + 1) * 1_000)].flatMap((border) =>
  Array.from({ length: NEEDLE.length + 5 }, (_, n) => border - NEEDLE.length - 2 + n),
);

describe('a filter is found by its word wherever that stands in a URL of 16 KiB', () => {
  const list = openText('adblock', `/${NEEDLE}/*\n/${LONGEST_WORD}/*\n/end-of-it|\n`);
  const isBlocked = (url: string, sourceHost: string | null = null) => list.matchesRequest({ url, destination: null, sourceHost });

  test.each([
    ['among short words', 'ab/'],
    ['among separators', '/'],
    ['behind one long word', 'x'],
    ['among octets that are encoded', '%2F.'],
  ])('%s', (_where, padding) => {
    for (const offset of OFFSETS) expect([offset, isBlocked(padded(padding, offset, NEEDLE))]).toEqual([offset, true]);
    expect(isBlocked(padded(padding, 5_000, 'needle43'))).toBe(false);
  });

  test('as long as a word can be', () => {
    for (const offset of OFFSETS.filter((at) => at + LONGEST_WORD.length < LARGEST_TARGET))
      expect([offset, isBlocked(padded('ab/', offset, LONGEST_WORD))]).toEqual([offset, true]);
  });

  test('at the end', () => {
    for (const length of [2_046, 2_047, 2_048, 3_000, 9_999, 16_000])
      expect([length, isBlocked(`${BEGIN}${'ab/'.repeat(LARGEST_TARGET)}`.slice(0, length).replace(/.{11}$/, '/end-of-it'))]).toEqual([
        length,
        true,
      ]);
  });

  test('for a page whose host has as many labels as there can be', () => {
    const host = `${'a.'.repeat(125)}test`;
    for (let length = 1_750; length < 2_100; length += 1) {
      const url = padded('ab/', length - NEEDLE.length - 1, NEEDLE).slice(0, length);
      expect([length, isBlocked(url, host)]).toEqual([length, true]);
    }
  });
});

test('a text with longer words than are looked up is a line that cannot be read', () => {
  expect(openText('adblock', `||ads.test^\n/${'a'.repeat(999)}\n/${'a'.repeat(1_000)}\n`)).toMatchObject({
    entries: 2,
    skipped: 1,
    firstSkipped: [{ line: 3 }],
  });
});

test.each([
  ['/\\/foo\\/x(c)|bar(d)/', '/bard'],
  ['/(x)?|\\/foo\\/bar/', '/other'],
  ['/a[|]\\/foo\\/(c)/', '/a|/foo/c'],
  ['/\\/ads\\/?x[0-9]/', '/adsx1'],
  ['/\\/ads-*x[0-9]/', '/adsx1'],
  ['/\\/ads_{0,2}x[0-9]/', '/adsx1'],
  ['/foo\\%20bar\\/[0-9]/', '/foo%20bar/1'],
  ['/\\/ads\\?x=(1|2)/', '/ads?x=2'],
  ['/^https?:\\/\\/x\\.test\\/(a|b)\\//', '/b/'],
])('%s is tried on a URL that has not all of its words', (filter, path) => {
  const list = openText('adblock', `${filter}\n||ads.test^\n`);
  expect(list).toMatchObject({ entries: 2 });
  expect(list.matchesRequest({ url: `https://x.test${path}`, destination: null, sourceHost: null })).toBe(true);
});

/** The word at the offset, in a URL of 16 KiB. */
function padded(padding: string, offset: number, word: string): string {
  const text = padding.repeat(LARGEST_TARGET);
  const begin = `${BEGIN}${text}`.slice(0, offset - 1);
  return `${begin}/${word}/${text}`.slice(0, LARGEST_TARGET);
}
