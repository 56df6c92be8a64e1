// Owns the certificate extensions that our certificates carry (RFC 5280 §4.2), each as the DER of one Extension.
import { createHash } from 'node:crypto';
import { parseIpAddress } from '../net/ip-address.ts';
import {
  binary,
  type Der,
  encapsulated,
  isTrue,
  namedBits,
  objectIdentifier,
  octetString,
  positiveInteger,
  sequence,
  tagged,
  taggedConstructed,
} from './der.ts';

export const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** §4.2.1.9: a CA that signs leaves, and no further CA. */
export function authorityBasicConstraints(): Der {
  return extension(OID.basicConstraints, 'critical', sequence(isTrue(), positiveInteger(Uint8Array.of(0))));
}

/** §4.2.1.9: no CA. `cA` is FALSE by default, which DER leaves out. */
export function leafBasicConstraints(): Der {
  return extension(OID.basicConstraints, 'critical', sequence());
}

/** §4.2.1.3, by the numbers of its bits. */
export function keyUsage(...bits: readonly (keyof typeof KEY_USAGE_BITS)[]): Der {
  return extension(OID.keyUsage, 'critical', namedBits(bits.map((bit) => KEY_USAGE_BITS[bit])));
}

/** §4.2.1.12: TLS servers, and nothing else. */
export function serverAuthentication(): Der {
  return extension(OID.extendedKeyUsage, 'plain', sequence(objectIdentifier(SERVER_AUTH)));
}

/** §4.2.1.2 */
export function subjectKeyIdentifier(keyId: Uint8Array): Der {
  return extension(OID.subjectKeyIdentifier, 'plain', octetString(keyId));
}

/** §4.2.1.1, with the key's identifier alone. */
export function authorityKeyIdentifier(keyId: Uint8Array): Der {
  return extension(OID.authorityKeyIdentifier, 'plain', sequence(tagged(0, binary(keyId))));
}

/**
 * §4.2.1.6, with one name.
 *
 * @param name  a host name in A-labels, or an IP address without brackets
 * @param isOnlyName  nothing stands in the subject: this has to be understood then
 */
export function subjectAltName(name: string, isOnlyName: boolean): Der {
  const address = parseIpAddress(name);
  const generalName = address === null ? tagged(DNS_NAME, name) : tagged(IP_ADDRESS, binary(address.bytes));
  return extension(OID.subjectAltName, isOnlyName ? 'critical' : 'plain', sequence(generalName));
}

export function extension(oid: string, weight: 'critical' | 'plain', value: Der): Der {
  return sequence(objectIdentifier(oid), ...(weight === 'critical' ? [isTrue()] : []), encapsulated(value));
}

/** The value of a GeneralSubtree's base for a name or for an address with its mask (§4.2.1.10). */
export function generalSubtree(base: string | Uint8Array): Der {
  return sequence(typeof base === 'string' ? tagged(DNS_NAME, base) : tagged(IP_ADDRESS, binary(base)));
}

/** [0] and [1] of NameConstraints (§4.2.1.10); without members a list is left out. */
export function subtrees(tag: 0 | 1, members: readonly Der[]): readonly Der[] {
  return members.length === 0 ? [] : [taggedConstructed(tag, ...members)];
}

/**
 * The first 160 bits of SHA-256 over the key: RFC 7093 §2 names this and others as good as the SHA-1 of RFC 5280 §4.2.1.2.
 *
 * @param publicKey  DER of the SubjectPublicKeyInfo
 */
export function keyIdentifier(publicKey: Uint8Array): Buffer {
  return createHash('sha256').update(publicKey).digest().subarray(0, 20);
}

const KEY_USAGE_BITS = { digitalSignature: 0, keyCertSign: 5, cRLSign: 6 } as const;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
/** Tags of GeneralName (§4.2.1.6). */
export const DNS_NAME = 2;
export const IP_ADDRESS = 7;
