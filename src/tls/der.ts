// Owns writing DER (ITU-T X.690 §8 to §11): the few types that certificates are made of, over the asn1 part of node-forge, and nothing else of that
// package: loading the rest takes six times as long. Values come out as the nodes that it writes; octets are its "binary strings", one character each.
// It refuses nothing: what comes in is ours. What others have written is read by x509/read-der.ts.
import asn1 from 'node-forge/lib/asn1.js';

/** A value in its tree, not encoded yet. */
export type Der = ReturnType<typeof asn1.create>;

export function sequence(...values: readonly Der[]): Der {
  return constructed(asn1.Type.SEQUENCE, values);
}

/** Of more than one, the caller has them in the order of their encodings (X.690 §11.6). */
export function setOf(...values: readonly Der[]): Der {
  return constructed(asn1.Type.SET, values);
}

/** A positive INTEGER, its octets in network order; leading zeros are no part of its value, and a set first bit is no sign (X.690 §8.3). */
export function positiveInteger(octets: Uint8Array): Der {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start += 1;
  const digits = binary(octets.subarray(start));
  return primitive(asn1.Type.INTEGER, octets[start]! >= 0x80 ? `\0${digits}` : digits);
}

/** DER writes TRUE as 0xff, and leaves out what is FALSE by default (X.690 §11.1, §11.5). */
export function isTrue(): Der {
  return primitive(asn1.Type.BOOLEAN, '\xff');
}

export function nothing(): Der {
  return primitive(asn1.Type.NULL, '');
}

/** @param dotted such as `2.5.29.17` */
export function objectIdentifier(dotted: string): Der {
  return primitive(asn1.Type.OID, asn1.oidToDer(dotted).getBytes());
}

export function octetString(octets: Uint8Array): Der {
  return primitive(asn1.Type.OCTETSTRING, binary(octets));
}

/** An OCTET STRING that holds the encoding of a value, as extensions do. */
export function encapsulated(value: Der): Der {
  return primitive(asn1.Type.OCTETSTRING, asn1.toDer(value).getBytes());
}

export function bitString(octets: Uint8Array): Der {
  return primitive(asn1.Type.BITSTRING, `\0${binary(octets)}`);
}

/** Named bits, counted from the first one of the first octet; zeros at the end are left out (X.690 §11.2.2). */
export function namedBits(bits: readonly number[]): Der {
  const last = Math.max(...bits);
  const octets = new Uint8Array((last >> 3) + 1);
  for (const bit of bits) octets[bit >> 3]! |= 0x80 >> (bit & 7);
  return primitive(asn1.Type.BITSTRING, String.fromCharCode(7 - (last & 7)) + binary(octets));
}

export function utf8String(text: string): Der {
  return primitive(asn1.Type.UTF8, Buffer.from(text, 'utf8').toString('latin1'));
}

/** UTF-16 without surrogates; node-forge writes two octets for each character. */
export function bmpString(text: string): Der {
  return primitive(asn1.Type.BMPSTRING, text);
}

/**
 * Validity as RFC 5280 §4.1.2.5 wants it: UTCTime through the year 2049, GeneralizedTime from then on, whole seconds, Z.
 *
 * @param atMs  milliseconds since the epoch; fractions of a second are cut off
 */
export function time(atMs: number): Der {
  const digits = new Date(atMs).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  const isUtcTime = digits < '2050';
  return primitive(isUtcTime ? asn1.Type.UTCTIME : asn1.Type.GENERALIZEDTIME, `${isUtcTime ? digits.slice(2) : digits}Z`);
}

/** `[tag] IMPLICIT` of a string type. A tag of 2 is also the number of INTEGER, so node-forge would cut off a first octet of zero: names have none. */
export function tagged(tag: number, octets: string): Der {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, octets);
}

/** `[tag] EXPLICIT` of a value, or `[tag] IMPLICIT` of a SEQUENCE of these values. */
export function taggedConstructed(tag: number, ...values: readonly Der[]): Der {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, [...values]);
}

export function encode(value: Der): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
}

/** A SEQUENCE of what is encoded already, so that what never changes is encoded once. */
export function encodedSequence(...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([Buffer.from([SEQUENCE_TAG, ...lengthOctets(length)]), ...parts]);
}

/** The definite form, as short as it goes (X.690 §8.1.3, §10.1). */
function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) octets.unshift(rest & 0xff);
  return [0x80 | octets.length, ...octets];
}

/** Octets as node-forge has them. */
export function binary(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1');
}

function constructed(type: number, values: readonly Der[]): Der {
  return asn1.create(asn1.Class.UNIVERSAL, type, true, [...values]);
}

function primitive(type: number, octets: string): Der {
  return asn1.create(asn1.Class.UNIVERSAL, type, false, octets);
}

/** SEQUENCE is 16, and constructed (X.690 §8.9.1). */
const SEQUENCE_TAG = 0x30;
