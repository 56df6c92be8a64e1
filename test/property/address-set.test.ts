// On random blocks and addresses, the set holds what one of its blocks holds, and does so after a round trip too.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildAddressSet, describeBlock, hasAddress, restoreAddressSet } from '../../src/match/address-set.ts';
import { type Cidr, cidrContains, type IpAddress, parseCidr, parseIpAddress, unmapped } from '../../src/net/ip-address.ts';

/** Octets that are often the same, so that blocks lie inside one another and addresses at their ends. */
const octet = fc.constantFrom(0, 0, 0, 1, 0x7f, 0x80, 0xfe, 0xff);
const ipv4 = fc.array(octet, { minLength: 4, maxLength: 4 }).map((octets) => parseIpAddress(octets.join('.'))!);
const ipv6 = fc.array(octet, { minLength: 16, maxLength: 16 }).map((octets) => parseIpAddress(ipv6Text(octets))!);
const mapped = ipv4.map(({ text }) => parseIpAddress(`::ffff:${text}`)!);
const address = fc.oneof(ipv4, ipv6, mapped);
const block = fc.tuple(address, fc.nat(128)).map(([first, length]) => blockOf(first, Math.min(length, first.bytes.length * 8)));

test('agrees with trying every block', () => {
  fc.assert(
    fc.property(fc.array(block, { maxLength: 25 }), fc.array(address, { minLength: 1, maxLength: 20 }), (blocks, addresses) => {
      const set = restoreAddressSet(buildAddressSet(blocks).bytes.slice())!;
      for (const ip of addresses) {
        const expected = blocks.some((one) => holdsEitherWay(one, ip));
        expect([ip.text, hasAddress(set, ip)]).toEqual([ip.text, expected]);
        const found = describeBlock(set, ip);
        expect(found !== null).toBe(expected);
        if (found !== null) expect(holdsEitherWay(parseCidr(found)!, ip)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

/** A block, or the mapped form of it, holds the address or the IPv4 address inside. */
function holdsEitherWay(one: Cidr, ip: IpAddress): boolean {
  const asMapped = ip.version === 4 ? parseIpAddress(`::ffff:${ip.text}`)! : ip;
  const isMappedBlock = one.address.version === 6 && one.prefixLength >= 96 && unmapped(one.address).version === 4;
  return cidrContains(one, ip) || cidrContains(one, unmapped(ip)) || (isMappedBlock && cidrContains(one, asMapped));
}

function blockOf(first: IpAddress, prefixLength: number): Cidr {
  const octets = [...first.bytes].map((value, i) => value & (0xff00 >> Math.min(8, Math.max(0, prefixLength - i * 8))) & 0xff);
  return { address: parseIpAddress(first.version === 4 ? octets.join('.') : ipv6Text(octets))!, prefixLength };
}

function ipv6Text(octets: readonly number[]): string {
  return Array.from({ length: 8 }, (_, i) => (octets[i * 2]! * 256 + octets[i * 2 + 1]!).toString(16)).join(':');
}
