// Owns how fast passwords may be guessed from one place: 20 wrong ones at once, then one every two seconds. A place is an IPv4 address, or the
// first half of an IPv6 address, which is what one subscriber has. Only wrong passwords count, so that a crowd behind one address may log in at
// once; those that were under way together with the last one go into a debt of up to a minute. Nobody who is remembered as right has to wait.
import { LRUCache } from 'lru-cache';
import { parseIpAddress, unmapped } from '../net/ip-address.ts';

export class GuessLimit {
  readonly #places = new LRUCache<string, Place>({ max: PLACES });

  /** Milliseconds until a password may be tried from there; 0 when it may be now. */
  waitMs(address: string, nowMs: number): number {
    const state = this.#places.get(placeOf(address));
    if (state === undefined) return 0;
    return Math.max(0, Math.ceil((1 - leftAt(state, nowMs)) * REFILL_MS));
  }

  /** A wrong password came from there. */
  countWrong(address: string, nowMs: number): void {
    const place = placeOf(address);
    const state = this.#places.get(place);
    const left = state === undefined ? BURST : leftAt(state, nowMs);
    this.#places.set(place, { left: Math.max(-DEBT, left - 1), atMs: nowMs });
  }
}

interface Place {
  /** Wrong passwords that may still come, as it was at `atMs`; negative after too many at once. */
  readonly left: number;
  readonly atMs: number;
}

function leftAt({ left, atMs }: Place, nowMs: number): number {
  // A clock that was set back earns nothing.
  return Math.min(BURST, left + Math.max(0, nowMs - atMs) / REFILL_MS);
}

function placeOf(address: string): string {
  const parsed = parseIpAddress(address);
  if (parsed === null) return address;
  const ip = unmapped(parsed);
  return ip.version === 4 ? ip.text : Buffer.from(ip.bytes.subarray(0, 8)).toString('hex');
}

const BURST = 20;
const DEBT = 30;
const REFILL_MS = 2_000;
const PLACES = 10_000;
