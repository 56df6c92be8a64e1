// Owns the certificate extensions that our certificates carry (RFC 5280 §4.2), each as the DER of one Extension.
import { createHash } from 'node:crypto';
import { type Cidr, parseIpAddress } from '../net/ip-address.ts';
import { EXTENSION, PURPOSE } from '../x509/certificate-fields.ts';
import type { NameConstraints } from '../x509/name-constraints.ts';
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

/** §4.2.1.9: a CA that signs leaves, and no further CA. */
export function authorityBasicConstraints(): Der {
  return extension(EXTENSION.basicConstraints, 'critical', sequence(isTrue(), positiveInteger(Uint8Array.of(0))));
}

/** §4.2.1.9: no CA. `cA` is FALSE by default, which DER leaves out. */
export function leafBasicConstraints(): Der {
  return extension(EXTENSION.basicConstraints, 'critical', sequence());
}

/** §4.2.1.3, by the numbers of its bits. */
export function keyUsage(...bits: readonly (keyof typeof KEY_USAGE_BITS)[]): Der {
  return extension(EXTENSION.keyUsage, 'critical', namedBits(bits.map((bit) => KEY_USAGE_BITS[bit])));
}

/** §4.2.1.12: TLS servers, and nothing else. */
export function serverAuthentication(): Der {
  return extension(EXTENSION.extendedKeyUsage, 'plain', sequence(objectIdentifier(PURPOSE.serverAuth)));
}

/** §4.2.1.2 */
export function subjectKeyIdentifier(keyId: Uint8Array): Der {
  return extension(EXTENSION.subjectKeyIdentifier, 'plain', octetString(keyId));
}

/** §4.2.1.1, with the key's identifier alone. */
export function authorityKeyIdentifier(keyId: Uint8Array): Der {
  return extension(EXTENSION.authorityKeyIdentifier, 'plain', sequence(tagged(0, binary(keyId))));
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
  return extension(EXTENSION.subjectAltName, isOnlyName ? 'critical' : 'plain', sequence(generalName));
}

/** §4.2.1.10. Critical, as that demands: who does not understand it must not believe the CA. */
export function nameConstraintsExtension({ permittedNames, permittedBlocks, excludedNames, excludedBlocks }: NameConstraints): Der {
  const permitted = [...(permittedNames ?? []).map(nameSubtree), ...(permittedBlocks ?? []).map(blockSubtree)];
  const excluded = [...excludedNames.map(nameSubtree), ...excludedBlocks.map(blockSubtree)];
  return extension(EXTENSION.nameConstraints, 'critical', sequence(...subtrees(0, permitted), ...subtrees(1, excluded)));
}

/**
 * The first 160 bits of SHA-256 over the key: RFC 7093 §2 names this and others as good as the SHA-1 of RFC 5280 §4.2.1.2.
 *
 * @param publicKey  DER of the SubjectPublicKeyInfo
 */
export function keyIdentifier(publicKey: Uint8Array): Buffer {
  return createHash('sha256').update(publicKey).digest().subarray(0, 20);
}

function extension(oid: string, weight: 'critical' | 'plain', value: Der): Der {
  return sequence(objectIdentifier(oid), ...(weight === 'critical' ? [isTrue()] : []), encapsulated(value));
}

/** A GeneralSubtree whose base is a name. */
function nameSubtree(name: string): Der {
  return sequence(tagged(DNS_NAME, name));
}

/** One whose base is an address with its mask. */
function blockSubtree({ address, prefixLength }: Cidr): Der {
  const mask = address.bytes.map((_, index) => (0xff00 >> Math.min(8, Math.max(0, prefixLength - index * 8))) & 0xff);
  return sequence(tagged(IP_ADDRESS, binary(Buffer.concat([address.bytes, mask]))));
}

/** [0] and [1] of NameConstraints; without members a list is left out. */
function subtrees(tag: 0 | 1, members: readonly Der[]): readonly Der[] {
  return members.length === 0 ? [] : [taggedConstructed(tag, ...members)];
}

const KEY_USAGE_BITS = { digitalSignature: 0, keyCertSign: 5, cRLSign: 6 } as const;
/** Tags of GeneralName (§4.2.1.6). */
const DNS_NAME = 2;
const IP_ADDRESS = 7;
