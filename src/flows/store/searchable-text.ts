// Owns content as text, for filters that look into it: its codings off at once (RFC 9110 §8.4), within bounds. What comes to more than that, is no text,
// or is coded in a way that is not known here, is not found; a view of one exchange (content/) shows more, and takes its time.
import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { decodeText } from '../content/charset.ts';
import type { RecordedFields } from '../recorded.ts';

/**
 * @param isCut whether it is only the beginning
 * @returns Unicode; `null` where it is no text
 * @throws never
 */
export function searchableText(content: Buffer, isCut: boolean, fields: RecordedFields): string | null {
  let octets = content;
  const codings = codingsOf(fields);
  if (codings.length > MOST_CODINGS) return null;
  for (const coding of codings.toReversed()) {
    const decoded = decode(octets, coding);
    if (decoded === null) return null;
    octets = decoded;
  }
  const type = fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null;
  const { text } = decodeText(octets, type, isCut);
  return text.slice(0, LOOKED_AT).includes('\0') ? null : text;
}

function codingsOf(fields: RecordedFields): string[] {
  const values = fields.filter(([name]) => name.toLowerCase() === 'content-encoding').map(([, value]) => value);
  const codings = values
    .join(',')
    .toLowerCase()
    .split(',', MOST_CODINGS + 1);
  return codings.map((coding) => coding.trim()).filter((coding) => coding !== '' && coding !== 'identity');
}

function decode(octets: Buffer, coding: string): Buffer | null {
  const decoder = DECODERS.get(coding);
  if (decoder === undefined) return null;
  try {
    return decoder(octets);
  } catch {
    return null;
  }
}

/** What is kept may be cut off, so an end that is missing is none of its faults. */
const INFLATED = { maxOutputLength: 4 << 20, finishFlush: constants.Z_SYNC_FLUSH };
const gunzip = (octets: Buffer): Buffer => gunzipSync(octets, INFLATED);
const DECODERS = new Map<string, (octets: Buffer) => Buffer>([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  // zlib by the letter; some send it raw.
  ['deflate', (octets) => ((octets[0]! & 0x0f) === 8 ? inflateSync(octets, INFLATED) : inflateRawSync(octets, INFLATED))],
  ['br', (octets) => brotliDecompressSync(octets, { ...INFLATED, finishFlush: constants.BROTLI_OPERATION_FLUSH })],
  ['zstd', (octets) => zstdDecompressSync(octets, { ...INFLATED, finishFlush: constants.ZSTD_e_flush })],
]);
const MOST_CODINGS = 4;
const LOOKED_AT = 1024;
