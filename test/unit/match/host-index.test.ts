import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHostIndex, fileUnderHosts, type HostIndex, visitHost } from '../../../src/match/host-index.ts';
import { type HostPattern, matchesHost } from '../../../src/match/host-pattern.ts';

const label = fc.constantFrom('a', 'b', 'com');
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const pattern: fc.Arbitrary<HostPattern> = fc.record({ kind: fc.constantFrom('exact', 'below', 'one-label'), name: host });

test('finds exactly the numbers filed under a pattern that matches', () => {
  fc.assert(
    fc.property(fc.array(fc.array(pattern, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), host, (lists, asked) => {
      const index = createHostIndex();
      for (const [number, patterns] of lists.entries()) fileUnderHosts(index, patterns, number);
      const expected = lists.flatMap((patterns, number) => (patterns.some((one) => matchesHost(one, asked)) ? [number] : []));
      expect([...found(index, asked)].sort((a, b) => a - b)).toEqual(expected);
    }),
  );
});

test('gives each list in ascending order', () => {
  const index = createHostIndex();
  for (const number of [0, 3, 7]) fileUnderHosts(index, [{ kind: 'below', name: 'com' }], number);
  visitHost(index, 'a.com', null, (_context, values) => expect(values).toEqual([0, 3, 7]));
});

test('a name filed twice under one number is found once', () => {
  const index = createHostIndex();
  const twice: HostPattern = { kind: 'exact', name: 'a.com' };
  fileUnderHosts(index, [twice, twice], 5);
  visitHost(index, 'a.com', null, (_context, values) => expect(values).toEqual([5]));
});

function found(index: HostIndex, asked: string): Set<number> {
  const numbers = new Set<number>();
  visitHost(index, asked, numbers, (set, values) => {
    for (const value of values) set.add(value);
  });
  return numbers;
}
