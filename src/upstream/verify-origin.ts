// Owns whether an origin's certificate is believed (RFC 9110 §4.3.4, RFC 9525), and if not, why not, in words for people.
// Believed is what OpenSSL believes and nothing here objects to: name, strength, stapled status. A policy may forgive a host some faults by name;
// then every fault that there is must be among them.
import type { X509Certificate } from 'node:crypto';
import { addressText, type HostNames, hostNames, mustStaple, namesHost } from '../x509/certificate-fields.ts';
import { stapledStatus } from './ocsp-staple.ts';
import { isIssuedBy, type ReadCertificate, type Roots, readCertificate } from './roots.ts';
import { type Fault, faultsOfPath, isForServers, moment, outOfDate, shown, unknownExtension, weaknessOf } from './trust-path.ts';

/**
 * What a policy may forgive one host: that its certificate is over (not: that it is yet to begin), that it is for other names or none, that nobody
 * here knows who issued it; or everything but weakness and revocation to one certificate, by its SHA-256 in lower-case hexadecimal.
 */
export type AcceptedFault = 'expired' | 'wrong_name' | 'untrusted' | `sha256:${string}`;
export type AcceptedFaults = readonly AcceptedFault[];

/** What the handshake has shown. */
export interface Presented {
  readonly leaf: X509Certificate;
  /** What else the origin has sent, in its order. */
  readonly issuers: readonly X509Certificate[];
  /** DER of an OCSP response. */
  readonly staple: Buffer | null;
  /** OpenSSL's objection, by Node's code; `null`: none. */
  readonly objection: string | null;
}

export type Verdict =
  | { readonly kind: 'believed'; readonly forgiven: AcceptedFaults }
  /** `reason` is a predicate: "expired on ...". */
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * @param host  canonical
 * @throws never
 */
export function verifyOrigin(presented: Presented, host: string, accept: AcceptedFaults, roots: Roots, nowMs: number): Verdict {
  let faults: Fault[];
  try {
    faults = faultsOf(presented, host, roots, nowMs);
  } catch (error) {
    // OpenSSL has read it, but what nobody here can read to its end proves nothing here.
    return { kind: 'refused', reason: `cannot be read (${error instanceof Error ? error.message : 'unknown reason'})` };
  }
  if (faults.length === 0) return { kind: 'believed', forgiven: NONE };
  const fingerprint = fingerprintOf(presented.leaf);
  const pin = accept.find((each) => each === fingerprint);
  const forgiven = faults.map((fault) => forgiving(fault, accept, pin));
  if (!forgiven.includes(null)) return { kind: 'believed', forgiven: [...new Set(forgiven as AcceptedFault[])] };
  const left = faults.filter((_, index) => forgiven[index] === null).map(({ says }) => says);
  return { kind: 'refused', reason: left.join(', and ') };
}

/** As policies write it: `sha256:` and lower-case hexadecimal without colons. */
function fingerprintOf(certificate: X509Certificate): `sha256:${string}` {
  return `sha256:${certificate.fingerprint256.replaceAll(':', '').toLowerCase()}`;
}

function forgiving({ kind }: Fault, accept: AcceptedFaults, pin: AcceptedFault | undefined): AcceptedFault | null {
  switch (kind) {
    case 'unsafe':
      return null;
    case 'vouching':
      return pin ?? null;
    case 'expired':
    case 'wrong_name':
    case 'untrusted':
      return accept.includes(kind) ? kind : (pin ?? null);
    default:
      return kind satisfies never;
  }
}

function faultsOf({ leaf: certificate, issuers, staple, objection }: Presented, host: string, roots: Roots, nowMs: number): Fault[] {
  const leaf = readCertificate(certificate);
  // Most need none of them read.
  const sent = objection === null && staple === null ? [] : issuers.slice(0, MOST_ISSUERS).map(readCertificate);
  const faults: Fault[] = [];
  const weakness = weaknessOf(leaf);
  if (weakness !== null) faults.push({ kind: 'unsafe', says: weakness });
  if (objection !== null) {
    faults.push(...faultsOfLeaf(leaf, nowMs), ...faultsOfPath(leaf, sent, roots, nowMs));
    if (faults.length === 0) faults.push({ kind: 'vouching', says: `cannot be verified (${objection})` });
  }
  const names = hostNames(leaf.fields);
  if (names === null) faults.push({ kind: 'wrong_name', says: `has no subjectAltName, so it is for no host${commonName(certificate)}` });
  else if (!namesHost(names, host)) faults.push({ kind: 'wrong_name', says: `is for ${listed(names)}, but not for ${host}` });
  const revoked = faultOfStatus(leaf, sent, staple, roots, nowMs);
  return revoked === null ? faults : [...faults, revoked];
}

function faultsOfLeaf(leaf: ReadCertificate, nowMs: number): Fault[] {
  const faults: Fault[] = [];
  const time = outOfDate(leaf, nowMs);
  if (time !== null) faults.push({ kind: time.isOver ? 'expired' : 'vouching', says: time.says });
  if (!isForServers(leaf)) faults.push({ kind: 'vouching', says: 'is not for servers: its extended key usage leaves serverAuth out' });
  const unknown = unknownExtension(leaf);
  if (unknown !== null) faults.push({ kind: 'vouching', says: `demands what nobody here understands (extension ${unknown})` });
  return faults;
}

/** Revocation as far as it is stapled; a staple that proves nothing is as good as none. */
function faultOfStatus(
  leaf: ReadCertificate,
  sent: readonly ReadCertificate[],
  staple: Buffer | null,
  roots: Roots,
  nowMs: number,
): Fault | null {
  const isNeeded = mustStaple(leaf.fields);
  if (staple === null) return isNeeded ? { kind: 'unsafe', says: 'has to come with a stapled OCSP response, and came without' } : null;
  const issuer = sent.find((each) => isIssuedBy(leaf, each)) ?? roots.issuerOf(leaf);
  const status = issuer === null ? NOBODY_TO_SIGN : stapledStatus(staple, leaf, issuer, nowMs);
  if (status.kind === 'revoked')
    return {
      kind: 'unsafe',
      says: `was revoked on ${moment(new Date(status.sinceMs))} (by the OCSP response that the server itself sent)`,
    };
  if (status.kind === 'good' || !isNeeded) return null;
  return { kind: 'unsafe', says: `has to come with a good OCSP response, and ${status.reason}` };
}

/** `a.example, b.example and 3 more`. */
function listed({ dns, addresses }: HostNames): string {
  const all = [...dns.slice(0, MOST_NAMES + 1), ...addresses.slice(0, MOST_NAMES + 1).map(addressText)].map(shown);
  const more = dns.length + addresses.length - MOST_NAMES;
  if (all.length === 0) return 'no host';
  if (more > 0) return `${all.slice(0, MOST_NAMES).join(', ')} and ${more} more`;
  return all.length === 1 ? all[0]! : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}

function commonName({ subject }: X509Certificate): string {
  const line = (subject as string | undefined)?.split('\n').find((each) => each.startsWith('CN='));
  return line === undefined ? '' : ` (its common name, "${shown(line.slice(3))}", does not count)`;
}

const NOBODY_TO_SIGN = { kind: 'unusable', reason: 'its issuer is unknown' } as const;
/** Nobody needs more, and each may have to be tried. */
const MOST_ISSUERS = 10;
const MOST_NAMES = 4;
const NONE: AcceptedFaults = Object.freeze([]);
