// Owns the table of addresses that are not ordinary public ones: IANA's special-purpose registries (RFC 6890), the multicast and reserved
// spaces, and the metadata services of clouds. Says what an address is; who may reach it is policy/address-guard.ts.
// Departures from the registries: 192.0.0.0/24 and 2001::/23 count as reserved as a whole, although a few anycast services in them are
// globally reachable (no origin of HTTP lives there); IPv6 outside 2000::/3, from which nothing else is assigned, is reserved too.
import { type Cidr, cidrContains, embeddedIpv4, type IpAddress, parseCidr } from './ip-address.ts';

/** From the worst to the most harmless: `classify` names the worst one that fits. */
const CLASSES = [
  'metadata',
  'link-local',
  'unspecified',
  'broadcast',
  'multicast',
  'reserved',
  'documentation',
  'benchmarking',
  'loopback',
  'private',
  'cgnat',
  'unique-local',
] as const;

export type SpecialClass = (typeof CLASSES)[number];

export interface SpecialPurpose {
  readonly class: SpecialClass;
  /** For people: what the registry or the provider calls it. */
  readonly name: string;
  readonly cidr: string;
  /** The RFC, or the provider's documentation. */
  readonly source: string;
}

/** A special address as it stands or as it is carried inside another, and what makes it special. */
export interface SpecialForm {
  readonly address: IpAddress;
  readonly purpose: SpecialPurpose;
}

/**
 * What is special about an address, judged by itself and by every IPv4 address inside it; the worst wins.
 *
 * @returns `null` for an ordinary public address
 */
export function classify(ip: IpAddress): SpecialPurpose | null {
  return specialForms(ip)[0]?.purpose ?? null;
}

/** Everything that is special about an address: itself and every IPv4 address inside it, the worst first. Empty for an ordinary public one. */
export function specialForms(ip: IpAddress): readonly SpecialForm[] {
  const own = purposeOf(ip);
  const embedded = embeddedIpv4(ip);
  if (embedded.length === 0) return own === null ? NONE : [{ address: ip, purpose: own }];
  const forms: SpecialForm[] = own === null ? [] : [{ address: ip, purpose: own }];
  for (const address of embedded) {
    const purpose = ipv4Purpose(address);
    if (purpose !== null) forms.push({ address, purpose });
  }
  return forms.sort((a, b) => CLASSES.indexOf(a.purpose.class) - CLASSES.indexOf(b.purpose.class));
}

function purposeOf(ip: IpAddress): SpecialPurpose | null {
  return ip.version === 4 ? ipv4Purpose(ip) : ipv6Purpose(ip);
}

/** The first row that holds the address decides, so a block inside another stands before it. */
function ipv4Purpose(ip: IpAddress): SpecialPurpose | null {
  const value = ipv4Value(ip);
  for (const range of IPV4_RANGES) if (value >= range.first && value <= range.last) return range.purpose;
  return null;
}

function ipv6Purpose(ip: IpAddress): SpecialPurpose | null {
  for (const block of IPV6_BLOCKS) if (cidrContains(block.cidr, ip)) return block.purpose;
  if ((ip.bytes[0]! & 0xe0) === 0x20) return null;
  for (const cidr of TRANSLATED) if (cidrContains(cidr, ip)) return null;
  return OUTSIDE_GLOBAL_UNICAST;
}

function ipv4Value(ip: IpAddress): number {
  const b = ip.bytes;
  return ((b[0]! << 24) | (b[1]! << 16) | (b[2]! << 8) | b[3]!) >>> 0;
}

type Row = readonly [cidr: string, specialClass: SpecialClass, name: string, source: string];

const IPV4_ROWS: readonly Row[] = [
  [
    '169.254.169.254/32',
    'metadata',
    'instance metadata of most clouds',
    'Amazon EC2, Google Cloud, Azure, Oracle Cloud, DigitalOcean, OpenStack',
  ],
  ['169.254.170.2/32', 'metadata', 'container credentials', 'Amazon ECS'],
  ['169.254.170.23/32', 'metadata', 'pod credentials', 'Amazon EKS'],
  ['169.254.0.23/32', 'metadata', 'instance metadata', 'Tencent Cloud'],
  ['169.254.42.42/32', 'metadata', 'instance metadata', 'Scaleway'],
  ['100.100.100.200/32', 'metadata', 'instance metadata', 'Alibaba Cloud'],
  ['168.63.129.16/32', 'metadata', 'wire server', 'Azure; looks public and is not'],
  ['192.0.0.192/32', 'metadata', 'instance metadata', 'Oracle Cloud Classic'],
  ['0.0.0.0/32', 'unspecified', 'this host', 'RFC 1122 §3.2.1.3'],
  ['0.0.0.0/8', 'reserved', 'this network', 'RFC 791 §3.2'],
  ['10.0.0.0/8', 'private', 'private use', 'RFC 1918'],
  ['100.64.0.0/10', 'cgnat', 'shared address space', 'RFC 6598'],
  ['127.0.0.0/8', 'loopback', 'loopback', 'RFC 1122 §3.2.1.3'],
  ['169.254.0.0/16', 'link-local', 'link local', 'RFC 3927'],
  ['172.16.0.0/12', 'private', 'private use', 'RFC 1918'],
  ['192.0.0.0/24', 'reserved', 'IETF protocol assignments', 'RFC 6890 §2.1'],
  ['192.0.2.0/24', 'documentation', 'TEST-NET-1', 'RFC 5737'],
  ['192.88.99.0/24', 'reserved', 'deprecated 6to4 relay anycast', 'RFC 7526'],
  ['192.168.0.0/16', 'private', 'private use', 'RFC 1918'],
  ['198.18.0.0/15', 'benchmarking', 'benchmarking', 'RFC 2544'],
  ['198.51.100.0/24', 'documentation', 'TEST-NET-2', 'RFC 5737'],
  ['203.0.113.0/24', 'documentation', 'TEST-NET-3', 'RFC 5737'],
  ['224.0.0.0/4', 'multicast', 'multicast', 'RFC 5771'],
  ['255.255.255.255/32', 'broadcast', 'limited broadcast', 'RFC 919 §7'],
  ['240.0.0.0/4', 'reserved', 'reserved for future use', 'RFC 1112 §4'],
];

const IPV6_ROWS: readonly Row[] = [
  ['fd00:ec2::254/128', 'metadata', 'instance metadata', 'Amazon EC2'],
  ['fd00:ec2::23/128', 'metadata', 'pod credentials', 'Amazon EKS'],
  ['fd20:ce::254/128', 'metadata', 'instance metadata', 'Google Cloud'],
  ['fd00:c1::a9fe:a9fe/128', 'metadata', 'instance metadata', 'Oracle Cloud'],
  ['fd00:42::42/128', 'metadata', 'instance metadata', 'Scaleway'],
  ['fd00:a9fe:a9fe::1/128', 'metadata', 'instance metadata', 'Akamai (Linode)'],
  ['fe80::a9fe:a9fe/128', 'metadata', 'instance metadata', 'OpenStack, Akamai (Linode)'],
  ['::/128', 'unspecified', 'unspecified address', 'RFC 4291 §2.5.2'],
  ['::1/128', 'loopback', 'loopback address', 'RFC 4291 §2.5.3'],
  ['64:ff9b:1::/48', 'reserved', 'NAT64 for local use', 'RFC 8215'],
  ['2001:2::/48', 'benchmarking', 'benchmarking', 'RFC 5180'],
  ['2001::/23', 'reserved', 'IETF protocol assignments', 'RFC 2928'],
  ['2001:db8::/32', 'documentation', 'documentation', 'RFC 3849'],
  ['3fff::/20', 'documentation', 'documentation', 'RFC 9637'],
  ['fc00::/7', 'unique-local', 'unique local unicast', 'RFC 4193'],
  ['fe80::/10', 'link-local', 'link-local unicast', 'RFC 4291 §2.5.6'],
  ['ff00::/8', 'multicast', 'multicast', 'RFC 4291 §2.7'],
];

// Not special by themselves: they mean the IPv4 address inside, which is judged on its own.
const TRANSLATED: readonly Cidr[] = [parseCidr('::ffff:0:0/96')!, parseCidr('64:ff9b::/96')!];

const OUTSIDE_GLOBAL_UNICAST: SpecialPurpose = {
  class: 'reserved',
  name: 'outside global unicast',
  cidr: '::/0',
  source: 'RFC 4291 §4, IANA IPv6 address space',
};

const NONE: readonly SpecialForm[] = [];

const IPV4_RANGES = IPV4_ROWS.map((row) => {
  const cidr = parseCidr(row[0])!;
  const first = ipv4Value(cidr.address);
  return { first, last: first + 2 ** (32 - cidr.prefixLength) - 1, purpose: purposeOfRow(row) };
});

const IPV6_BLOCKS = IPV6_ROWS.map((row) => ({ cidr: parseCidr(row[0])!, purpose: purposeOfRow(row) }));

function purposeOfRow([cidr, specialClass, name, source]: Row): SpecialPurpose {
  return { class: specialClass, name, cidr, source };
}
