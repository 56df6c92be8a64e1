import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parameterValues } from '../../../src/match/query.ts';

test.each<[string, string, readonly string[] | null]>([
  ['/a', 'x', []],
  ['/a?', 'x', []],
  ['/a?x', 'x', ['']],
  ['/a?x=', 'x', ['']],
  ['/a?x=1', 'x', ['1']],
  ['/a?x=1&y=2', 'y', ['2']],
  ['/a?x=1&x=2', 'x', ['1', '2']],
  ['/a?x=1=2', 'x', ['1=2']],
  ['/a?x=1?x=2', 'x', ['1?x=2']],
  ['/a?x=1;y=2', 'y', []],
  ['/a?&&x=1&', 'x', ['1']],
  ['/a?=1', '', ['1']],
  ['/a?X=1', 'x', []],
  ['/a?x=a+b%20c', 'x', ['a b c']],
  ['/a?%78=1', 'x', ['1']],
  ['/a?x=%C3%BC', 'x', ['ü']],
  ['/a?x=\u00c3\u00bc', 'x', ['ü']],
  ['/a?x=%c3\u00bc', 'x', ['ü']],
  ['/a?x=%2B', 'x', ['+']],
  ['/x=1', 'x', []],
  ['*', 'x', []],
])('%s: the values of %s are %j', (pathAndQuery, name, expected) => {
  expect(parameterValues(pathAndQuery, name)).toEqual(expected);
});

test.each([['/a?x=%'], ['/a?x=%zz'], ['/a?x=%c0%af'], ['/a?x=\u00ff'], ['/a?%zz=1'], ['/a?x=%ed%a0%80']])(
  'nobody knows what x is in %s',
  (pathAndQuery) => {
    expect(parameterValues(pathAndQuery, 'x')).toBeNull();
  },
);

test('a query of ampersands alone is gone through once', () => {
  const [short, long] = [20_000, 640_000].map((length) => {
    const query = `/?${'&'.repeat(length)}`;
    const times = Array.from({ length: 5 }, () => {
      const startedMs = performance.now();
      parameterValues(query, 'x');
      return performance.now() - startedMs;
    });
    return Math.min(...times);
  });
  // 32 times as long; quadratic would be a thousand times.
  expect(long).toBeLessThan(200 * short!);
});

test('the value of another parameter that cannot be decoded is no concern', () => {
  expect(parameterValues('/a?x=1&y=%zz', 'x')).toEqual(['1']);
});

test('reads what URLSearchParams reads, where there is one reading', () => {
  const piece = fc.constantFrom('x', 'y', '=', '&', '+', '%78', '%3D', '%26', '%2b', '%C3%A9', '?', ';', '1', '%41');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const query = pieces.join('');
      // It takes one question mark more for the beginning of the query.
      expect(parameterValues(`/a?${query}`, 'x')).toEqual(new URLSearchParams(`?${query}`).getAll('x'));
    }),
    { numRuns: 2000 },
  );
});
