// Owns a set of domain names made for a million of them: what is listed itself, what lies below a listed name, or both. It is exact: octets are
// compared, so nothing matches by chance. Everything lies in one stretch of memory, which is also the form to keep and to send to a thread.
// Names are canonical octets (`http/authority.ts`); this file compares, it does not repair.
//
// A name is hashed from its right end, so that one pass over a host has the hash of each of its suffixes on the way. The hash is keyed by chance,
// so that whoever writes a list cannot choose names that all fall into one place.

export interface DomainSet {
  /** How many different names. */
  readonly size: number;
  /** All of it, for `restoreDomainSet`; in this machine's byte order. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly seed: DomainSetSeed;
  /** A hash table with open addressing: where in `names` a record begins, plus one; 0 is a free place. Its length is a power of two. */
  readonly places: Uint32Array;
  /** Records, one after the other: the scope, the length, the octets. */
  readonly names: Uint8Array;
}

/** The key of the hash: two numbers of 32 bits that nobody can foretell. */
export type DomainSetSeed = readonly [start: number, multiplier: number];

export const ITSELF = 1;
export const BELOW = 2;
/** What of a name is listed: the name, the names below it, or both. */
export type DomainScope = typeof ITSELF | typeof BELOW | 3;

/** Names on their way into a set; `addDomain` and `buildDomainSet` are for it, nobody else looks inside. */
export interface DomainSetBuilder {
  readonly seed: DomainSetSeed;
  names: Uint8Array;
  usedBytes: number;
  /** Names so far, those that are there twice included. */
  count: number;
}

/** @param expectedBytes  of all names; more memory is taken when there are more */
export function createDomainSetBuilder(seed: DomainSetSeed, expectedBytes: number): DomainSetBuilder {
  return { seed, names: new Uint8Array(expectedBytes + RECORD_HEAD + MAX_NAME), usedBytes: 0, count: 0 };
}

/** Adds the name in `octets` from `start` to `end`: at least one octet and at most 255. A name may be added again, and has all its scopes then. */
export function addDomain(builder: DomainSetBuilder, octets: Uint8Array, start: number, end: number, scope: DomainScope): void {
  const { usedBytes } = builder;
  if (builder.names.length - usedBytes < RECORD_HEAD + MAX_NAME) {
    const larger = new Uint8Array(builder.names.length * 2);
    larger.set(builder.names);
    builder.names = larger;
  }
  const { names } = builder;
  names[usedBytes] = scope;
  names[usedBytes + 1] = end - start;
  for (let from = start, to = usedBytes + RECORD_HEAD; from < end; from += 1, to += 1) names[to] = octets[from]!;
  builder.usedBytes = usedBytes + RECORD_HEAD + end - start;
  builder.count += 1;
}

/** The set of all that was added. The builder is used up. */
export function buildDomainSet(builder: DomainSetBuilder): DomainSet {
  const { seed, names, usedBytes, count } = builder;
  const places = new Uint32Array(tableLengthFor(count));
  let size = 0;
  let kept = 0;
  for (let read = 0; read < usedBytes; ) {
    const next = read + RECORD_HEAD + names[read + 1]!;
    const place = placeOf(places, names, read, hashOfRecord(seed, names, read));
    const earlier = places[place]!;
    if (earlier === 0) {
      names.copyWithin(kept, read, next);
      places[place] = kept + 1;
      size += 1;
      kept += next - read;
    } else {
      names[earlier - 1]! |= names[read]!;
    }
    read = next;
  }
  return joined(seed, size, places, names.subarray(0, kept));
}

/**
 * A set out of its `bytes`, without a copy and without reading the names.
 *
 * @param bytes  begin at a multiple of four octets in their buffer
 * @returns `null` when they are none; whether they are intact is for a checksum to say
 */
export function restoreDomainSet(bytes: Uint8Array<ArrayBuffer>): DomainSet | null {
  if (bytes.length < HEAD_BYTES) return null;
  const head = new Uint32Array(bytes.buffer, bytes.byteOffset, HEAD_WORDS);
  const [size = 0, tableLength = 0, namesLength = 0, start = 0, multiplier = 0] = head;
  if ((tableLength & (tableLength - 1)) !== 0 || size >= tableLength) return null;
  if (bytes.length !== HEAD_BYTES + tableLength * 4 + namesLength) return null;
  const places = new Uint32Array(bytes.buffer, bytes.byteOffset + HEAD_BYTES, tableLength);
  return { size, bytes, seed: [start, multiplier], places, names: bytes.subarray(HEAD_BYTES + tableLength * 4) };
}

/**
 * Where in the host the longest name begins by which the set holds it: 0 for the host itself, more for a name that it lies below.
 *
 * @param host  canonical
 * @returns -1 when the set does not hold it; nothing is allocated either way
 */
export function findDomain(set: DomainSet, host: string): number {
  const [start, multiplier] = set.seed;
  let found = -1;
  let hash = start;
  for (let i = host.length - 1; i >= 0; i -= 1) {
    hash = Math.imul(hash ^ host.charCodeAt(i), multiplier);
    hash ^= hash >>> 15;
    if (i > 0 && host.charCodeAt(i - 1) !== DOT) continue;
    if ((scopeOf(set, host, i, hash) & (i === 0 ? ITSELF : BELOW)) !== 0) found = i;
  }
  return found;
}

/** The scope of the host's end from `start` on, 0 when the set has no such name. */
function scopeOf(set: DomainSet, host: string, start: number, hash: number): number {
  const { places, names } = set;
  const length = host.length - start;
  const mask = places.length - 1;
  // A table from a disk may be full, in spite of its checksum: that must not end in an endless search.
  for (let tries = mask, place = mixed(hash) & mask; tries >= 0; tries -= 1, place = (place + 1) & mask) {
    const record = places[place]! - 1;
    if (record === -1) return 0;
    if (names[record + 1] !== length) continue;
    let i = 0;
    while (i < length && names[record + RECORD_HEAD + i] === host.charCodeAt(start + i)) i += 1;
    if (i === length) return names[record]!;
  }
  return 0;
}

/** The place of the record's name, or the free one where it belongs. */
function placeOf(places: Uint32Array, names: Uint8Array, record: number, hash: number): number {
  const mask = places.length - 1;
  let place = mixed(hash) & mask;
  for (; places[place] !== 0; place = (place + 1) & mask) if (hasSameName(names, places[place]! - 1, record)) break;
  return place;
}

function hasSameName(names: Uint8Array, one: number, other: number): boolean {
  const last = RECORD_HEAD + names[one + 1]!;
  for (let i = 1; i < last; i += 1) if (names[one + i] !== names[other + i]) return false;
  return true;
}

function hashOfRecord(seed: DomainSetSeed, names: Uint8Array, record: number): number {
  let hash = seed[0];
  for (let i = record + RECORD_HEAD + names[record + 1]! - 1; i >= record + RECORD_HEAD; i -= 1) {
    hash = Math.imul(hash ^ names[i]!, seed[1]);
    hash ^= hash >>> 15;
  }
  return hash;
}

/** The low bits of a product know nothing of the high bits of its factors; this lets every bit have a say in the place. */
function mixed(hash: number): number {
  const product = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return product ^ (product >>> 13);
}

/** Between a third and two thirds of the table are taken. */
function tableLengthFor(count: number): number {
  let length = 4;
  while (length * 2 < count * 3) length *= 2;
  return length;
}

function joined(seed: DomainSetSeed, size: number, places: Uint32Array, names: Uint8Array): DomainSet {
  const bytes = new Uint8Array(HEAD_BYTES + places.byteLength + names.length);
  new Uint32Array(bytes.buffer, 0, HEAD_WORDS).set([size, places.length, names.length, ...seed]);
  new Uint32Array(bytes.buffer, HEAD_BYTES, places.length).set(places);
  bytes.set(names, HEAD_BYTES + places.byteLength);
  return restoreDomainSet(bytes)!;
}

const RECORD_HEAD = 2; // octets: scope and length
const MAX_NAME = 255;
const HEAD_WORDS = 5;
const HEAD_BYTES = HEAD_WORDS * 4;
const DOT = 0x2e;
