// Owns the form of a file that holds content, and the proof that what is read from it is what was written: blocks of 64 KiB as they are, then a
// trailer of the CRC-32 of each block, a digest of key and id, and which form this is. The index keeps the CRC-32 of the trailer. So a file cut
// short, a flipped bit, a block or a whole file in another's place are seen before an octet is given out.
// Nothing is flushed to the disk (fsync): what a power cut tears, the sums find, and it is a miss.
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { StoredResponse } from '../stored-response.ts';

export const BLOCK_BYTES = 65_536;
/** Of the file system. */
export const FS_BLOCK = 4096;

export function trailerBytes(length: number): number {
  return blocksOf(length) * 4 + IDENTITY_BYTES;
}

/** What the file takes on the disk, in whole blocks of the file system. */
export function bytesOnDisk(length: number): number {
  return Math.ceil((length + trailerBytes(length)) / FS_BLOCK) * FS_BLOCK;
}

export function encodeTrailer(blockSums: readonly number[], { key, id }: StoredResponse): Buffer {
  const trailer = Buffer.allocUnsafe(blockSums.length * 4 + IDENTITY_BYTES);
  for (let i = 0; i < blockSums.length; i += 1) trailer.writeUInt32LE(blockSums[i]!, i * 4);
  const at = blockSums.length * 4;
  trailer.write(hash('sha256', `${id} ${key}`, 'hex'), at, 'hex');
  trailer.writeUInt32LE(VERSION, at + 32);
  trailer.writeUInt32LE(MAGIC, at + 36);
  return trailer;
}

export function sumOfTrailer(trailer: Buffer): number {
  return crc32(trailer);
}

/** The sums of the blocks; `null` when this is not the trailer that was written with this response. */
export function decodeTrailer(trailer: Buffer, sum: number, { key, id }: StoredResponse): Uint32Array | null {
  const at = trailer.length - IDENTITY_BYTES;
  if (at < 0 || crc32(trailer) !== sum) return null;
  if (trailer.readUInt32LE(at + 36) !== MAGIC || trailer.readUInt32LE(at + 32) !== VERSION) return null;
  if (trailer.toString('hex', at, at + 32) !== hash('sha256', `${id} ${key}`, 'hex')) return null;
  const sums = new Uint32Array(at / 4);
  for (let i = 0; i < sums.length; i += 1) sums[i] = trailer.readUInt32LE(i * 4);
  return sums;
}

/** Whether `bytes`, which begin with block `first`, hold those blocks: all of them whole, but for the last block of the content. */
export function areBlocksWhole(bytes: Buffer, first: number, sums: Uint32Array): boolean {
  for (let at = 0, block = first; at < bytes.length; at += BLOCK_BYTES, block += 1) {
    if (crc32(bytes.subarray(at, at + BLOCK_BYTES)) !== sums[block]) return false;
  }
  return true;
}

export function sumsOfBlocks(content: Uint8Array): number[] {
  const sums: number[] = [];
  for (let at = 0; at < content.length; at += BLOCK_BYTES) sums.push(crc32(content.subarray(at, at + BLOCK_BYTES)));
  return sums;
}

function blocksOf(length: number): number {
  return Math.ceil(length / BLOCK_BYTES);
}

const MAGIC = 0x53504331;
const VERSION = 1;
/** Digest, version, magic. */
const IDENTITY_BYTES = 40;
