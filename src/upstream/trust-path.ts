// Owns the reasons why a certificate is not vouched for: the path from it to a root (RFC 5280 §6.1), walked again when OpenSSL has refused it.
// OpenSSL goes on after a fault and tells the last alone, so an expired certificate of nobody known would be expired and no more: whoever
// forgave its date would have forgiven everything. So what may be forgiven is decided here, and here every fault counts.
// Constraints on names other than hosts, and policies, are OpenSSL's alone; where it objects to something that is not found here, that is a fault.
import type { KeyObject } from 'node:crypto';
import { EXTENSION, type HostNames, hostNames, maySignCertificates, PURPOSE } from '../x509/certificate-fields.ts';
import { forbiddenName, readNameConstraints } from '../x509/name-constraints.ts';
import { contentOf, DER, membersOf, readDer } from '../x509/read-der.ts';
import { isIssuedBy, type ReadCertificate, type Roots } from './roots.ts';

/**
 * `expired`, `wrong_name` and `untrusted` are what a policy may forgive by name. `vouching` is forgiven only to one certificate, known by its
 * SHA-256: whoever knows it needs nobody's word. `unsafe` is never forgiven: such a certificate proves nothing, whoever vouches for it.
 */
export interface Fault {
  readonly kind: 'expired' | 'wrong_name' | 'untrusted' | 'vouching' | 'unsafe';
  /** What the certificate is or does, to follow "The certificate of example.com". */
  readonly says: string;
}

/**
 * What is wrong with the way from a certificate to a root.
 *
 * @param sent  what came with it, in any order
 * @returns nothing when the way is good @throws DerError
 */
export function faultsOfPath(leaf: ReadCertificate, sent: readonly ReadCertificate[], roots: Roots, nowMs: number): Fault[] {
  const path = [leaf];
  for (;;) {
    const last = path.at(-1)!;
    if (path.length > 1 && roots.has(last)) break;
    const root = roots.issuerOf(last);
    const next = root ?? sent.find((each) => !path.includes(each) && isIssuedBy(last, each));
    if (next === undefined || path.length === MOST_CERTIFICATES) return [...faultsOfIssuers(path, nowMs), unknownIssuer(path, sent)];
    path.push(next);
    if (root !== null) break;
  }
  return faultsOfIssuers(path, nowMs);
}

/** What makes a certificate worth nothing, whoever vouches for it. @throws DerError */
export function weaknessOf({ certificate, fields }: ReadCertificate): string | null {
  const key = weakKey(certificate.publicKey);
  if (key !== null) return `has a key that is too weak (${key})`;
  const digest = BROKEN_SIGNATURES[fields.signatureAlgorithm];
  return digest === undefined ? null : `is signed with ${digest}, which can be forged`;
}

/** `expired on 2026-11-21 22:13 UTC`, or `null` when it is in time. */
export function outOfDate({ certificate }: ReadCertificate, nowMs: number): { readonly isOver: boolean; readonly says: string } | null {
  const [from, to] = [certificate.validFromDate, certificate.validToDate];
  if (nowMs > to.getTime()) return { isOver: true, says: `expired on ${moment(to)}` };
  return nowMs < from.getTime() ? { isOver: false, says: `is not valid before ${moment(from)}` } : null;
}

/** The name of the subject for people: its common name, or what else there is, without what could disturb a line. */
function subjectName(subject: string | undefined): string {
  const parts = new Map((subject ?? '').split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  const name = parts.get('CN') ?? parts.get('OU') ?? parts.get('O') ?? [...parts.values()].join(', ');
  return shown(name === '' ? 'nobody' : name);
}

/** Text of an origin's choosing, cut and without control characters. */
export function shown(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
  return plain.length > MOST_CHARACTERS ? `${plain.slice(0, MOST_CHARACTERS - 1)}…` : plain;
}

/** `2026-11-21 22:13 UTC`. */
export function moment(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'an unreadable date' : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Whether its purposes, if any are said, include that of a server (RFC 5280 §4.2.1.12). */
export function isForServers({ certificate }: ReadCertificate): boolean {
  // What Node calls the key usage is the extended one; its type knows no certificate without it.
  const purposes = certificate.keyUsage as string[] | undefined;
  return purposes === undefined || purposes.includes(PURPOSE.serverAuth) || purposes.includes(PURPOSE.any);
}

/** A critical extension that nobody here understands (RFC 5280 §4.2). */
export function unknownExtension({ fields }: ReadCertificate): string | null {
  for (const [identifier, { isCritical }] of fields.extensions) if (isCritical && !KNOWN_EXTENSIONS.has(identifier)) return identifier;
  return null;
}

function unknownIssuer(path: readonly ReadCertificate[], sent: readonly ReadCertificate[]): Fault {
  const [leaf] = path as [ReadCertificate];
  const last = path.at(-1)!;
  if (path.length === 1 && isIssuedBy(leaf, leaf)) return { kind: 'untrusted', says: 'is self-signed' };
  const names = path.map(({ certificate }) => subjectName(certificate.subject));
  const issuer = subjectName(last.certificate.issuer);
  const isSelfSigned = isIssuedBy(last, last);
  const chain = [...names, ...(isSelfSigned ? [] : [issuer])].join(' → ');
  const hint = sent.length === 0 && path.length === 1 ? '; the server may have to send an intermediate certificate with it' : '';
  return { kind: 'untrusted', says: `is issued by "${issuer}", which nobody here knows (${chain})${hint}` };
}

function faultsOfIssuers(path: readonly ReadCertificate[], nowMs: number): Fault[] {
  const names = hostNames(path[0]!.fields) ?? { dns: [], addresses: [] };
  return path.flatMap((issuer, depth) => (depth === 0 ? [] : faultsOfIssuer(issuer, depth, depth === path.length - 1, names, nowMs)));
}

/** @param depth  how many certificates are below it */
function faultsOfIssuer(issuer: ReadCertificate, depth: number, isLast: boolean, names: HostNames, nowMs: number): Fault[] {
  const { certificate, fields } = issuer;
  const name = `"${subjectName(certificate.subject)}"`;
  const vouching = (says: string): Fault => ({ kind: 'vouching', says });
  const faults: Fault[] = [];
  const basic = fields.extensions.get(EXTENSION.basicConstraints);
  const isAuthority = certificate.ca && basic !== undefined;
  if (!isAuthority) faults.push(vouching(`is issued by ${name}, which is no certification authority`));
  else if (depth - 1 > pathLength(basic.value))
    faults.push(vouching(`is issued below ${name}, which allows fewer authorities below itself`));
  if (isAuthority && !maySignCertificates(fields)) faults.push(vouching(`is issued by ${name}, whose key is not for signing certificates`));
  if (!isForServers(issuer)) faults.push(vouching(`is issued by ${name}, which may not vouch for servers`));
  const time = outOfDate(issuer, nowMs);
  if (time !== null) faults.push(vouching(`is issued by ${name}, whose own certificate ${time.says}`));
  // A root is believed for being there; nobody's signature on it counts.
  const weakness = isLast ? null : weaknessOf(issuer);
  if (weakness !== null) faults.push({ kind: 'unsafe', says: `is issued by ${name}, whose own certificate ${weakness}` });
  const constraints = fields.extensions.get(EXTENSION.nameConstraints);
  const forbidden = constraints === undefined ? null : forbiddenName(readNameConstraints(constraints.value), names);
  if (forbidden !== null) faults.push(vouching(`is for ${shown(forbidden)}, which the name constraints of ${name} forbid`));
  const unknown = unknownExtension(issuer);
  if (unknown !== null) faults.push(vouching(`is issued by ${name}, which demands what nobody here understands (extension ${unknown})`));
  return faults;
}

function weakKey(key: KeyObject): string | null {
  const { asymmetricKeyType: type = 'unknown', asymmetricKeyDetails: details = {} } = key;
  if (type === 'rsa' || type === 'rsa-pss') {
    const bits = details.modulusLength ?? 0;
    return bits < LEAST_RSA_BITS ? `RSA ${bits}` : null;
  }
  if (type === 'ec') return GOOD_CURVES.has(details.namedCurve ?? '') ? null : `EC ${details.namedCurve ?? 'of an unnamed curve'}`;
  return GOOD_KEY_TYPES.has(type) ? null : type;
}

function pathLength(basicConstraints: Buffer): number {
  const limit = membersOf(readDer(basicConstraints), DER.sequence)[1];
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  const octets = contentOf(limit, DER.integer);
  return octets.length === 1 ? octets[0]! : 0;
}

/** Longer ways than this exist nowhere. */
const MOST_CERTIFICATES = 10;
const MOST_CHARACTERS = 64;
/** 112 bits of security, as NIST SP 800-57 has it and OpenSSL's security level 2 asks for. */
const LEAST_RSA_BITS = 2_048;
const GOOD_CURVES: ReadonlySet<string> = new Set([
  ...['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1'],
  ...['brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1'],
]);
const GOOD_KEY_TYPES: ReadonlySet<string> = new Set(['ed25519', 'ed448', 'ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87']);
const BROKEN_SIGNATURES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'MD2',
  '1.2.840.113549.1.1.4': 'MD5',
  '1.2.840.113549.1.1.5': 'SHA-1',
  '1.3.14.3.2.29': 'SHA-1',
  '1.2.840.10040.4.3': 'SHA-1',
  '1.2.840.10045.4.1': 'SHA-1',
};
/** Usage, names, basic and name constraints, policies and what constrains them, purposes. */
const KNOWN_EXTENSIONS: ReadonlySet<string> = new Set([15, 17, 18, 19, 30, 32, 33, 36, 37, 54].map((arc) => `2.5.29.${arc}`));
