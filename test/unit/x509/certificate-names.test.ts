// Which host a certificate is for (RFC 9525 §6.3), and for which names its issuer may vouch (RFC 5280 §4.2.1.10).
import { describe, expect, test } from 'vitest';
import { addressText, type HostNames, namesHost } from '../../../src/x509/certificate-fields.ts';
import { forbiddenName, readNameConstraints } from '../../../src/x509/name-constraints.ts';
import { DerError } from '../../../src/x509/read-der.ts';

describe('a certificate', () => {
  test.each([
    ['example.com', 'example.com', true],
    ['example.com', 'www.example.com', false],
    ['*.example.com', 'www.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'a.b.example.com', false],
    ['w*.example.com', 'www.example.com', false],
    ['*w.example.com', 'www.example.com', false],
    ['www.*.com', 'www.example.com', false],
    ['*.com', 'example.com', false],
    ['*', 'localhost', false],
    ['*.*.com', 'www.example.com', false],
    ['example.com\0.attacker.example', 'example.com', false],
    ['192.0.2.1', '192.0.2.1', false],
    ['*.0.2.1', '192.0.2.1', false],
    ['', 'example.com', false],
  ])('for "%s" is for %s: %s', (name, host, isFor) => {
    expect(namesHost(names([name]), host)).toBe(isFor);
  });

  test.each([
    [[192, 0, 2, 1], '192.0.2.1', true],
    [[192, 0, 2, 2], '192.0.2.1', false],
    [[...Buffer.alloc(15), 1], '::1', true],
    // Four octets are not the end of sixteen.
    [[...Buffer.alloc(10), 255, 255, 192, 0, 2, 1], '192.0.2.1', false],
  ])('for the address of octets %j is for %s: %s', (octets, host, isFor) => {
    expect(namesHost(names([], [octets]), host)).toBe(isFor);
  });
});

describe('constraints', () => {
  test.each<[string, Buffer, HostNames, string | null]>([
    ['that permit a tree let what is in it pass', permitting(dns('example.com')), names(['www.example.com', 'example.com']), null],
    [
      'that permit a tree forbid what is beside it',
      permitting(dns('example.com')),
      names(['example.com', 'badexample.com']),
      'badexample.com',
    ],
    ['that permit a tree forbid a star above it', permitting(dns('www.example.com')), names(['*.example.com']), '*.example.com'],
    ['that permit names say nothing of addresses', permitting(dns('example.com')), names([], [[192, 0, 2, 1]]), null],
    [
      'that permit a block forbid addresses beside it',
      permitting(block(10, 0, 0, 0, 255, 0, 0, 0)),
      names([], [[192, 0, 2, 1]]),
      '192.0.2.1',
    ],
    ['that permit a block let addresses in it pass', permitting(block(10, 0, 0, 0, 255, 0, 0, 0)), names([], [[10, 1, 2, 3]]), null],
    [
      'on a block may have bits set that its mask leaves out',
      permitting(block(10, 1, 2, 3, 255, 0, 0, 0)),
      names([], [[10, 9, 8, 7]]),
      null,
    ],
    ['that permit a block forbid what is no address', permitting(block(10, 0, 0, 0, 255, 0, 0, 0)), names([], [[10, 1]]), '0a01'],
    ['that exclude a tree forbid what is in it', excluding(dns('example.com')), names(['a.example', 'www.example.com']), 'www.example.com'],
    ['that exclude everything forbid everything', excluding(dns('')), names(['a.example']), 'a.example'],
  ])('%s', (_, constraints, of, forbidden) => {
    expect(forbiddenName(readNameConstraints(constraints), of)).toBe(forbidden);
  });
});

test.each([
  ['has a hole in its mask', block(10, 0, 0, 0, 255, 0, 255, 0)],
  ['is too short', block(10, 0, 0)],
])('constraints are refused when a block %s: without it they might permit everything', (_, base) => {
  expect(() => readNameConstraints(permitting(base))).toThrow(DerError);
});

test('addresses are written as people write them', () => {
  expect(addressText(Buffer.from([192, 0, 2, 1]))).toBe('192.0.2.1');
  expect(addressText(Buffer.alloc(16))).toBe('0000:0000:0000:0000:0000:0000:0000:0000');
});

function names(dnsNames: readonly string[], addresses: readonly (readonly number[])[] = []): HostNames {
  return { dns: dnsNames, addresses: addresses.map((octets) => Buffer.from(octets)) };
}

function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag, whole.length]), whole]);
}

function dns(name: string): Buffer {
  return der(0x82, Buffer.from(name));
}

function block(...octets: readonly number[]): Buffer {
  return der(0x87, Buffer.from(octets));
}

function permitting(base: Buffer): Buffer {
  return der(0x30, der(0xa0, der(0x30, base)));
}

function excluding(base: Buffer): Buffer {
  return der(0x30, der(0xa1, der(0x30, base)));
}
