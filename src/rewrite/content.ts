// Owns changing content that is at hand as a whole: out of its content codings, through the replacements, and on without a coding. Text in UTF-8 is
// changed as text; anything else octet by octet. What a message says of the content that it had goes with that content: its codings, its digests, and the
// validators, by which a client would take the new content for the old (RFC 9110 §8.8).
import { isUtf8 } from 'node:buffer';
import { type CodingFault, codingsOf, unpackWhole } from '../http/content-coding.ts';
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
export function decodeContent(content: Buffer, fields: Fields, maxOctets: number): Buffer | string {
  const codings = codingsOf(fieldValues(fields, 'content-encoding'));
  const decoded = unpackWhole(content, codings, { maxOctets, maxRatio: Number.POSITIVE_INFINITY }, false);
  return Buffer.isBuffer(decoded) ? decoded : reasonOf(decoded, maxOctets);
}

function reasonOf(fault: CodingFault, maxOctets: number): string {
  switch (fault.kind) {
    case 'too-many':
      return `the content has ${fault.count} codings, which is more than are taken off`;
    case 'unknown':
      return `the content has the coding ${fault.coding.slice(0, 40)}, which is not known`;
    case 'cut-short':
      return `the content ends before its coding does (${fault.coding})`;
    case 'broken':
      return `the content cannot be decoded (${fault.coding})`;
    case 'too-long':
    case 'out-of-proportion':
      return `the content is more than ${maxOctets} octets without its codings`;
    default:
      return fault satisfies never;
  }
}

/** Content-Length is made from the content itself; for the answer to a HEAD, which has none, it is not known any more. */
const OF_THE_CONTENT: ReadonlySet<string> = new Set([
  ...['content-encoding', 'content-length', 'content-md5', 'digest', 'content-digest', 'repr-digest'],
  ...['etag', 'last-modified', 'accept-ranges'],
]);
