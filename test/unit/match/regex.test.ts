import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import { regex } from '../../../src/match/regex.ts';
import { threadMs } from '../../support/thread-time.ts';

describe('finds', () => {
  test.each<[string, string, boolean]>([
    ['ads?', '/x/ad/y', true],
    ['^/ads?/', '/x/ads/', false],
    ['^/ads?/', '/ads/x', true],
    ['\\.(exe|msi)$', '/a.exe', true],
    ['\\.(exe|msi)$', '/a.exe.txt', false],
    ['(?i)BANNER', '/Banner.png', true],
    ['BANNER', '/banner.png', false],
    ['^$', '', true],
    ['^$', 'a', false],
    ['', 'a', true],
    ['\\bfoo\\b', 'a foo b', true],
    ['\\bfoo\\b', 'afoo b', false],
    ['\\bfoo\\b', 'foo', true],
    ['^[^/]+$', 'a😀b', true],
    ['^.$', '😀', true],
    ['[а-я]+$', 'xжук', true],
    ['(?m)^b$', 'a\nb\nc', true],
    ['a.c', 'a\nc', false],
  ])('%s in %j: %s', (pattern, text, expected) => {
    expect(regex(pattern).matches(text)).toBe(expected);
  });

  test('what the library itself finds, whatever the text', () => {
    const patterns = ['a(b|c)*d', '^(a|ab)(c|bcd)(d*)$', '\\Bb\\b|c$', '(?i)[^ab]k+', '(?:a{0,3}b){2,4}', '\\d{2,}|é+$', '(?m)^a|b$', 'x*'];
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd', 'K', 'é', '7', ' ', '\n', '😀', '\u{212a}') });
    for (const pattern of patterns) {
      const ours = regex(pattern);
      const theirs = RE2JS.compile(pattern);
      fc.assert(fc.property(text, (subject) => ours.matches(subject) === theirs.test(subject)));
    }
  });
});

describe('refuses', () => {
  test.each([
    ['(', 'not a regular expression of RE2: missing closing ): `(`'],
    ['(?=a)', /^not a regular expression of RE2: invalid or unsupported Perl syntax/],
    ['(a)\\1', /^not a regular expression of RE2: invalid escape sequence/],
    ['a'.repeat(1_001), 'a pattern of 1001 characters; at most 1000 fit'],
    ['(?:ab){2,256}', '{2,256} repeats more than 255 times'],
    ['a{1000}', '{1000} repeats more than 255 times'],
    ['(a|b)*a(a|b){40}c', 'the pattern can match in too many ways; use .* in place of counted repetitions, or begin it with ^'],
  ])('%.30s', (pattern, message) => {
    expect(() => regex(pattern)).toThrow(message);
  });
});

test('a pattern that makes others slow is as quick as any on a text of 16 KiB', () => {
  const texts = ['zzc', 'c'].map((start) => start + pseudoRandom('ab', 16_384));
  for (const pattern of ['(a|b)*a(a|b){7}c', '(x+x+)+y', '^(([a-z])+.)+[A-Z]([a-z])+$', '(.*)(.*)(.*)(.*)(.*)[^ab]c$', '(?:a?){200}zz']) {
    // The least of some: a collection of garbage is no work of this one.
    const times = Array.from({ length: 3 }, () => {
      const { matches } = regex(pattern);
      const started = threadMs();
      for (const text of texts) matches(text);
      return threadMs() - started;
    });
    // Two tables of two bytes a character are walked; a tenth of this is usual.
    expect(Math.min(...times), pattern).toBeLessThan(20);
  }
});

function pseudoRandom(alphabet: string, length: number): string {
  let seed = 1;
  return Array.from({ length }, () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return alphabet[(seed >>> 16) % alphabet.length]!;
  }).join('');
}
