// DER of ours, read by openssl's asn1parse, and by the strict reader that reads everybody else's.
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bitString,
  type Der,
  encode,
  encodedSequence,
  namedBits,
  objectIdentifier,
  octetString,
  positiveInteger,
  sequence,
  tagged,
  time,
  utf8String,
} from '../../src/tls/der.ts';
import { DER, identifierOf, membersOf, readDer } from '../../src/x509/read-der.ts';
import { describeWith } from '../support/programs.ts';

interface Parsed {
  /** Octets of the content. */
  readonly length: number;
  readonly type: string;
  readonly value: string;
}

/** The members of a SEQUENCE as openssl sees them; `-strparse` of nothing, so strings stay strings. */
function parse(members: readonly Der[]): readonly Parsed[] {
  const said = execFileSync('openssl', ['asn1parse', '-inform', 'DER'], {
    input: encode(sequence(...members)),
    maxBuffer: 64 * 1024 * 1024,
  }).toString();
  return said
    .split('\n')
    .filter((line) => /:d=1 /.test(line))
    .map((line) => {
      const [, length, type, value] = /l=\s*(\d+) (?:prim|cons): (.+?)\s*(?:\[HEX DUMP\])?(?::(.*))?$/.exec(line) ?? [];
      return { length: Number(length), type: type ?? '', value: value ?? '' };
    });
}

const octets = fc.uint8Array({ minLength: 1, maxLength: 40 });
const moment = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59) });
/** Around every place where the form of a length changes (X.690 §8.1.3). */
const LENGTHS = [0, 1, 126, 127, 128, 129, 254, 255, 256, 257, 65_534, 65_535, 65_536, 65_537];

describeWith(['openssl'], 'openssl reads', () => {
  test('every INTEGER as the positive number that its octets are (X.690 §8.3)', () => {
    fc.assert(
      fc.property(fc.array(octets, { minLength: 100, maxLength: 100 }), (numbers) => {
        const parsed = parse(numbers.map(positiveInteger));
        expect(parsed.map(({ type, value }) => `${type} ${BigInt(`0x${value}`)}`)).toEqual(
          numbers.map((number) => `INTEGER ${BigInt(`0x${Buffer.from(number).toString('hex')}`)}`),
        );
      }),
      { numRuns: 10 },
    );
  });

  test('every length (X.690 §8.1.3)', () => {
    const parsed = parse(LENGTHS.map((length) => octetString(Buffer.alloc(length, 0xa5))));
    expect(parsed.map(({ length, type }) => [length, type])).toEqual(LENGTHS.map((length) => [length, 'OCTET STRING']));
  });

  test('every moment, in two digits of a year before 2050 (RFC 5280 §4.1.2.5)', () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 100, maxLength: 100 }), (moments) => {
        const expected = moments.map((atMs) => {
          const digits = `${new Date(atMs).toISOString().replace(/\D/g, '').slice(0, 14)}Z`;
          return digits < '2050'
            ? { length: 13, type: 'UTCTIME', value: digits.slice(2) }
            : { length: 15, type: 'GENERALIZEDTIME', value: digits };
        });
        expect(parse(moments.map(time))).toEqual(expected);
      }),
      { numRuns: 10 },
    );
  });

  test('text and bits', () => {
    const parsed = parse([utf8String('Türe'), bitString(Buffer.of(1, 2)), namedBits([0]), namedBits([5, 6]), namedBits([8])]);
    expect(parsed.map(({ length, type }) => `${type} ${length}`)).toEqual([
      'UTF8STRING 5',
      'BIT STRING 3',
      'BIT STRING 2',
      'BIT STRING 2',
      'BIT STRING 3',
    ]);
  });
});

test('what is written is read again, to the same octets', () => {
  const leaf = fc.oneof(
    octets.map(positiveInteger),
    octets.map((value) => octetString(value)),
    octets.map((value) => bitString(value)),
    fc.string({ maxLength: 20 }).map(utf8String),
    moment.map(time),
    fc.string({ unit: fc.constantFrom(...'abc.-_'), minLength: 1, maxLength: 20 }).map((name) => tagged(2, name)),
  );
  const tree = fc.letrec<{ tree: Der }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('tree'), { maxLength: 6 }).map((members) => sequence(...members)),
    ),
  })).tree;
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 8 }), (members) => {
      const written = encode(sequence(...members));
      expect(leavesOf(written)).toEqual(members.flatMap((member) => leavesOf(encode(member))));
      expect(membersOf(readDer(written), DER.sequence).map(({ whole }) => whole)).toEqual(members.map(encode));
      expect(encodedSequence(...members.map(encode))).toEqual(written);
    }),
  );
});

test('identifiers are read as they were written', () => {
  const arc = fc.integer({ min: 0, max: 0x7fffffff });
  fc.assert(
    fc.property(fc.constantFrom('1.2', '2.5', '0.39', '1.3'), fc.array(arc, { minLength: 1, maxLength: 8 }), (root, arcs) => {
      const text = [root, ...arcs].join('.');
      expect(identifierOf(readDer(encode(objectIdentifier(text))))).toBe(text);
    }),
  );
});

/** Of every value that holds no others, the encoding. */
function leavesOf(bytes: Buffer): readonly Buffer[] {
  const value = readDer(bytes);
  return value.tag === DER.sequence ? membersOf(value, DER.sequence).flatMap(({ whole }) => leavesOf(whole)) : [value.whole];
}
