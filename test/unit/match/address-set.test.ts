import { expect, test } from 'vitest';
import { type AddressSet, buildAddressSet, describeBlock, hasAddress, restoreAddressSet } from '../../../src/match/address-set.ts';
import { parseCidr, parseIpAddress } from '../../../src/net/ip-address.ts';

test.each<[string, string, string | null]>([
  ['192.0.2.0/24', '192.0.2.0', '192.0.2.0/24'],
  ['192.0.2.0/24', '192.0.2.255', '192.0.2.0/24'],
  ['192.0.2.0/24', '192.0.3.0', null],
  ['192.0.2.0/24', '192.0.1.255', null],
  ['192.0.2.7', '192.0.2.7', '192.0.2.7/32'],
  ['255.255.255.255', '255.255.255.255', '255.255.255.255/32'],
  ['0.0.0.0/0', '0.0.0.0', '0.0.0.0/0'],
  ['0.0.0.0/0', '255.255.255.255', '0.0.0.0/0'],
  ['0.0.0.0/0', '2001:db8::1', null],
  ['2001:db8::/32', '2001:db8:ffff::1', '2001:db8::/32'],
  ['2001:db8::/33', '2001:db8:8000::', null],
  ['2001:db8::1', '2001:db8::1', '2001:db8::1/128'],
  ['2001:db8::1', '2001:db8::2', null],
  ['::/0', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::/0'],
  ['::/0', '192.0.2.1', null],
])('%s and %s: %s', (block, address, expected) => {
  const set = setOf(block);
  expect(describeBlock(set, parseIpAddress(address)!)).toBe(expected);
  expect(hasAddress(set, parseIpAddress(address)!)).toBe(expected !== null);
});

test.each<[string, string, string | null]>([
  ['192.0.2.0/24', '::ffff:192.0.2.1', '192.0.2.0/24'],
  ['::ffff:192.0.2.0/120', '192.0.2.1', '192.0.2.0/24'],
  ['::ffff:192.0.2.0/120', '::ffff:192.0.2.1', '192.0.2.0/24'],
  ['::ffff:0:0/96', '198.51.100.1', '0.0.0.0/0'],
  ['::/0', '::ffff:192.0.2.1', '::/0'],
  ['192.0.2.0/24', '::ffff:198.51.100.1', null],
])('an IPv4-mapped address is judged as the IPv4 address inside (RFC 4291 §2.5.5.2): %s and %s: %s', (block, address, expected) => {
  expect(describeBlock(setOf(block), parseIpAddress(address)!)).toBe(expected);
});

test('of blocks inside one another the widest is kept, in whatever order they come', () => {
  const set = setOf('10.1.0.0/16', '10.0.0.0/8', '10.0.0.0/8', '10.255.255.255', '11.0.0.0/8', '2001:db8:1::/48', '2001:db8::/32');
  expect(set.size).toBe(3);
  expect(describeBlock(set, parseIpAddress('10.1.2.3')!)).toBe('10.0.0.0/8');
  expect(describeBlock(set, parseIpAddress('2001:db8:1::1')!)).toBe('2001:db8::/32');
});

test('an empty set holds nothing', () => {
  expect(hasAddress(setOf(), parseIpAddress('192.0.2.1')!)).toBe(false);
  expect(hasAddress(setOf(), parseIpAddress('::')!)).toBe(false);
});

test('refuses to restore what is no set', () => {
  const { bytes } = setOf('192.0.2.0/24', '2001:db8::/32');
  expect(restoreAddressSet(bytes)?.size).toBe(2);
  expect(restoreAddressSet(bytes.slice(0, -1))).toBe(null);
  expect(restoreAddressSet(new Uint8Array(3))).toBe(null);
  expect(restoreAddressSet(new Uint8Array(64).fill(0xff))).toBe(null);
});

function setOf(...blocks: readonly string[]): AddressSet {
  return buildAddressSet(blocks.map((block) => parseCidr(block)!));
}
