// Owns the form in which recorded exchanges come from the proxy's thread: one batch is one stretch of octets, frame after frame, little endian:
//
//   u32 octets that follow | u8 kind | f64 id | u32 summary | u32 detail | u32 request content | u32 response content
//   | summary | detail | request content | response content
//
// A frame that does not fit its batch ends it: what stands behind it could be anything.

/**
 * `begun`: a summary and nothing else. `finished`: detail is a `RecordedExchange` without its summary. Both are in short forms (read-summary.ts,
 * read-detail.ts) or plain JSON. `message`: detail is a `RecordedMessage` in JSON without its preview, which is the request content.
 */
export type BatchFrameKind = 'begun' | 'finished' | 'message';

/** Views of the batch: they hold as long as it does. */
export interface BatchFrame {
  readonly kind: BatchFrameKind;
  /** Of the exchange. */
  readonly id: number;
  readonly summary: Buffer;
  readonly detail: Buffer;
  readonly requestContent: Buffer;
  readonly responseContent: Buffer;
}

/** Goes from frame to frame, without an object for each. Places are those in `octets`. */
export class BatchReader {
  readonly octets: Buffer;
  kind: BatchFrameKind = 'begun';
  /** Of the exchange. */
  id = 0;
  summaryAt = 0;
  detailAt = 0;
  requestAt = 0;
  responseAt = 0;
  /** Behind the frame. */
  end = 0;
  readonly #view: DataView;

  /** @param used octets at the beginning of `batch` that count */
  constructor(batch: ArrayBuffer, used: number) {
    this.octets = Buffer.from(batch, 0, Math.min(used, batch.byteLength));
    this.#view = new DataView(batch, 0, this.octets.length);
  }

  /** @returns whether there is another one @throws never */
  next(): boolean {
    const view = this.#view;
    const at = this.end;
    if (at + HEAD_BYTES > view.byteLength) return false;
    const kind = KINDS[view.getUint8(at + 4)];
    const end = at + 4 + view.getUint32(at, true);
    const detailAt = at + HEAD_BYTES + view.getUint32(at + 13, true);
    const requestAt = detailAt + view.getUint32(at + 17, true);
    const responseAt = requestAt + view.getUint32(at + 21, true);
    if (kind === undefined || end > view.byteLength || responseAt + view.getUint32(at + 25, true) !== end) return false;
    this.kind = kind;
    this.id = view.getFloat64(at + 5, true);
    this.summaryAt = at + HEAD_BYTES;
    this.detailAt = detailAt;
    this.requestAt = requestAt;
    this.responseAt = responseAt;
    this.end = end;
    return true;
  }
}

/**
 * @param used octets at the beginning of `batch` that count
 * @throws never
 */
export function* framesOfBatch(batch: ArrayBuffer, used: number): Generator<BatchFrame> {
  const reader = new BatchReader(batch, used);
  while (reader.next()) {
    const { octets, kind, id, summaryAt, detailAt, requestAt, responseAt, end } = reader;
    yield {
      kind,
      id,
      summary: octets.subarray(summaryAt, detailAt),
      detail: octets.subarray(detailAt, requestAt),
      requestContent: octets.subarray(requestAt, responseAt),
      responseContent: octets.subarray(responseAt, end),
    };
  }
}

/** One frame, whole. */
export function writeBatchFrame({ kind, id, summary, detail, requestContent, responseContent }: BatchFrame): Buffer<ArrayBuffer> {
  const parts = [summary, detail, requestContent, responseContent];
  const octets = Buffer.alloc(HEAD_BYTES + parts.reduce((sum, { length }) => sum + length, 0));
  octets.writeUInt32LE(octets.length - 4, 0);
  octets[4] = KINDS.indexOf(kind);
  octets.writeDoubleLE(id, 5);
  let at = HEAD_BYTES;
  for (const [i, part] of parts.entries()) {
    octets.writeUInt32LE(part.length, 13 + 4 * i);
    octets.set(part, at);
    at += part.length;
  }
  return octets;
}

const KINDS: readonly (BatchFrameKind | undefined)[] = [undefined, 'begun', 'finished', 'message'];
export const HEAD_BYTES = 29;
