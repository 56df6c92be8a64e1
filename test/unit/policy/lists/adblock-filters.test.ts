import { expect, test } from 'vitest';
import { threadMs } from '../../../support/thread-time.ts';
import { openText } from './open-text.ts';

type Row = readonly [filter: string, url: string, destination: string | null, sourceHost: string | null, isBlocked: boolean];

test.each<Row>([
  ['||ads.test^', 'https://ads.test/', null, null, true],
  ['||ads.test^', 'https://www.ads.test/x.js', 'script', 'news.test', true],
  ['||ads.test^', 'https://bads.test/', null, null, false],
  ['/banner/*/ad^', 'http://news.test/banner/big/ad?x', 'image', null, true],
  ['|http://news.test/', 'http://news.test/a', null, null, true],
  ['|http://news.test/', 'https://news.test/a', null, null, false],
  ['||cdn.test/x$script', 'https://cdn.test/x', 'script', null, true],
  ['||cdn.test/x$script', 'https://cdn.test/x', 'image', null, false],
  ['||cdn.test/x$script', 'https://cdn.test/', null, null, false],
  ['||cdn.test/x$script', 'https://cdn.test/x', 'constructor', null, false],
  ['||cdn.test^', 'https://cdn.test/x', '__proto__', null, true],
  ['||cdn.test^$document', 'https://cdn.test/', 'document', null, true],
  ['||cdn.test^$subdocument', 'https://cdn.test/', 'iframe', 'news.test', true],
  ['||cdn.test^$xmlhttprequest', 'https://cdn.test/', 'empty', 'news.test', true],
  ['||cdn.test^$websocket', 'https://cdn.test/', 'websocket', 'news.test', true],
  ['||cdn.test^$third-party', 'https://cdn.test/', 'image', 'news.test', true],
  ['||cdn.test^$third-party', 'https://cdn.test/', 'image', 'www.cdn.test', false],
  ['||cdn.test^$third-party', 'https://cdn.test/', null, null, false],
  ['||cdn.test^$domain=news.test', 'https://cdn.test/', 'image', 'www.news.test', true],
  ['||cdn.test^$domain=news.test', 'https://cdn.test/', 'image', 'other.test', false],
  ['/ads[0-9]+\\.js/', 'https://cdn.test/ads12.js', 'script', null, true],
  ['/^https?:\\/\\/cdn\\.test\\/[a-f]{4}/', 'https://cdn.test/ABCD', 'script', null, true],
])('%s and %s for %s from %s: %s', (filter, url, destination, sourceHost, isBlocked) => {
  expect(openText('adblock', `${filter}\n`).matchesRequest({ url, destination, sourceHost })).toBe(isBlocked);
});

test('honours exceptions, and says which filter and which exception', () => {
  const list = openText('adblock', '||ads.test^\n@@||ads.test/ok/*.js\n');
  const explain = (url: string) => list.explainRequest({ url, destination: null, sourceHost: null });
  expect(explain('https://ads.test/x')).toBe('https://ads.test/x matches ||ads.test^ (list test, 2 entries)');
  expect(explain('https://ads.test/ok/1.js')).toBe(
    'https://ads.test/ok/1.js matches ||ads.test^, but is excepted by @@||ads.test/ok/*.js (list test, 2 entries)',
  );
  expect(explain(`https://other.test/${'a'.repeat(200)}?token=secret`)).toBe(
    `https://other.test/${'a'.repeat(101)}... matches nothing in list test (2 entries)`,
  );
  expect(explain('https://other.test/')).toBe('https://other.test/ matches nothing in list test (2 entries)');
});

test('ignores and counts what blocks nothing', () => {
  const lines = [
    'example.com##.ad',
    '##.banner',
    'example.com#@#.ad',
    'a.test#?#x:has(y)',
    '@@||a.test^$generichide',
    '||a.test^$csp=script-src none',
  ];
  expect(openText('adblock', `[Adblock Plus 2.0]\n! Title: x\n||ads.test^\n${lines.join('\n')}\n`)).toMatchObject({
    entries: 1,
    skipped: 0,
    ignored: lines.length,
  });
});

test('skips and counts a regular expression that could not run in linear time', () => {
  expect(openText('adblock', '||ads.test^\n/(a+)\\1/\n||b.test^\n/ad(?=s)/\n')).toMatchObject({
    entries: 2,
    skipped: 2,
    firstSkipped: [{ line: 2 }, { line: 4 }],
  });
});

test('a list and a URL that would make a backtracking matcher take hours are judged at once', () => {
  const list = openText('adblock', '*a*a*a*a*a*a*a*a*b\n/(a+)+$/\n');
  const url = `https://x.test/${'a'.repeat(4000)}!`;
  const before = threadMs();
  expect(list.matchesRequest({ url, destination: null, sourceHost: null })).toBe(false);
  expect(threadMs() - before).toBeLessThan(2000);
});

test('takes the branch of !#if that holds for something that is no browser', () => {
  const text =
    '!#if env_chromium\n||yes.test^\n!#if true\n||inner.test^\n!#endif\n!#else\n||no.test^\n!#endif\n!#include more.txt\n||after.test^\n';
  const list = openText('adblock', text);
  expect(list).toMatchObject({ entries: 2, ignored: 3 });
  const hosts = ['yes.test', 'inner.test', 'no.test', 'after.test'];
  expect(hosts.map((host) => list.matchesRequest({ url: `https://${host}/`, destination: null, sourceHost: null }))).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

test('leaves out what $badfilter disables', () => {
  const list = openText('adblock', '||ads.test^\n||ads.test^$badfilter\n||ads.test/x\n||other.test^$badfilter\n');
  expect(list).toMatchObject({ entries: 1 });
  const judge = (url: string) => list.matchesRequest({ url, destination: null, sourceHost: null });
  expect([judge('https://ads.test/'), judge('https://ads.test/x')]).toEqual([false, true]);
});

test.each([
  ['||ads.test^$important\n@@||ads.test^', true],
  ['||ads.test^$script,redirect=noopjs', true],
  ['||ads.test^$script,redirect=noopjs\n@@||ads.test^', false],
  ['||ads.test^$script,redirect=noopjs\n||ads.test^$script,redirect=none', false],
  ['||ads.test^$removeparam=x', false],
])('%j: %s', (text, isBlocked) => {
  const list = openText('adblock', `${text}\n||b.test^\n`);
  expect(list.matchesRequest({ url: 'https://ads.test/?x=1', destination: 'script', sourceHost: null })).toBe(isBlocked);
});

test('a filter with very many domains is read whole', () => {
  const domains = Array.from({ length: 600 }, (_, i) => `site-${i}.example`).join('|');
  const list = openText('adblock', `||ads.test^$domain=${domains}\n`);
  expect(list.matchesRequest({ url: 'https://ads.test/', destination: 'image', sourceHost: 'site-599.example' })).toBe(true);
});

test.each([
  ['patterns without a whole word, which every request would be tried on', 1_001, 990, (n: number) => `*a${n}*b${n}*`],
  ['texts without a whole word', 10_001, 9_900, (n: number) => `a${n}b`],
  ['patterns whose one word is the same', 1_001, 990, (n: number) => `/banner/*a${n}*`],
  ['texts of many domains', 160, 140, (n: number) => `a${n}b$domain=${'site.example|'.repeat(5_000)}site.test`],
])('refuses too many %s', (_what, tooMany, count, filter) => {
  const text = (lines: number) => Array.from({ length: lines }, (_, n) => filter(n)).join('\n');
  expect(() => openText('adblock', text(tooMany))).toThrow(
    /^\/lists\/test: too many filters would be tried on one request, such as \S+; name a host/,
  );
  expect(openText('adblock', text(count))).toMatchObject({ entries: count });
});

test('refuses too many words that the index cannot tell apart', () => {
  const text = wordsOfOneSlot(20_001)
    .map((word) => `/${word}/q`)
    .join('\n');
  expect(() => openText('adblock', text)).toThrow('too many filters would be tried on one request');
});

test('counts what it takes to look up a URL of nothing but such words', () => {
  const words = wordsOfOneSlot(19_900);
  const list = openText('adblock', words.map((word) => `/${word}/q`).join('\n'));
  const judge = (count: number) =>
    list.matchesRequest({ url: `https://x.test/${words.slice(0, count).join('/')}`, destination: null, sourceHost: null });
  expect([judge(100), judge(2_300)]).toEqual([false, null]);
});

test('has room for many filters of hosts and of words of their own', () => {
  const lines = Array.from({ length: 5_000 }, (_, n) => `||ad${n}.example.com^$third-party\n/banner${n}/*/img^`);
  expect(openText('adblock', lines.join('\n'))).toMatchObject({ entries: 10_000 });
});

test('leaves out a regular expression whose automaton would be large, and so its time', () => {
  const patterns = ['/^https?:\\/\\/[a-z]{8,15}\\.test\\/[0-9a-f]{32}\\.js$/$script', '/\\/[a-z0-9]{12}\\/ad[0-9]{2,4}\\.(?:gif|png)/'];
  expect(openText('adblock', [...patterns, '/[ab]*a[ab]{200}x/'].join('\n'))).toMatchObject({ entries: 2, skipped: 1 });
});

/** Words whose hashes in the package (37 times what was before, and the character) have the same last 15 bits, since a table of so many words has no more. */
function wordsOfOneSlot(count: number): string[] {
  const last = (hash: number): number => hash & 0x7fff;
  const thirds = Array.from({ length: 36 ** 3 }, (_, n) => n.toString(36).padStart(3, '0'));
  const beginnings = Map.groupBy(thirds, (text) => {
    let hash = 5_011;
    for (let i = 0; i < 3; i += 1) hash = last(hash * 37) ^ text.charCodeAt(i);
    return hash;
  });
  return thirds
    .flatMap((text) => {
      let hash = 0;
      for (let i = 2; i >= 0; i -= 1) hash = last(Math.imul(hash ^ text.charCodeAt(i), INVERSE_OF_37));
      return (beginnings.get(hash) ?? []).map((beginning) => beginning + text);
    })
    .slice(0, count);
}

const INVERSE_OF_37 = 0x914c1bad;
