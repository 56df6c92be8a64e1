// Owns a set of address blocks made for a hundred thousand of them. Blocks of a version lie inside one another or apart, so the widest ones are
// kept, sorted by their first address, and one binary search finds the only one that can hold an address.
// An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is in the set when it is itself or when the IPv4 address inside is; a mapped block is IPv4.
import { type Cidr, cidrContains, type IpAddress, parseIpAddress, unmapped } from '../net/ip-address.ts';

export interface AddressSet {
  /** How many blocks, those inside a wider one left out. */
  readonly size: number;
  /** All of it, for `restoreAddressSet`; in this machine's byte order. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** First addresses in ascending order, and the prefix length of each block. */
  readonly ipv4Starts: Uint32Array;
  readonly ipv4Lengths: Uint8Array;
  /** The same with four words for each address. */
  readonly ipv6Starts: Uint32Array;
  readonly ipv6Lengths: Uint8Array;
}

/** @param blocks  in any order, each as often as it likes */
export function buildAddressSet(blocks: Iterable<Cidr>): AddressSet {
  const ipv4: number[] = [];
  const ipv6: Cidr[] = [];
  for (const { address, prefixLength } of blocks) {
    const inner = prefixLength >= MAPPED_PREFIX ? unmapped(address) : address;
    if (inner.version === 6) ipv6.push({ address, prefixLength });
    // One number that sorts by address and then by length: 38 bits, of the 53 that are exact.
    else ipv4.push(wordAt(inner.bytes, 0) * LENGTHS + (address.version === 4 ? prefixLength : prefixLength - MAPPED_PREFIX));
  }
  return joined(widestIpv4(ipv4), widestIpv6(ipv6));
}

/**
 * A set out of its `bytes`, without a copy.
 *
 * @param bytes  begin at a multiple of four octets in their buffer
 * @returns `null` when they are none; whether they are intact is for a checksum to say
 */
export function restoreAddressSet(bytes: Uint8Array<ArrayBuffer>): AddressSet | null {
  if (bytes.length < HEAD_BYTES) return null;
  const [ipv4Count = 0, ipv6Count = 0] = new Uint32Array(bytes.buffer, bytes.byteOffset, HEAD_WORDS);
  const ipv6At = HEAD_BYTES + ipv4Count * 4;
  const lengthsAt = ipv6At + ipv6Count * 16;
  if (bytes.length !== lengthsAt + ipv4Count + ipv6Count) return null;
  return {
    size: ipv4Count + ipv6Count,
    bytes,
    ipv4Starts: new Uint32Array(bytes.buffer, bytes.byteOffset + HEAD_BYTES, ipv4Count),
    ipv4Lengths: bytes.subarray(lengthsAt, lengthsAt + ipv4Count),
    ipv6Starts: new Uint32Array(bytes.buffer, bytes.byteOffset + ipv6At, ipv6Count * 4),
    ipv6Lengths: bytes.subarray(lengthsAt + ipv4Count),
  };
}

/** Whether a block of the set holds the address. */
export function hasAddress(set: AddressSet, ip: IpAddress): boolean {
  const inner = unmapped(ip);
  if (inner.version === 4 && findIpv4(set, wordAt(inner.bytes, 0)) !== -1) return true;
  return ip.version === 6 && findIpv6(set, ip.bytes) !== -1;
}

/** The block of the set that holds the address, in the usual notation such as `192.0.2.0/24`; `null` when none does. */
export function describeBlock(set: AddressSet, ip: IpAddress): string | null {
  const inner = unmapped(ip);
  const ipv4 = inner.version === 4 ? findIpv4(set, wordAt(inner.bytes, 0)) : -1;
  if (ipv4 !== -1) return `${textOf([set.ipv4Starts[ipv4]!])}/${set.ipv4Lengths[ipv4]}`;
  const ipv6 = ip.version === 6 ? findIpv6(set, ip.bytes) : -1;
  return ipv6 === -1 ? null : `${textOf(set.ipv6Starts.subarray(ipv6 * 4, ipv6 * 4 + 4))}/${set.ipv6Lengths[ipv6]}`;
}

function findIpv4(set: AddressSet, word: number): number {
  const { ipv4Starts } = set;
  let low = 0;
  let high = ipv4Starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ipv4Starts[middle]! <= word) low = middle + 1;
    else high = middle;
  }
  const last = low - 1;
  return last !== -1 && samePrefix(ipv4Starts[last]!, word, set.ipv4Lengths[last]!) ? last : -1;
}

function findIpv6(set: AddressSet, bytes: Uint8Array): number {
  const { ipv6Starts } = set;
  const words = ipv6Words(bytes);
  let low = 0;
  let high = ipv6Starts.length / 4;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareWords(ipv6Starts, middle * 4, words) <= 0) low = middle + 1;
    else high = middle;
  }
  const last = low - 1;
  if (last === -1) return -1;
  for (let i = 0, left = set.ipv6Lengths[last]!; left > 0; i += 1, left -= 32) {
    if (!samePrefix(ipv6Starts[last * 4 + i]!, words[i]!, Math.min(left, 32))) return -1;
  }
  return last;
}

/** Whether the first `length` bits of two words are the same. */
function samePrefix(one: number, other: number, length: number): boolean {
  // A shift by 32 is none in JavaScript.
  return length === 0 || (one ^ other) >>> (32 - length) === 0;
}

function compareWords(starts: Uint32Array, at: number, words: Uint32Array): number {
  for (let i = 0; i < 4; i += 1) {
    const difference = starts[at + i]! - words[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A block that lies in the one before it says nothing new; after sorting, the wider one comes first. */
function widestIpv4(keys: readonly number[]): readonly number[] {
  const widest: number[] = [];
  let start = 0;
  let length = -1;
  for (const key of Float64Array.from(keys).sort()) {
    const nextStart = Math.floor(key / LENGTHS);
    if (length !== -1 && samePrefix(start, nextStart, length)) continue;
    start = nextStart;
    length = key % LENGTHS;
    widest.push(key);
  }
  return widest;
}

function widestIpv6(blocks: readonly Cidr[]): readonly Cidr[] {
  const widest: Cidr[] = [];
  const sorted = blocks.toSorted((a, b) => Buffer.compare(a.address.bytes, b.address.bytes) || a.prefixLength - b.prefixLength);
  for (const block of sorted) {
    const last = widest.at(-1);
    if (last === undefined || !cidrContains(last, block.address)) widest.push(block);
  }
  return widest;
}

function joined(ipv4: readonly number[], ipv6: readonly Cidr[]): AddressSet {
  const bytes = new Uint8Array(HEAD_BYTES + ipv4.length * 5 + ipv6.length * 17);
  new Uint32Array(bytes.buffer, 0, HEAD_WORDS).set([ipv4.length, ipv6.length]);
  const set = restoreAddressSet(bytes)!;
  for (const [i, key] of ipv4.entries()) {
    set.ipv4Starts[i] = Math.floor(key / LENGTHS);
    set.ipv4Lengths[i] = key % LENGTHS;
  }
  for (const [i, { address, prefixLength }] of ipv6.entries()) {
    set.ipv6Starts.set(ipv6Words(address.bytes), i * 4);
    set.ipv6Lengths[i] = prefixLength;
  }
  return set;
}

function ipv6Words(bytes: Uint8Array): Uint32Array {
  return Uint32Array.of(wordAt(bytes, 0), wordAt(bytes, 4), wordAt(bytes, 8), wordAt(bytes, 12));
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Canonical text: one word is IPv4, four are IPv6. */
function textOf(words: ArrayLike<number>): string {
  if (words.length === 1) return [24, 16, 8, 0].map((shift) => (words[0]! >>> shift) & 0xff).join('.');
  const groups = Array.from(words).flatMap((word) => [(word >>> 16).toString(16), (word & 0xffff).toString(16)]);
  return parseIpAddress(groups.join(':'))!.text;
}

const MAPPED_PREFIX = 96;
const LENGTHS = 64; // more than an IPv4 prefix has values
const HEAD_WORDS = 2;
const HEAD_BYTES = HEAD_WORDS * 4;
