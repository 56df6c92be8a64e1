// Owns IP addresses as bytes: reading their spellings, writing the canonical one, CIDR blocks, and the IPv4 addresses that IPv6 addresses carry.
// Refuses zone identifiers, brackets and everything else that is not the address itself. Canonical text is the dotted quad for IPv4 and
// RFC 5952 for IPv6. Which ranges are special is special-purpose.ts.

/** One address. `bytes` are in network order, 4 or 16 of them, and must not be changed; `text` is the canonical spelling. */
export interface IpAddress {
  readonly version: 4 | 6;
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** A block of addresses (RFC 4632 §3.1, RFC 4291 §2.3). `address` is its first one. */
export interface Cidr {
  readonly address: IpAddress;
  readonly prefixLength: number;
}

/**
 * An address in its strict spelling: a dotted quad without leading zeros, or IPv6 text as RFC 4291 §2.2 has it, a dotted quad at its end included.
 *
 * @returns `null` for any other text; a zone identifier or brackets make it such
 */
export function parseIpAddress(text: string): IpAddress | null {
  if (text !== lastText) {
    lastAddress = parseAddress(text);
    lastText = text;
  }
  return lastAddress;
}

// One exchange asks for the same address several times: the target, the policy's question, the guard.
let lastText = '';
let lastAddress: IpAddress | null = null;

function parseAddress(text: string): IpAddress | null {
  if (text.includes(':')) {
    const bytes = parseIpv6(text);
    return bytes === null ? null : { version: 6, bytes, text: formatIpv6(bytes) };
  }
  const bytes = parseDottedQuad(text);
  return bytes === null ? null : { version: 4, bytes, text };
}

/**
 * An IPv4 address in any spelling that `inet_aton` reads: one to four parts, each decimal, octal after `0` or hexadecimal after `0x`;
 * the last part fills the octets that are left.
 *
 * @returns the address that is meant; `null` when the text is no such spelling or a part does not fit its octets
 */
export function parseIpv4Number(text: string): IpAddress | null {
  const parts = text.split('.', 5);
  if (parts.length > 4) return null;
  let value = 0;
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    const number = parseNumberPart(part);
    if (number === null || number >= 256 ** (isLast ? 5 - parts.length : 1)) return null;
    value += isLast ? number : number * 256 ** (3 - index);
  }
  return ipv4(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/**
 * Whether a host's last label is a number, decimal or hexadecimal, one trailing dot aside ("ends in a number", WHATWG URL §3.5).
 * Resolvers try to read such a host as an IPv4 address, so it has to be one: it is never handed on as a name.
 */
export function endsInNumber(host: string): boolean {
  const end = host.endsWith('.') ? host.length - 1 : host.length;
  const start = end === 0 ? 0 : host.lastIndexOf('.', end - 1) + 1;
  if (start === end) return false;
  const isHex = host.charCodeAt(start) === ZERO && (host.charCodeAt(start + 1) | 0x20) === LETTER_X;
  for (let i = isHex ? start + 2 : start; i < end; i += 1) {
    const digit = hexDigit(host.charCodeAt(i));
    if (digit === -1 || (!isHex && digit > 9)) return false;
  }
  return true;
}

/**
 * A block such as `10.0.0.0/8` or `fc00::/7`; an address without a length is a block of one.
 *
 * @returns `null` when it is neither, and when the address has bits set beyond the prefix: `10.0.0.1/8` may mean one of two things
 */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf('/');
  const address = parseIpAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === null) return null;
  const bits = address.bytes.length * 8;
  const prefixLength = slash === -1 ? bits : parsePrefixLength(text.slice(slash + 1), bits);
  if (prefixLength === null) return null;
  for (let bit = prefixLength; bit < bits; bit += 1) {
    if ((address.bytes[bit >> 3]! & (0x80 >> (bit & 7))) !== 0) return null;
  }
  return { address, prefixLength };
}

/** Whether the block holds the address. A block of one version holds no address of the other, IPv4-mapped forms included: see `embeddedIpv4`. */
export function cidrContains(cidr: Cidr, ip: IpAddress): boolean {
  if (cidr.address.version !== ip.version) return false;
  const network = cidr.address.bytes;
  const wholeBytes = cidr.prefixLength >> 3;
  for (let i = 0; i < wholeBytes; i += 1) if (network[i] !== ip.bytes[i]) return false;
  const restBits = cidr.prefixLength & 7;
  return restBits === 0 || ((network[wholeBytes]! ^ ip.bytes[wholeBytes]!) & (0xff00 >> restBits) & 0xff) === 0;
}

/**
 * The IPv4 addresses that an IPv6 address carries, by which a host, a translator or a relay may deliver it to IPv4. Usually none.
 * An operator's own NAT64 prefix (RFC 6052 §2.2) cannot be told from other addresses and is not seen here.
 */
export function embeddedIpv4(ip: IpAddress): readonly IpAddress[] {
  if (ip.version === 4) return NONE;
  const b = ip.bytes;
  let found = NONE;
  if (b[0] === 0) {
    if (carriesAtEnd(ip)) found = [ipv4(b[12]!, b[13]!, b[14]!, b[15]!)];
  } else if (b[0] === 0x20 && b[1] === 0x02) {
    found = [ipv4(b[2]!, b[3]!, b[4]!, b[5]!)]; // 6to4, 2002::/16: RFC 3056 §2
  } else if (cidrContains(TEREDO, ip)) {
    // The server, and the client with every bit inverted: RFC 4380 §4.
    found = [ipv4(b[4]!, b[5]!, b[6]!, b[7]!), ipv4(b[12]! ^ 0xff, b[13]! ^ 0xff, b[14]! ^ 0xff, b[15]! ^ 0xff)];
  }
  // ISATAP's interface identifier, 0000:5efe or 0200:5efe before the IPv4 address, under any prefix: RFC 5214 §6.1.
  if (b[10] === 0x5e && b[11] === 0xfe && (b[8]! & 0xfd) === 0 && b[9] === 0) found = [...found, ipv4(b[12]!, b[13]!, b[14]!, b[15]!)];
  return found;
}

/** The IPv4 address inside an IPv4-mapped one (RFC 4291 §2.5.5.2); a socket reaches the one by the other. Any other address as it is. */
export function unmapped(ip: IpAddress): IpAddress {
  if (ip.version === 4 || !isMapped(ip.bytes)) return ip;
  return ipv4(ip.bytes[12]!, ip.bytes[13]!, ip.bytes[14]!, ip.bytes[15]!);
}

/** Whether a socket's remote address is one of this machine's loopback addresses, IPv4-mapped ones included. */
export function isLoopbackAddress(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}

/** The prefixes below ::/8 under which the last 32 bits are an IPv4 address. */
function carriesAtEnd(ip: IpAddress): boolean {
  if (cidrContains(IPV4_COMPATIBLE, ip)) return !cidrContains(UNSPECIFIED_AND_LOOPBACK, ip);
  for (const prefix of CARRYING_PREFIXES) if (cidrContains(prefix, ip)) return true;
  return false;
}

function ipv4(a: number, b: number, c: number, d: number): IpAddress {
  return { version: 4, bytes: Uint8Array.of(a, b, c, d), text: `${a}.${b}.${c}.${d}` };
}

function parseDottedQuad(text: string): Uint8Array | null {
  if (text.length < 7 || text.length > 15) return null;
  const bytes = new Uint8Array(4);
  let index = 0;
  let value = -1;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c === DOT) {
      if (value === -1 || index === 3) return null;
      bytes[index] = value;
      index += 1;
      value = -1;
    } else {
      // `value === 0` with one more digit is a leading zero, which some readers take for octal.
      if (c < ZERO || c > NINE || value === 0) return null;
      value = value === -1 ? c - ZERO : value * 10 + c - ZERO;
      if (value > 255) return null;
    }
  }
  if (value === -1 || index !== 3) return null;
  bytes[3] = value;
  return bytes;
}

function parseIpv6(text: string): Uint8Array | null {
  if (text.length < 2 || text.length > 45) return null;
  const bytes = new Uint8Array(16);
  let filled = 0;
  let gap = -1; // where `::` stands, in bytes from the start
  let i = 0;
  if (text.startsWith('::')) {
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    const start = i;
    let group = 0;
    for (let digit = hexDigit(text.charCodeAt(i)); digit !== -1; digit = hexDigit(text.charCodeAt(i))) {
      group = group * 16 + digit;
      i += 1;
    }
    if (text.charCodeAt(i) === DOT) {
      const quad = filled > 12 ? null : parseDottedQuad(text.slice(start));
      if (quad === null) return null;
      bytes.set(quad, filled);
      filled += 4;
      break;
    }
    if (i === start || i - start > 4 || filled === 16) return null;
    bytes[filled] = group >> 8;
    bytes[filled + 1] = group & 0xff;
    filled += 2;
    if (i === text.length) break;
    if (text.charCodeAt(i) !== COLON || i + 1 === text.length) return null;
    i += 1;
    if (text.charCodeAt(i) === COLON) {
      if (gap !== -1) return null;
      gap = filled;
      i += 1;
    }
  }
  if (gap === -1) return filled === 16 ? bytes : null;
  if (filled === 16) return null; // `::` stands for at least one group
  const tail = 16 - (filled - gap);
  bytes.copyWithin(tail, gap, filled);
  bytes.fill(0, gap, tail);
  return bytes;
}

/** RFC 5952 §4: no leading zeros, lower case, `::` for the first longest run of two or more zero groups; §5: IPv4-mapped with a dotted quad. */
function formatIpv6(bytes: Uint8Array): string {
  if (isMapped(bytes)) return `::ffff:${bytes[12]}.${bytes[13]}.${bytes[14]}.${bytes[15]}`;
  let runStart = -1;
  let runLength = 1;
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (start + length < 8 && groupAt(bytes, start + length) === 0) length += 1;
    if (length > runLength) {
      runStart = start;
      runLength = length;
    }
  }
  let text = '';
  for (let index = 0; index < 8; index += 1) {
    if (index === runStart) {
      text += '::';
      index += runLength - 1;
    } else {
      if (text !== '' && !text.endsWith(':')) text += ':';
      text += groupAt(bytes, index).toString(16);
    }
  }
  return text;
}

function groupAt(bytes: Uint8Array, index: number): number {
  return (bytes[index * 2]! << 8) | bytes[index * 2 + 1]!;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i += 1) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** One part of an `inet_aton` spelling. `0x` with nothing behind it is refused: the C library's readers differ on it. */
function parseNumberPart(part: string): number | null {
  const isHex = part.startsWith('0x') || part.startsWith('0X');
  const isOctal = !isHex && part.length > 1 && part.startsWith('0');
  const base = isHex ? 16 : isOctal ? 8 : 10;
  const first = isHex ? 2 : 0;
  if (part.length === first) return null;
  let value = 0;
  for (let i = first; i < part.length; i += 1) {
    const digit = hexDigit(part.charCodeAt(i));
    if (digit === -1 || digit >= base) return null;
    value = value * base + digit;
    if (value > 0xffffffff) return null;
  }
  return value;
}

function parsePrefixLength(text: string, bits: number): number | null {
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(text)) return null;
  const length = Number(text);
  return length > bits ? null : length;
}

/** The value of a hexadecimal digit, or -1; `NaN`, what `charCodeAt` says past the end, is none. */
function hexDigit(c: number): number {
  if (c >= ZERO && c <= NINE) return c - ZERO;
  const lower = c | 0x20;
  return lower >= LETTER_A && lower <= LETTER_F ? lower - LETTER_A + 10 : -1;
}

const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const DOT = 0x2e;
const LETTER_A = 0x61;
const LETTER_F = 0x66;
const LETTER_X = 0x78;
const NONE: readonly IpAddress[] = [];

const IPV4_COMPATIBLE = parseCidr('::/96')!; // RFC 4291 §2.5.5.1
const UNSPECIFIED_AND_LOOPBACK = parseCidr('::/127')!;
const TEREDO = parseCidr('2001::/32')!;
const CARRYING_PREFIXES: readonly Cidr[] = [
  parseCidr('::ffff:0:0/96')!, // IPv4-mapped, RFC 4291 §2.5.5.2
  parseCidr('::ffff:0:0:0/96')!, // IPv4-translated, RFC 2765 §2.1
  parseCidr('64:ff9b::/96')!, // NAT64, RFC 6052 §2.1
  parseCidr('64:ff9b:1::/48')!, // NAT64 for local use, RFC 8215; of the lengths it allows, the common /96
];
