// Owns the hash by which this process tells keys apart where nearly every one is asked for once. A Map would be dearer: V8 keeps a copy of each text that
// a Map was asked for until the next full collection, and its tables name those that have left. Seeded at random: whoever sends requests chooses keys.
import { randomInt } from 'node:crypto';

/** A number of 32 bits, signed, as it lies in a Map or an object without one of its own. */
export function hashOf(key: string): number {
  if (key !== last.key) take(key);
  return last.hash;
}

/** Another one: keys that share both are as good as the same. */
export function checkOf(key: string): number {
  if (key !== last.key) take(key);
  return last.check;
}

/** A lane each, as in stores/stored-record.ts. */
function take(key: string): void {
  let a = SEED;
  let b = OTHER_SEED;
  for (let i = 0; i < key.length; i += 1) {
    const unit = key.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul((b << 5) ^ (b >>> 27) ^ unit, 0x85ebca6b);
  }
  last.key = key;
  last.hash = mixed(a ^ b);
  last.check = mixed(b);
}

/** Every bit of the result depends on every bit given (the finalizer of MurmurHash3). */
export function mixed(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

const SEED = randomInt(2 ** 32) | 0;
const OTHER_SEED = randomInt(2 ** 32) | 0;
/** One request asks for the same several times in a row. */
const last = { key: '', hash: 0, check: 0 };
take('');
