import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentOf, DER, DerError, generalizedTimeOf, identifierOf, membersOf, readDer } from '../../../src/x509/read-der.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('DER (X.690 §10)', () => {
  test('is read member by member', () => {
    const members = membersOf(readDer(hex('30 07 02 01 05 04 02 aa bb')), DER.sequence);
    expect(members.map(({ tag, content }) => [tag, content.toString('hex')])).toEqual([
      [DER.integer, '05'],
      [DER.octetString, 'aabb'],
    ]);
    expect(members[0]!.whole.toString('hex')).toBe('020105');
  });

  test('of 200 octets has its length in two', () => {
    expect(readDer(Buffer.concat([hex('04 81 c8'), Buffer.alloc(200)])).content).toHaveLength(200);
  });

  test.each([
    ['nothing', ''],
    ['a tag alone', '30'],
    ['a content that is cut short', '04 03 aa bb'],
    ['octets behind the end', '04 01 aa 00'],
    ['a length that could be shorter', '04 81 01 aa'],
    ['a length with a leading zero', `04 82 00 80 ${'00'.repeat(128)}`],
    ['an indefinite length', '30 80 00 00'],
    ['a length of four octets', '04 84 00 00 00 01 aa'],
    ['a tag of many octets', '1f 81 01 00'],
  ])('that is %s is refused', (_, octets) => {
    expect(() => readDer(hex(octets))).toThrow(DerError);
  });

  test('is read, or refused with a DerError, whatever it is', () => {
    const walk = (bytes: Buffer, depth: number): void => {
      const value = readDer(bytes);
      if (depth > 0 && (value.tag & 0x20) !== 0) for (const member of membersOf(value, value.tag)) walk(member.whole, depth - 1);
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          walk(Buffer.from(bytes), 4);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
    );
  });
});

test.each([
  ['06 09 2a 86 48 86 f7 0d 01 01 0b', '1.2.840.113549.1.1.11'],
  ['06 03 55 1d 11', '2.5.29.17'],
  ['06 03 88 37 03', '2.999.3'],
])('%s is the object identifier %s', (octets, identifier) => {
  expect(identifierOf(readDer(hex(octets)))).toBe(identifier);
});

test('a time is to the second and in UTC (RFC 5280 §4.1.2.5.2)', () => {
  const time = (text: string): number => generalizedTimeOf(readDer(Buffer.concat([hex('18 0f'), Buffer.from(text)])));
  expect(time('20261122221500Z')).toBe(Date.UTC(2026, 10, 22, 22, 15));
  expect(() => time('202611222215+01')).toThrow(DerError);
});

test('a value that is missing, or of another kind, is refused', () => {
  expect(() => contentOf(undefined, DER.integer)).toThrow(DerError);
  expect(() => membersOf(readDer(hex('02 01 05')), DER.sequence)).toThrow(DerError);
});
