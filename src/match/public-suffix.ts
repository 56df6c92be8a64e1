// Owns the registrable domain of a host: the public suffix and one label more, which is what its owner registered. The public suffix list comes
// with tldts; its private section counts, so `a.github.io` and `b.github.io` have two owners.
// A name under no listed suffix has its last label as the suffix, the list's own rule `*`: `host.internal` is registrable.
import { getDomain, getPublicSuffix, parse } from 'tldts';
import { endsInNumber } from '../net/ip-address.ts';

/** @param host canonical; @returns `null` for an address, a public suffix and a name of one label. @throws never */
export function registrableDomain(host: string): string | null {
  return isName(host) ? getDomain(host, CANONICAL_HOST) : null;
}

/** Whether anybody may register a name below it: `com`, `co.uk`, `github.io`. @param host canonical; @throws never */
export function isPublicSuffix(host: string): boolean {
  return isName(host) && getPublicSuffix(host, CANONICAL_HOST) === host;
}

/**
 * In which part of the public suffix list the host itself is named as a suffix: that of registries (`com`, `co.uk`), or that of companies that let
 * others have names below one of theirs (`github.io`).
 *
 * @param host canonical; @returns `null` when the list does not name it, as with `internal`. @throws never
 */
export function suffixSection(host: string): 'registry' | 'private' | null {
  if (!isPublicSuffix(host)) return null;
  const { isIcann, isPrivate } = parse(host, CANONICAL_HOST);
  if (isIcann === true) return 'registry';
  return isPrivate === true ? 'private' : null;
}

function isName(host: string): boolean {
  return host !== '' && !host.includes(':') && !endsInNumber(host);
}

// The host is canonical already: nothing is to be taken out of a URL, decoded or checked.
const CANONICAL_HOST = { allowPrivateDomains: true, extractHostname: false, validateHostname: false, mixedInputs: false, detectIp: false };
