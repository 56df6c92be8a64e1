// Owns the certificate as RFC 5280 §4.1 lays it out: its contents → the octets that are signed → the whole. Signing is somebody else's.
import type { KeyObject } from 'node:crypto';
import {
  bitString,
  type Der,
  encode,
  encodedSequence,
  nothing,
  objectIdentifier,
  positiveInteger,
  sequence,
  setOf,
  taggedConstructed,
  time,
  utf8String,
} from './der.ts';

/** What a key signs with, and how certificates say so. */
export interface SignatureAlgorithm {
  /** For node:crypto. */
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  /** DER of the AlgorithmIdentifier. */
  readonly identifier: Buffer;
}

/** Everything but the serial number and the validity is DER already. */
export interface CertificateContents {
  /** 16 random octets, as a positive number: 17 octets at most, where §4.1.2.2 has room for 20. */
  readonly serial: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly issuer: Buffer;
  /** Milliseconds since the epoch. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly subject: Buffer;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
  readonly extensions: readonly Der[];
}

/** TBSCertificate, version 3: what is signed. */
export function encodeContents({
  serial,
  algorithm,
  issuer,
  notBeforeMs,
  notAfterMs,
  subject,
  publicKey,
  extensions,
}: CertificateContents): Buffer {
  return encodedSequence(
    VERSION_3,
    encode(positiveInteger(serial)),
    algorithm.identifier,
    issuer,
    encode(sequence(time(notBeforeMs), time(notAfterMs))),
    subject,
    publicKey,
    encode(taggedConstructed(3, sequence(...extensions))),
  );
}

/** @param contents  what `encodeContents` made @param signature  over exactly that */
export function encodeCertificate(contents: Buffer, { identifier }: SignatureAlgorithm, signature: Uint8Array): Buffer {
  return encodedSequence(contents, identifier, encode(bitString(signature)));
}

/**
 * A Name of these attributes, in this order (§4.1.2.4); none is the empty Name.
 *
 * @throws never; a value longer than 64 characters is the caller's mistake, since its upper bound is that (RFC 5280 appendix A.1)
 */
export function distinguishedName(attributes: readonly (readonly [attribute: keyof typeof ATTRIBUTES, value: string])[]): Buffer {
  return encode(
    sequence(...attributes.map(([attribute, value]) => setOf(sequence(objectIdentifier(ATTRIBUTES[attribute]), utf8String(value))))),
  );
}

/** Characters of a name's attribute (RFC 5280 appendix A.1, ub-common-name, ub-organization-name). */
export const LONGEST_ATTRIBUTE = 64;

/**
 * How a key signs: ECDSA with the hash that fits its curve (RFC 5758 §3.2), or RSA PKCS #1 v1.5 with SHA-256 (RFC 4055 §5).
 *
 * @returns `null` for a key that clients do not take from a CA: another type, another curve, RSA below 2048 bits
 */
export function signatureAlgorithm({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): SignatureAlgorithm | null {
  if (asymmetricKeyType === 'ec') return ECDSA[asymmetricKeyDetails?.namedCurve ?? ''] ?? null;
  if (asymmetricKeyType !== 'rsa' || (asymmetricKeyDetails?.modulusLength ?? 0) < 2048) return null;
  return { hash: 'sha256', identifier: encode(sequence(objectIdentifier('1.2.840.113549.1.1.11'), nothing())) };
}

const ATTRIBUTES = { commonName: '2.5.4.3', organizationName: '2.5.4.10' } as const;
const ECDSA: Readonly<Record<string, SignatureAlgorithm>> = {
  prime256v1: { hash: 'sha256', identifier: encode(sequence(objectIdentifier('1.2.840.10045.4.3.2'))) },
  secp384r1: { hash: 'sha384', identifier: encode(sequence(objectIdentifier('1.2.840.10045.4.3.3'))) },
  secp521r1: { hash: 'sha512', identifier: encode(sequence(objectIdentifier('1.2.840.10045.4.3.4'))) },
};
/** [0] EXPLICIT INTEGER 2 (§4.1.2.1). */
const VERSION_3 = encode(taggedConstructed(0, positiveInteger(Uint8Array.of(2))));
