import { expect, it } from 'vitest';
import { cacheKey, keysToInvalidate } from '../../../../src/cache/rules/cache-key.ts';
import { NO_OVERRIDES } from '../../../../src/cache/rules/options.ts';
import { parseAuthority } from '../../../../src/http/authority.ts';
import { DEFAULT_PORTS, type Scheme } from '../../../../src/http/target.ts';

function key(uri: string, overrides = {}, user: string | null = null): string {
  const [, scheme, authority, path] = /^(https?):\/\/([^/]+)(.*)$/.exec(uri)!;
  return cacheKey(
    scheme as Scheme,
    parseAuthority(authority!, DEFAULT_PORTS[scheme as Scheme]),
    path!,
    { ...NO_OVERRIDES, ...overrides },
    user,
  );
}

it.each([
  ['http://origin.example/', 'http://origin.example/'],
  ['http://ORIGIN.example./', 'http://origin.example/'],
  ['http://origin.example:80/a', 'http://origin.example/a'],
  ['http://origin.example:8080/a', 'http://origin.example:8080/a'],
  ['https://origin.example:443/a', 'https://origin.example/a'],
  ['https://origin.example:80/a', 'https://origin.example:80/a'],
  ['http://[2001:DB8:0::1]:80/a', 'http://[2001:db8::1]/a'],
  ['http://origin.example/A/%7e/?q=%2F&Q', 'http://origin.example/A/%7e/?q=%2F&Q'],
  ['http://origin.example/a?', 'http://origin.example/a?'],
])('the key of %s is %s: the target in one form, path and query byte for byte (RFC 9111 §2)', (uri, expected) => {
  expect(key(uri)).toBe(expected);
});

it.each<[string, true | string[], string]>([
  ['/a?b=1&c=2', true, '/a'],
  ['/a', true, '/a'],
  ['/a?', true, '/a'],
  ['/a?b=1&c=2', ['b'], '/a?c=2'],
  ['/a?c=2&b=1', ['b'], '/a?c=2'],
  ['/a?b=1', ['b'], '/a'],
  ['/a?b', ['b'], '/a'],
  ['/a?b=1&b=2&x', ['b'], '/a?x'],
  ['/a?B=1&bb=2&=3&', ['b'], '/a?B=1&bb=2&=3&'],
  ['/a?%62=1', ['b'], '/a?%62=1'],
  ['/a?c=2?b=1', ['b'], '/a?c=2?b=1'],
  ['/a?', ['b'], '/a?'],
  ['/a?b=1&c', [], '/a?b=1&c'],
])('of %s, a rule that ignores %j in the query leaves %s', (path, ignoreQuery, expected) => {
  expect(key(`http://origin.example${path}`, { ignoreQuery })).toBe(`http://origin.example${expected}`);
});

it('holds who asks only where a rule says so, and nobody is no user', () => {
  const uri = 'http://origin.example/';
  expect(key(uri, {}, 'alice')).toBe(uri);
  const keys = [null, 'alice', 'bob', 'nobody', 'a user=alice', ''].map((user) => key(uri, { partition: 'user' }, user));
  expect(new Set([uri, ...keys]).size).toBe(keys.length + 1);
});

it('an unsafe request invalidates whatever a rule about GET makes of the key (RFC 9111 §4.4)', () => {
  const authority = parseAuthority('origin.example', 80);
  expect(keysToInvalidate('http', authority, '/a?b=1&c=2', { ...NO_OVERRIDES, ignoreQuery: ['b'] }, 'ada')).toEqual([
    'http://origin.example/a?c=2',
    'http://origin.example/a?b=1&c=2',
    'http://origin.example/a?b=1&c=2 user=ada',
    'http://origin.example/a',
    'http://origin.example/a user=ada',
  ]);
  expect(keysToInvalidate('http', authority, '/a', NO_OVERRIDES, null)).toEqual([
    'http://origin.example/a',
    'http://origin.example/a nobody',
  ]);
});
