// Owns recorded content without its content codings, and what is said of it where they do not come off: http/content-coding.ts takes them off, as far as
// they come, within the bounds that hold for all that is shown.
import { type CodingBounds, type CodingFault, codingsOf, unpackAsFar } from '../../http/content-coding.ts';
import type { RecordedFields } from '../recorded.ts';

export const DECODING_BOUNDS: CodingBounds = { maxOctets: 16 * 1024 * 1024, maxRatio: 2_000 };

export interface DecodedOctets {
  readonly octets: Buffer;
  /** As the sender applied them, the first one first; lower case, without `identity`. */
  readonly codings: readonly string[];
  /** Something is missing at the end: it was not kept, it breaks off, or the bound ended it. */
  readonly isCut: boolean;
  /** A coding is left on the octets. */
  readonly isPacked: boolean;
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
  bounds: CodingBounds = DECODING_BOUNDS,
): Promise<DecodedOctets> {
  return await unpacked(octets, isCut, contentCodings(fields), bounds);
}

/** The same, of content whose codings are known from elsewhere. */
export async function unpacked(octets: Buffer, isCut: boolean, codings: readonly string[], bounds: CodingBounds): Promise<DecodedOctets> {
  const { octets: plain, fault: found } = await unpackAsFar(octets, codings, bounds);
  // Of what was not kept whole that is no news.
  const fault = isCut && found?.kind === 'cut-short' ? null : found;
  // A sender may name a coding that it never put on: what came is all that there is to see.
  const isNoneOff = (fault?.kind === 'broken' || fault?.kind === 'cut-short') && plain.length === 0;
  const isPacked = isNoneOff || fault?.kind === 'unknown' || fault?.kind === 'too-many';
  const problem = fault === null ? null : sentenceOf(fault, bounds);
  return { octets: isNoneOff ? octets : plain, codings, isCut: isCut || (fault !== null && !isPacked), isPacked, problem };
}

/** Of Content-Encoding, over all its lines. */
export function contentCodings(fields: RecordedFields): readonly string[] {
  return codingsOf(fields.filter(([name]) => name.toLowerCase() === 'content-encoding').map(([, value]) => value));
}

function sentenceOf(fault: CodingFault, { maxOctets, maxRatio }: CodingBounds): string {
  switch (fault.kind) {
    case 'too-many':
      return `It has ${fault.count} codings, more than are taken off.`;
    case 'unknown':
      return `Nothing here decodes ${fault.coding.slice(0, 40)}.`;
    case 'cut-short':
      return `It is cut short: it ends before its ${fault.coding} coding does. What came is shown.`;
    case 'broken':
      return `Its ${fault.coding} coding breaks off: ${fault.why}.`;
    case 'too-long':
      return `It is longer than ${maxOctets} octets once its ${fault.coding} coding is off; the rest is left packed.`;
    case 'out-of-proportion':
      return `It unpacks to more than ${maxRatio} times its size (${fault.coding}); the rest is left packed.`;
    default:
      return fault satisfies never;
  }
}
