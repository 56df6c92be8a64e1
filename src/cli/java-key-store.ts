// Owns the key store of Java (type JKS) with certificates alone, for `javax.net.ssl.trustStore`.
// JKS and not PKCS#12: every Java since 1.2 reads it, it needs neither keytool nor an attribute of one vendor to say that a certificate is trusted, and it
// is a list with a digest, made in a millisecond. It keeps no secret, so the password is the customary one, and the weak digest protects nothing.
import { createHash } from 'node:crypto';

/** The customary one: what Java's own trust store has, and everybody expects. */
export const JAVA_PASSWORD = 'changeit';

/** @param certificates  DER; each is trusted as a root */
export function javaKeyStore(certificates: readonly Uint8Array[], nowMs: number): Buffer {
  const entries = certificates.map((certificate, index) => trustedCertificate(`root-${index + 1}`, certificate, nowMs));
  const store = Buffer.concat([uint32(MAGIC), uint32(VERSION), uint32(entries.length), ...entries]);
  const digest = createHash('sha1').update(Buffer.from(JAVA_PASSWORD, 'utf16le').swap16()).update(WHITENER).update(store).digest();
  return Buffer.concat([store, digest]);
}

function trustedCertificate(alias: string, certificate: Uint8Array, nowMs: number): Buffer {
  const created = Buffer.alloc(8);
  created.writeBigInt64BE(BigInt(Math.trunc(nowMs)));
  return Buffer.concat([uint32(TRUSTED), text(alias), created, text('X.509'), uint32(certificate.length), certificate]);
}

/** As `DataOutput.writeUTF` writes ASCII. */
function text(value: string): Buffer {
  const octets = Buffer.from(value, 'latin1');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(octets.length);
  return Buffer.concat([length, octets]);
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

const MAGIC = 0xfe_ed_fe_ed;
const VERSION = 2;
const TRUSTED = 2;
/** Part of the format. */
const WHITENER = 'Mighty Aphrodite';
