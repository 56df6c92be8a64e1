// Owns what kind of content it is: by its media type, and where that is missing or says nothing, by its own beginning; and what else it may be looked at as.

import { isUtf8 } from './charset.ts';
import type { ContentKind } from './content-view.ts';
import { imageFacts } from './image.ts';

/** What a media type is, as far as views go. */
interface Typed {
  readonly pattern: RegExp;
  readonly kind: ContentKind;
}

/** @param octets  without content codings. @throws never */
export function kindOf(octets: Buffer, contentType: string | null): ContentKind {
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
  const typed = BY_TYPE.find(({ pattern }) => pattern.test(type))?.kind;
  if (typed !== undefined && typed !== 'text' && !(typed === 'image' && imageFacts(octets) === null)) return typed;
  return kindByBeginning(octets, typed ?? null);
}

/** The other ways that may make sense, the likeliest first. */
export function alternativesTo(kind: ContentKind, octets: Buffer): ContentKind[] {
  const isText = isTextual(octets);
  const fitting: ContentKind[] = isText ? TEXTUAL : ['protobuf', 'grpc', 'cbor', 'msgpack', 'image', 'multipart', 'text'];
  return [...fitting.filter((each) => each !== kind), ...(kind === 'hex' ? [] : (['hex'] as const))];
}

/** UTF-8, or another charset of ASCII: no control characters that texts do not have. */
export function isTextual(octets: Buffer): boolean {
  const start = octets.subarray(0, 4096);
  if ((start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff)) return true;
  let odd = 0;
  for (const octet of start) {
    if (octet === 0) return false;
    if (octet < 0x20 && (octet < 0x08 || octet > 0x0d) && octet !== 0x1b) odd += 1;
  }
  return odd * 50 <= start.length && (isUtf8(start, true) || odd === 0);
}

function kindByBeginning(octets: Buffer, typed: ContentKind | null): ContentKind {
  if (octets.length === 0) return 'text';
  if (typed !== 'text' && imageFacts(octets) !== null) return 'image';
  if (!isTextual(octets)) return 'hex';
  const start = octets.toString('latin1', 0, 512).trimStart();
  if (/^(?:\{\s*["}]|\[\s*[["{\]\d-])/.test(start)) return 'json';
  if (/^eyJ[\w-]+\.[\w-]+\.[\w-]*\s*$/.test(octets.length < 16_384 ? octets.toString('latin1').trim() : '')) return 'jwt';
  if (typed === 'text') return 'text';
  if (/^(?:<!doctype html|<html|<head|<body)[\s>]/i.test(start)) return 'html';
  if (/^<(?:\?xml|svg)\s/.test(start)) return 'xml';
  return 'text';
}

const BY_TYPE: readonly Typed[] = [
  { pattern: /^application\/(?:graphql-response\+json|graphql\+json)$/, kind: 'json' },
  { pattern: /^application\/graphql$/, kind: 'graphql' },
  { pattern: /^application\/(?:jwt|jose|.+\+jwt)$/, kind: 'jwt' },
  { pattern: /[/+](?:x-)?(?:json|ndjson|jsonlines|jsonl|json-seq|json5|importmap)$/, kind: 'json' },
  { pattern: /^(?:text\/html|application\/xhtml\+xml)$/, kind: 'html' },
  // SVG too, which may have scripts: it is read, and never drawn.
  { pattern: /[/+]xml(?:-dtd)?$/, kind: 'xml' },
  { pattern: /^image\//, kind: 'image' },
  { pattern: /^text\/css$/, kind: 'css' },
  { pattern: /^(?:text|application)\/(?:x-)?(?:javascript|ecmascript|typescript)$/, kind: 'javascript' },
  { pattern: /^application\/x-www-form-urlencoded$/, kind: 'form' },
  { pattern: /^multipart\//, kind: 'multipart' },
  { pattern: /^application\/grpc/, kind: 'grpc' },
  { pattern: /^application\/(?:x-|vnd\.google\.)?protobuf$|^application\/x-google-protobuf$/, kind: 'protobuf' },
  { pattern: /^text\/event-stream$/, kind: 'sse' },
  { pattern: /^application\/(?:.+\+)?cbor(?:-seq)?$/, kind: 'cbor' },
  { pattern: /^application\/(?:x-|vnd\.)?msgpack$/, kind: 'msgpack' },
  { pattern: /^text\//, kind: 'text' },
];
const TEXTUAL: ContentKind[] = ['text', 'json', 'graphql', 'html', 'xml', 'css', 'javascript', 'form', 'sse', 'jwt'];
