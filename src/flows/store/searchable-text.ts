// Owns content as text, for filters that look into it: codings off at once, and the beginning of it, so that no content holds the thread of the store
// for more than some milliseconds, whatever it is. What is no text, or is coded in a way that is not known here, is not found; a view of one exchange
// (content/view.ts) shows more, and takes its time elsewhere.
import { unpackWhole } from '../../http/content-coding.ts';
import { decodeText } from '../content/charset.ts';
import { contentCodings } from '../content/decode.ts';
import type { RecordedFields } from '../recorded.ts';

/**
 * @param isCut whether it is only the beginning
 * @returns Unicode; `null` where it is no text
 * @throws never
 */
export function searchableText(content: Buffer, isCut: boolean, fields: RecordedFields): string | null {
  const octets = beginningOf(content, contentCodings(fields));
  if (octets === null) return null;
  const type = fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null;
  const { text } = decodeText(octets, type, isCut || octets.length === SEARCHED);
  return text.slice(0, LOOKED_AT).includes('\0') ? null : text;
}

/** Without its codings. Where all of it comes to too much, a part of it does not: less is tried, a few times. */
function beginningOf(content: Buffer, codings: readonly string[]): Buffer | null {
  let packed = content.subarray(0, SEARCHED);
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    // An end that is missing is none of its faults: a part of it may be all that there is.
    const unpacked = unpackWhole(packed, codings, BOUNDS, true);
    if (Buffer.isBuffer(unpacked)) return unpacked;
    if (unpacked.kind !== 'too-long') return null;
    packed = packed.subarray(0, packed.length >> 2);
  }
  return null;
}

/** Octets without codings: their charset and a pattern take some five milliseconds each. */
const SEARCHED = 1024 * 1024;
const BOUNDS = { maxOctets: SEARCHED, maxRatio: Number.POSITIVE_INFINITY };
/** What is a sixteenth and still too much was made to be. */
const MOST_TRIES = 3;
const LOOKED_AT = 1024;
