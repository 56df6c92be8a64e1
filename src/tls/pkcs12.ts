// Owns the CA's certificate as PKCS #12 (RFC 7292), for systems that import nothing else, and as a trust store of Java. It holds no key, so nothing
// in it is encrypted: the password only proves that nobody has changed it. node-forge's own writer of such files takes RSA certificates alone and
// proves with SHA-1; this one is made of the same DER, with HMAC-SHA-256.
import { createHash, createHmac } from 'node:crypto';
import {
  bmpString,
  type Der,
  encapsulated,
  encode,
  nothing,
  objectIdentifier,
  octetString,
  positiveInteger,
  sequence,
  setOf,
  taggedConstructed,
} from './der.ts';

/**
 * @param certificate  DER
 * @param name  by which stores list it
 * @param salt  16 random octets
 */
export function pkcs12(certificate: Uint8Array, name: string, password: string, salt: Uint8Array): Buffer {
  const bag = sequence(
    objectIdentifier(OID.certBag),
    taggedConstructed(0, sequence(objectIdentifier(OID.x509Certificate), taggedConstructed(0, octetString(certificate)))),
    setOf(
      attribute(OID.friendlyName, bmpString(name.replace(/[^\x20-\x7e]/g, '?'))),
      // Java lists a certificate without a key only where it is said what it is trusted for.
      attribute(OID.javaTrustedKeyUsage, objectIdentifier(OID.anyExtendedKeyUsage)),
    ),
  );
  const safes = sequence(data(sequence(bag)));
  return encode(sequence(positiveInteger(Uint8Array.of(3)), data(safes), proof(encode(safes), password, salt)));
}

/** MacData (§4): over the content of the OCTET STRING, not over its tag. */
function proof(octets: Buffer, password: string, salt: Uint8Array): Der {
  const mac = createHmac('sha256', macKey(password, salt)).update(octets).digest();
  const digest = sequence(sequence(objectIdentifier(OID.sha256), nothing()), octetString(mac));
  return sequence(digest, octetString(salt), positiveInteger(Uint8Array.of(ITERATIONS >> 8, ITERATIONS & 0xff)));
}

/** Appendix B.2 for a key of 32 octets, which is one block of SHA-256: its step 6.C is about further ones. */
function macKey(password: string, salt: Uint8Array): Buffer {
  const characters = Buffer.from(`${password}\0`, 'utf16le').swap16();
  let key = Buffer.concat([Buffer.alloc(BLOCK_BYTES, MAC_KEY), filled(salt), filled(characters)]);
  for (let round = 0; round < ITERATIONS; round += 1) key = createHash('sha256').update(key).digest();
  return key;
}

/** Repeated until it fills whole blocks. */
function filled(octets: Uint8Array): Buffer {
  return Buffer.alloc(Math.ceil(octets.length / BLOCK_BYTES) * BLOCK_BYTES, octets);
}

/** ContentInfo of the type `data` (RFC 2315 §8). */
function data(content: Der): Der {
  return sequence(objectIdentifier(OID.data), taggedConstructed(0, encapsulated(content)));
}

function attribute(oid: string, value: Der): Der {
  return sequence(objectIdentifier(oid), setOf(value));
}

const OID = {
  data: '1.2.840.113549.1.7.1',
  friendlyName: '1.2.840.113549.1.9.20',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  certBag: '1.2.840.113549.1.12.10.1.3',
  sha256: '2.16.840.1.101.3.4.2.1',
  javaTrustedKeyUsage: '2.16.840.1.113894.746875.1.1',
  anyExtendedKeyUsage: '2.5.29.37.0',
} as const;
/** What the derived octets are for (appendix B.3). */
const MAC_KEY = 3;
const BLOCK_BYTES = 64;
const ITERATIONS = 2_048;
