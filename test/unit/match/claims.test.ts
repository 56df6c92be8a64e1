import { expect, test } from 'vitest';
import { claimValues } from '../../../src/match/claims.ts';

const claims = {
  sub: 'repo:org/app',
  run: 42,
  admin: true,
  nothing: null,
  aud: ['a', 'b'],
  mixed: ['a', 1, false, null, { b: 1 }, ['c']],
  realm_access: { roles: ['dev', 'ops'], 'with.dot': 'x', deeper: { level: 3 } },
  'https://corp.example/dept': 'it',
  'a.b': 'itself',
  a: { b: 'inside' },
  constructor: 'own',
};

test.each<[string, readonly string[]]>([
  ['sub', ['repo:org/app']],
  ['run', ['42']],
  ['admin', ['true']],
  ['aud', ['a', 'b']],
  ['mixed', ['a', '1', 'false']],
  ['realm_access.roles', ['dev', 'ops']],
  ['realm_access.deeper.level', ['3']],
  ['https://corp.example/dept', ['it']],
  ['a.b', ['itself']],
  ['constructor', ['own']],
  ['nothing', []],
  ['missing', []],
  ['realm_access', []],
  ['realm_access.missing.roles', []],
  ['realm_access.roles.0', []],
  ['realm_access.with.dot', []],
  ['sub.length', []],
  ['aud.length', []],
  ['__proto__', []],
  ['toString', []],
  ['realm_access.constructor.name', []],
  ['', []],
  ['.', []],
])('the values of %j are %j', (name, expected) => {
  expect(claimValues(claims, name)).toEqual(expected);
});

test('where there are no claims, none has a value', () => {
  expect(claimValues(null, 'sub')).toEqual([]);
});

test('an object that JSON.parse made with a __proto__ of its own is an object like any other', () => {
  expect(claimValues(JSON.parse('{"__proto__":{"admin":"yes"}}'), '__proto__.admin')).toEqual(['yes']);
  expect(claimValues(JSON.parse('{"__proto__":{"admin":"yes"}}'), 'admin')).toEqual([]);
});
