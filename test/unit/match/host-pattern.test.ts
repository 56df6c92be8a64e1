import { expect, test } from 'vitest';
import { type HostPattern, matchesHost, patternText } from '../../../src/match/host-pattern.ts';

const exact: HostPattern = { kind: 'exact', name: 'example.com' };
const below: HostPattern = { kind: 'below', name: 'example.com' };
const oneLabel: HostPattern = { kind: 'one-label', name: 'example.com' };

test.each([
  ['example.com', true, true, false],
  ['www.example.com', false, true, true],
  ['a.b.example.com', false, true, false],
  ['badexample.com', false, false, false],
  ['example.com.evil.test', false, false, false],
  ['com', false, false, false],
  ['.example.com', false, false, false],
  ['xn--example.com', false, false, false],
  ['', false, false, false],
])('%j: exact %s, below %s, one label %s', (host, ...expected) => {
  expect([exact, below, oneLabel].map((pattern) => matchesHost(pattern, host))).toEqual(expected);
});

test('an address is matched as a whole', () => {
  const address: HostPattern = { kind: 'exact', name: '10.0.0.1' };
  expect(matchesHost(address, '10.0.0.1')).toBe(true);
  expect(matchesHost(address, '110.0.0.1')).toBe(false);
});

test('a pattern is written as it is read', () => {
  const name = 'example.com';
  expect((['exact', 'below', 'one-label'] as const).map((kind) => patternText({ kind, name }))).toEqual([
    'example.com',
    '.example.com',
    '*.example.com',
  ]);
});
