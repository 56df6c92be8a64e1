// On random names and hosts, the set finds what trying the names one by one finds, whatever its seed, and does so after a round trip too.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addDomain,
  BELOW,
  buildDomainSet,
  createDomainSetBuilder,
  type DomainScope,
  type DomainSetSeed,
  findDomain,
  ITSELF,
  restoreDomainSet,
} from '../../src/match/domain-set.ts';

const label = fc.constantFrom('a', 'b', 'ab', 'ba', 'com', 'x-y', '0');
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const scope = fc.constantFrom<DomainScope>(ITSELF, BELOW, 3);
const word = fc.nat(0xffffffff);
// Few keys spread names badly, which the set has to bear.
const seed = fc.oneof(
  fc.tuple(word, word).map(([start, multiplier]): DomainSetSeed => [start, multiplier | 1]),
  fc.constant<DomainSetSeed>([0, 0]),
);

test('agrees with trying every name', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, scope), { maxLength: 30 }),
      fc.array(name, { minLength: 1, maxLength: 20 }),
      seed,
      (names, hosts, key) => {
        const builder = createDomainSetBuilder(key, 0);
        for (const [one, its] of names) addDomain(builder, Buffer.from(one), 0, one.length, its);
        const set = restoreDomainSet(buildDomainSet(builder).bytes.slice())!;
        expect(set.size).toBe(new Set(names.map(([one]) => one)).size);
        for (const host of hosts) expect([host, findDomain(set, host)]).toEqual([host, longest(names, host)]);
      },
    ),
    { numRuns: 300 },
  );
});

test('any text may be asked about', () => {
  const builder = createDomainSetBuilder([1, 3], 0);
  addDomain(builder, Buffer.from('a.com'), 0, 5, 3);
  const set = buildDomainSet(builder);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (host) => {
      expect(findDomain(set, host)).toBe(longest([['a.com', 3]], host));
    }),
  );
});

function longest(names: readonly (readonly [string, DomainScope])[], host: string): number {
  const starts = names.flatMap(([one, its]) => {
    if (host === one) return (its & ITSELF) === 0 ? [] : [0];
    return host.endsWith(`.${one}`) && (its & BELOW) !== 0 ? [host.length - one.length] : [];
  });
  return starts.length === 0 ? -1 : Math.min(...starts);
}
