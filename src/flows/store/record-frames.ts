// Owns the form of records in a segment, little endian:
//
//   segment: 8 octets `SPFLOWS1` | u32 mark | u32 seed | frames
//   frame:   u32 mark | u32 octets that follow the sum | u32 CRC-32 of them, begun with the seed | u8 kind | …
//     exchange (1 begun, 2 finished): f64 id | u32 summary | reference of request content | of response content | summary | detail
//     message (3): f64 id of its exchange | u32 number | u32 detail | detail | preview
//     content (4): 32 octets SHA-256 | content
//   reference: u32 segment, 0 for none | u32 place of the frame there | u32 octets of content | 32 octets SHA-256
//
// Mark and seed are random in each segment. So what peers send, and lies here as content, can not pass for frames where damage makes a reader look for
// the next one.
import { crc32 } from 'node:zlib';

/** Where a content frame lies, and what it holds. */
export interface ContentReference {
  readonly segment: number;
  readonly at: number;
  readonly length: number;
  /** Hexadecimal SHA-256. */
  readonly digest: string;
}

export type RecordFrame =
  | {
      readonly kind: 'begun' | 'finished';
      readonly id: number;
      readonly summary: Buffer;
      readonly detail: Buffer;
      readonly request: ContentReference | null;
      readonly response: ContentReference | null;
    }
  | { readonly kind: 'message'; readonly id: number; readonly number: number; readonly detail: Buffer; readonly preview: Buffer }
  | { readonly kind: 'content'; readonly digest: string; readonly content: Buffer };

export interface SegmentHead {
  readonly mark: number;
  readonly seed: number;
}

export function writeSegmentHead({ mark, seed }: SegmentHead): Buffer {
  const octets = Buffer.alloc(SEGMENT_HEAD_BYTES);
  octets.write(MAGIC, 0, 'latin1');
  octets.writeUInt32LE(mark, 8);
  octets.writeUInt32LE(seed, 12);
  return octets;
}

/** @returns `null` where it is no segment, or one of another version */
export function readSegmentHead(octets: Buffer): SegmentHead | null {
  if (octets.length < SEGMENT_HEAD_BYTES || octets.toString('latin1', 0, MAGIC.length) !== MAGIC) return null;
  return { mark: octets.readUInt32LE(8), seed: octets.readUInt32LE(12) };
}

/** Frames one behind the other, in memory that is used again and again. */
export class FrameBuffer {
  #octets = Buffer.allocUnsafe(KEPT_BYTES);
  #length = 0;
  #head: SegmentHead = { mark: 0, seed: 0 };

  /** Begins anew, for frames of this segment. */
  begin(head: SegmentHead): void {
    this.#head = head;
    this.#length = 0;
    if (this.#octets.length > KEPT_BYTES) this.#octets = Buffer.allocUnsafe(KEPT_BYTES);
  }

  get length(): number {
    return this.#length;
  }

  /** Until the next `begin`. */
  get octets(): Buffer {
    return this.#octets.subarray(0, this.#length);
  }

  /** @returns where it begins here */
  addExchange(
    kind: 'begun' | 'finished',
    id: number,
    summary: Buffer,
    detail: Buffer,
    request: ContentReference | null,
    response: ContentReference | null,
  ): number {
    const at = this.#reserve(EXCHANGE_BYTES + summary.length + detail.length);
    const octets = this.#octets;
    const body = at + FRAME_HEAD_BYTES;
    octets[body] = kind === 'begun' ? BEGUN : FINISHED;
    octets.writeDoubleLE(id, body + 1);
    octets.writeUInt32LE(summary.length, body + 9);
    writeReference(octets, body + 13, request);
    writeReference(octets, body + 13 + REFERENCE_BYTES, response);
    octets.set(summary, body + EXCHANGE_BYTES);
    octets.set(detail, body + EXCHANGE_BYTES + summary.length);
    return this.#seal(at);
  }

  addMessage(id: number, number: number, detail: Buffer, preview: Buffer): number {
    const at = this.#reserve(MESSAGE_BYTES + detail.length + preview.length);
    const octets = this.#octets;
    const body = at + FRAME_HEAD_BYTES;
    octets[body] = MESSAGE;
    octets.writeDoubleLE(id, body + 1);
    octets.writeUInt32LE(number, body + 9);
    octets.writeUInt32LE(detail.length, body + 13);
    octets.set(detail, body + MESSAGE_BYTES);
    octets.set(preview, body + MESSAGE_BYTES + detail.length);
    return this.#seal(at);
  }

  addContent(digest: string, content: Buffer): number {
    const at = this.#reserve(CONTENT_BYTES + content.length);
    const body = at + FRAME_HEAD_BYTES;
    this.#octets[body] = CONTENT;
    this.#octets.write(digest, body + 1, DIGEST_BYTES, 'hex');
    this.#octets.set(content, body + CONTENT_BYTES);
    return this.#seal(at);
  }

  /** Room for a frame of `length` octets behind its sum. */
  #reserve(length: number): number {
    const at = this.#length;
    const end = at + FRAME_HEAD_BYTES + length;
    if (end > this.#octets.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.#octets.length * 2));
      grown.set(this.octets);
      this.#octets = grown;
    }
    this.#length = end;
    return at;
  }

  #seal(at: number): number {
    const octets = this.#octets;
    const body = at + FRAME_HEAD_BYTES;
    octets.writeUInt32LE(this.#head.mark, at);
    octets.writeUInt32LE(this.#length - body, at + 4);
    octets.writeUInt32LE(crc32(octets.subarray(body, this.#length), this.#head.seed), at + 8);
    return at;
  }
}

/** Octets of the frame that begins at `at`, its head included, as far as that can be told from the head alone; `null`: no frame begins there. */
export function frameBytes(octets: Buffer, at: number, { mark }: SegmentHead): number | null {
  if (at + FRAME_HEAD_BYTES > octets.length || octets.readUInt32LE(at) !== mark) return null;
  return FRAME_HEAD_BYTES + octets.readUInt32LE(at + 4);
}

/** What can be told from the beginning of a frame, `HEAD_BYTES` of it or all there is, without its sum. */
export function readFrameHead(octets: Buffer): { readonly kind: RecordFrame['kind'] | null; readonly id: number; readonly number: number } {
  const kind = KINDS[octets[FRAME_HEAD_BYTES] ?? 0] ?? null;
  if (kind === null || kind === 'content' || octets.length < HEAD_BYTES) return { kind, id: 0, number: 0 };
  return { kind, id: octets.readDoubleLE(FRAME_HEAD_BYTES + 1), number: octets.readUInt32LE(FRAME_HEAD_BYTES + 9) };
}

/**
 * @param octets a frame, and nothing else
 * @returns views of them; `null` when it is not what was written
 */
export function readFrame(octets: Buffer, head: SegmentHead): RecordFrame | null {
  if (frameBytes(octets, 0, head) !== octets.length) return null;
  const body = octets.subarray(FRAME_HEAD_BYTES);
  if (crc32(body, head.seed) !== octets.readUInt32LE(8)) return null;
  switch (body[0]) {
    case BEGUN:
    case FINISHED:
      return readExchange(body);
    case MESSAGE:
      return readMessage(body);
    case CONTENT:
      if (body.length < CONTENT_BYTES) return null;
      return { kind: 'content', digest: body.toString('hex', 1, CONTENT_BYTES), content: body.subarray(CONTENT_BYTES) };
    default:
      return null;
  }
}

function readExchange(body: Buffer): RecordFrame | null {
  const detailAt = body.length < EXCHANGE_BYTES ? Number.POSITIVE_INFINITY : EXCHANGE_BYTES + body.readUInt32LE(9);
  if (detailAt > body.length) return null;
  return {
    kind: body[0] === BEGUN ? 'begun' : 'finished',
    id: body.readDoubleLE(1),
    summary: body.subarray(EXCHANGE_BYTES, detailAt),
    detail: body.subarray(detailAt),
    request: readReference(body, 13),
    response: readReference(body, 13 + REFERENCE_BYTES),
  };
}

function readMessage(body: Buffer): RecordFrame | null {
  const previewAt = body.length < MESSAGE_BYTES ? Number.POSITIVE_INFINITY : MESSAGE_BYTES + body.readUInt32LE(13);
  if (previewAt > body.length) return null;
  return {
    kind: 'message',
    id: body.readDoubleLE(1),
    number: body.readUInt32LE(9),
    detail: body.subarray(MESSAGE_BYTES, previewAt),
    preview: body.subarray(previewAt),
  };
}

function writeReference(octets: Buffer, at: number, reference: ContentReference | null): void {
  if (reference === null) {
    octets.fill(0, at, at + REFERENCE_BYTES);
    return;
  }
  octets.writeUInt32LE(reference.segment, at);
  octets.writeUInt32LE(reference.at, at + 4);
  octets.writeUInt32LE(reference.length, at + 8);
  octets.write(reference.digest, at + 12, DIGEST_BYTES, 'hex');
}

function readReference(octets: Buffer, at: number): ContentReference | null {
  const segment = octets.readUInt32LE(at);
  if (segment === 0) return null;
  return {
    segment,
    at: octets.readUInt32LE(at + 4),
    length: octets.readUInt32LE(at + 8),
    digest: octets.toString('hex', at + 12, at + REFERENCE_BYTES),
  };
}

const MAGIC = 'SPFLOWS1';
export const SEGMENT_HEAD_BYTES = 16;
export const FRAME_HEAD_BYTES = 12;
const DIGEST_BYTES = 32;
const REFERENCE_BYTES = 12 + DIGEST_BYTES;
const EXCHANGE_BYTES = 13 + 2 * REFERENCE_BYTES;
const MESSAGE_BYTES = 17;
const CONTENT_BYTES = 1 + DIGEST_BYTES;
/** Its head, the kind, an id and a number. */
export const HEAD_BYTES = FRAME_HEAD_BYTES + 13;
const KINDS: readonly (RecordFrame['kind'] | undefined)[] = [undefined, 'begun', 'finished', 'message', 'content'];
const BEGUN = 1;
const FINISHED = 2;
const MESSAGE = 3;
const CONTENT = 4;
/** A batch is of 256 KiB, unless it has a long content in it. */
const KEPT_BYTES = 1 << 20;
