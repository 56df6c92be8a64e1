import { expect, test } from 'vitest';
import {
  addDomain,
  BELOW,
  buildDomainSet,
  createDomainSetBuilder,
  type DomainScope,
  type DomainSet,
  findDomain,
  ITSELF,
  restoreDomainSet,
} from '../../../src/match/domain-set.ts';

test.each<[string, DomainScope, string, number]>([
  ['example.com', ITSELF, 'example.com', 0],
  ['example.com', ITSELF, 'www.example.com', -1],
  ['example.com', BELOW, 'example.com', -1],
  ['example.com', BELOW, 'www.example.com', 4],
  ['example.com', BELOW, 'a.b.example.com', 4],
  ['example.com', 3, 'example.com', 0],
  ['example.com', 3, 'a.b.example.com', 4],
  ['example.com', 3, 'badexample.com', -1],
  ['example.com', 3, 'example.com.test', -1],
  ['example.com', 3, 'com', -1],
  ['example.com', 3, '.example.com', 1],
  ['example.com', 3, '', -1],
  ['com', BELOW, 'example.com', 8],
  ['2001:db8::1', ITSELF, '2001:db8::1', 0],
])('%s with scope %i holds %j from %i', (name, scope, host, from) => {
  expect(findDomain(setOf([[name, scope]]), host)).toBe(from);
});

test('finds the longest of several names', () => {
  const set = setOf([
    ['com', BELOW],
    ['example.com', BELOW],
    ['a.example.com', ITSELF],
  ]);
  expect(['a.example.com', 'b.a.example.com', 'example.com', 'com'].map((host) => findDomain(set, host))).toEqual([0, 4, 8, -1]);
});

test('a name that is added twice counts once and has both scopes', () => {
  const set = setOf([
    ['first.test', ITSELF],
    ['twice.test', ITSELF],
    ['twice.test', BELOW],
    ['last.test', ITSELF],
  ]);
  expect(set.size).toBe(3);
  expect(['twice.test', 'a.twice.test', 'last.test'].map((host) => findDomain(set, host))).toEqual([0, 2, 0]);
});

test('grows beyond the size that was expected', () => {
  const names = Array.from({ length: 5_000 }, (_, i): [string, DomainScope] => [`host-${i}.example`, ITSELF]);
  const set = setOf(names);
  expect(set.size).toBe(5_000);
  expect(names.every(([name]) => findDomain(set, name) === 0)).toBe(true);
});

test('the longest name that fits is kept whole', () => {
  const name = `${'a'.repeat(251)}.b`;
  expect(findDomain(setOf([[name, ITSELF]]), name)).toBe(0);
  expect(findDomain(setOf([[name, ITSELF]]), `c${name.slice(1)}`)).toBe(-1);
});

test('restores what it was, also from the middle of a larger memory', () => {
  const { bytes } = setOf([['example.com', 3]]);
  const larger = new Uint8Array(bytes.length + 8);
  larger.set(bytes, 8);
  expect(findDomain(restoreDomainSet(larger.subarray(8))!, 'www.example.com')).toBe(4);
});

test('refuses to restore what is no set', () => {
  const { bytes } = setOf([['example.com', 3]]);
  expect(restoreDomainSet(new Uint8Array(0))).toBe(null);
  expect(restoreDomainSet(bytes.slice(0, -1))).toBe(null);
  expect(restoreDomainSet(new Uint8Array(bytes.length).fill(0xff))).toBe(null);
});

test('a table without a free place ends a search all the same', () => {
  const set = setOf([['example.com', 3]]);
  set.places.fill(1);
  expect(findDomain(set, 'other.test')).toBe(-1);
});

function setOf(names: readonly (readonly [string, DomainScope])[]): DomainSet {
  const builder = createDomainSetBuilder([1, 0x9e3779b1], 0);
  for (const [name, scope] of names) addDomain(builder, Buffer.from(`<${name}>`), 1, name.length + 1, scope);
  return buildDomainSet(builder);
}
