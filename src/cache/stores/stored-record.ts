// Owns the form of a record: one stored response as it lies in a segment of the log (disk-segment.ts). A header, the head as JSON, then the content,
// or the place of the file that it has to itself. One CRC-32 proves header and head, another the content; the first one begins with the place of the
// record, so that one that lies where another ought to be is seen. What does not fit its sum is damaged: it is never given out.
// Field lines that stood exactly as `name: value` are marked and made again (http/message.ts), not kept twice.
import { crc32 } from 'node:zlib';
import type { Field } from '../../http/message.ts';
import type { StoredResponse } from '../stored-response.ts';

/** Content that has a file of its own (content-file.ts). `sum` proves that it is this content and no other. */
export interface FilePlace {
  readonly name: string;
  readonly length: number;
  readonly sum: number;
}

export interface StoredRecord {
  readonly stored: StoredResponse;
  /** Of several under one key, the one with the greater number was stored later. */
  readonly order: number;
  /** Where the content begins in the record. */
  readonly contentAt: number;
  readonly contentLength: number;
  readonly contentSum: number;
  /** `null`: the content is in the record. */
  readonly file: FilePlace | null;
}

/** A head that is ready to be written. */
export interface PackedHead {
  readonly text: string;
  readonly bytes: number;
}

/** Sum, length of the head, length and sum of the content, order. */
export const HEADER_BYTES = 24;

/**
 * A key as a number of 32 bits. Keys that share one cost a read; the seed is a secret of the folder, so a stranger cannot choose them.
 */
export function hashOfKey(key: string, seed: number): number {
  let a = seed;
  let b = ~seed;
  for (let i = 0; i < key.length; i += 1) {
    const unit = key.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul((b << 5) ^ (b >>> 27) ^ unit, 0x85ebca6b);
  }
  a ^= b ^ (a >>> 15);
  a = Math.imul(a, 0x2c1b3c6d);
  a ^= a >>> 12;
  a = Math.imul(a, 0x297a2d39);
  return (a ^ (a >>> 15)) >>> 0;
}

export function packHead(stored: StoredResponse, file: FilePlace | null): PackedHead {
  const fields: (string | number)[] = [];
  for (const { name, value, line } of stored.fields) fields.push(name, value, line === undefined ? 0 : 1);
  const { id, key, selectedBy, status, reason, version, requestTimeMs, responseTimeMs, extent, isFromAuthorized, isInvalidated } = stored;
  const { origin, tags } = stored;
  const times = [requestTimeMs, responseTimeMs];
  const is = [isFromAuthorized, isInvalidated];
  const parts = [extent.first, extent.length, extent.completeLength];
  const place = file === null ? null : [file.name, file.length, file.sum];
  const text = JSON.stringify([id, key, selectedBy, status, reason, version, fields, times, parts, is, origin, tags, place]);
  return { text, bytes: Buffer.byteLength(text) };
}

export function recordBytes(head: PackedHead, content: Buffer): number {
  return HEADER_BYTES + head.bytes + content.length;
}

/**
 * Writes header and head of a record; the content comes behind them.
 *
 * @param at where in `target`; there is room for both
 * @param seed tells this place from every other one
 */
export function writeRecord(target: Buffer, at: number, seed: number, head: PackedHead, content: Buffer, order: number): void {
  target.writeUInt32LE(head.bytes, at + 4);
  target.writeUInt32LE(content.length, at + 8);
  target.writeUInt32LE(crc32(content), at + 12);
  target.writeDoubleLE(order, at + 16);
  const headEnd = at + HEADER_BYTES + head.bytes;
  target.write(head.text, at + HEADER_BYTES, head.bytes, 'utf8');
  target.writeUInt32LE(crc32(target.subarray(at + 4, headEnd), seed), at);
}

/** Writes a whole record as it was read elsewhere. */
export function copyRecord(target: Buffer, at: number, seed: number, record: Buffer): void {
  target.set(record, at);
  target.writeUInt32LE(crc32(target.subarray(at + 4, at + headEndOf(record)), seed), at);
}

/** How many octets of the record must be there for `readRecord`. @param record at least its header */
export function headEndOf(record: Buffer): number {
  return HEADER_BYTES + record.readUInt32LE(4);
}

/** @param record at least header and head. @returns `null` when this is not what was written in this place */
export function readRecord(record: Buffer, seed: number): StoredRecord | null {
  const headEnd = headEndOf(record);
  if (headEnd > record.length || crc32(record.subarray(4, headEnd), seed) !== record.readUInt32LE(0)) return null;
  try {
    const [stored, file] = unpack(JSON.parse(record.toString('utf8', HEADER_BYTES, headEnd)) as Packed);
    const measures = { contentLength: record.readUInt32LE(8), contentSum: record.readUInt32LE(12) };
    return { stored, order: record.readDoubleLE(16), contentAt: headEnd, ...measures, file };
  } catch {
    return null;
  }
}

type Packed = readonly [
  id: string,
  key: string,
  selectedBy: StoredResponse['selectedBy'],
  status: number,
  reason: string,
  version: StoredResponse['version'],
  fields: readonly (string | number)[],
  times: readonly [requestMs: number, responseMs: number],
  extent: readonly [first: number, length: number, completeLength: number | null],
  is: readonly [fromAuthorized: boolean, invalidated: boolean],
  origin: StoredResponse['origin'],
  tags: readonly string[],
  place: readonly [name: string, length: number, sum: number] | null,
];

function unpack([id, key, selectedBy, status, reason, version, flat, times, extent, is, origin, tags, place]: Packed): [
  StoredResponse,
  FilePlace | null,
] {
  const fields: Field[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    const name = flat[i] as string;
    const value = flat[i + 1] as string;
    fields.push({ name, value, line: flat[i + 2] === 1 ? `${name}: ${value}\r\n` : undefined });
  }
  const stored = {
    ...{ id, key, selectedBy, status, reason, version, fields, requestTimeMs: times[0], responseTimeMs: times[1] },
    extent: { first: extent[0], length: extent[1], completeLength: extent[2] },
    ...{ isFromAuthorized: is[0], isInvalidated: is[1], origin, tags },
  };
  return [stored, place === null ? null : fileOf(place)];
}

/** @throws when it is none: the name becomes part of a path */
function fileOf([name, length, sum]: readonly [string, number, number]): FilePlace {
  if (!NAME.test(name) || !Number.isSafeInteger(length)) throw new TypeError('not the place of a file');
  return { name, length, sum };
}

const NAME = /^[0-9a-f]{32}$/;
