// Owns what is kept of an origin's certificate for the record: texts and times, so that the certificate itself can go with its connection.
import type { X509Certificate } from 'node:crypto';
import type { OriginCertificate } from './facts.ts';

/** @param issuers  what the origin sent with it, in its order */
export function describeCertificate(leaf: X509Certificate, issuers: readonly X509Certificate[]): OriginCertificate {
  return {
    ...named(leaf),
    names: textOf(leaf.subjectAltName),
    validFromMs: leaf.validFromDate.getTime(),
    validToMs: leaf.validToDate.getTime(),
    chain: issuers.slice(0, MOST_ISSUERS).map(named),
  };
}

function named({ subject, issuer, fingerprint256 }: X509Certificate): OriginCertificate['chain'][number] {
  return { subject: textOf(subject), issuer: textOf(issuer), fingerprint256 };
}

/** Of the origin's choosing, so cut; Node's types know no certificate without a subject. */
function textOf(text: string | undefined): string {
  return text === undefined ? '' : text.slice(0, MOST_CHARACTERS);
}

const MOST_ISSUERS = 10;
const MOST_CHARACTERS = 4_096;
