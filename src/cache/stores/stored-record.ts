// Owns the form of a record: one stored response as it lies in a segment of the log (disk-segment.ts). A header, the head (packed-head.ts), then the
// content, or the place of the file that it has to itself. One CRC-32 proves header and head, another the content; the first one begins with the place of
// the record, so that one that lies where another ought to be is seen. What does not fit its sum is damaged: it is never given out.
import { crc32 } from 'node:zlib';
import type { StoredResponse } from '../stored-response.ts';
import { KeptResponse } from './kept-response.ts';
import { PackedHead } from './packed-head.ts';

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

/** @param content none where it has a file */
export function recordBytes(stored: StoredResponse, file: FilePlace | null, content: Buffer): number {
  return HEADER_BYTES + headBytes(stored, file) + content.length;
}

/**
 * Writes header and head of a record; the content comes behind them.
 *
 * @param at where in `target`; there is room for both
 * @param seed tells this place from every other one
 */
export function writeRecord(
  target: Buffer,
  at: number,
  seed: number,
  stored: StoredResponse,
  file: FilePlace | null,
  content: Buffer,
  order: number,
): void {
  const head = PackedHead.of(stored);
  const headEnd = at + HEADER_BYTES + headBytes(stored, file);
  target.writeUInt32LE(headEnd - at - HEADER_BYTES, at + 4);
  target.writeUInt32LE(content.length, at + 8);
  target.writeUInt32LE(crc32(content), at + 12);
  target.writeDoubleLE(order, at + 16);
  head.write(target, at + HEADER_BYTES);
  if (file !== null) writePlace(target, headEnd - PLACE_BYTES, file);
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
    const head = PackedHead.at(record, HEADER_BYTES);
    const placeAt = HEADER_BYTES + head.length;
    const file = placeAt === headEnd ? null : placeIn(record, placeAt);
    const stored = new KeptResponse(head, null);
    const measures = { contentLength: record.readUInt32LE(8), contentSum: record.readUInt32LE(12) };
    return { stored, order: record.readDoubleLE(16), contentAt: headEnd, ...measures, file };
  } catch {
    return null;
  }
}

function headBytes(stored: StoredResponse, file: FilePlace | null): number {
  return PackedHead.of(stored).length + (file === null ? 0 : PLACE_BYTES);
}

function writePlace(target: Buffer, at: number, { name, length, sum }: FilePlace): void {
  target.write(name, at, NAME_BYTES, 'hex');
  target.writeDoubleLE(length, at + NAME_BYTES);
  target.writeUInt32LE(sum, at + NAME_BYTES + 8);
}

/** Whatever it reads, the name is one that may become part of a path. */
function placeIn(record: Buffer, at: number): FilePlace {
  return {
    name: record.toString('hex', at, at + NAME_BYTES),
    length: record.readDoubleLE(at + NAME_BYTES),
    sum: record.readUInt32LE(at + NAME_BYTES + 8),
  };
}

const NAME_BYTES = 16;
/** A name, a length, a sum. */
const PLACE_BYTES = NAME_BYTES + 12;
