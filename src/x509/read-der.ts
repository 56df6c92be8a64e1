// Owns reading DER (X.690 §8 and §10): definite lengths in their shortest form, tags of one octet, nothing behind the end. Refuses all else with
// a DerError. It reads what strangers send, so it never goes deeper than its caller asks and never copies.

export interface DerValue {
  /** The identifier octet: class, constructed or not, number. */
  readonly tag: number;
  readonly content: Buffer;
  /** With its tag and length: what a signature is made over. */
  readonly whole: Buffer;
}

export class DerError extends Error {
  override readonly name = 'DerError';
}

/** The one value that the octets are. @throws DerError */
export function readDer(bytes: Buffer): DerValue {
  const value = valueAt(bytes, 0);
  if (value.whole.length !== bytes.length) throw new DerError('octets behind the end');
  return value;
}

/** The values inside a constructed one, in their order. @throws DerError when it has another tag, or is not made of values */
export function membersOf(value: DerValue | undefined, tag: number): DerValue[] {
  const bytes = contentOf(value, tag);
  const members: DerValue[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const member = valueAt(bytes, offset);
    members.push(member);
    offset += member.whole.length;
  }
  return members;
}

/** @throws DerError when the value is missing or has another tag */
export function contentOf(value: DerValue | undefined, tag: number): Buffer {
  if (value?.tag !== tag) throw new DerError(`a value of tag ${tag} is missing`);
  return value.content;
}

/** The octets of a BIT STRING whose bits fill them. @throws DerError */
export function bitsOf(value: DerValue | undefined): Buffer {
  const content = contentOf(value, DER.bitString);
  if (content[0] !== 0) throw new DerError('bits that fill no octets');
  return content.subarray(1);
}

/** `1.2.840.113549.1.1.11`. @throws DerError */
export function identifierOf(value: DerValue | undefined): string {
  const content = contentOf(value, DER.objectIdentifier);
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of content) {
    arc = arc * 128 + (octet & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw new DerError('an object identifier beyond reason');
    if (octet >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first = 0, ...rest] = arcs;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join('.');
}

/** A GeneralizedTime as RFC 5280 §4.1.2.5.2 has it: YYYYMMDDHHMMSSZ. @returns milliseconds since the epoch @throws DerError */
export function generalizedTimeOf(value: DerValue | undefined): number {
  const text = contentOf(value, DER.generalizedTime).toString('latin1');
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (parts === null) throw new DerError('a time that is none');
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [number, number, number, number, number, number];
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function valueAt(bytes: Buffer, offset: number): DerValue {
  const tag = bytes[offset];
  let length = bytes[offset + 1];
  if (tag === undefined || length === undefined) throw new DerError('cut short');
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of many octets');
  let start = offset + 2;
  if (length >= 0x80) {
    const octets = length & 0x7f;
    if (octets === 0 || octets > 3 || start + octets > bytes.length) throw new DerError('a length that is none');
    length = bytes.readUIntBE(start, octets);
    start += octets;
    if (length < 0x80 || length < 2 ** (8 * (octets - 1))) throw new DerError('a length that is not in its shortest form');
  }
  const end = start + length;
  if (end > bytes.length) throw new DerError('cut short');
  return { tag, content: bytes.subarray(start, end), whole: bytes.subarray(offset, end) };
}

export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

/** A context-specific tag, constructed: `[0]` EXPLICIT. */
export function explicitTag(number: number): number {
  return 0xa0 | number;
}

/** A context-specific tag, primitive: `[0]` IMPLICIT on a type that is not made of others. */
export function implicitTag(number: number): number {
  return 0x80 | number;
}

/** The forms of GeneralName (RFC 5280 §4.2.1.6) that say something of a host. */
export const GENERAL_NAME = { dns: implicitTag(2), directory: explicitTag(4), address: implicitTag(7) } as const;
