// Owns how settings name destinations: `example.com`, `.example.com` (it and everything below), `*.example.com` (one label more), an address, a
// CIDR block, or `*`; a port may follow. Blocks are about hosts written as addresses: nothing is resolved to find out.
import { ProxyError } from '../errors/proxy-error.ts';
import { parseHost } from '../http/authority.ts';
import { type Cidr, cidrContains, type IpAddress, parseCidr, parseIpAddress, unmapped } from '../net/ip-address.ts';
import { type HostPattern, matchesHost } from './host-pattern.ts';

export interface Destination {
  readonly what:
    | { readonly kind: 'everything' }
    | { readonly kind: 'block'; readonly cidr: Cidr }
    | { readonly kind: 'pattern'; readonly pattern: HostPattern };
  /** null: every port. */
  readonly port: number | null;
}

/**
 * With a port as `localhost:8080`, `[::1]:8080` or `10.0.0.0/8:80`.
 *
 * @throws ProxyError `proxy_configuration_error`
 */
export function parseDestination(text: string): Destination {
  const withPort = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(text);
  const place = withPort === null ? text.replace(/^\[([^\]]*)\]$/, '$1') : (withPort[1] ?? withPort[2]!);
  const port = withPort === null ? null : Number(withPort[3]);
  // Nothing is at such a port, and a script for browsers would take 0 for every port.
  if (port === 0 || (port !== null && port > MOST_PORT))
    throw new ProxyError('proxy_configuration_error', `"${text}" names a port that is none; ports are 1 to ${MOST_PORT}.`);
  if (place === '*') return { what: { kind: 'everything' }, port };

  const address = parseIpAddress(place);
  // Canonical hosts hold IPv4-mapped addresses as IPv4.
  if (address !== null) return { what: { kind: 'pattern', pattern: { kind: 'exact', name: unmapped(address).text } }, port };
  const cidr = parseCidr(place);
  if (cidr !== null) return { what: { kind: 'block', cidr }, port };

  const [dots = ''] = /^\*?\./.exec(place) ?? [];
  const name = canonicalHost(place.slice(dots.length));
  return { what: { kind: 'pattern', pattern: { kind: PATTERN_KINDS[dots] ?? 'exact', name } }, port };
}

/** @param host canonical @param address the host as an address, `null` for a name */
export function covers({ what, port }: Destination, host: string, address: IpAddress | null, toPort: number): boolean {
  if (port !== null && port !== toPort) return false;
  switch (what.kind) {
    case 'everything':
      return true;
    case 'block':
      return address !== null && cidrContains(what.cidr, address);
    case 'pattern':
      return matchesHost(what.pattern, host);
    default:
      return what satisfies never;
  }
}

function canonicalHost(text: string): string {
  try {
    return parseHost(text).host;
  } catch (error) {
    throw new ProxyError('proxy_configuration_error', error instanceof ProxyError ? error.message : `"${text}" is not a host.`);
  }
}

const MOST_PORT = 65_535;
const PATTERN_KINDS: Readonly<Record<string, HostPattern['kind']>> = { '.': 'below', '*.': 'one-label' };
