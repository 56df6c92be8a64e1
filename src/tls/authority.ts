// Owns the certificate authority as the rest of the program knows it: whom its certificates name, for which names and how long it may sign, and a
// function that signs. The private key stays inside that function: nothing that is given away here leads to it.
import { type KeyObject, sign, type X509Certificate } from 'node:crypto';
import { type CertificateFields, certificateFields, EXTENSION, maySignCertificates } from '../x509/certificate-fields.ts';
import { type NameConstraints, readNameConstraints } from '../x509/name-constraints.ts';
import { contentOf, DER, readDer } from '../x509/read-der.ts';
import { type SignatureAlgorithm, signatureAlgorithm } from './certificate.ts';
import { keyIdentifier } from './extensions.ts';

export interface CertificateAuthority {
  readonly certificate: X509Certificate;
  /** What clients have to trust: the last certificate that is known above it, else its own. */
  readonly anchor: X509Certificate;
  /** PEM of what a server sends behind its own certificate: no root, which counts only for who has it already (RFC 8446 §4.4.2). May be empty. */
  readonly sentChain: string;
  /** Its subject, DER. */
  readonly name: Buffer;
  readonly keyId: Buffer;
  readonly algorithm: SignatureAlgorithm;
  /** From here up; a name has to be permitted by all of them. */
  readonly constraints: readonly NameConstraints[];
  /** Milliseconds since the epoch: when all certificates of the chain are valid. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Signs contents of certificates. With ECDSA at once; with RSA, which takes milliseconds, on another thread. */
  sign(contents: Buffer): Buffer | Promise<Buffer>;
}

/**
 * @param certificates  that of the key, and any of those above it, in any order
 * @throws an Error that says which of them cannot be used and why, to be printed after the name of a file
 */
export function certificateAuthority(key: KeyObject, certificates: readonly X509Certificate[], nowMs: number): CertificateAuthority {
  const certificate = certificates.find((each) => each.checkPrivateKey(key));
  if (certificate === undefined) throw new Error('the certificate is not that of the private key');
  const algorithm = signatureAlgorithm(key);
  if (algorithm === null)
    throw new Error('its key is of a kind that clients do not believe: take ECDSA (P-256, P-384, P-521) or RSA of 2048 bits or more');
  const chain = chainFrom(certificate, certificates);
  const fields = chain.map(authorityFields);
  const notBeforeMs = Math.max(...chain.map(({ validFromDate }) => validFromDate.getTime()));
  const notAfterMs = Math.min(...chain.map(({ validToDate }) => validToDate.getTime()));
  if (nowMs >= notAfterMs) throw new Error(`it has expired on ${day(notAfterMs)}`);
  if (nowMs < notBeforeMs) throw new Error(`it is not valid before ${day(notBeforeMs)}; is the clock of this machine right?`);
  return {
    certificate,
    anchor: chain.at(-1)!,
    sentChain: chain.filter((each) => !isSelfIssued(each)).join(''),
    name: fields[0]!.subject,
    keyId: fields[0]!.keyId,
    algorithm,
    constraints: fields.flatMap(({ constraints }) => constraints ?? []),
    notBeforeMs,
    notAfterMs,
    sign: signerOf(key, algorithm),
  };
}

/** As dates are told: 2031-11-21. */
export function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/** It names itself as its issuer: a root. */
function isSelfIssued(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate);
}

/** What a CA's certificate limits it to; `null` for one that may sign for every host. @throws DerError */
export function constraintsOf(certificate: X509Certificate): NameConstraints | null {
  return constraintsIn(certificateFields(certificate.raw));
}

function signerOf(key: KeyObject, { hash }: SignatureAlgorithm): CertificateAuthority['sign'] {
  if (key.asymmetricKeyType === 'ec') return (contents) => sign(hash, contents, key);
  return (contents) =>
    new Promise((resolve, reject) =>
      sign(hash, contents, key, (error, signature) => (error === null ? resolve(signature) : reject(error))),
    );
}

/** From a certificate to the root, as far as these lead. */
function chainFrom(certificate: X509Certificate, certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  const chain = [certificate];
  for (let last = certificate; !isSelfIssued(last); ) {
    const issuer = certificates.find((each) => !chain.includes(each) && last.checkIssued(each) && last.verify(each.publicKey));
    if (issuer === undefined) break;
    chain.push(issuer);
    last = issuer;
  }
  return chain;
}

interface AuthorityFields {
  readonly subject: Buffer;
  readonly keyId: Buffer;
  readonly constraints: NameConstraints | null;
}

/** What a leaf has to repeat of its issuer, and what the issuer may not sign. @throws Error for a certificate that may sign none */
function authorityFields(certificate: X509Certificate): AuthorityFields {
  const fields = certificateFields(certificate.raw);
  if (!certificate.ca) throw new Error(`"${oneLine(certificate.subject)}" is no CA: its basicConstraints do not say CA:TRUE`);
  if (!maySignCertificates(fields))
    throw new Error(`"${oneLine(certificate.subject)}" may not sign certificates: its keyUsage lacks keyCertSign`);
  const keyId = fields.extensions.get(EXTENSION.subjectKeyIdentifier);
  return {
    subject: fields.subject,
    keyId:
      keyId === undefined
        ? keyIdentifier(certificate.publicKey.export({ type: 'spki', format: 'der' }))
        : contentOf(readDer(keyId.value), DER.octetString),
    constraints: constraintsIn(fields),
  };
}

function constraintsIn({ extensions }: CertificateFields): NameConstraints | null {
  const extension = extensions.get(EXTENSION.nameConstraints);
  return extension === undefined ? null : readNameConstraints(extension.value);
}

function oneLine(subject: string): string {
  return subject.replaceAll('\n', ', ');
}
