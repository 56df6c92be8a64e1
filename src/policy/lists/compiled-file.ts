// Owns the compiled form of a list on the disk, so that a second start reads memory and no lines. The name of its file says which list, and the
// digest in it of which content: times of files prove little, and reading is quick. Of a machine with another byte order, of another version, or
// damaged, it counts as absent. Written whole under another name and renamed, for this user's eyes alone.
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { makePrivateFolder } from '../../net/private-folder.ts';
import type { CompiledList } from './compile-list.ts';
import type { ListCounts, ListSource } from './list.ts';
import { READ_WITHOUT_WAITING } from './read-list-file.ts';

/** What stands in front of the sections, as JSON. */
interface Preface {
  readonly source: ListSource;
  /** SHA-256 of the list's file, in hexadecimal. */
  readonly digest: string;
  readonly counts: ListCounts;
  readonly sectionLengths: readonly number[];
}

/** @throws never; what is not there, not ours or not of the file's present content is `null` */
export async function restoreCompiled(folder: string, source: ListSource): Promise<CompiledList | null> {
  try {
    const bytes = await readWhole(pathOf(folder, source));
    const preface = bytes === null ? null : readPreface(bytes);
    if (bytes === null || preface === null || JSON.stringify(preface.source) !== JSON.stringify(identityOf(source))) return null;
    if ((await digestOf(source.file)) !== preface.digest) return null;
    return { counts: preface.counts, sections: sectionsOf(bytes, preface.sectionLengths) };
  } catch {
    // Whoever reads the list's file next says what is wrong with it, and whoever writes ours what is wrong with that.
    return null;
  }
}

/**
 * Keeps a compiled list. Blocks until it is written: call it on a thread that has nobody waiting.
 *
 * @param digest  SHA-256 of the list's file, in hexadecimal
 * @throws an error of Node's when the folder or the file cannot be written; then nothing is left behind
 */
export function storeCompiled(folder: string, source: ListSource, digest: string, { counts, sections }: CompiledList): void {
  makePrivateFolder(folder);
  const sectionLengths = sections.map(({ length }) => length);
  const preface = encodePreface({ source: identityOf(source), digest, counts, sectionLengths });
  const parts = [preface, ...sections.flatMap((section) => [section, new Uint8Array(padding(section.length))])];
  const head = Uint32Array.of(
    MAGIC,
    VERSION,
    preface.length,
    parts.reduce((checksum, part) => crc32(part, checksum), 0),
  );
  const file = pathOf(folder, source);
  const unfinished = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const descriptor = openSync(unfinished, 'wx', 0o600);
    try {
      for (const part of [new Uint8Array(head.buffer), ...parts]) writeAll(descriptor, part);
    } finally {
      closeSync(descriptor);
    }
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

/** `null` when the file is damaged or none of ours. */
function readPreface(bytes: Uint8Array<ArrayBuffer>): Preface | null {
  const prefaceLength = new Uint32Array(bytes.buffer, 0, HEAD_WORDS)[2]!;
  const preface = JSON.parse(Buffer.from(bytes.buffer, HEAD_BYTES, prefaceLength).toString()) as Preface;
  const length = preface.sectionLengths.reduce((sum, section) => sum + section + padding(section), HEAD_BYTES + prefaceLength);
  return length === bytes.length ? preface : null;
}

function encodePreface(preface: Preface): Uint8Array {
  const text = Buffer.from(JSON.stringify(preface));
  return Buffer.concat([text, Buffer.alloc(padding(text.length), ' ')]);
}

function sectionsOf(bytes: Uint8Array<ArrayBuffer>, lengths: readonly number[]): Uint8Array<ArrayBuffer>[] {
  let at = HEAD_BYTES + new Uint32Array(bytes.buffer, 0, HEAD_WORDS)[2]!;
  return lengths.map((length) => {
    const section = bytes.subarray(at, at + length);
    at += length + padding(length);
    return section;
  });
}

/** All of our file in a memory of its own; `null` when it is not ours, or not what was written. */
async function readWhole(file: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const handle = await open(file, 'r');
  try {
    const { size, uid, mode } = await handle.stat();
    // What another user wrote, or could have, would decide who may go where.
    const isOurs = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
    if (!isOurs || size < HEAD_BYTES) return null;
    const bytes = new Uint8Array(size);
    let checksum = 0;
    await readPieces(handle, bytes, (start, end) => {
      checksum = crc32(bytes.subarray(Math.max(start, HEAD_BYTES), end), checksum);
    });
    const [magic, version, , expected] = new Uint32Array(bytes.buffer, 0, HEAD_WORDS);
    return magic === MAGIC && version === VERSION && checksum === expected ? bytes : null;
  } finally {
    await handle.close();
  }
}

async function digestOf(file: string): Promise<string> {
  const handle = await open(file, READ_WITHOUT_WAITING);
  try {
    const hash = createHash('sha256');
    const buffer = new Uint8Array(PIECE_BYTES);
    for (let bytesRead = -1; bytesRead !== 0; ) {
      ({ bytesRead } = await handle.read(buffer));
      hash.update(buffer.subarray(0, bytesRead));
    }
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}

/** Fills `bytes`, in pieces that keep nobody waiting. */
async function readPieces(handle: FileHandle, bytes: Uint8Array, onPiece: (start: number, end: number) => void): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(PIECE_BYTES, bytes.length - at));
    if (bytesRead === 0) return;
    onPiece(at, at + bytesRead);
    at += bytesRead;
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

function pathOf(folder: string, source: ListSource): string {
  const name = createHash('sha256')
    .update(JSON.stringify(identityOf(source)))
    .digest('hex')
    .slice(0, 32);
  return path.join(folder, `${name}.list`);
}

/** A `ListSpec` has more keys, which change nothing. */
function identityOf({ file, format, subdomains }: ListSource): ListSource {
  return { file, format, subdomains };
}

/** Sections are read as words of four octets. */
function padding(length: number): number {
  return (8 - (length % 8)) % 8;
}

const MAGIC = 0x53504c31; // reads otherwise where the bytes of a word stand the other way round
const VERSION = 4; // of all that is in the file: one more whenever a set, a format, what a format refuses, or the preface changes
const HEAD_WORDS = 4; // magic, version, length of the preface, CRC-32 of all behind the head
const HEAD_BYTES = HEAD_WORDS * 4;
const PIECE_BYTES = 256 * 1024;
