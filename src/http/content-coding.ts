// Owns content codings (RFC 9110 §8.4): which ones content has, and taking them off, the one that was applied last first. gzip and its old name
// (§8.4.1.3), deflate (§8.4.1.2: zlib, and the raw form that some send), br (RFC 7932), zstd (RFC 9659), several of them. What comes out is bounded,
// in octets and in proportion to what went in, and the bound is held while it comes: nothing is unpacked first and measured then.
// Refuses to guess a coding that nobody named. What went wrong is a value, which names the coding; the words are of whoever asked.
import type { Transform } from 'node:stream';
import {
  brotliDecompressSync,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib';
import { errorCode } from '../errors/from-node.ts';
import { splitList } from './fields.ts';

export interface CodingBounds {
  /** Octets that content may come to, each coding by itself. */
  readonly maxOctets: number;
  /** How many octets may come out for one that goes in, once there are many. */
  readonly maxRatio: number;
}

export type CodingFault =
  | { readonly kind: 'too-many'; readonly count: number }
  | { readonly kind: 'unknown'; readonly coding: string }
  /** Its sender, or whoever kept it, ended it before the coding's own end. */
  | { readonly kind: 'cut-short'; readonly coding: string }
  /** It goes wrong on the way, or was never in this coding. */
  | { readonly kind: 'broken'; readonly coding: string; readonly why: string }
  | { readonly kind: 'too-long'; readonly coding: string }
  | { readonly kind: 'out-of-proportion'; readonly coding: string };

/** Content as far as its codings could be taken off. */
export interface Unpacked {
  readonly octets: Buffer;
  /** `null` where all went well. Of `too-many` and `unknown` codings are left on the octets; of the others octets are missing at the end. */
  readonly fault: CodingFault | null;
}

/**
 * The codings of content, as their sender applied them, the first one first; lower case, without `identity`.
 *
 * @param values of Content-Encoding, each line of it
 */
export function codingsOf(values: Iterable<string>): readonly string[] {
  const codings: string[] = [];
  for (const value of values) splitList(value.toLowerCase(), codings);
  return codings.filter((coding) => coding !== 'identity');
}

/**
 * Takes codings off content that is at hand as a whole, at once: for content that is short, or where nobody waits.
 *
 * @param isCut its end may be missing; then as much comes out as there is
 * @returns a fault where any coding does not come off to its end
 * @throws never
 */
export function unpackWhole(content: Buffer, codings: readonly string[], bounds: CodingBounds, isCut: boolean): Buffer | CodingFault {
  if (codings.length > MAX_CODINGS) return { kind: 'too-many', count: codings.length };
  let octets = content;
  for (const coding of codings.toReversed()) {
    const decoder = DECODERS.get(coding);
    if (decoder === undefined) return { kind: 'unknown', coding };
    // No content has nothing to take off, whatever its fields say (RFC 9110 §9.3.2).
    if (octets.length === 0) continue;
    const maxOutputLength = Math.min(bounds.maxOctets, Math.max(RATIO_COUNTS_FROM, octets.length * bounds.maxRatio));
    try {
      octets = decoder.whole(octets, { ...(isCut && decoder.partial), maxOutputLength });
    } catch (error) {
      if (errorCode(error) !== 'ERR_BUFFER_TOO_LARGE') return faultOf(error, coding);
      return { kind: maxOutputLength === bounds.maxOctets ? 'too-long' : 'out-of-proportion', coding };
    }
  }
  return octets;
}

/**
 * Takes codings off as far as they come, beside this thread: content that is cut off, goes wrong or is too much gives what it had until there.
 *
 * @throws never
 */
export async function unpackAsFar(content: Buffer, codings: readonly string[], bounds: CodingBounds): Promise<Unpacked> {
  if (codings.length > MAX_CODINGS) return { octets: content, fault: { kind: 'too-many', count: codings.length } };
  let octets = content;
  let fault: CodingFault | null = null;
  for (const coding of codings.toReversed()) {
    const decoder = DECODERS.get(coding);
    if (decoder === undefined) return { octets, fault: { kind: 'unknown', coding } };
    if (octets.length === 0) continue;
    const unpacked: Unpacked = await unpackOne(octets, coding, decoder, bounds);
    octets = unpacked.octets;
    // What is missing of the octets that were unpacked first is missing of those below, too: the first fault is the reason.
    fault ??= unpacked.fault;
  }
  return { octets, fault };
}

async function unpackOne(content: Buffer, coding: string, decoder: Decoder, { maxOctets, maxRatio }: CodingBounds): Promise<Unpacked> {
  const pieces: Buffer[] = [];
  let length = 0;
  let fault: CodingFault | null = null;
  const stream = decoder.stream(content);
  // Its end is told by itself, once all before has come out: told at once, content that is cut short would fail before anything of it does.
  stream.write(content, () => stream.end());
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      const kept = piece.subarray(0, maxOctets - length);
      pieces.push(kept);
      length += kept.length;
      if (length > RATIO_COUNTS_FROM && length > content.length * maxRatio) fault = { kind: 'out-of-proportion', coding };
      else if (length >= maxOctets) fault = { kind: 'too-long', coding };
      if (fault !== null) break;
    }
  } catch (error) {
    fault = faultOf(error, coding);
  } finally {
    stream.destroy();
  }
  return { octets: Buffer.concat(pieces, length), fault };
}

/** Of an error of `node:zlib`, which has one code for all codings where the input ends too soon. */
function faultOf(error: unknown, coding: string): CodingFault {
  if (errorCode(error) === 'Z_BUF_ERROR') return { kind: 'cut-short', coding };
  return { kind: 'broken', coding, why: error instanceof Error ? error.message : String(error) };
}

/** RFC 1950 §2.2; what begins otherwise is raw deflate, which some senders take the word for. */
function hasZlibHead(octets: Buffer): boolean {
  return octets.length >= 2 && (octets[0]! & 0x0f) === 8 && ((octets[0]! << 8) | octets[1]!) % 31 === 0;
}

interface WholeOptions {
  readonly maxOutputLength: number;
  readonly finishFlush?: number;
}

interface Decoder {
  /** Gives out what there is at the end, so that content that was cut off is read as far as it goes. */
  readonly partial: { readonly finishFlush: number };
  whole(octets: Buffer, options: WholeOptions): Buffer;
  stream(octets: Buffer): Transform;
}

const PARTIAL = { finishFlush: constants.Z_SYNC_FLUSH };
const GZIP: Decoder = { partial: PARTIAL, whole: gunzipSync, stream: () => createGunzip() };
const DEFLATE: Decoder = {
  partial: PARTIAL,
  whole: (octets, options) => (hasZlibHead(octets) ? inflateSync(octets, options) : inflateRawSync(octets, options)),
  stream: (octets) => (hasZlibHead(octets) ? createInflate() : createInflateRaw()),
};
const BROTLI: Decoder = {
  partial: { finishFlush: constants.BROTLI_OPERATION_FLUSH },
  whole: brotliDecompressSync,
  stream: () => createBrotliDecompress(),
};
/** No window of more than 8 MiB (RFC 9659 §3). */
const ZSTD_WINDOW = { params: { [constants.ZSTD_d_windowLogMax]: 23 } };
const ZSTD: Decoder = {
  partial: { finishFlush: constants.ZSTD_e_flush },
  whole: (octets, options) => zstdDecompressSync(octets, { ...options, ...ZSTD_WINDOW }),
  stream: () => createZstdDecompress(ZSTD_WINDOW),
};
const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', GZIP],
  ['x-gzip', GZIP],
  ['deflate', DEFLATE],
  ['br', BROTLI],
  ['zstd', ZSTD],
]);
/** More than anybody means. */
const MAX_CODINGS = 5;
const RATIO_COUNTS_FROM = 1024 * 1024;
