// Owns the certificate that a CA of our own makes for itself (RFC 5280 §4.2, §6.1): self-signed, for signing leaves and nothing below another CA.
import { type KeyObject, sign } from 'node:crypto';
import type { NameConstraints } from '../x509/name-constraints.ts';
import { distinguishedName, encodeCertificate, encodeContents, LONGEST_ATTRIBUTE, type SignatureAlgorithm } from './certificate.ts';
import { authorityBasicConstraints, keyIdentifier, keyUsage, nameConstraintsExtension, subjectKeyIdentifier } from './extensions.ts';

export interface AuthorityRequest {
  readonly privateKey: KeyObject;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
  readonly algorithm: SignatureAlgorithm;
  /** Which machine it is of, for whoever sees it in a list of trusted certificates. */
  readonly hostName: string;
  /** 16 random octets. */
  readonly serial: Buffer;
  readonly nowMs: number;
  /** `null` may sign for every name. */
  readonly constraints: NameConstraints | null;
}

/** DER. */
export function authorityCertificate(request: AuthorityRequest): Buffer {
  const { privateKey, publicKey, algorithm, hostName, serial, nowMs, constraints } = request;
  const name = distinguishedName([
    ['organizationName', 'Sallyport'],
    ['commonName', authorityName(hostName, serial)],
  ]);
  const contents = encodeContents({
    serial,
    algorithm,
    issuer: name,
    notBeforeMs: nowMs - CLOCK_SLACK_MS,
    notAfterMs: nowMs + AUTHORITY_LIFETIME_MS,
    subject: name,
    publicKey,
    extensions: [
      authorityBasicConstraints(),
      keyUsage('keyCertSign', 'cRLSign'),
      subjectKeyIdentifier(keyIdentifier(publicKey)),
      ...(constraints === null ? [] : [nameConstraintsExtension(constraints)]),
    ],
  });
  return encodeCertificate(contents, algorithm, sign(algorithm.hash, contents, privateKey));
}

/** `Sallyport CA lectern 3f09a1`: two installations on one machine, or one before and after its CA was made anew, are told apart. */
function authorityName(hostName: string, serial: Buffer): string {
  const mark = serial.toString('hex', 0, 3);
  const room = LONGEST_ATTRIBUTE - `Sallyport CA  ${mark}`.length;
  return `Sallyport CA ${hostName.replace(/[^\w.-]/g, '').slice(0, room)} ${mark}`;
}

/** Five years: long enough that nobody gets used to trusting a new one, and not for ever. */
const AUTHORITY_LIFETIME_MS = 5 * 365 * 86_400_000;
/** Certificates are valid from a little before they are made, since clocks of clients differ. */
export const CLOCK_SLACK_MS = 3_600_000;
