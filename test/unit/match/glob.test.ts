import fc from 'fast-check';
import { expect, test } from 'vitest';
import { glob, matchesAnyGlob, matchesGlob } from '../../../src/match/glob.ts';

test.each([
  ['/', '/', true],
  ['/', '/a', false],
  ['/pool', '/pool', true],
  ['/pool', '/pool/', false],
  ['/pool/*', '/pool/', true],
  ['/pool/*', '/pool/a/b', true],
  ['/pool/*', '/pool', false],
  ['*.deb', '/a/b.deb', true],
  ['*.deb', '/a/b.deb.asc', false],
  ['*', '*', true],
  ['*', '', true],
  ['', '', true],
  ['', 'a', false],
  ['/*/x/*', '/a/x/', true],
  ['/*/x/*', '/x/', false],
  ['/a*a', '/a', false],
  ['/a*a', '/aa', true],
  ['/a*b*b', '/ab', false],
  ['/a*b*b', '/abb', true],
  ['/a**b', '/ab', true],
  ['bot-*', 'BOT-1', false],
])('%s on %s: %s', (pattern, text, expected) => {
  expect(matchesGlob(glob(pattern), text)).toBe(expected);
});

test('one of several is enough, and none of none', () => {
  expect(matchesAnyGlob([glob('a'), glob('b*')], 'bc')).toBe(true);
  expect(matchesAnyGlob([glob('a'), glob('b*')], 'c')).toBe(false);
  expect(matchesAnyGlob([], '')).toBe(false);
});

test('says what a regular expression would say', () => {
  const text = fc.array(fc.constantFrom('a', 'b', '/', '*'), { maxLength: 8 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(text, text, (pattern, path) => {
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(path);
      expect(matchesGlob(glob(pattern), path)).toBe(expected);
    }),
    { numRuns: 1000 },
  );
});

test('twenty stars and a text that nearly matches are no work', () => {
  expect(matchesGlob(glob(`${'*a'.repeat(20)}*b`), 'a'.repeat(100_000))).toBe(false);
});
