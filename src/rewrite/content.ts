// Owns changing content that is at hand as a whole: out of its content codings, through the replacements, and on without a coding. Text in UTF-8 is
// changed as text; anything else octet by octet. What a message says of the content that it had goes with that content: its codings, its digests, and the
// validators, by which a client would take the new content for the old (RFC 9110 §8.8).
import { isUtf8 } from 'node:buffer';
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { fieldValues } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';
import type { ContentChange } from './rule.ts';

export type RewrittenContent =
  | {
      readonly kind: 'changed';
      readonly content: Buffer;
      readonly fields: Fields;
      /** Those that found something. */
      readonly done: readonly ContentChange[];
    }
  /** It stays as it was; `why` is a sentence without a full stop, or `null` where nothing was found to replace. */
  | { readonly kind: 'unchanged'; readonly why: string | null };

/** @param maxBytes that it may come to, without its codings and with what was put in @throws never */
export function rewriteContent(content: Buffer, fields: Fields, changes: readonly ContentChange[], maxBytes: number): RewrittenContent {
  const decoded = decodeContent(content, fields, maxBytes);
  if (typeof decoded === 'string') return { kind: 'unchanged', why: decoded };
  const encoding = isUtf8(decoded) ? 'utf8' : 'latin1';
  let text = decoded.toString(encoding);
  const done: ContentChange[] = [];
  for (const change of changes) {
    const after = change.replacement.replaceIn(text);
    if (after.length > maxBytes) return { kind: 'unchanged', why: `the content would become more than ${maxBytes} octets` };
    if (after !== text) done.push(change);
    text = after;
  }
  if (done.length === 0) return { kind: 'unchanged', why: null };
  return { kind: 'changed', content: Buffer.from(text, encoding), fields: withoutOldContent(fields), done };
}

/** The fields of a message whose content is another from here on, and has no coding. */
export function withoutOldContent(fields: Fields): Fields {
  return fields.filter(({ name }) => !OF_THE_CONTENT.has(name.toLowerCase()));
}

/** @returns the content without its codings; why it cannot be decoded, where it cannot @throws never */
export function decodeContent(content: Buffer, fields: Fields, maxOutputLength: number): Buffer | string {
  let decoded = content;
  for (const coding of codingsOf(fields).toReversed()) {
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

function codingsOf(fields: Fields): readonly string[] {
  return fieldValues(fields, 'content-encoding')
    .flatMap((value) => value.toLowerCase().split(','))
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
}

function inflate(content: Buffer, options: { readonly maxOutputLength: number }): Buffer {
  // Some send the raw form (RFC 9110 §8.4.1.2).
  return (content[0]! & 0x0f) === 8 ? inflateSync(content, options) : inflateRawSync(content, options);
}

/** Content-Length is made from the content itself; for the answer to a HEAD, which has none, it is not known any more. */
const OF_THE_CONTENT: ReadonlySet<string> = new Set([
  ...['content-encoding', 'content-length', 'content-md5', 'digest', 'content-digest', 'repr-digest'],
  ...['etag', 'last-modified', 'accept-ranges'],
]);
type Decoder = (content: Buffer, options: { readonly maxOutputLength: number }) => Buffer;
const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', inflate],
  ['br', brotliDecompressSync],
  ['zstd', zstdDecompressSync],
]);
