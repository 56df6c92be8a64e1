// Owns the way of a name from a list into a set of domains: octets as somebody wrote them → the canonical ones that hosts of requests have too.
// Nearly every name of nearly every list is canonical but for capital letters, and takes one pass; any other goes through `http/authority.ts`.
import { parseHost } from '../../http/authority.ts';
import { addDomain, BELOW, type DomainScope, type DomainSetBuilder, ITSELF } from '../../match/domain-set.ts';
import { ListTooLong, utf8Text } from './read-lines.ts';

/**
 * Adds one name, or an IP address, which can only be listed itself.
 *
 * @param octets  capital letters become small ones in place
 * @returns whether it is a name
 * @throws ListTooLong
 */
export function addName(builder: DomainSetBuilder, octets: Uint8Array, start: number, end: number, scope: DomainScope): boolean {
  if (builder.count >= MAX_ENTRIES) throw new ListTooLong();
  const last = end - start > 1 && octets[end - 1] === DOT ? end - 1 : end;
  if (makeCanonical(octets, start, last)) {
    addDomain(builder, octets, start, last, scope);
    return true;
  }
  return addUnusualName(builder, utf8Text(octets, start, end), scope);
}

/** Adds a name in one of the notations of policies: `example.com`, `.example.com` and `*.example.com`. */
export function addPattern(builder: DomainSetBuilder, octets: Uint8Array, start: number, end: number, plain: DomainScope): boolean {
  if (octets[start] === DOT) return addName(builder, octets, start + 1, end, WITH_SUBDOMAINS);
  if (octets[start] === ASTERISK && octets[start + 1] === DOT) return addName(builder, octets, start + 2, end, BELOW);
  return addName(builder, octets, start, end, plain);
}

/** Whether the octets are a canonical name now. */
function makeCanonical(octets: Uint8Array, start: number, end: number): boolean {
  let labelStart = start;
  for (let i = start; i < end; i += 1) {
    const octet = octets[i]!;
    if (octet === DOT) {
      if (i === labelStart || i - labelStart > MAX_LABEL) return false;
      labelStart = i + 1;
    } else if (octet >= CAPITAL_A && octet <= CAPITAL_Z) {
      octets[i] = octet | 0x20;
    } else if (!((octet >= SMALL_A && octet <= SMALL_Z) || isDigit(octet) || octet === HYPHEN || octet === UNDERSCORE)) {
      return false;
    }
  }
  const lastLabel = end - labelStart;
  // A last label that begins with a digit may be an IPv4 address, or a host that resolvers take for one.
  return lastLabel > 0 && lastLabel <= MAX_LABEL && end - start <= MAX_NAME && !isDigit(octets[labelStart]!);
}

function addUnusualName(builder: DomainSetBuilder, text: string, scope: DomainScope): boolean {
  const host = hostOf(text);
  if (host === null || (host.kind !== 'name' && (scope & ITSELF) === 0)) return false;
  const octets = Buffer.from(host.host, 'latin1');
  addDomain(builder, octets, 0, octets.length, host.kind === 'name' ? scope : ITSELF);
  return true;
}

function hostOf(text: string): ReturnType<typeof parseHost> | null {
  try {
    return parseHost(text);
  } catch {
    return null;
  }
}

function isDigit(octet: number): boolean {
  return octet >= 0x30 && octet <= 0x39;
}

export const MAX_ENTRIES = 20_000_000;
export const WITH_SUBDOMAINS: DomainScope = 3;
const MAX_LABEL = 63; // RFC 1035 §2.3.4
const MAX_NAME = 253;
const DOT = 0x2e;
const ASTERISK = 0x2a;
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;
const CAPITAL_A = 0x41;
const CAPITAL_Z = 0x5a;
const SMALL_A = 0x61;
const SMALL_Z = 0x7a;
