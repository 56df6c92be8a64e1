import { createRequire } from 'node:module';
import type * as Adblocker from '@ghostery/adblocker';
import { describe, expect, test, vi } from 'vitest';
import { openText } from './open-text.ts';

const LARGEST_TARGET = 16 * 1024;
const WORDS = Array.from({ length: 1_000 }, (_, n) => (n + 1_296).toString(36));
const OF_ALL_WORDS = urlOf(`${WORDS.join('/')}/`);
const OF_ONE_LETTER = urlOf('a');

/** Lists at their bound, or with as many filters for each word as are quick to read here, and a URL that meets them all. */
const HOSTILE: readonly [string, (n: number) => string, count: number, url: string][] = [
  ['texts that begin everywhere', (n) => `a${n}b`, 9_900, OF_ONE_LETTER],
  ['texts under a thousand words', (n) => `/${wordOf(n)}/q${n}b`, 20_000, OF_ALL_WORDS],
  ['patterns', (n) => `*a${n}*b${n}*`, 990, OF_ONE_LETTER],
  ['patterns under a thousand words', (n) => `/${wordOf(n)}/*-${n}x`, 20_000, OF_ALL_WORDS],
  ['patterns of separators', (n) => `*${'a^'.repeat(400)}z*q${n}b`, 900, urlOf('a/')],
  ['regular expressions', (n) => `/a.*[bc]x{3}q?${n}$/`, 980, OF_ONE_LETTER],
  ['exceptions', (n) => (n === 0 ? '||x.test^' : `@@a${n}b`), 9_900, OF_ONE_LETTER],
  ['redirects', (n) => `/${wordOf(n)}/q${n}b$redirect=noopjs`, 20_000, OF_ALL_WORDS],
  ['filters for domains', (n) => `a${n}b$domain=~${'a.'.repeat(60)}test`, 8_000, OF_ONE_LETTER],
];

describe('what one request costs is bounded', () => {
  test.each(HOSTILE)('with %s', (_what, filter, count, url) => {
    const list = openText('adblock', Array.from({ length: count }, (_, n) => filter(n)).join('\n'));
    expect(list.entries).toBe(count);
    const tries = countTries();
    const judge = (asked: string) => list.matchesRequest({ url: asked, destination: 'image', sourceHost: 'news.test' });
    expect(judge(url)).toBeNull();
    // 20 ms, and the least that a trial of that URL may cost is 1.7 us.
    expect(tries.mock.calls.length).toBeGreaterThan(0);
    expect(tries.mock.calls.length).toBeLessThan(12_000);
    expect(list.explainRequest({ url, destination: 'image', sourceHost: 'news.test' })).toMatch(
      /has too many parts for list test \([\d,]+ entries\)$/,
    );
  });
});

test('what a list has been asked about a request is remembered, in two spellings of its path', () => {
  const list = openText('adblock', '||ads.test^\n*a*b\n');
  const tries = countTries();
  const judge = (path: string) => list.matchesRequest({ url: `https://x.test${path}`, destination: null, sourceHost: null });
  expect([judge('/a'), judge('/%61')]).toEqual([false, false]);
  const before = tries.mock.calls.length;
  expect([judge('/a'), judge('/%61'), judge('/%61'), judge('/a')]).toEqual([false, false, false, false]);
  expect(tries.mock.calls).toHaveLength(before);
  expect(judge('/ab')).toBe(true);
  expect(tries.mock.calls.length).toBeGreaterThan(before);
});

test('the longest URL is judged by a list as people publish them', () => {
  const filters = Array.from({ length: 20_000 }, (_, n) =>
    n % 2 === 0 ? `||ads${n}.test^$third-party` : `/${wordOf(n)}/banner${n}.${n % 20 === 1 ? '*^' : 'gif'}`,
  );
  const list = openText('adblock', filters.join('\n'));
  const url = urlOf('path-of/some%20thing?and=Parameters&with.values/');
  expect(list.matchesRequest({ url, destination: 'image', sourceHost: 'news.test' })).toBe(false);
});

function countTries() {
  const { NetworkFilter } = createRequire(import.meta.url)('@ghostery/adblocker') as typeof Adblocker;
  return vi.spyOn(NetworkFilter.prototype, 'match');
}

function wordOf(n: number): string {
  return WORDS[n % WORDS.length]!;
}

/** As long as a proxy takes it. */
function urlOf(text: string): string {
  return `https://x.test/${text.repeat(LARGEST_TARGET)}`.slice(0, LARGEST_TARGET);
}
