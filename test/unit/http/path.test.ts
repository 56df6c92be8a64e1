import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalisePath } from '../../../src/http/path.ts';

describe('normalises (RFC 3986 §6.2.2)', () => {
  test.each([
    ['leaves a normal path alone', '/a/b.c/~d-e_f', '/a/b.c/~d-e_f'],
    ['leaves reserved characters alone (§2.2)', "/a;v=1/@b,c:d!$&'()*+=", "/a;v=1/@b,c:d!$&'()*+="],
    ['leaves codes of reserved characters alone, in upper case (§6.2.2.1)', '/a%3bb%40%2B', '/a%3Bb%40%2B'],
    ['decodes codes of unreserved characters (§6.2.2.2)', '/%7Efoo/%41%2d%5F', '/~foo/A-_'],
    ['decodes once: what comes out is not decoded again', '/%2541', '/%2541'],
    ['encodes what a path cannot hold (§3.3)', '/a{b}|"<>^`[x]', '/a%7Bb%7D%7C%22%3C%3E%5E%60%5Bx%5D'],
    ['encodes octets beyond ASCII', '/caf\xc3\xa9', '/caf%C3%A9'],
    ['keeps UTF-8 codes', '/%c3%a9/%e2%82%ac/%f0%9f%98%80', '/%C3%A9/%E2%82%AC/%F0%9F%98%80'],
    ['resolves dot segments (§5.2.4)', '/a/./b/../c', '/a/c'],
    ['resolves encoded dot segments', '/a/%2e/b/%2E%2e/c/.%2e/d', '/a/d'],
    ['goes no higher than the root', '/../../a', '/a'],
    ['ends in a slash after a last dot segment', '/a/b/..', '/a/'],
    ['ends in a slash after a last single dot', '/a/.', '/a/'],
    ['makes the root of nothing but dots', '/a/..', '/'],
    ['folds repeated slashes', '//a///b//', '/a/b/'],
    ['folds slashes before it resolves dots', '/a//../b', '/b'],
    ['keeps names that begin with a dot', '/.well-known/..a/...', '/.well-known/..a/...'],
    ['keeps the root', '/', '/'],
    ['keeps the asterisk-form (RFC 9112 §3.2.4)', '*', '*'],
  ])('%s', (_name, path, normal) => {
    expect(normalisePath(path)).toMatchObject({ path: normal, pathAndQuery: normal, query: '', isUsable: true, problem: '' });
  });

  test.each([
    ['/a/../b?x=/../%2f%00\\//', '/b', '?x=/../%2f%00\\//'],
    ['/a?', '/a', '?'],
    ['/a?b?c', '/a', '?b?c'],
  ])('leaves the query of %s as it came', (sent, path, query) => {
    expect(normalisePath(sent)).toMatchObject({ path, query, pathAndQuery: path + query });
  });
});

test.each([
  ['/a%2fb', 'has an encoded slash (%2F)'],
  ['/a/..%2Fb', 'has an encoded slash (%2F)'],
  ['/a%5Cb', 'has an encoded backslash (%5C)'],
  ['/a\\b', 'has a backslash'],
  ['/a%00', 'has an encoded NUL (%00)'],
  ['/a%0d%0a', 'has a control character'],
  ['/a%7f', 'has a control character'],
  ['/a\x01', 'has a control character'],
  ['/a#b', 'has a fragment (#)'],
  ['/a%', 'has a % that is not followed by two hexadecimal digits'],
  ['/a%4', 'has a % that is not followed by two hexadecimal digits'],
  ['/a%g0', 'has a % that is not followed by two hexadecimal digits'],
  ['/%c0%af', 'has percent-codes that are not UTF-8'], // an overlong slash
  ['/%c0%ae', 'has percent-codes that are not UTF-8'], // an overlong dot
  ['/%e0%80%af', 'has percent-codes that are not UTF-8'],
  ['/%f0%80%80%af', 'has percent-codes that are not UTF-8'],
  ['/%ed%a0%80', 'has percent-codes that are not UTF-8'], // a surrogate
  ['/%f4%90%80%80', 'has percent-codes that are not UTF-8'], // beyond U+10FFFF
  ['/%e9', 'has percent-codes that are not UTF-8'],
  ['/%e2%82/', 'has percent-codes that are not UTF-8'],
  ['/%80', 'has percent-codes that are not UTF-8'],
  ['/a/..;/b', 'has a dot segment with a parameter (..;)'],
  ['/a/%2e%2e%3bx=1/b', 'has a dot segment with a parameter (..;)'],
  ['/\u{100}', 'has a character that is not an octet'],
  ['a/b', 'does not begin with a slash'],
  ['', 'does not begin with a slash'],
  ['?a', 'does not begin with a slash'],
  ['*/a', 'does not begin with a slash'],
])('%j is not usable: it %s', (path, problem) => {
  expect(normalisePath(path)).toMatchObject({ pathAndQuery: path, isUsable: false, problem });
});

const pathText = fc
  .array(
    fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2E',
      'a',
      'B',
      '~',
      '%7e',
      '%41',
      '%3b',
      ';',
      '%25',
      '{',
      '\xe9',
      '\xc3\xa9',
      '%c3%a9',
      '//',
      '*',
      '?',
      '%2f',
      '%',
    ),
  )
  .map((pieces) => `/${pieces.join('')}`);

test('a normal form is its own normal form, and the very same string', () => {
  fc.assert(
    fc.property(pathText, (path) => {
      const once = normalisePath(path);
      fc.pre(once.isUsable);
      expect(normalisePath(once.pathAndQuery)).toEqual(once);
      expect(once.path + once.query).toBe(once.pathAndQuery);
    }),
  );
});

test('agrees with the WHATWG URL parser on dot segments', () => {
  const plain = fc
    .array(fc.constantFrom('/a', '/b.c', '/.', '/..', '/%2e', '/.%2E'), { minLength: 1 })
    .map((segments) => segments.join(''));
  fc.assert(
    fc.property(plain, (path) => {
      expect(normalisePath(path).path).toBe(new URL(`http://h${path}`).pathname);
    }),
  );
});

test('no text makes it throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => {
      expect(normalisePath(text)).toMatchObject({ isUsable: expect.any(Boolean) });
    }),
  );
});
