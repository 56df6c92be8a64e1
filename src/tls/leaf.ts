// Owns leaf certificates: what a server of one name shows under our CA (RFC 5280 §4.2, RFC 6125 §6.4, CA/Browser Forum's rules where they fit a
// private CA). One name each, never a wildcard: it is what the client asked for.
// It refuses names that are not canonical hosts, and names that the CA may not sign for. Underscores may stand in names: they do in real ones, and
// clients compare octets, even though RFC 5280 §4.2.1.6 asks for the preferred syntax of names, which has none.
import { ProxyError } from '../errors/proxy-error.ts';
import { endsInNumber, parseIpAddress } from '../net/ip-address.ts';
import { describeConstraints, permits } from '../x509/name-constraints.ts';
import type { CertificateAuthority } from './authority.ts';
import { CLOCK_SLACK_MS } from './authority-certificate.ts';
import { distinguishedName, encodeCertificate, encodeContents, LONGEST_ATTRIBUTE } from './certificate.ts';
import {
  authorityKeyIdentifier,
  keyIdentifier,
  keyUsage,
  leafBasicConstraints,
  serverAuthentication,
  subjectAltName,
  subjectKeyIdentifier,
} from './extensions.ts';

export interface LeafRequest {
  /** A host in canonical form: lower case, A-labels, no trailing dot; an IP address without brackets. */
  readonly host: string;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
  /** 16 random octets. */
  readonly serial: Uint8Array;
  readonly nowMs: number;
  readonly lifetimeMs: number;
}

export interface Leaf {
  /** DER. */
  readonly certificate: Buffer;
  /** Milliseconds since the epoch. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * At once where the CA signs at once.
 *
 * @throws ProxyError `http_request_error` for what is no host; `proxy_configuration_error` for a host that the CA must not sign for, or when the
 * CA is not valid any more
 */
export function issueLeaf(authority: CertificateAuthority, request: LeafRequest): Leaf | Promise<Leaf> {
  const { host, publicKey, serial, nowMs, lifetimeMs } = request;
  checkHost(host);
  checkPermitted(authority, host);
  const notBeforeMs = Math.max(nowMs - CLOCK_SLACK_MS, authority.notBeforeMs);
  const notAfterMs = Math.min(nowMs + lifetimeMs, authority.notAfterMs);
  if (notAfterMs <= nowMs)
    throw refusal('The CA of this proxy has expired, so nothing that it signs would be believed; make a new one with sallyport ca rotate.');
  const subject = subjectOf(host, authority);
  const contents = encodeContents({
    serial,
    algorithm: authority.algorithm,
    issuer: authority.name,
    notBeforeMs,
    notAfterMs,
    subject: subject ?? NO_NAME,
    publicKey,
    extensions: [
      LEAF_BASIC_CONSTRAINTS,
      LEAF_KEY_USAGE,
      SERVER_AUTHENTICATION,
      subjectAltName(host, subject === null),
      subjectKeyIdentifier(keyIdentifier(publicKey)),
      authorityKeyIdentifier(authority.keyId),
    ],
  });
  const signed = (signature: Buffer): Leaf => ({
    certificate: encodeCertificate(contents, authority.algorithm, signature),
    notBeforeMs,
    notAfterMs,
  });
  const signature = authority.sign(contents);
  return signature instanceof Promise ? signature.then(signed) : signed(signature);
}

/**
 * A name as the common name, for people and old clients. An address stands in the SAN alone: some verifiers take it for a name otherwise, and hold it
 * against name constraints. So does a name that is too long, and every name where the CA's constraints are about subjects.
 */
function subjectOf(host: string, { constraints }: CertificateAuthority): Buffer | null {
  if (host.length > LONGEST_ATTRIBUTE || parseIpAddress(host) !== null || constraints.some(({ isAboutSubjects }) => isAboutSubjects))
    return null;
  return distinguishedName([['commonName', host]]);
}

function checkHost(host: string): void {
  const address = parseIpAddress(host);
  const isCanonical = address === null ? host.length <= LONGEST_NAME && NAME.test(host) && !endsInNumber(host) : address.text === host;
  if (!isCanonical) throw new ProxyError('http_request_error', `"${visible(host)}" is not a host for which a certificate can be made.`);
}

function checkPermitted({ constraints, certificate }: CertificateAuthority, host: string): void {
  const broken = constraints.find((each) => !permits(each, host));
  if (broken === undefined) return;
  const name = certificate.subject.split('\n').at(-1);
  throw refusal(
    `The CA of this proxy (${name}) is limited to other hosts: ${describeConstraints(broken)}. No client would believe it for ${host}.`,
  );
}

function refusal(message: string): ProxyError {
  return new ProxyError('proxy_configuration_error', message);
}

/** Nothing in it can end a line or run wild. */
function visible(host: string): string {
  return host.slice(0, 100).replace(/[^\x21-\x7e]/g, '?');
}

/** Labels of 1 to 63 octets (RFC 1035 §2.3.4). No two parts of it fit the same character, so matching takes one pass. */
const NAME = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
const LONGEST_NAME = 253;
const NO_NAME = distinguishedName([]);
const LEAF_BASIC_CONSTRAINTS = leafBasicConstraints();
const LEAF_KEY_USAGE = keyUsage('digitalSignature');
const SERVER_AUTHENTICATION = serverAuthentication();
