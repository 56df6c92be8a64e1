// Owns the certificates whose word is final, as something that can be asked: who of them has issued this one?
// OpenSSL has them too, and decides; this is for the reasons, and for what it does not tell apart. So they are read only when first asked for.
import { X509Certificate } from 'node:crypto';
import { type CertificateFields, certificateFields } from '../x509/certificate-fields.ts';
import { derOfPem } from '../x509/pem.ts';
import { DerError } from '../x509/read-der.ts';

/** A certificate, and what of it has to be read for oneself. */
export interface ReadCertificate {
  readonly certificate: X509Certificate;
  readonly fields: CertificateFields;
}

/** @throws DerError */
export function readCertificate(certificate: X509Certificate): ReadCertificate {
  return { certificate, fields: certificateFields(certificate.raw) };
}

/** Whether `issuer` has signed it: its name, and its key. */
export function isIssuedBy(subject: ReadCertificate, issuer: ReadCertificate): boolean {
  return subject.fields.issuer.equals(issuer.fields.subject) && subject.certificate.verify(issuer.certificate.publicKey);
}

export class Roots {
  readonly #pems: () => readonly string[];
  /** DER, by that of their subjects in hexadecimal: of hundreds, few are ever needed as certificates. */
  #bySubject: Map<string, Buffer[]> | null = null;

  constructor(pems: () => readonly string[]) {
    this.#pems = pems;
  }

  issuerOf(subject: ReadCertificate): ReadCertificate | null {
    const named = this.#index().get(subject.fields.issuer.toString('hex')) ?? [];
    return named.map((der) => readCertificate(new X509Certificate(der))).find((root) => isIssuedBy(subject, root)) ?? null;
  }

  has({ certificate, fields }: ReadCertificate): boolean {
    const named = this.#index().get(fields.subject.toString('hex')) ?? [];
    return named.some((der) => der.equals(certificate.raw));
  }

  #index(): Map<string, Buffer[]> {
    if (this.#bySubject !== null) return this.#bySubject;
    this.#bySubject = new Map();
    for (const pem of this.#pems()) {
      const der = derOfPem(pem);
      const subject = subjectOf(der);
      const same = this.#bySubject.get(subject);
      if (same === undefined) this.#bySubject.set(subject, [der]);
      else same.push(der);
    }
    return this.#bySubject;
  }
}

/** Empty for one that cannot be read: OpenSSL may know what to do with it, and the others are not to suffer. */
function subjectOf(der: Buffer): string {
  try {
    return certificateFields(der).subject.toString('hex');
  } catch (error) {
    if (error instanceof DerError) return '';
    throw error;
  }
}
