import { describe, expect, it } from 'vitest';
import { isToken, serializeBareItem, serializeMember, token } from '../../../src/http/structured-fields.ts';

describe('serializeMember', () => {
  it.each([
    ['a name that is a token stands bare', 'sallyport-7f3a', {}, 'sallyport-7f3a'],
    ['a name that is no token becomes a string', '7f3a proxy', {}, '"7f3a proxy"'],
    ['a quote and a backslash in a name are escaped', 'a"b\\c', {}, '"a\\"b\\\\c"'],
    [
      'parameters keep their order and types (RFC 9209 §2)',
      'proxy.example',
      { error: token('connection_timeout'), 'received-status': 200, details: 'no answer in 10 s', 'next-hop': token('origin.example:443') },
      'proxy.example;error=connection_timeout;received-status=200;details="no answer in 10 s";next-hop=origin.example:443',
    ],
    [
      'a true parameter is its key alone (RFC 9651 §4.1.1.2), as in Cache-Status',
      'cache.example',
      { hit: true, ttl: -412, key: 'https://example.com/' },
      'cache.example;hit;ttl=-412;key="https://example.com/"',
    ],
    ['a false or absent parameter is left out', 'p', { stored: false, detail: undefined, collapsed: true }, 'p;collapsed'],
  ])('%s', (_, name, parameters, expected) => {
    expect(serializeMember(name, parameters)).toBe(expected);
  });

  it.each(['Error', '', '9lives', 'a b', 'a=b', 'é', 'a\r\nSet-Cookie:x'])('refuses %j as a key (RFC 9651 §3.1.2)', (key) => {
    expect(() => serializeMember('p', { [key]: 1 })).toThrow(TypeError);
  });
});

describe('serializeBareItem', () => {
  it.each([
    ['plain', '"plain"'],
    ['', '""'],
    ['C:\\"x"', '"C:\\\\\\"x\\""'],
    ['münchen.example', '"m?nchen.example"'],
    ['a\r\nX: b\u0000\u007f\t', '"a??X: b???"'],
    ['one 😀 is one ?', '"one ? is one ?"'],
    ['\ud800', '"?"'],
    [true, '?1'],
    [false, '?0'],
    [-0, '0'],
    [999_999_999_999_999, '999999999999999'],
    [-999_999_999_999_999, '-999999999999999'],
    [token('*'), '*'],
  ])('writes %j as %s', (item, expected) => {
    expect(serializeBareItem(item)).toBe(expected);
  });

  it.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 1_000_000_000_000_000, -1e15, 1e21])(
    'refuses the number %d (RFC 9651 §3.3.1)',
    (number) => {
      expect(() => serializeBareItem(number)).toThrow(TypeError);
    },
  );
});

describe('token', () => {
  it.each(['a', 'h2', '*/*', 'http/1.1', 'A:B', "x!#$%&'*+-.^_`|~"])('takes %j', (text) => {
    expect(isToken(text)).toBe(true);
    expect(token(text)).toEqual({ token: text });
  });

  it.each(['', '1a', 'a b', 'a;b', '"a"', '[::1]', 'é', 'a\n', '-a'])('refuses %j (RFC 9651 §3.3.4)', (text) => {
    expect(isToken(text)).toBe(false);
    expect(() => token(text)).toThrow(TypeError);
  });
});
