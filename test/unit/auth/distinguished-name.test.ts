import { describe, expect, test } from 'vitest';
import { escapeInFilter, escapeInName, fillIn, firstValue, nameBelow } from '../../../src/auth/distinguished-name.ts';

test.each([
  ['alice', 'alice'],
  ['a,ou=admins', 'a\\,ou\\=admins'],
  [' a b ', '\\ a b\\ '],
  [' ', '\\ '],
  ['#1', '\\#1'],
  ['a#1', 'a#1'],
  ['"+,;<=>\\', '\\"\\+\\,\\;\\<\\=\\>\\\\'],
  ['a\0b', 'a\\00b'],
  ['Jürgen', 'Jürgen'],
])('%j stands in a name as %j (RFC 4514 §2.4), and comes out of it again', (text, escaped) => {
  expect(escapeInName(text)).toBe(escaped);
  expect(firstValue(`uid=${escaped},ou=people`)).toBe(text);
});

test.each([
  ['alice', 'alice'],
  ['*)(uid=*', '\\2a\\29\\28uid=\\2a'],
  ['a\\b\0', 'a\\5cb\\00'],
  ['Jürgen', 'Jürgen'],
])('%j stands in a filter as %j (RFC 4515 §3)', (text, escaped) => {
  expect(escapeInFilter(text)).toBe(escaped);
});

test('what is filled in is not looked at again', () => {
  expect(fillIn('(&(a={user})(b={dn})(c={other}))', { user: '{dn}', dn: '{user}$&' }, (value) => value)).toBe(
    '(&(a={dn})(b={user}$&)(c={other}))',
  );
});

describe('a group below a base', () => {
  const BASE = 'ou=groups,dc=example,dc=org';

  test.each([
    ['cn=admins,ou=groups,dc=example,dc=org', 'admins'],
    ['CN=Admins, OU=Groups , DC=Example,dc=ORG', 'Admins'],
    ['cn=admins,ou=it,ou=groups,dc=example,dc=org', 'admins'],
    ['cn=a\\,b,ou=groups,dc=example,dc=org', 'a,b'],
    ['cn=a\\2Cb,ou=gr\\6Fups,dc=example,dc=org', 'a,b'],
    ['cn=J\\C3\\BCrgen,ou=groups,dc=example,dc=org', 'Jürgen'],
  ])('%s is %j', (name, value) => {
    expect(nameBelow(name, BASE)).toBe(value);
  });

  test.each([
    'cn=admins,ou=people,dc=example,dc=org',
    'cn=admins,ou=mygroups,dc=example,dc=org',
    'cn=admins\\,ou=groups,dc=example,dc=org',
    'cn=x,cn=admins\\,ou=groups,dc=example,dc=org',
    'ou=groups,dc=example,dc=org',
    'cn=admins,ou=groups,dc=example,dc=org,dc=evil',
    'cn=admins+uid=x,ou=groups,dc=example,dc=org',
    'admins,ou=groups,dc=example,dc=org',
    'admins',
    '\\',
    '',
  ])('%j is none', (name) => {
    expect(nameBelow(name, BASE)).toBeNull();
  });
});
