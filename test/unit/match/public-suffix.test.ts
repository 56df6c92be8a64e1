import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPublicSuffix, registrableDomain, suffixSection } from '../../../src/match/public-suffix.ts';

test.each<[string, string | null]>([
  ['example.com', 'example.com'],
  ['a.b.example.co.uk', 'example.co.uk'],
  ['co.uk', null],
  ['com', null],
  ['alice.github.io', 'alice.github.io'],
  ['www.alice.github.io', 'alice.github.io'],
  ['github.io', null],
  ['www.city.kawasaki.jp', 'city.kawasaki.jp'], // an exception of the list
  ['b.kawasaki.jp', null], // its wildcard
  ['www.xn--85x722f.xn--55qx5d.cn', 'xn--85x722f.xn--55qx5d.cn'],
  ['db.corp.internal', 'corp.internal'],
  ['localhost', null],
  ['192.0.2.1', null],
  ['2001:db8::1', null],
  ['', null],
])('the registrable domain of %s is %s', (host, expected) => {
  expect(registrableDomain(host)).toBe(expected);
});

test.each([
  ['com', true],
  ['co.uk', true],
  ['github.io', true],
  ['internal', true],
  ['b.kawasaki.jp', true],
  ['example.com', false],
  ['192.0.2.1', false],
  ['2001:db8::1', false],
  ['', false],
])('%s is a public suffix: %s', (host, expected) => {
  expect(isPublicSuffix(host)).toBe(expected);
});

test.each([
  ['com', 'registry'],
  ['co.uk', 'registry'],
  ['github.io', 'private'],
  ['internal', null],
  ['example.com', null],
  ['192.0.2.1', null],
])('%s is in the section of the list for: %s', (host, expected) => {
  expect(suffixSection(host)).toBe(expected);
});

test('no text makes any of them throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (host) => {
      registrableDomain(host);
      isPublicSuffix(host);
      suffixSection(host);
    }),
  );
});
