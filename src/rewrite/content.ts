// Owns changing content that is at hand as a whole: out of its content codings, through the replacements, and on without a coding. Text in UTF-8 is
// changed as text; anything else octet by octet.
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { fieldValues, isNamed } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';
import type { Replacement } from './rule.ts';

export type RewrittenContent =
  | { readonly kind: 'changed'; readonly content: Buffer; readonly fields: Fields }
  /** It stays as it was; `why` is a sentence without a full stop, or `null` where nothing was found to replace. */
  | { readonly kind: 'unchanged'; readonly why: string | null };

/** @param maxBytes that it may come to without its codings @throws never */
export function rewriteContent(content: Buffer, fields: Fields, replacements: readonly Replacement[], maxBytes: number): RewrittenContent {
  const codings = fieldValues(fields, 'content-encoding')
    .flatMap((value) => value.toLowerCase().split(','))
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  const decoded = decode(content, codings, maxBytes);
  if (typeof decoded === 'string') return { kind: 'unchanged', why: decoded };
  const isText = isUtf8(decoded);
  const encoding = isText ? 'utf8' : 'latin1';
  const before = decoded.toString(encoding);
  let after = before;
  for (const replacement of replacements) after = replacement.replaceIn(after);
  if (after === before) return { kind: 'unchanged', why: null };
  return {
    kind: 'changed',
    content: Buffer.from(after, encoding),
    fields: fields.filter(({ name }) => !isNamed(name, 'content-encoding')),
  };
}

/** @returns why it cannot be decoded, where it cannot */
function decode(content: Buffer, codings: readonly string[], maxOutputLength: number): Buffer | string {
  let decoded = content;
  for (const coding of codings.toReversed()) {
    const decoder = DECODERS.get(coding);
    if (decoder === undefined) return `the content has the coding ${coding.slice(0, 40)}, which is not known`;
    try {
      decoded = decoder(decoded, { maxOutputLength });
    } catch (error) {
      const isTooMuch = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
      return isTooMuch
        ? `the content is more than ${maxOutputLength} octets without its codings`
        : `the content cannot be decoded (${coding})`;
    }
  }
  return decoded;
}

function inflate(content: Buffer, options: { readonly maxOutputLength: number }): Buffer {
  // Some send the raw form (RFC 9110 §8.4.1.2).
  return (content[0]! & 0x0f) === 8 ? inflateSync(content, options) : inflateRawSync(content, options);
}

function isUtf8(octets: Buffer): boolean {
  try {
    UTF8.decode(octets);
    return true;
  } catch {
    return false;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });
type Decoder = (content: Buffer, options: { readonly maxOutputLength: number }) => Buffer;
const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', inflate],
  ['br', brotliDecompressSync],
  ['zstd', zstdDecompressSync],
]);
