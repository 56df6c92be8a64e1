import { expect, test } from 'vitest';
import { matchesWildcards, wildcardPattern } from '../../../../src/policy/lists/wildcard-pattern.ts';

type Row = readonly [pattern: string, url: string, matches: boolean];

test.each<Row>([
  ['a*b', 'http://x/a--b', true],
  ['a*b', 'http://x/b--a', false],
  ['ab*ab', 'http://x/ab', false],
  ['ab*ab', 'http://x/abab', true],
  ['aab*c', 'http://x/aaabc', true],
  ['^ad^', 'http://x/ad/1', true],
  ['^ad^', 'http://x/ad', true],
  ['^ad^', 'http://x/ad-1', false],
  ['^ad^', 'http://x/bad/', false],
  ['ad^^', 'http://x/ad', true],
  ['ad^^', 'http://x/ad/b', false],
  ['ad^*b', 'http://x/ad/b', true],
  ['ad^*', 'http://x/ad', true],
  ['^', 'http://x/', true],
  ['^', '', true],
  ['|http*ad|', 'http://x/ad', true],
  ['|http*ad|', 'http://x/ad/', false],
  ['|http*ad^|', 'http://x/ad/', true],
  ['|http*ad^|', 'http://x/ad', true],
  ['|http*ad^|', 'http://x/ad/1', false],
  ['|x*', 'http://x/', false],
  ['|a^b|', 'a/b', true],
  ['|a^b|', 'a/bc', false],
])('%s and %s: %s', (pattern, url, matches) => {
  expect(matchesPattern(pattern, url)).toBe(matches);
});

test('matches as the regular expression does that it stands for, on all short texts', () => {
  const patterns = textsOf(['a', '/', '*', '^'], 4).flatMap((text) => [text, `|${text}`, `${text}|`, `|${text}|`]);
  const urls = textsOf(['a', '/', '-'], 4);
  for (const pattern of patterns) {
    const expression = new RegExp(expressionOf(pattern));
    const different = urls.filter((url) => matchesPattern(pattern, url) !== expression.test(url));
    expect([pattern, different]).toEqual([pattern, []]);
  }
});

test('tells what it compares before it does', () => {
  let characters = 0;
  const count = (compared: number): void => {
    characters += compared;
  };
  expect(matchesWildcards(wildcardPattern(`${'a^'.repeat(100)}z*b`, false, false), 'a/'.repeat(1_000), count)).toBe(false);
  expect(characters).toBeGreaterThan(100_000);
});

function matchesPattern(pattern: string, url: string): boolean {
  const text = pattern.replace(/^\||\|$/g, '');
  return matchesWildcards(wildcardPattern(text, pattern.startsWith('|'), pattern.endsWith('|')), url, () => undefined);
}

function expressionOf(pattern: string): string {
  return pattern.replaceAll('*', '.*').replaceAll('^', '(?:[^\\w.%-]|$)').replace(/^\|/, '^').replace(/\|$/, '$');
}

/** Every text of one to so many of these characters. */
function textsOf(characters: readonly string[], most: number): string[] {
  const longer = most === 1 ? [''] : ['', ...textsOf(characters, most - 1)];
  return longer.flatMap((text) => characters.map((character) => text + character));
}
