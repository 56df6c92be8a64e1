// Owns the octets of frames on their way to the store, many in one piece of memory that is handed over as a whole. A frame is, little endian:
//
//   u32 octets that follow │ u8 kind │ f64 id │ u32 summary │ u32 detail │ u32 request content │ u32 response content │ the four, one after the other
//
// Texts have one character an octet, in the short forms of read-summary.ts and read-detail.ts. What takes frames apart is the store (store/batch-frames.ts).
import type { CapturedContent } from './captured-content.ts';

/** `begun`: a summary of what has not ended. `finished`: all of it. `message`: one of its messages, with its beginning as the request's content. */
export const FRAME_KINDS = { begun: 1, finished: 2, message: 3 } as const;
export type FrameKind = (typeof FRAME_KINDS)[keyof typeof FRAME_KINDS];

export interface Frame {
  readonly kind: FrameKind;
  /** Of the exchange, in the session. */
  readonly id: number;
  readonly texts: EncodedTexts;
  readonly requestContent: Copied | null;
  readonly responseContent: Copied | null;
}

/** Summary and detail, one behind the other from `at` on, and how many octets either has. */
export interface EncodedTexts extends PlaceOfTexts {
  readonly summary: number;
  readonly detail: number;
}

/** Where texts stand, or are to be written as long as there is room. */
export interface PlaceOfTexts {
  readonly octets: Buffer;
  readonly at: number;
}

/** Octets that are written where they are to be. */
export type Copied = Pick<CapturedContent, 'kept' | 'copyTo'>;

/** Texts are written where they stay: they are encoded into the place that the next frame has for them. */
export class FrameBatch implements PlaceOfTexts {
  readonly bytes: ArrayBuffer;
  readonly octets: Buffer;
  readonly #view: DataView;
  /** Octets that are written. */
  used = 0;

  constructor(bytes: ArrayBuffer) {
    this.bytes = bytes;
    this.octets = Buffer.from(bytes);
    this.#view = new DataView(bytes);
  }

  /** Of the texts of the next frame. */
  get at(): number {
    return this.used + HEAD_OCTETS;
  }

  hasRoomFor(octets: number): boolean {
    return this.used + octets <= this.octets.length;
  }

  /** There must be room for it. Texts that are not in their place are copied. */
  add({ kind, id, texts, requestContent, responseContent }: Frame): void {
    const view = this.#view;
    const start = this.used;
    let at = start + HEAD_OCTETS;
    const length = texts.summary + texts.detail;
    if (texts.octets !== this.octets) texts.octets.copy(this.octets, at, texts.at, texts.at + length);
    at += length;
    requestContent?.copyTo(this.octets, at);
    at += requestContent?.kept ?? 0;
    responseContent?.copyTo(this.octets, at);
    at += responseContent?.kept ?? 0;
    view.setUint32(start, at - start - 4, true);
    view.setUint8(start + 4, kind);
    view.setFloat64(start + 5, id, true);
    view.setUint32(start + 13, texts.summary, true);
    view.setUint32(start + 17, texts.detail, true);
    view.setUint32(start + 21, requestContent?.kept ?? 0, true);
    view.setUint32(start + 25, responseContent?.kept ?? 0, true);
    this.used = at;
  }
}

/** Octets that a frame takes. */
export function frameOctets({ texts, requestContent, responseContent }: Frame): number {
  return HEAD_OCTETS + texts.summary + texts.detail + (requestContent?.kept ?? 0) + (responseContent?.kept ?? 0);
}

const HEAD_OCTETS = 29;
