// Owns the names of hosts, servers and fields in settings: which spellings are taken.
// Every function throws an Error whose message says what was expected, fit to be printed after the file and line.
import { ProxyError } from '../errors/proxy-error.ts';
import { parseDestination as readDestination } from '../match/destination.ts';
import { shown } from '../match/units.ts';
import { parseIpAddress } from '../net/ip-address.ts';

/**
 * A destination for `parents`, `no_proxy` and `pac`, in the grammar of match/destination.ts, as it was written.
 */
export function parseDestination(value: string | number): string {
  const text = String(value);
  try {
    readDestination(text);
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    throw new Error(
      `expected a host such as example.com or .example.com (and everything below), or a block such as 10.0.0.0/8; found ${shown(value)}`,
    );
  }
  return text;
}

/** `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:53`: always an address, since a name would need a server to look it up. */
export function parseDnsServer(value: string | number): string {
  const text = String(value);
  const [, bracketed, dotted, port] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const ip = parseIpAddress(bracketed ?? dotted ?? text);
  const isBracketed = bracketed !== undefined;
  const fits = ip !== null && (!isBracketed || ip.version === 6) && (port === undefined || (Number(port) > 0 && Number(port) <= 65_535));
  if (!fits)
    throw new Error(
      `expected the address of a DNS server, such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53; found ${shown(value)}`,
    );
  return text;
}

/**
 * A field in which origins speak to some caches and not to others (RFC 9213 §2), in lower case. Cache-Control itself is asked last anyway.
 */
export function parseTargetedField(value: string | number): string {
  const name = String(value).toLowerCase();
  if (!/^[\w!#$%&'*+.^`|~-]{1,64}$/.test(name) || name === 'cache-control')
    throw new Error(`expected the name of a targeted field, such as CDN-Cache-Control; found ${shown(value)}`);
  return name;
}

/** `received-by` of a `Via` member (RFC 9110 §7.6.3): a pseudonym, or a host with an optional port. */
export function parsePseudonym(value: string | number): string {
  const text = String(value);
  if (!/^[\w!#$%&'*+.^`|~-]{1,128}(?::\d{1,5})?$/.test(text)) {
    throw new Error(
      `expected a name for the Via field: letters, digits and hyphens, such as proxy-1 or proxy.example:8080; found ${shown(value)}`,
    );
  }
  return text;
}
