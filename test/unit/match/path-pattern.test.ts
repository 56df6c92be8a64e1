import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesPath, pathPattern } from '../../../src/match/path-pattern.ts';

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
  ['/*/x/*', '/a/x/', true],
  ['/*/x/*', '/x/', false],
  ['/a*a', '/a', false],
  ['/a*a', '/aa', true],
  ['/a*b*b', '/ab', false],
  ['/a*b*b', '/abb', true],
  ['/a**b', '/ab', true],
])('%s on %s: %s', (pattern, path, expected) => {
  expect(matchesPath(pathPattern(pattern), path)).toBe(expected);
});

test('says what a regular expression would say', () => {
  const text = fc.array(fc.constantFrom('a', 'b', '/', '*'), { maxLength: 8 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(text, text, (pattern, path) => {
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(path);
      expect(matchesPath(pathPattern(pattern), path)).toBe(expected);
    }),
    { numRuns: 1000 },
  );
});
