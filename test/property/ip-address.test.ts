import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cidrContains, endsInNumber, parseCidr, parseIpAddress, parseIpv4Number } from '../../src/net/ip-address.ts';
import { classify } from '../../src/net/special-purpose.ts';

/** Text that is close to an address, so that the parsers get far into it. */
const nearAddress = fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEFx.:/%[] '), maxLength: 48 });
const ipv6Bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
/** Bytes with runs of zeros, which decide how IPv6 is written. */
const sparseIpv6Bytes = fc
  .array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 })
  .map((bytes) => Uint8Array.from(bytes));

function fullText(bytes: Uint8Array): string {
  return Array.from({ length: 8 }, (_, i) => ((bytes[i * 2]! << 8) | bytes[i * 2 + 1]!).toString(16).padStart(4, '0')).join(':');
}

describe('IP addresses', () => {
  test('what parses is what node:net takes for an address, zone identifiers aside', () => {
    fc.assert(
      fc.property(fc.oneof(nearAddress, fc.string(), fc.ipV4(), fc.ipV6()), (text) => {
        expect(parseIpAddress(text)?.version ?? 0).toBe(text.includes('%') ? 0 : isIP(text));
      }),
      { numRuns: 5000 },
    );
  });

  test('canonical text parses to the same bytes and to itself', () => {
    fc.assert(
      fc.property(fc.oneof(ipv6Bytes, sparseIpv6Bytes), (bytes) => {
        const ip = parseIpAddress(fullText(bytes))!;
        expect([...ip.bytes]).toEqual([...bytes]);
        expect(ip.text.length).toBeLessThanOrEqual(39);
        expect(parseIpAddress(ip.text)).toEqual(ip);
      }),
      { numRuns: 3000 },
    );
  });

  test('IPv6 text agrees with the URL parser, which writes IPv4-mapped addresses in hexadecimal', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          ipv6Bytes,
          sparseIpv6Bytes,
          fc.ipV6().map((text) => parseIpAddress(text)!.bytes),
        ),
        (bytes) => {
          const { text } = parseIpAddress(fullText(bytes))!;
          if (!text.includes('.')) expect(`[${text}]`).toBe(domainToASCII(`[${fullText(bytes)}]`));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('numeric IPv4 spellings mean what the URL parser takes them to mean', () => {
    const part = fc.oneof(
      fc.nat(300).map(String),
      fc.nat(300).map((n) => `0${n.toString(8)}`),
      fc.nat(300).map((n) => `0x${n.toString(16)}`),
      fc.nat(0xffffffff).map(String),
      fc.string({ unit: fc.constantFrom(...'0123456789abcdefxX'), minLength: 1, maxLength: 12 }),
    );
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')),
        (text) => {
          const ours = parseIpv4Number(text);
          // The URL parser reads `0x` as 0; we refuse it.
          const theirs = /(?:^|\.)0x(?:\.|$)/i.test(text) ? '' : domainToASCII(text);
          expect(ours?.text ?? '').toBe(isIP(theirs) === 4 ? theirs : '');
          if (ours !== null) expect(endsInNumber(text)).toBe(true);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('a block holds exactly the addresses that share its prefix', () => {
    fc.assert(
      fc.property(ipv6Bytes, fc.nat(128), fc.nat(127), (bytes, prefixLength, flipped) => {
        const network = bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefixLength - i * 8))) & 0xff);
        const cidr = parseCidr(`${fullText(network)}/${prefixLength}`)!;
        expect(cidrContains(cidr, parseIpAddress(fullText(bytes))!)).toBe(true);
        const other = Uint8Array.from(bytes);
        other[flipped >> 3]! ^= 0x80 >> (flipped & 7);
        expect(cidrContains(cidr, parseIpAddress(fullText(other))!)).toBe(flipped >= prefixLength);
      }),
    );
  });

  test('every parser and classify are total', () => {
    fc.assert(
      fc.property(fc.oneof(nearAddress, fc.string({ unit: 'binary' })), (text) => {
        parseIpv4Number(text);
        parseCidr(text);
        endsInNumber(text);
        const ip = parseIpAddress(text);
        if (ip !== null) classify(ip);
      }),
      { numRuns: 3000 },
    );
  });

  test('an IPv4-mapped address is classified as its IPv4 address is', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(classify(parseIpAddress(`::ffff:${text}`)!)).toEqual(classify(parseIpAddress(text)!));
      }),
    );
  });
});
