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

/**
 * @param used octets at the beginning of `batch` that count
 * @throws never
 */
export function* framesOfBatch(batch: ArrayBuffer, used: number): Generator<BatchFrame> {
  const end = Math.min(used, batch.byteLength);
  const octets = Buffer.from(batch, 0, end);
  let at = 0;
  while (at + HEAD_BYTES <= end) {
    const next = at + 4 + octets.readUInt32LE(at);
    const kind = KINDS[octets[at + 4]!];
    const detailAt = at + HEAD_BYTES + octets.readUInt32LE(at + 13);
    const requestAt = detailAt + octets.readUInt32LE(at + 17);
    const responseAt = requestAt + octets.readUInt32LE(at + 21);
    const frameEnd = responseAt + octets.readUInt32LE(at + 25);
    if (kind === undefined || frameEnd !== next || next > end) return;
    yield {
      kind,
      id: octets.readDoubleLE(at + 5),
      summary: octets.subarray(at + HEAD_BYTES, detailAt),
      detail: octets.subarray(detailAt, requestAt),
      requestContent: octets.subarray(requestAt, responseAt),
      responseContent: octets.subarray(responseAt, frameEnd),
    };
    at = next;
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
