// Owns SHA-crypt: the password hashes `$5$` and `$6$` of "Unix crypt using SHA-256 and SHA-512" (U. Drepper, 2008), step by step as numbered there.
// It takes from milliseconds to seconds, so it runs in a worker (`password-worker.ts`).
import { hash as digestOf } from 'node:crypto';

export interface ShaCryptParameters {
  readonly digest: 'sha256' | 'sha512';
  readonly rounds: number;
  /** At most 16 ASCII characters. */
  readonly salt: string;
}

/** @returns what follows the last `$` of the hash */
export function shaCrypt(password: string, { digest, rounds, salt: saltText }: ShaCryptParameters): string {
  const hash = (...parts: readonly Buffer[]): Buffer => digestOf(digest, Buffer.concat(parts), 'buffer');
  const key = Buffer.from(password, 'utf8');
  const salt = Buffer.from(saltText, 'latin1');
  const b = hash(key, salt, key); // 4 to 8
  const mixed = [...bitsOf(key.length)].map((bit) => (bit === 1 ? b : key)); // 11
  const a = hash(key, salt, stretched(b, key.length), ...mixed); // 1 to 3, 9, 10, 12
  const p = stretched(hash(...repeated(key, key.length)), key.length); // 13 to 16
  const s = stretched(hash(...repeated(salt, 16 + a[0]!)), salt.length); // 17 to 20
  let c = a;
  for (let round = 0; round < rounds; round += 1) {
    const isOdd = round % 2 === 1; // 21
    const parts = [isOdd ? p : c];
    if (round % 3 !== 0) parts.push(s);
    if (round % 7 !== 0) parts.push(p);
    parts.push(isOdd ? c : p);
    c = hash(...parts);
  }
  return encode(c, digest === 'sha256' ? SHA256_ORDER : SHA512_ORDER); // 22
}

/** The bits of a length, lowest first, without the zeros above the highest one. */
function* bitsOf(length: number): Generator<0 | 1> {
  for (let rest = length; rest > 0; rest >>>= 1) yield (rest & 1) as 0 | 1;
}

function repeated(bytes: Buffer, times: number): Buffer[] {
  return Array.from({ length: times }, () => bytes);
}

/** As many octets as asked for, the given ones over and over. */
function stretched(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}

/** Three octets become four characters, the lowest six bits first; what is left over becomes as many characters as it needs. */
function encode(bytes: Buffer, order: readonly (readonly number[])[]): string {
  let text = '';
  for (const indexes of order) {
    let bits = indexes.reduce((sum, index) => (sum << 8) | bytes[index]!, 0);
    for (let left = indexes.length + 1; left > 0; left -= 1) {
      text += ALPHABET[bits & 0x3f];
      bits >>>= 6;
    }
  }
  return text;
}

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SHA256_ORDER = [...triples(10, [0, 10, 20], 21, 30), [31, 30]];
const SHA512_ORDER = [...triples(21, [0, 21, 42], 22, 63), [63]];

/** The specification's tables follow one rule: every index moves on by `step`, around `modulus`. */
function triples(count: number, first: readonly number[], step: number, modulus: number): number[][] {
  return Array.from({ length: count }, (_, row) => first.map((index) => (index + row * step) % modulus));
}
