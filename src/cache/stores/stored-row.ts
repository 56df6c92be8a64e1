// Owns the form in which the index of the disk store (disk-index.ts) keeps a stored response: its head as JSON, the place of its content as a line,
// and one CRC-32 over both. What does not fit its sum, or does not parse, is damaged: it is never given out.
// Field lines that stood exactly as `name: value` are marked and made again (http/message.ts), not kept twice.
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Field } from '../../http/message.ts';
import type { StoredResponse } from '../stored-response.ts';

/** Where content lies: in the index itself, or in a file of its own (content-file.ts). `sum` proves that it is this content and no other. */
export type Place =
  | { readonly kind: 'inline'; readonly length: number; readonly sum: number }
  | { readonly kind: 'file'; readonly length: number; readonly sum: number; readonly name: string };

/**
 * A key as a number of 52 bits: the first of its SHA-256. Keys that share one cost a comparison, and a stranger cannot make many of them.
 */
export function hashOfKey(key: string): number {
  return Number.parseInt(hash('sha256', key, 'hex').slice(0, 13), 16);
}

export function encodeHead(stored: StoredResponse): string {
  const fields: (string | number)[] = [];
  for (const { name, value, line } of stored.fields) fields.push(name, value, line === undefined ? 0 : 1);
  const { id, key, selectedBy, status, reason, version, requestTimeMs, responseTimeMs, extent, isFromAuthorized, isInvalidated } = stored;
  const { origin, tags } = stored;
  const packed: PackedHead = [
    id,
    key,
    selectedBy,
    status,
    reason,
    version,
    fields,
    requestTimeMs,
    responseTimeMs,
    extent,
    isFromAuthorized,
    isInvalidated,
    origin,
    tags,
  ];
  return JSON.stringify(packed);
}

/** @returns `null` when the text, the place and their sum do not belong together */
export function decodeRow(head: string, place: string, sum: number): { readonly stored: StoredResponse; readonly place: Place } | null {
  if (sumOfRow(head, place) !== sum) return null;
  try {
    const where = decodePlace(place);
    return where === null ? null : { stored: unpack(JSON.parse(head) as PackedHead), place: where };
  } catch {
    return null;
  }
}

export function sumOfRow(head: string, place: string): number {
  return crc32(head, crc32(place));
}

export function encodePlace(place: Place): string {
  return `${place.length} ${place.sum}${place.kind === 'file' ? ` ${place.name}` : ''}`;
}

/** @returns `null` when it is none: the index may be damaged, and the name becomes part of a path */
export function decodePlace(text: string): Place | null {
  const [, length, sum, name] = PLACE.exec(text) ?? [];
  if (length === undefined || sum === undefined) return null;
  const measures = { length: Number(length), sum: Number(sum) };
  return name === undefined ? { kind: 'inline', ...measures } : { kind: 'file', ...measures, name };
}

type PackedHead = readonly [
  id: string,
  key: string,
  selectedBy: StoredResponse['selectedBy'],
  status: number,
  reason: string,
  version: StoredResponse['version'],
  fields: readonly (string | number)[],
  requestTimeMs: number,
  responseTimeMs: number,
  extent: StoredResponse['extent'],
  isFromAuthorized: boolean,
  isInvalidated: boolean,
  origin: StoredResponse['origin'],
  tags: readonly string[],
];

function unpack(packed: PackedHead): StoredResponse {
  const [id, key, selectedBy, status, reason, version, flat, requestTimeMs, responseTimeMs, extent, isFromAuthorized, isInvalidated] =
    packed;
  const fields: Field[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    const name = flat[i] as string;
    const value = flat[i + 1] as string;
    fields.push({ name, value, line: flat[i + 2] === 1 ? `${name}: ${value}\r\n` : undefined });
  }
  return {
    id,
    key,
    selectedBy,
    status,
    reason,
    version,
    fields,
    requestTimeMs,
    responseTimeMs,
    extent,
    isFromAuthorized,
    isInvalidated,
    origin: packed[12],
    tags: packed[13],
  };
}

/** Length, sum, and for a file its name. */
const PLACE = /^(\d{1,15}) (\d{1,10})(?: ([0-9a-f]{32}))?$/;
