// Owns the proof that a workload measured what it is called after: facts in, an error out where they say otherwise. No proxy is believed: the origin
// counts its requests, and the kernel counts the octets that the proxy read.
import { BenchError } from './bench-error.ts';

export interface Evidence {
  readonly requests: number;
  /** How many of them reached the origin. */
  readonly atOrigin: number;
  /** By the proxy's process tree meanwhile, out of files and sockets alike. */
  readonly octetsRead: number;
}

/** @param octets  of one content @throws BenchError unless the answers were stored ones, out of that tier */
export function requireHits({ requests, atOrigin, octetsRead }: Evidence, tier: 'memory' | 'disk', octets: number): void {
  if (atOrigin > requests * MOST_STRAY)
    throw new BenchError(`these are no hits: ${atOrigin} of ${requests} requests reached the origin. Nothing is counted.`);
  // Who answers out of memory reads requests alone, which are shorter than any content here; who reads files reads whole contents.
  const perRequest = octetsRead / requests;
  const isRight = tier === 'disk' ? perRequest >= octets * (1 - MOST_FROM_MEMORY) : perRequest < octets * MOST_FROM_FILES;
  if (isRight) return;
  const found = `it read ${Math.round(perRequest)} octets for each answer with ${octets}`;
  throw new BenchError(`these are hits, but not out of ${tier === 'disk' ? 'files' : 'memory'}: ${found}. Nothing is counted.`);
}

/** @throws BenchError unless every answer came from the origin */
export function requireMisses({ requests, atOrigin }: Evidence): void {
  if (atOrigin >= requests * (1 - MOST_STRAY)) return;
  throw new BenchError(`these are no misses: only ${atOrigin} of ${requests} requests reached the origin. Nothing is counted.`);
}

/**
 * @param lanes  connections at a time: each has no session at first
 * @throws BenchError unless all handshakes were of that kind
 */
export function requireHandshakes(
  { handshakes, resumed }: { readonly handshakes: number; readonly resumed: number },
  kind: 'full' | 'resumed',
  lanes: number,
): void {
  if (kind === 'full' ? resumed === 0 : resumed > 0 && handshakes <= lanes) return;
  throw new BenchError(`${resumed} of ${handshakes + resumed} handshakes resumed a session. Nothing is counted.`);
}

/** @param atOrigin  how many of `asked` stored URLs had to be fetched again @throws BenchError when those are more than a few */
export function requireStored(asked: number, atOrigin: number): void {
  if (atOrigin <= asked * MOST_NOT_STORED) return;
  throw new BenchError(`these misses are not stored: ${atOrigin} of ${asked} had to be fetched again. Nothing is counted.`);
}

/**
 * URLs that a run without end asked for, told apart by their numbers: evenly out of its last part, since a long run may
 * push out what it began with, and without those that its end cut off.
 *
 * @returns at most `SAMPLE` numbers; none of a run that was too short
 */
export function sampleNumbers(requests: number): readonly number[] {
  const end = requests - CUT_OFF;
  const first = Math.max(CUT_OFF, end - LAST_PART);
  const count = Math.max(0, Math.min(SAMPLE, end - first));
  return Array.from({ length: count }, (_, index) => first + Math.floor((index * (end - first)) / count));
}

const MOST_STRAY = 0.001;
const MOST_FROM_MEMORY = 0.02;
/** Requests of wrk have about 100 octets. */
const MOST_FROM_FILES = 0.5;
/** A cache may skip what comes while it is busy writing. */
const MOST_NOT_STORED = 0.1;
const SAMPLE = 100;
const LAST_PART = 10_000;
/** One for each connection of wrk. */
const CUT_OFF = 64;
