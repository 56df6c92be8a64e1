// Owns the fields of a certificate that node:crypto does not show, or shows only as text that would have to be taken apart again
// (RFC 5280 §4.1, §4.2): names as octets, extensions by their identifiers.
import { parseIpAddress } from '../net/ip-address.ts';
import { bitsOf, contentOf, DER, type DerValue, explicitTag, GENERAL_NAME, identifierOf, membersOf, readDer } from './read-der.ts';

export interface CertificateFields {
  /** The content octets of the INTEGER. */
  readonly serial: Buffer;
  /** DER of the subject's Name. */
  readonly subject: Buffer;
  /** DER of the issuer's Name. */
  readonly issuer: Buffer;
  /** The octets of subjectPublicKey, which OCSP and key identifiers hash. */
  readonly publicKey: Buffer;
  readonly signatureAlgorithm: string;
  readonly extensions: ReadonlyMap<string, Extension>;
}

export interface Extension {
  readonly isCritical: boolean;
  /** DER of its value. */
  readonly value: Buffer;
}

/** The names that a certificate is for, of the two kinds that hosts have. */
export interface HostNames {
  /** As they are written, in lower case, wildcards included. */
  readonly dns: readonly string[];
  /** 4 or 16 octets each. */
  readonly addresses: readonly Buffer[];
}

/** The extensions that somebody here reads or writes (§4.2.1; RFC 7633). */
export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
} as const;

/** Purposes of extendedKeyUsage (§4.2.1.12; RFC 6960 §4.2.2.2). */
export const PURPOSE = { any: '2.5.29.37.0', serverAuth: '1.3.6.1.5.5.7.3.1', ocspSigning: '1.3.6.1.5.5.7.3.9' } as const;

/** @param der  of the whole certificate @throws DerError */
export function certificateFields(der: Buffer): CertificateFields {
  const [tbs, algorithm] = membersOf(readDer(der), DER.sequence);
  const members = membersOf(tbs, DER.sequence);
  if (members[0]?.tag === explicitTag(0)) members.shift();
  const [serial, , issuer, , subject, key, ...optional] = members;
  const extensions = optional.find(({ tag }) => tag === explicitTag(3));
  return {
    serial: contentOf(serial, DER.integer),
    subject: wholeOf(subject),
    issuer: wholeOf(issuer),
    publicKey: bitsOf(membersOf(key, DER.sequence)[1]),
    signatureAlgorithm: identifierOf(membersOf(algorithm, DER.sequence)[0]),
    extensions: extensions === undefined ? new Map() : readExtensions(extensions),
  };
}

/** The hosts of subjectAltName; `null` when there is no such extension. @throws DerError */
export function hostNames({ extensions }: CertificateFields): HostNames | null {
  const extension = extensions.get(EXTENSION.subjectAltName);
  if (extension === undefined) return null;
  const names = membersOf(readDer(extension.value), DER.sequence);
  return {
    dns: names.filter(({ tag }) => tag === GENERAL_NAME.dns).map(({ content }) => content.toString('latin1').toLowerCase()),
    addresses: names.filter(({ tag }) => tag === GENERAL_NAME.address).map(({ content }) => content),
  };
}

/**
 * Whether a certificate is for a host (RFC 9110 §4.3.4, RFC 9525 §6.3): by an address for an address; by a name that is equal, or whose whole
 * leftmost label is a star that stands for one label, with two more below it. The subject's common name is not asked.
 *
 * @param host  canonical
 */
export function namesHost({ dns, addresses }: HostNames, host: string): boolean {
  const ip = parseIpAddress(host);
  if (ip !== null) return addresses.some((address) => address.equals(ip.bytes));
  const dot = host.indexOf('.');
  const wildcard = dot > 0 && host.indexOf('.', dot + 1) !== -1 ? `*${host.slice(dot)}` : null;
  return dns.some((name) => name === host || name === wildcard);
}

/** Whether it asks that its status be stapled: the TLS feature status_request (RFC 7633). @throws DerError */
export function mustStaple({ extensions }: CertificateFields): boolean {
  const extension = extensions.get(EXTENSION.tlsFeature);
  if (extension === undefined) return false;
  return membersOf(readDer(extension.value), DER.sequence).some(({ content }) => content.length === 1 && content[0] === STATUS_REQUEST);
}

/** Whether its key may sign certificates, as far as its key usage says anything of it (RFC 5280 §4.2.1.3). @throws DerError */
export function maySignCertificates({ extensions }: CertificateFields): boolean {
  const usage = extensions.get(EXTENSION.keyUsage);
  // The first octet counts the bits that are not used.
  return usage === undefined || ((contentOf(readDer(usage.value), DER.bitString)[1] ?? 0) & KEY_CERT_SIGN) !== 0;
}

/** An address of a certificate as people write it, in full; what is none, in hexadecimal. */
export function addressText(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.');
  return octets.toString('hex').replace(/(.{4})(?!$)/g, '$1:');
}

function readExtensions(value: DerValue): Map<string, Extension> {
  const found = new Map<string, Extension>();
  for (const each of membersOf(membersOf(value, explicitTag(3))[0], DER.sequence)) {
    const [identifier, ...rest] = membersOf(each, DER.sequence);
    // Its default may be written out, against DER, and is on some.
    const said = rest[0]?.tag === DER.boolean ? rest.shift()!.content[0] : 0;
    found.set(identifierOf(identifier), { isCritical: said !== 0, value: contentOf(rest[0], DER.octetString) });
  }
  return found;
}

function wholeOf(value: DerValue | undefined): Buffer {
  contentOf(value, DER.sequence);
  return value!.whole;
}

const STATUS_REQUEST = 5;
const KEY_CERT_SIGN = 0x04;
