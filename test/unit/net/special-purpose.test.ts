import { describe, expect, test } from 'vitest';
import { parseIpAddress } from '../../../src/net/ip-address.ts';
import { classify, specialForms } from '../../../src/net/special-purpose.ts';

const classOf = (text: string) => classify(parseIpAddress(text)!)?.class ?? 'public';

describe('classify', () => {
  test.each([
    // first, last, class, the address before, its class, the address after, its class
    ['0.0.0.1', '0.255.255.255', 'reserved', '0.0.0.0', 'unspecified', '1.0.0.0', 'public'],
    ['10.0.0.0', '10.255.255.255', 'private', '9.255.255.255', 'public', '11.0.0.0', 'public'],
    ['100.64.0.0', '100.127.255.255', 'cgnat', '100.63.255.255', 'public', '100.128.0.0', 'public'],
    ['127.0.0.0', '127.255.255.255', 'loopback', '126.255.255.255', 'public', '128.0.0.0', 'public'],
    ['169.254.0.0', '169.254.255.255', 'link-local', '169.253.255.255', 'public', '169.255.0.0', 'public'],
    ['172.16.0.0', '172.31.255.255', 'private', '172.15.255.255', 'public', '172.32.0.0', 'public'],
    ['192.0.0.0', '192.0.0.255', 'reserved', '191.255.255.255', 'public', '192.0.1.0', 'public'],
    ['192.0.2.0', '192.0.2.255', 'documentation', '192.0.1.255', 'public', '192.0.3.0', 'public'],
    ['192.88.99.0', '192.88.99.255', 'reserved', '192.88.98.255', 'public', '192.88.100.0', 'public'],
    ['192.168.0.0', '192.168.255.255', 'private', '192.167.255.255', 'public', '192.169.0.0', 'public'],
    ['198.18.0.0', '198.19.255.255', 'benchmarking', '198.17.255.255', 'public', '198.20.0.0', 'public'],
    ['198.51.100.0', '198.51.100.255', 'documentation', '198.51.99.255', 'public', '198.51.101.0', 'public'],
    ['203.0.113.0', '203.0.113.255', 'documentation', '203.0.112.255', 'public', '203.0.114.0', 'public'],
    ['224.0.0.0', '239.255.255.255', 'multicast', '223.255.255.255', 'public', '240.0.0.0', 'reserved'],
    ['240.0.0.0', '255.255.255.254', 'reserved', '239.255.255.255', 'multicast', '255.255.255.255', 'broadcast'],
    ['::1', '::1', 'loopback', '::', 'unspecified', '::2', 'reserved'],
    [
      '64:ff9b:1::808:808',
      '64:ff9b:1:ffff:ffff:ffff:808:808',
      'reserved',
      '64:ff9b:0:ffff:ffff:ffff:808:808',
      'reserved',
      '64:ff9b:2::',
      'reserved',
    ],
    ['2001:0:808:808::f7f7:f7f7', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', 'reserved', '2000:ffff::', 'public', '2001:200::', 'public'],
    ['2001:2::', '2001:2:0:ffff:ffff:ffff:ffff:ffff', 'benchmarking', '2001:1:ffff::', 'reserved', '2001:2:1::', 'reserved'],
    ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', 'documentation', '2001:db7:ffff::', 'public', '2001:db9::', 'public'],
    ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', 'documentation', '3ffe:ffff::', 'public', '3fff:1000::', 'public'],
    ['100::', '1fff:ffff::', 'reserved', 'ff::', 'reserved', '2000::', 'public'],
    ['4000::', 'fbff:ffff::', 'reserved', '3fff:ffff::', 'public', 'fc00::', 'unique-local'],
    ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'unique-local', 'fbff::', 'reserved', 'fe00::', 'reserved'],
    ['fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'link-local', 'fe7f:ffff::', 'reserved', 'fec0::', 'reserved'],
    ['ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'multicast', 'feff:ffff::', 'reserved', 'ff02::1', 'multicast'],
  ])('%s to %s is %s; %s before is %s, %s after is %s', (first, last, expected, before, beforeClass, after, afterClass) => {
    expect(classOf(first)).toBe(expected);
    expect(classOf(last)).toBe(expected);
    expect(classOf(before)).toBe(beforeClass);
    expect(classOf(after)).toBe(afterClass);
  });

  test.each([
    '169.254.169.254',
    '169.254.170.2',
    '169.254.170.23',
    '169.254.0.23',
    '169.254.42.42',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    'fd00:42::42',
    'fd00:a9fe:a9fe::1',
    'fe80::a9fe:a9fe',
  ])('%s is a metadata address, and its neighbour is not', (text) => {
    expect(classOf(text)).toBe('metadata');
    const neighbour = parseIpAddress(text)!;
    const bytes = Uint8Array.from(neighbour.bytes);
    bytes[bytes.length - 1]! ^= 1;
    expect(classify({ ...neighbour, bytes })?.class).not.toBe('metadata');
  });

  test.each(['1.1.1.1', '8.8.8.8', '93.184.216.34', '2606:4700::1111', '2a00:1450:4001::200e'])(
    '%s is an ordinary public address',
    (text) => {
      expect(classOf(text)).toBe('public');
    },
  );

  test.each([
    ['::ffff:8.8.8.8', 'public'],
    ['64:ff9b::8.8.8.8', 'public'],
    ['2002:808:808::1', 'public'],
    ['2600::5efe:8.8.8.8', 'public'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:0.0.0.0', 'unspecified'],
    ['::ffff:169.254.169.254', 'metadata'],
    ['64:ff9b::10.0.0.1', 'private'],
    ['64:ff9b::a9fe:a9fe', 'metadata'],
    ['2002:7f00:1::', 'loopback'],
    ['2002:a9fe:a9fe::1', 'metadata'],
    ['2600::5efe:192.168.0.1', 'private'],
    ['::127.0.0.1', 'reserved'],
    ['::169.254.169.254', 'metadata'],
    ['64:ff9b:1::8.8.8.8', 'reserved'],
    ['64:ff9b:1::169.254.169.254', 'metadata'],
    ['2001:0:808:808::f5ff:fffe', 'reserved'],
    ['fd00::5efe:169.254.1.1', 'link-local'],
  ])('%s is judged by the IPv4 address inside as well: %s', (text, expected) => {
    expect(classOf(text)).toBe(expected);
  });
});

test('specialForms lists the address itself and what it carries, the worst first', () => {
  const forms = specialForms(parseIpAddress('64:ff9b:1::169.254.169.254')!);
  expect(forms.map((form) => [form.address.text, form.purpose.class])).toEqual([
    ['169.254.169.254', 'metadata'],
    ['64:ff9b:1::a9fe:a9fe', 'reserved'],
  ]);
  expect(specialForms(parseIpAddress('8.8.8.8')!)).toEqual([]);
});
