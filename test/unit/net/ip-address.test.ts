import { describe, expect, test } from 'vitest';
import {
  cidrContains,
  embeddedIpv4,
  endsInNumber,
  parseCidr,
  parseIpAddress,
  parseIpv4Number,
  unmapped,
} from '../../../src/net/ip-address.ts';

describe('parseIpAddress', () => {
  test.each(['0.0.0.0', '1.2.3.4', '127.0.0.1', '255.255.255.255'])('reads the dotted quad %s', (text) => {
    const ip = parseIpAddress(text);
    expect(ip).toMatchObject({ version: 4, text });
    expect([...ip!.bytes].join('.')).toBe(text);
  });

  test.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4.',
    '.1.2.3.4',
    '1..2.3',
    '01.2.3.4',
    '1.2.3.00',
    '256.1.1.1',
    '1.2.3.999',
    '0x1.2.3.4',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4/8',
    '+1.2.3.4',
    '1.2.3.a',
    '١.2.3.4',
    'localhost',
  ])('refuses %j as an IPv4 address', (text) => {
    expect(parseIpAddress(text)).toBeNull();
  });

  test.each([
    ['::', '::'],
    ['::1', '::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['1::', '1::'],
    ['1::8', '1::8'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['::FFFF:192.0.2.1', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['::1.2.3.4', '::102:304'],
    ['0000:0000:0000:0000:0000:ffff:255.255.255.255', '::ffff:255.255.255.255'],
  ])('reads %s and writes it as %s (RFC 4291 §2.2, RFC 5952)', (text, canonical) => {
    const ip = parseIpAddress(text);
    expect(ip).toMatchObject({ version: 6, text: canonical });
    expect(ip!.bytes).toHaveLength(16);
  });

  test.each([
    ':',
    ':::',
    '1',
    '1:',
    ':1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8:',
    '1:2:3:4:5:6:7::8',
    '::1:2:3:4:5:6:7:8',
    '1::2::3',
    '1:::2',
    '12345::',
    '00001::',
    'g::',
    '::1%eth0',
    'fe80::1%25eth0',
    '[::1]',
    '::1/128',
    '::1.2.3',
    '::1.2.3.4.5',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '::01.2.3.4',
    '::256.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1:2:3:4:5:6::1.2.3.4',
    ' ::1',
    '::1 ',
  ])('refuses %j as an IPv6 address', (text) => {
    expect(parseIpAddress(text)).toBeNull();
  });
});

describe('parseIpv4Number', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['127.0.1', '127.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['0x7f000001', '127.0.0.1'],
    ['0X7F.1', '127.0.0.1'],
    ['017700000001', '127.0.0.1'],
    ['0177.0.0.01', '127.0.0.1'],
    ['0x7f.0x0.0x0.0x1', '127.0.0.1'],
    ['010.8.8.8', '8.8.8.8'],
    ['0', '0.0.0.0'],
    ['00', '0.0.0.0'],
    ['4294967295', '255.255.255.255'],
    ['1.16777215', '1.255.255.255'],
    ['1.2.65535', '1.2.255.255'],
    ['169.16689662', '169.254.169.254'],
    ['0xa9fea9fe', '169.254.169.254'],
  ])('reads %s as %s', (text, meant) => {
    expect(parseIpv4Number(text)?.text).toBe(meant);
  });

  test.each([
    '',
    '.',
    '1.',
    '.1',
    '1..2',
    '1.2.3.4.5',
    '4294967296',
    '0x100000000',
    '1.16777216',
    '1.2.65536',
    '1.2.3.256',
    '256.1',
    '08',
    '1.2.3.09',
    '0x',
    '0xg',
    '1.2.3.0x',
    '-1',
    '+1',
    '1 ',
    '1e3',
    'a.1',
    '9'.repeat(400),
  ])('refuses %j', (text) => {
    expect(parseIpv4Number(text)).toBeNull();
  });
});

describe('endsInNumber', () => {
  test.each(['1', '127.0.0.1', 'a.1', 'a.b.09', '0x1', 'a.0XfF', 'a.0x', '1.2.3.4.', 'a.7.', '00'])('holds for %s', (host) => {
    expect(endsInNumber(host)).toBe(true);
  });
  test.each(['', '.', 'a', '1a', 'a1', '1.a', '0xg', '1.com', '1.com.', 'x0', '0y1', 'a..', '1e3', '-1'])(
    'does not hold for %j',
    (host) => {
      expect(endsInNumber(host)).toBe(false);
    },
  );
});

describe('parseCidr and cidrContains', () => {
  test.each([
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0', '::ffff:10.0.0.1', '::']],
    ['172.16.0.0/12', ['172.16.0.0', '172.31.255.255'], ['172.15.255.255', '172.32.0.0']],
    ['192.0.2.1', ['192.0.2.1'], ['192.0.2.0', '192.0.2.2']],
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255'], ['::']],
    ['198.51.100.128/25', ['198.51.100.128', '198.51.100.255'], ['198.51.100.127']],
    ['fc00::/7', ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'], ['fbff::', 'fe00::']],
    ['2001:db8::1', ['2001:db8::1'], ['2001:db8::', '2001:db8::2']],
    ['::/0', ['::', 'ffff::'], ['0.0.0.0']],
  ])('%s holds its first and last address and no neighbour', (text, inside, outside) => {
    const cidr = parseCidr(text)!;
    for (const address of inside) expect(cidrContains(cidr, parseIpAddress(address)!), address).toBe(true);
    for (const address of outside) expect(cidrContains(cidr, parseIpAddress(address)!), address).toBe(false);
  });

  test.each([
    '',
    '/',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/ 8',
    '10/8',
    '::/129',
    '::/1000',
    'example.com/8',
    '10.0.0.0/255.0.0.0',
  ])('refuses %j', (text) => {
    expect(parseCidr(text)).toBeNull();
  });

  test.each(['10.0.0.1/8', '0.0.0.1/31', '128.0.0.0/0', 'fc00::1/7', '2001:db8::/28'])('refuses bits beyond the prefix in %s', (text) => {
    expect(parseCidr(text)).toBeNull();
  });
});

describe('embeddedIpv4', () => {
  test.each([
    ['::ffff:10.0.0.1', ['10.0.0.1'], 'IPv4-mapped, RFC 4291 §2.5.5.2'],
    ['::10.0.0.1', ['10.0.0.1'], 'IPv4-compatible, RFC 4291 §2.5.5.1'],
    ['::ffff:0:10.0.0.1', ['10.0.0.1'], 'IPv4-translated, RFC 2765 §2.1'],
    ['64:ff9b::10.0.0.1', ['10.0.0.1'], 'NAT64, RFC 6052 §2.1'],
    ['64:ff9b:1::10.0.0.1', ['10.0.0.1'], 'NAT64 for local use, RFC 8215'],
    ['2002:a00:1::', ['10.0.0.1'], '6to4, RFC 3056 §2'],
    ['2001:0:c000:201:0:0:f5ff:fffe', ['192.0.2.1', '10.0.0.1'], 'Teredo server and client, RFC 4380 §4'],
    ['2600::5efe:10.0.0.1', ['10.0.0.1'], 'ISATAP, RFC 5214 §6.1'],
    ['2600::200:5efe:10.0.0.1', ['10.0.0.1'], 'ISATAP with a global address, RFC 5214 §6.1'],
  ])('finds in %s the address %j (%s)', (text, carried) => {
    expect(embeddedIpv4(parseIpAddress(text)!).map((ip) => ip.text)).toEqual(carried);
  });

  test.each(['::', '::1', '10.0.0.1', '2600::10.0.0.1', '64:ff9b:2::10.0.0.1', '2001:1::10.0.0.1', '2003:a00:1::', '1::ffff:10.0.0.1'])(
    'finds none in %s',
    (text) => {
      expect(embeddedIpv4(parseIpAddress(text)!)).toEqual([]);
    },
  );

  test('unmapped turns an IPv4-mapped address into its IPv4 address and leaves others alone', () => {
    expect(unmapped(parseIpAddress('::ffff:7f00:1')!).text).toBe('127.0.0.1');
    expect(unmapped(parseIpAddress('::7f00:1')!).text).toBe('::7f00:1');
    expect(unmapped(parseIpAddress('127.0.0.1')!).text).toBe('127.0.0.1');
  });
});
