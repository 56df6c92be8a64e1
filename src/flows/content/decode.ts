// Owns taking content codings off recorded content (RFC 9110 §8.4): gzip, deflate (zlib, and the raw form that some send), br, zstd, and several of them.
// What comes out is bounded, in octets and in proportion to what went in, and the bound is held while it comes: nothing is unpacked first and measured
// then. Content that is cut off, or goes wrong in the middle, gives what it had until there, and a sentence.
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { splitList } from '../../http/fields.ts';
import type { RecordedFields } from '../recorded.ts';

export interface DecodingBounds {
  /** Octets that content may come to, each coding by itself. */
  readonly maxOctets: number;
  /** How many octets may come out for one that goes in, once there are many. */
  readonly maxRatio: number;
}

export const DECODING_BOUNDS: DecodingBounds = { maxOctets: 16 * 1024 * 1024, maxRatio: 2_000 };

export interface DecodedOctets {
  readonly octets: Buffer;
  /** As the sender applied them, the first one first; lower case, without `identity`. */
  readonly codings: readonly string[];
  /** Something is missing at the end: it was not kept, or the bound ended it. */
  readonly isCut: boolean;
  /** `unpacked`: all codings are off, as far as the content goes. `bounded`: the bound ended it. `packed`: a coding is left on the octets. */
  readonly state: 'unpacked' | 'bounded' | 'packed';
  /** A sentence; `null` when all went well. */
  readonly problem: string | null;
}

/**
 * @param isCut  whether the octets are only the beginning
 * @throws never
 */
export async function decodeContent(
  octets: Buffer,
  isCut: boolean,
  fields: RecordedFields,
  bounds: DecodingBounds = DECODING_BOUNDS,
): Promise<DecodedOctets> {
  const codings = contentCodings(fields);
  if (codings.length > MAX_CODINGS)
    return {
      octets,
      codings,
      isCut,
      state: 'packed',
      problem: `It has ${codings.length} codings; more than ${MAX_CODINGS} are not taken off.`,
    };
  let decoded: Unpacked = { octets, isCut, state: 'unpacked', problem: null };
  for (const coding of codings.toReversed()) {
    if (decoded.state === 'packed' || decoded.octets.length === 0) break;
    decoded = await unpack(decoded, coding, bounds);
  }
  return { ...decoded, codings };
}

/** Of Content-Encoding, over all its lines. */
export function contentCodings(fields: RecordedFields): string[] {
  const codings: string[] = [];
  for (const [name, value] of fields) if (name.toLowerCase() === 'content-encoding') splitList(value.toLowerCase(), codings);
  return codings.filter((coding) => coding !== 'identity');
}

type Unpacked = Omit<DecodedOctets, 'codings'>;

/** Takes one coding off. What went wrong before stays said. */
export async function unpack(packed: Unpacked, coding: string, { maxOctets, maxRatio }: DecodingBounds): Promise<Unpacked> {
  const create = DECODERS.get(coding);
  if (create === undefined) return { ...packed, state: 'packed', problem: `Nothing here decodes ${coding}.` };
  const pieces: Buffer[] = [];
  let length = 0;
  let { isCut, state, problem } = packed;
  const stream = create(packed.octets);
  stream.end(packed.octets);
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      pieces.push(piece.subarray(0, maxOctets - length));
      length += pieces.at(-1)!.length;
      const isTooMuch = length > RATIO_COUNTS_FROM && length > packed.octets.length * maxRatio;
      if (length < maxOctets && !isTooMuch) continue;
      isCut = true;
      state = 'bounded';
      problem = isTooMuch
        ? `It unpacks to more than ${maxRatio} times its size; the rest is left packed.`
        : `It is longer than ${maxOctets} octets once unpacked; the rest is left packed.`;
      break;
    }
  } catch (error) {
    isCut = true;
    problem ??= `Its ${coding} coding breaks off: ${error instanceof Error ? error.message : String(error)}.`;
  } finally {
    stream.destroy();
  }
  return { octets: Buffer.concat(pieces, length), isCut, state, problem };
}

type Decoder = ReturnType<typeof createGunzip> | ReturnType<typeof createBrotliDecompress> | ReturnType<typeof createZstdDecompress>;

/** With the flush of what there is at the end, so that content that was cut off is read as far as it goes. */
const PARTIAL = { finishFlush: constants.Z_SYNC_FLUSH };
const gunzip = (): Decoder => createGunzip(PARTIAL);
const DECODERS: ReadonlyMap<string, (octets: Buffer) => Decoder> = new Map<string, (octets: Buffer) => Decoder>([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', (octets) => (hasZlibHead(octets) ? createInflate(PARTIAL) : createInflateRaw(PARTIAL))],
  ['br', () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH })],
  // RFC 9659 §3: no window of more than 8 MiB.
  ['zstd', () => createZstdDecompress({ finishFlush: constants.ZSTD_e_flush, params: { [constants.ZSTD_d_windowLogMax]: 23 } })],
]);

/** RFC 1950 §2.2; what begins otherwise is raw deflate, which some senders take the word for. */
function hasZlibHead(octets: Buffer): boolean {
  return octets.length >= 2 && (octets[0]! & 0x0f) === 8 && ((octets[0]! << 8) | octets[1]!) % 31 === 0;
}

const MAX_CODINGS = 5;
const RATIO_COUNTS_FROM = 1024 * 1024;
