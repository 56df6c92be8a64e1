// Owns the order in which the addresses of one name are tried: families in turn (RFC 8305 §4), each address once.
// Judging addresses is not done here: the address guard does it at every use.

/** Nobody tries more addresses than this, and an answer of thousands must not fill the cache. */
const MAX_ADDRESSES = 32;

/**
 * The addresses with IPv6 and IPv4 in turn, beginning with the family of the first, without repetitions, 32 at most.
 * Within a family the resolver's order stays: it may be sorted by RFC 6724 or rotated by the server on purpose.
 *
 * @param addresses  canonical texts; equal addresses are equal texts
 */
export function orderAddresses(addresses: Iterable<string>): readonly string[] {
  const distinct = [...new Set(addresses)];
  const isFirstIpv6 = isIpv6(distinct[0] ?? '');
  const leading = distinct.filter((address) => isIpv6(address) === isFirstIpv6);
  const following = distinct.filter((address) => isIpv6(address) !== isFirstIpv6);
  const ordered: string[] = [];
  for (let index = 0; index < distinct.length; index++) {
    if (index < leading.length) ordered.push(leading[index]!);
    if (index < following.length) ordered.push(following[index]!);
  }
  return ordered.slice(0, MAX_ADDRESSES);
}

function isIpv6(address: string): boolean {
  return address.includes(':');
}
