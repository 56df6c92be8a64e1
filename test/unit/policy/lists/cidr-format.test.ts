import { expect, test } from 'vitest';
import { parseIpAddress } from '../../../../src/net/ip-address.ts';
import { openText } from './open-text.ts';

test('reads blocks and addresses with either kind of comment', () => {
  const list = openText('cidr', '; DROP list\n# another\n192.0.2.0/24 ; SBL1\n198.51.100.7#one\n2001:DB8::/32\n\n');
  expect(list).toMatchObject({ kind: 'addresses', entries: 3, skipped: 0 });
  const addresses = ['192.0.2.200', '198.51.100.7', '198.51.100.8', '2001:db8::1', '::ffff:192.0.2.1'];
  expect(addresses.map((text) => list.matchesAddress(parseIpAddress(text)!))).toEqual([true, true, false, true, true]);
});

test('says which block', () => {
  const list = openText('cidr', '192.0.2.0/24');
  expect(list.explainAddress(parseIpAddress('192.0.2.1')!)).toBe('192.0.2.1 is within 192.0.2.0/24 (list test, 1 entry)');
  expect(list.explainAddress(parseIpAddress('203.0.113.1')!)).toBe('203.0.113.1 is not in list test (1 entry)');
});

test.each(['10.0.0.1/8', '10.0.0.0/33', '10.0.0', 'example.com', '10.0.0.0 - 10.0.0.255', 'fe80::1%eth0'])('%j cannot be read', (line) => {
  expect(openText('cidr', `192.0.2.0/24\n${line}\n`)).toMatchObject({ entries: 1, skipped: 1, firstSkipped: [{ line: 2, text: line }] });
});
