// Filters are read, and regular expressions compiled, when a request first needs them.
import { expect, test } from 'vitest';
import { compileList, openList } from '../../../../src/policy/lists/compile-list.ts';
import type { RequestList } from '../../../../src/policy/lists/list.ts';
import { specOf } from './open-text.ts';

const ORDINARY: readonly [url: string, destination: string | null][] = [
  ['https://www.example.com/', 'document'],
  ['https://static.example.com/assets/js/app.3f9a8c1d.min.js', 'script'],
  ['https://cdn.example.net/img/2024/05/12/some-story_800x600.jpg?width=800&height=600', 'image'],
  [`https://www.example.com/search?q=${'many+words+of+somebody+'.repeat(20)}`, 'empty'],
  [`https://login.example.com/authorize?state=${'eyJhbGciOi-JIUzI1NiIs.'.repeat(90)}`, 'document'],
  ['https://example.org/', null],
];

test('the first request of each kind is judged by a list of 60,000 filters that nobody has asked yet', () => {
  const lines = Array.from({ length: 60_000 }, (_, n) => filterOf(n)).join('\n');
  const openAnew = openerOf(lines, 60_000);
  for (const [url, destination] of ORDINARY)
    expect([url, openAnew().matchesRequest({ url, destination, sourceHost: 'www.example.com' })]).toEqual([url, false]);
});

test('what was refused because too much had to be read first is judged the next time', () => {
  const lines = Array.from({ length: 980 }, (_, n) => `/q{24}${n}[0-9]x/`).join('\n');
  const list = openerOf(lines, 980)();
  const request = { url: `https://x.test/${'q'.repeat(40)}`, destination: null, sourceHost: null };
  expect(list.matchesRequest(request)).toBeNull();
  expect(list.matchesRequest(request)).toBe(false);
  expect(list.explainRequest(request)).toMatch(/matches nothing in list test/);
});

/** As lists have them that people publish; one in two hundred is a regular expression. */
function filterOf(n: number): string {
  if (n % 200 === 0) return `/[-_.\\/]banner${n}[-_.]?[0-9]{1,3}x[0-9]{2,3}/`;
  if (n % 10 === 1) return `/banner${n}/*/img^$third-party`;
  if (n % 10 === 2) return `-tracker-${n}.$script`;
  if (n % 10 === 3) return `@@||ads${n}.test/ok.js$script,domain=site${n}.test|other${n}.test`;
  if (n % 10 === 4) return `$script,third-party,domain=a${n}.test|b${n}.test|c${n}.test`;
  return n % 10 < 7 ? `||ads${n}.test^` : `||ads${n}.test^$third-party`;
}

function openerOf(text: string, entries: number): () => RequestList {
  const spec = specOf('adblock');
  const compiled = compileList(new Uint8Array(Buffer.from(text)), spec, [1, 0x9e3779b1]);
  if ('message' in compiled) throw new Error(compiled.message);
  expect(compiled.counts.entries).toBe(entries);
  return () => openList(spec, compiled) as RequestList;
}
