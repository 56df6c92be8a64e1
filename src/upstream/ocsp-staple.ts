// Owns what a stapled OCSP response (RFC 6960, RFC 6066 §8) proves of a certificate. Nothing is fetched: neither OCSP nor CRLs; a certificate whose
// origin staples nothing is not known to be good, only not known to be revoked.
// Believed is a response for this very certificate, in time, signed by its issuer or by whom the issuer has delegated it to. SHA-1 as the
// hash that names an issuer is no signature and is taken; as that of a signature it is not.
import { hash, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { PURPOSE } from '../x509/certificate-fields.ts';
import {
  bitsOf,
  contentOf,
  DER,
  type DerValue,
  explicitTag,
  generalizedTimeOf,
  identifierOf,
  implicitTag,
  membersOf,
  readDer,
} from '../x509/read-der.ts';
import { isIssuedBy, type ReadCertificate, readCertificate } from './roots.ts';
import { weaknessOf } from './trust-path.ts';

export type StapledStatus =
  | { readonly kind: 'good' }
  | { readonly kind: 'revoked'; readonly sinceMs: number }
  /** Proves nothing; `reason` for an operator. */
  | { readonly kind: 'unusable'; readonly reason: string };

/**
 * @param response  DER as the origin has stapled it
 * @throws never
 */
export function stapledStatus(response: Buffer, about: ReadCertificate, issuer: ReadCertificate, nowMs: number): StapledStatus {
  if (response.length > MOST_OCTETS) return unusable('it is larger than any such response');
  try {
    return statusIn(basicResponse(response), about, issuer, nowMs);
  } catch (error) {
    return unusable(error instanceof Error ? error.message : 'it cannot be read');
  }
}

interface BasicResponse {
  readonly data: DerValue;
  readonly responses: readonly DerValue[];
  readonly algorithm: string;
  readonly signature: Buffer;
  readonly certificates: readonly DerValue[];
}

function basicResponse(response: Buffer): BasicResponse {
  const [status, bytes] = membersOf(readDer(response), DER.sequence);
  if (contentOf(status, DER.enumerated)[0] !== SUCCESSFUL) throw new Error('the responder failed');
  const [type, basic] = membersOf(membersOf(bytes, explicitTag(0))[0], DER.sequence);
  if (identifierOf(type) !== BASIC) throw new Error('it is of an unknown type');
  const [data, algorithm, signature, certificates] = membersOf(readDer(contentOf(basic, DER.octetString)), DER.sequence);
  const members = membersOf(data, DER.sequence);
  if (members[0]?.tag === explicitTag(0)) members.shift();
  return {
    data: data!,
    // Behind the responder's name or key, and the time.
    responses: membersOf(members[2], DER.sequence),
    algorithm: identifierOf(membersOf(algorithm, DER.sequence)[0]),
    signature: bitsOf(signature),
    certificates: certificates === undefined ? [] : membersOf(membersOf(certificates, explicitTag(0))[0], DER.sequence),
  };
}

function statusIn(basic: BasicResponse, about: ReadCertificate, issuer: ReadCertificate, nowMs: number): StapledStatus {
  const single = basic.responses.map((each) => membersOf(each, DER.sequence)).find(([id]) => isAbout(id, about, issuer));
  if (single === undefined) return unusable('it is about another certificate');
  if (!isSigned(basic, issuer, nowMs)) return unusable('it is not signed by the issuer or its delegate');
  const [, status, thisUpdate, ...optional] = single;
  const nextUpdate = optional.find(({ tag }) => tag === explicitTag(0));
  const fromMs = generalizedTimeOf(thisUpdate);
  const toMs = nextUpdate === undefined ? fromMs + LONGEST_WITHOUT_END_MS : generalizedTimeOf(membersOf(nextUpdate, explicitTag(0))[0]);
  if (nowMs < fromMs - SLACK_MS || nowMs > toMs + SLACK_MS) return unusable('it is out of date');
  if (status?.tag === implicitTag(0)) return { kind: 'good' };
  if (status?.tag === explicitTag(1)) return { kind: 'revoked', sinceMs: generalizedTimeOf(membersOf(status, explicitTag(1))[0]) };
  return unusable('the responder does not know the certificate');
}

/** By its serial, and its issuer's name and key as hashes (RFC 6960 §4.1.1). */
function isAbout(id: DerValue | undefined, about: ReadCertificate, issuer: ReadCertificate): boolean {
  const [algorithm, nameHash, keyHash, serial] = membersOf(id, DER.sequence);
  const digest = DIGESTS[identifierOf(membersOf(algorithm, DER.sequence)[0])];
  if (digest === undefined) return false;
  return (
    contentOf(serial, DER.integer).equals(about.fields.serial) &&
    contentOf(nameHash, DER.octetString).equals(hash(digest, about.fields.issuer, 'buffer')) &&
    contentOf(keyHash, DER.octetString).equals(hash(digest, issuer.fields.publicKey, 'buffer'))
  );
}

function isSigned(basic: BasicResponse, issuer: ReadCertificate, nowMs: number): boolean {
  const digest = SIGNATURES[basic.algorithm];
  if (digest === undefined) return false;
  const isBy = (key: KeyObject): boolean => verify(digest, basic.data.whole, key, basic.signature);
  if (isBy(issuer.certificate.publicKey)) return true;
  return basic.certificates
    .slice(0, MOST_RESPONDERS)
    .map(({ whole }) => readCertificate(new X509Certificate(whole)))
    .some((delegate) => isDelegate(delegate, issuer, nowMs) && isBy(delegate.certificate.publicKey));
}

/** RFC 6960 §4.2.2.2: issued by the same authority, for this purpose; that it is not revoked itself, nobody asks. */
function isDelegate(delegate: ReadCertificate, issuer: ReadCertificate, nowMs: number): boolean {
  const { certificate } = delegate;
  // What Node calls the key usage is the extended one; its type knows no certificate without it.
  const purposes = certificate.keyUsage as string[] | undefined;
  const isInTime = nowMs >= certificate.validFromDate.getTime() && nowMs <= certificate.validToDate.getTime();
  return isInTime && weaknessOf(delegate) === null && (purposes?.includes(PURPOSE.ocspSigning) ?? false) && isIssuedBy(delegate, issuer);
}

function unusable(reason: string): StapledStatus {
  return { kind: 'unusable', reason };
}

const MOST_OCTETS = 64 * 1024;
const MOST_RESPONDERS = 4;
/** Clocks differ. */
const SLACK_MS = 5 * 60_000;
/** For a response that does not say when the next one comes: the longest that the CA/Browser Forum's rules let any be good for is ten days. */
const LONGEST_WITHOUT_END_MS = 10 * 86_400_000;
const SUCCESSFUL = 0;
const BASIC = '1.3.6.1.5.5.7.48.1.1';
const DIGESTS: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
/** The digest of each; `null` where the signature has its own. */
const SIGNATURES: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
};
