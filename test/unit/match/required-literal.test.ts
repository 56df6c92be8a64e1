import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { glob, matchesGlob } from '../../../src/match/glob.ts';
import { regex } from '../../../src/match/regex.ts';
import { literalOfGlob } from '../../../src/match/required-literal.ts';
import { threadMs } from '../../support/thread-time.ts';

describe('every match of a regular expression contains', () => {
  test.each([
    ['^ads?[0-9]*\\.doubleclick\\.', '.doubleclick.'],
    ['\\.(exe|scr|bat)\\.gz$', '.gz'],
    ['^/api/v[0-9]+/', '/api/v'],
    ['(a|bc)\\.net', '.net'],
    ['aaab|baaab', 'aaab'],
    ['abc(?:d|e)', 'abc'],
    ['a(b|c)*d', 'a'],
    ['a{2,5}b', 'aab'],
    ['\\bfoo\\b', 'foo'],
    ['^/$', '/'],
    ['this-is-longer-than-is-looked-for', 'this-is-longer-t'],
  ])('%s: %s', (pattern, literal) => {
    expect(regex(pattern).requiredLiteral()).toBe(literal);
  });

  test.each(['', 'x*', '^$', '[ab]', 'ab|cd', '(?i)banner', 'é', '😀', '(?i)k', '[^a]', '\\B'])('nothing in particular: %s', (pattern) => {
    expect(regex(pattern).requiredLiteral()).toBe('');
  });

  test('what is found, whatever the pattern and the text', () => {
    const atom = fc.constantFrom('a', 'b', 'ab', '.', '[ab]', '[^a]', 'é', '(?i:a)', '\\b', '^', '$', '(?m:^)', '\\/');
    const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
      pattern: fc.oneof(
        { maxDepth: 4 },
        { weight: 3, arbitrary: atom },
        fc.array(tie('pattern'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
        fc.tuple(tie('pattern'), tie('pattern')).map(([one, other]) => `(?:${one}|${other})`),
        fc.tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}')).map(([one, times]) => `(?:${one})${times}`),
      ),
    }));
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'A', '/', 'é', '\n', ' ') }), { minLength: 20, maxLength: 20 });
    let matches = 0;
    fc.assert(
      fc.property(pattern, texts, (some, subjects) => {
        const compiled = regex(some);
        const literal = compiled.requiredLiteral();
        if (literal === '') return;
        for (const subject of subjects) {
          if (!compiled.matches(subject)) continue;
          matches += 1;
          expect(subject).toContain(literal);
        }
      }),
      { numRuns: 3000 },
    );
    expect(matches).toBeGreaterThan(2000);
  });
});

test('what a glob matches contains its longest piece', () => {
  expect(['/pool/*', '*.exe', '/a/*/bc/*', 'plain', '*', '', 'bücher-*-x', '*é*'].map((text) => literalOfGlob(glob(text)))).toEqual([
    '/pool/',
    '.exe',
    '/bc/',
    'plain',
    '',
    '',
    '-x',
    '',
  ]);
  const unit = fc.constantFrom('a', 'b', '*', 'é');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 5 }), fc.string({ unit }), (some, subject) => {
      if (matchesGlob(glob(some), subject)) expect(subject).toContain(literalOfGlob(glob(some)));
    }),
    { numRuns: 2000 },
  );
});

test('to look for a literal in a large automaton takes some milliseconds at most', () => {
  for (const pattern of ['(a|b)*a(a|b){7}c', '(?:x[0-9]{1,9}){9}abcabcabcabcabcab', '^(?:[a-z0-9-]{1,30}\\.){2}abcdefghijklmnopq$']) {
    const compiled = regex(pattern);
    const started = threadMs();
    expect(compiled.requiredLiteral()).not.toBe('');
    // A tenth of this is usual.
    expect(threadMs() - started, pattern).toBeLessThan(200);
  }
});
