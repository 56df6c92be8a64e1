import { describe, expect, test } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { formatAuthority, parseAuthority, parseHost } from '../../../src/http/authority.ts';

/** Text as it arrives: its UTF-8 octets, one character each. */
const onTheWire = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

function refusalOf(text: string, defaultPort: number | null = null): ProxyError {
  try {
    parseAuthority(text, defaultPort);
  } catch (error) {
    if (error instanceof ProxyError) return error;
    throw error;
  }
  throw new Error(`${text} was not refused`);
}

describe('parseAuthority', () => {
  test.each([
    ['example.com:443', 'example.com', 'name', 443],
    ['EXAMPLE.com:80', 'example.com', 'name', 80],
    ['example.com.:80', 'example.com', 'name', 80],
    ['localhost:1', 'localhost', 'name', 1],
    ['a_b-c.example:65535', 'a_b-c.example', 'name', 65535],
    ['_dmarc.example:80', '_dmarc.example', 'name', 80],
    ['1a.example:80', '1a.example', 'name', 80],
    ['example.1a:80', 'example.1a', 'name', 80],
    ['0xg:80', '0xg', 'name', 80],
    ['__proto__:443', '__proto__', 'name', 443],
    ['xn--fa-hia.de:80', 'xn--fa-hia.de', 'name', 80],
    ['1.2.3.4:80', '1.2.3.4', 'ipv4', 80],
    ['1.2.3.4.:80', '1.2.3.4', 'ipv4', 80],
    ['127.1:80', '127.0.0.1', 'ipv4', 80],
    ['0x7f000001:80', '127.0.0.1', 'ipv4', 80],
    ['0X7F.1:80', '127.0.0.1', 'ipv4', 80],
    ['2130706433:80', '127.0.0.1', 'ipv4', 80],
    ['017700000001:80', '127.0.0.1', 'ipv4', 80],
    ['[::1]:80', '::1', 'ipv6', 80],
    ['[2001:DB8:0:0::A]:80', '2001:db8::a', 'ipv6', 80],
    ['[::ffff:127.0.0.1]:80', '127.0.0.1', 'ipv4', 80],
    ['[::ffff:7f00:1]:80', '127.0.0.1', 'ipv4', 80],
    ['[64:ff9b::127.0.0.1]:80', '64:ff9b::7f00:1', 'ipv6', 80],
  ])('reads %s as %s (%s), port %i', (text, host, kind, port) => {
    expect(parseAuthority(text, null)).toEqual({ host, kind, port });
  });

  test.each([
    ['faß.de:80', 'xn--fa-hia.de'],
    ['BÜCHER.example:80', 'xn--bcher-kva.example'],
    ['☃.net:80', 'xn--n3h.net'],
    ['例え。テスト:80', 'xn--r8jz45g.xn--zckzah'],
    ['ｅｘａｍｐｌｅ.com:80', 'example.com'],
    ['example.com。:80', 'example.com'],
    ['１２７.0.0.1:80', '127.0.0.1'],
    ['a\u00adb.example:80', 'ab.example'],
  ])('reads the UTF-8 octets of %s as %s (UTS 46, non-transitional)', (text, host) => {
    expect(parseAuthority(onTheWire(text), null).host).toBe(host);
  });

  test.each(['example.com', 'EXAMPLE.com', '1.2.3.4', '[::1]', '127.1'])('takes the default port for %s, or demands one', (text) => {
    expect(parseAuthority(text, 8080).port).toBe(8080);
    expect(refusalOf(text).message).toContain('names no port');
  });

  test.each([
    ':80',
    '.:80',
    '..:80',
    '.example.com:80',
    'example..com:80',
    'example.com..:80',
    'a:',
    'a:0',
    'a:00',
    'a:080',
    'a:65536',
    'a:100000',
    'a:4294967376',
    'a:+80',
    'a:-80',
    'a:8o',
    'a: 80',
    'a:80 ',
    'a:0x50',
    'a:٨٠',
    'a:80:80',
    '1.2.3.4:',
    '[::1]:',
    '[::1]:0',
    '[::1]80',
    '[::1] :80',
    '[::1]x:80',
    '[::1:80',
    '::1:80',
    '[]:80',
    '[1.2.3.4]:80',
    '[example.com]:80',
    '[[::1]]:80',
    '[::1%eth0]:80',
    '[fe80::1%25eth0]:80',
    'x[::1]:80',
    '1.2.3.4.5:80',
    '256.1.1.1:80',
    '1.2.3.09:80',
    '4294967296:80',
    'example.1:80',
    'example.0x7f:80',
    'example.0x:80',
    '0x:80',
    'exa%6dple.com:80',
    '%31:80',
    'a b:80',
    ' a:80',
    'a\t:80',
    'a\r\n:80',
    'a\0b:80',
    'a/b:80',
    'a\\b:80',
    'a?b:80',
    'a#b:80',
    '*.example:80',
    'a,b:80',
    'a;b:80',
    "a'b:80",
    'a\x7f:80',
    `${'a'.repeat(64)}.example:80`,
    `${'A'.repeat(64)}.example:80`,
    `${'a.'.repeat(127)}a:80`,
    'é\xff:80',
    '\xc3:80',
    '\u0100:80',
    onTheWire('a\u200db:80'),
    onTheWire('\u00ad:80'),
    onTheWire('example.１x／:80'),
    onTheWire('a％41:80'),
    onTheWire('a！b:80'),
    onTheWire('℀.example:80'),
    onTheWire(`${'é'.repeat(60)}.example:80`),
    onTheWire(`${'é'.repeat(5000)}:80`),
  ])('refuses %j with 400', (text) => {
    expect(refusalOf(text)).toMatchObject({ code: 'http_request_error', status: 400, blame: 'client' });
  });

  test.each([
    'user:secret@example.com:80',
    'secret@example.com',
    'user:secret@[::1]:80',
    'a:secret@b',
    '@a:80',
    'SECRET@x:1',
    '1@secret:80',
  ])('refuses user information in %s without repeating it (RFC 9110 §4.2.4)', (text) => {
    const { message } = refusalOf(text, 80);
    expect(message).toContain('User information');
    expect(message.toLowerCase()).not.toContain('secret');
  });

  test('takes labels of 63 octets and names of 253 (RFC 1035 §2.3.4)', () => {
    const label = 'a'.repeat(63);
    const name = `${label}.${label}.${label}.${'a'.repeat(61)}`;
    expect(name).toHaveLength(253);
    expect(parseAuthority(`${name}:80`, null).host).toBe(name);
    expect(parseAuthority(`${name}.:80`, null).host).toBe(name);
    expect(parseAuthority(`${name.toUpperCase()}:80`, null).host).toBe(name);
    expect(refusalOf(`${name}a:80`).message).toContain('254 characters');
  });

  test('quotes no more than a line of printable ASCII', () => {
    const { message } = refusalOf(`<é\n>${'x'.repeat(9000)}:80`);
    expect(message.length).toBeLessThan(200);
    expect(message).toMatch(/^[ -~]+$/);
  });

  test('an IPv6 address without brackets is told to take them', () => {
    expect(refusalOf('fe80::1').message).toContain('needs brackets');
    expect(refusalOf('2001:db8::1:443').message).toContain('needs brackets');
  });
});

describe('formatAuthority', () => {
  test.each([
    ['example.com:80', 80, 'example.com'],
    ['example.com:8080', 80, 'example.com:8080'],
    ['example.com:80', undefined, 'example.com:80'],
    ['[::1]:443', 443, '[::1]'],
    ['[::1]:444', 443, '[::1]:444'],
    ['127.1:80', undefined, '127.0.0.1:80'],
  ])('writes %s with default port %s as %s', (text, defaultPort, written) => {
    expect(formatAuthority(parseAuthority(text, null), defaultPort)).toBe(written);
  });
});

describe('parseHost', () => {
  test.each([
    ['Example.COM.', 'example.com', 'name'],
    ['bücher.example', 'xn--bcher-kva.example', 'name'],
    ['127.1', '127.0.0.1', 'ipv4'],
    ['::1', '::1', 'ipv6'],
    ['[2001:DB8::1]', '2001:db8::1', 'ipv6'],
    ['::ffff:10.0.0.1', '10.0.0.1', 'ipv4'],
  ])('reads %s as %s (%s)', (text, host, kind) => {
    expect(parseHost(text)).toEqual({ host, kind });
  });

  test.each(['', '.', 'a:80', 'a@b', '[a]', '[::1', '::1]', '*.example', 'fe80::1%eth0', '\ud800'])('refuses %j', (text) => {
    expect(() => parseHost(text)).toThrow(ProxyError);
  });
});
