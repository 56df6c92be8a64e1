import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { parseTarget, type Target } from '../../../src/http/target.ts';

const name = (host: string, port: number): { host: string; kind: 'name'; port: number } => ({ host, kind: 'name', port });

describe('absolute-form (RFC 9112 §3.2.2)', () => {
  it.each<[string, Target]>([
    ['http://example.com/', { form: 'absolute-form', scheme: 'http', authority: name('example.com', 80), pathAndQuery: '/' }],
    ['http://example.com', { form: 'absolute-form', scheme: 'http', authority: name('example.com', 80), pathAndQuery: '/' }],
    ['https://example.com/a?b', { form: 'absolute-form', scheme: 'https', authority: name('example.com', 443), pathAndQuery: '/a?b' }],
    ['HTTP://Example.COM:8080/A', { form: 'absolute-form', scheme: 'http', authority: name('example.com', 8080), pathAndQuery: '/A' }],
    ['hTTpS://example.com?q=/', { form: 'absolute-form', scheme: 'https', authority: name('example.com', 443), pathAndQuery: '/?q=/' }],
    ['http://example.com//a/../b', { form: 'absolute-form', scheme: 'http', authority: name('example.com', 80), pathAndQuery: '//a/../b' }],
    ['http://example.com/a@b:c', { form: 'absolute-form', scheme: 'http', authority: name('example.com', 80), pathAndQuery: '/a@b:c' }],
    [
      'http://example.com/\xc3\xa9?\xff',
      { form: 'absolute-form', scheme: 'http', authority: name('example.com', 80), pathAndQuery: '/%C3%A9?%FF' },
    ],
    [
      'http://[2001:db8::1]:81/',
      { form: 'absolute-form', scheme: 'http', authority: { host: '2001:db8::1', kind: 'ipv6', port: 81 }, pathAndQuery: '/' },
    ],
    [
      'http://0x7f.1/',
      { form: 'absolute-form', scheme: 'http', authority: { host: '127.0.0.1', kind: 'ipv4', port: 80 }, pathAndQuery: '/' },
    ],
  ])('%j', (target, expected) => {
    expect(parseTarget('GET', target)).toEqual(expected);
  });

  it('OPTIONS without a path asks about the whole server (§3.2.4), with one it does not', () => {
    expect(parseTarget('OPTIONS', 'http://example.com')).toMatchObject({ pathAndQuery: '*' });
    expect(parseTarget('OPTIONS', 'http://example.com/')).toMatchObject({ pathAndQuery: '/' });
    expect(parseTarget('OPTIONS', 'http://example.com?x')).toMatchObject({ pathAndQuery: '/?x' });
  });
});

it.each<[string, string, Target]>([
  ['GET', '/a/b?c', { form: 'origin-form', pathAndQuery: '/a/b?c' }],
  ['GET', '//example.com/a', { form: 'origin-form', pathAndQuery: '//example.com/a' }],
  ['OPTIONS', '*', { form: 'asterisk-form' }],
  ['CONNECT', 'example.com:443', { form: 'authority-form', authority: name('example.com', 443) }],
  ['CONNECT', '[2001:DB8:0::1]:443', { form: 'authority-form', authority: { host: '2001:db8::1', kind: 'ipv6', port: 443 } }],
])('%s %s', (method, target, expected) => {
  expect(parseTarget(method, target)).toEqual(expected);
});

it.each([
  ['GET', '', 'no target'],
  ['GET', '*', 'the asterisk-form for another method than OPTIONS (§3.2.4)'],
  ['connect', 'example.com:443', 'the authority-form for another method than CONNECT: methods are case-sensitive'],
  ['GET', 'example.com:443', 'the authority-form for another method than CONNECT (§3.2.3)'],
  ['GET', 'example.com/', 'a host without a scheme'],
  ['CONNECT', 'http://example.com:443', 'the absolute-form for CONNECT'],
  ['CONNECT', '/', 'the origin-form for CONNECT'],
  ['CONNECT', '*', 'the asterisk-form for CONNECT'],
  ['CONNECT', 'example.com', 'CONNECT without a port (RFC 9110 §9.3.6)'],
  ['CONNECT', 'example.com:', 'CONNECT with an empty port'],
  ['CONNECT', 'example.com:0', 'port 0'],
  ['CONNECT', 'example.com:65536', 'a port over 65535'],
  ['CONNECT', 'example.com:+443', 'a signed port'],
  ['CONNECT', 'example.com:0443', 'a port with a leading zero'],
  ['CONNECT', 'example.com:443/', 'CONNECT with a path'],
  ['CONNECT', 'user@example.com:443', 'CONNECT with user information'],
  ['CONNECT', '__proto__:0x1bb', 'a port in hexadecimal'],
  ['CONNECT', '2001:db8::1:443', 'an IPv6 address without brackets'],
  ['CONNECT', ':443', 'an empty host'],
  ['GET', 'http:///a', 'an empty host'],
  ['GET', 'http://', 'an empty host'],
  ['GET', 'http://:80/', 'an empty host with a port'],
  ['GET', 'http://example.com:/', 'an empty port'],
  ['GET', 'http://example.com:65536/', 'a port over 65535'],
  ['GET', 'http://example.com:99999999999/', 'a port that overflows'],
  ['GET', 'http://example.com:8o/', 'a port with a letter'],
  ['GET', 'http://user:secret@example.com/', 'user information (RFC 9110 §4.2.4)'],
  ['GET', 'http://@example.com/', 'empty user information'],
  ['GET', 'http://example.com:80@evil.example/', 'a port that is a password'],
  ['GET', 'http://example.com#@evil.example/', 'a fragment behind the host'],
  ['GET', 'http://example.com/#x', 'a fragment'],
  ['GET', '/a#x', 'a fragment in origin-form'],
  ['GET', 'http://example.com\\@evil.example/', 'a backslash in the authority'],
  ['GET', 'http://exa%6dple.com/', 'a percent-code in the host'],
  ['GET', 'http://[fe80::1%25eth0]/', 'a zone identifier'],
  ['GET', 'http://[::1/', 'a bracket that does not close'],
  ['GET', 'http://[::1]x/', 'something behind the bracket'],
  ['GET', 'http://[example.com]/', 'a name in brackets'],
  ['GET', 'http://256.1.1.1/', 'a number that is no address'],
  ['GET', 'http:/example.com/', 'one slash'],
  ['GET', 'http:example.com', 'no slash'],
  ['GET', 'ftp://example.com/', 'a scheme that is not served'],
  ['GET', 'file:///etc/passwd', 'another scheme that is not served'],
  ['GET', 'javascript:alert(1)', 'no authority at all'],
  ['GET', ' http://example.com/', 'a blank in front'],
  ['GET', 'http://example.com/a b', 'a blank'],
  ['GET', 'http://example.com/a\x00', 'a NUL'],
  ['GET', 'http://example.com/\r\nX: y', 'a line end'],
  ['GET', 'http://exa\tmple.com/', 'a tab in the host'],
  ['GET', 'http://exam\xffple.com/', 'a host that is not UTF-8'],
])('refuses %s %j: %s', (method, target) => {
  let thrown: unknown;
  try {
    parseTarget(method, target);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ProxyError);
  expect(thrown).toMatchObject({ code: 'http_request_error', status: 400 });
});

it.each(['http://user:secret@example.com/', 'http://example.com:secret@evil.example/', 'http://secret@[::1]/', 'http://a:b:secret@c/'])(
  'does not repeat what may be a password: %j',
  (target) => {
    expect(() => parseTarget('GET', target)).toThrow(expect.not.objectContaining({ message: expect.stringContaining('secret') }));
  },
);
