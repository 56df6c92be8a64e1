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

/** The same, of a content that has been written. */
export interface WrittenReference {
  readonly segment: number;
  readonly at: number;
  readonly length: number;
  /** SHA-256, one character an octet. */
  readonly digest: string;
}

/** What came for the store (batch-frames.ts): the places of the parts of one frame in the octets of all. */
interface ArrivedOctets {
  readonly kind: 'begun' | 'finished' | 'message';
  readonly id: number;
  readonly octets: Buffer;
  readonly summaryAt: number;
  readonly detailAt: number;
  readonly requestAt: number;
  readonly responseAt: number;
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
  #octets: Buffer = Buffer.allocUnsafeSlow(KEPT_BYTES);
  #view = new DataView(this.#octets.buffer);
  #length = 0;
  #head: SegmentHead = { mark: 0, seed: 0 };

  /** Begins anew, for frames of this segment. */
  begin(head: SegmentHead): void {
    this.#head = head;
    this.#length = 0;
    if (this.#octets.length > KEPT_BYTES) this.#use(Buffer.allocUnsafeSlow(KEPT_BYTES));
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
    { kind, id, octets, summaryAt, detailAt, requestAt }: ArrivedOctets,
    request: WrittenReference | null,
    response: WrittenReference | null,
  ): number {
    const at = this.#reserve(EXCHANGE_BYTES + requestAt - summaryAt);
    const body = at + FRAME_HEAD_BYTES;
    this.#octets[body] = kind === 'begun' ? BEGUN : FINISHED;
    this.#view.setFloat64(body + 1, id, true);
    this.#view.setUint32(body + 9, detailAt - summaryAt, true);
    this.#writeReference(body + 13, request);
    this.#writeReference(body + 13 + REFERENCE_BYTES, response);
    octets.copy(this.#octets, body + EXCHANGE_BYTES, summaryAt, requestAt);
    return this.#seal(at);
  }

  /** Its detail, and its preview behind that. */
  addMessage({ id, octets, detailAt, requestAt, responseAt }: ArrivedOctets, number: number): number {
    const at = this.#reserve(MESSAGE_BYTES + responseAt - detailAt);
    const body = at + FRAME_HEAD_BYTES;
    this.#octets[body] = MESSAGE;
    this.#view.setFloat64(body + 1, id, true);
    this.#view.setUint32(body + 9, number, true);
    this.#view.setUint32(body + 13, requestAt - detailAt, true);
    octets.copy(this.#octets, body + MESSAGE_BYTES, detailAt, responseAt);
    return this.#seal(at);
  }

  /** @param digest one character an octet */
  addContent(digest: string, octets: Buffer, from: number, to: number): number {
    const at = this.#reserve(CONTENT_BYTES + to - from);
    const body = at + FRAME_HEAD_BYTES;
    this.#octets[body] = CONTENT;
    this.#octets.write(digest, body + 1, DIGEST_BYTES, 'latin1');
    octets.copy(this.#octets, body + CONTENT_BYTES, from, to);
    return this.#seal(at);
  }

  #writeReference(at: number, reference: WrittenReference | null): void {
    if (reference === null) {
      this.#octets.set(NO_REFERENCE, at);
      return;
    }
    this.#view.setUint32(at, reference.segment, true);
    this.#view.setUint32(at + 4, reference.at, true);
    this.#view.setUint32(at + 8, reference.length, true);
    this.#octets.write(reference.digest, at + 12, DIGEST_BYTES, 'latin1');
  }

  /** Room for a frame of `length` octets behind its sum. */
  #reserve(length: number): number {
    const at = this.#length;
    const end = at + FRAME_HEAD_BYTES + length;
    if (end > this.#octets.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end, this.#octets.length * 2));
      grown.set(this.octets);
      this.#use(grown);
    }
    this.#length = end;
    return at;
  }

  #use(octets: Buffer): void {
    this.#octets = octets;
    this.#view = new DataView(octets.buffer);
  }

  #seal(at: number): number {
    const body = at + FRAME_HEAD_BYTES;
    this.#view.setUint32(at, this.#head.mark, true);
    this.#view.setUint32(at + 4, this.#length - body, true);
    this.#view.setUint32(at + 8, crc32(this.#octets.subarray(body, this.#length), this.#head.seed), true);
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
const NO_REFERENCE = new Uint8Array(REFERENCE_BYTES);
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
/** As much as comes at once, unless there is a long content in it. */
const KEPT_BYTES = 1 << 20;
