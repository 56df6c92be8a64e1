// Owns what the origins answer: by the kind and the number that a path names, so that whoever made the path knows what has to come back. The mix of
// sizes is that of browsing: much is small, images and data come again, and a few downloads are most of all octets.
import { gzipSync } from 'node:zlib';
import { Random } from '../random.ts';

export const REPLY_KINDS = ['page', 'data', 'image', 'style', 'chunked', 'download', 'missing'] as const;
export type ReplyKind = (typeof REPLY_KINDS)[number];

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly isGzipped: boolean;
  readonly isChunked: boolean;
  readonly isStorable: boolean;
  /** Content, in the pieces that it is written in. */
  readonly pieces: readonly Buffer[];
}

/** @param number of the exchange; some kinds have the same content for many of them */
export function replyTo(kind: ReplyKind, number: number): Reply {
  const chance = new Random(number * 2_654_435_761);
  switch (kind) {
    case 'page':
      return { ...USUAL, type: 'text/html; charset=utf-8', pieces: [heading(number), text(chance, 2 * KIB, 14 * KIB)] };
    case 'data':
      return { ...USUAL, type: 'application/json', isGzipped: true, pieces: [dataOf(number % DATA)] };
    case 'image':
      return { ...USUAL, type: 'image/png', pieces: [imageOf(number % IMAGES)] };
    case 'style':
      return { ...USUAL, type: 'text/css', isStorable: true, pieces: [heading(number), text(new Random(number), 4 * KIB, 16 * KIB)] };
    case 'chunked':
      return {
        ...USUAL,
        ...{ type: 'text/plain', isChunked: true },
        pieces: [heading(number), text(chance, KIB, 8 * KIB), text(chance, KIB, 24 * KIB)],
      };
    case 'download': {
      const whole = Array.from({ length: chance.between(32, 192) }, () => octets(chance, 64 * KIB, 64 * KIB));
      return { ...USUAL, type: 'application/octet-stream', pieces: [heading(number), ...whole] };
    }
    case 'missing':
      return { ...USUAL, status: 404, type: 'text/html', pieces: [heading(number)] };
    default:
      return kind satisfies never;
  }
}

export function lengthOf({ pieces }: Reply): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function heading(number: number): Buffer {
  return Buffer.from(`<!doctype html><title>Exchange ${number}</title>\n`);
}

function text(chance: Random, least: number, most: number): Buffer {
  return cut(TEXT, chance, least, most);
}

function octets(chance: Random, least: number, most: number): Buffer {
  return cut(OCTETS, chance, least, most);
}

function cut(block: Buffer, chance: Random, least: number, most: number): Buffer {
  const length = chance.between(least, most);
  const at = chance.between(0, block.length - length);
  return block.subarray(at, at + length);
}

function dataOf(which: number): Buffer {
  return (KEPT_DATA[which] ??= gzipSync(JSON.stringify(rows(new Random(which + 1)))));
}

function rows(chance: Random): readonly object[] {
  return Array.from({ length: chance.between(20, 400) }, (_, id) => ({ id, name: `item ${chance.between(0, 1e9)}`, price: chance.next() }));
}

function imageOf(which: number): Buffer {
  return (KEPT_IMAGES[which] ??= Buffer.concat([PNG_BEGINS, octets(new Random(which + 1), 2 * KIB, 64 * KIB)]));
}

const KIB = 1024;
const USUAL = { status: 200, isGzipped: false, isChunked: false, isStorable: false } as const;
const DATA = 256;
const IMAGES = 200;
const KEPT_DATA: Buffer[] = [];
const KEPT_IMAGES: Buffer[] = [];
const PNG_BEGINS = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const OCTETS = Buffer.from(Uint8Array.from({ length: 1024 * KIB }, chanceOctet(new Random(1))));
const TEXT = Buffer.from('the quick brown fox jumps over the lazy dog; '.repeat(2_000));

function chanceOctet(random: Random): () => number {
  return () => random.between(0, 255);
}
