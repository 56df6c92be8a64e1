// Owns masking content that keeps its codings: off they come, what is secret is masked, and on they go again, so that the fields beside it stay true.
import { promisify } from 'node:util';
import { brotliCompress, constants, deflate, gzip, zstdCompress } from 'node:zlib';
import type { MaskRules } from '../redact/rules.ts';
import { maskContent } from '../redact.ts';
import { DECODING_BOUNDS, type DecodingBounds, decodeContent } from './decode.ts';
import type { KeptMessage } from './view.ts';

/**
 * @returns the octets with their codings, themselves where nothing in them is secret; `null` where nobody can tell, because a coding is not known here or
 *   they are too many or too long
 * @throws never
 */
export async function maskKeptContent(
  { octets, isCut, fields }: KeptMessage,
  rules: MaskRules,
  bounds: DecodingBounds = DECODING_BOUNDS,
): Promise<Buffer | null> {
  const decoded = await decodeContent(octets, isCut, fields, bounds);
  // What breaks off is given as far as it could be read; behind a bound there is more.
  if (decoded.state !== 'unpacked') return null;
  const type = fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null;
  const masked = maskContent(decoded.octets, type, rules);
  if (masked === decoded.octets) return octets;
  let packed = masked;
  for (const coding of decoded.codings) packed = await ENCODERS.get(coding)!(packed);
  return packed;
}

const packGzip = promisify(gzip);
const packBrotli = promisify(brotliCompress);
const ENCODERS: ReadonlyMap<string, (octets: Buffer) => Promise<Buffer>> = new Map<string, (octets: Buffer) => Promise<Buffer>>([
  ['gzip', (octets) => packGzip(octets)],
  ['x-gzip', (octets) => packGzip(octets)],
  ['deflate', (octets) => promisify(deflate)(octets)],
  ['br', (octets) => packBrotli(octets, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
  ['zstd', (octets) => promisify(zstdCompress)(octets)],
]);
