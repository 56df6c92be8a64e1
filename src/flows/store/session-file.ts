// Owns a session as one file, to be given to somebody. Version 1:
//
//   gzip of: 8 octets `SPSHARE1` | for each frame: u32 CRC-32 of the frame | the frame, in the form of batch-frames.ts, finished or message
//
// Exchanges come in the order in which they began, each followed by its messages. The digests in their details are not looked at: contents are
// there in full. Nothing in the file names a file, so nothing in it can choose where something is written; what it may come to is bounded by whoever
// reads it, and the first octet that is not as it has to be ends the reading.
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createGunzip, createGzip } from 'node:zlib';
import { errorCode } from '../../errors/from-node.ts';
import type { RecordedMessage } from '../recorded.ts';
import { maskMessage } from '../redact.ts';
import { type BatchFrame, framesOfBatch, HEAD_BYTES, writeBatchFrame } from './batch-frames.ts';
import type { FlowSession } from './flow-session.ts';
import { type Masking, maskRecord, type WholeRecord } from './mask-record.ts';
import { isDetail, isMessage, isSummary } from './record-shapes.ts';

/**
 * @param file must not exist yet; it is this user's alone
 * @param masking what is masked in it; `null` for nothing
 * @returns its octets
 * @throws errors of Node's
 */
export async function exportSession(session: FlowSession, file: string, masking: Masking | null): Promise<number> {
  const target = createWriteStream(file, { flags: 'wx', mode: 0o600 });
  await pipeline(Readable.from(fileOf(session, masking)), createGzip(), target);
  return target.bytesWritten;
}

async function* fileOf(session: FlowSession, masking: Masking | null): AsyncGenerator<Buffer> {
  yield Buffer.from(MAGIC, 'latin1');
  for (const id of idsOf(session)) {
    const record = recordOf(session, id);
    if (record !== null) yield* summed(recordFrame(id, masking === null ? record : await maskRecord(record, masking)));
    for (const message of record === null ? [] : messagesOf(session, id))
      yield* summed(messageFrame(id, masking === null ? message : maskMessage(message, masking.rules)));
    // Others have their turn.
    await new Promise(setImmediate);
  }
}

function* summed(frame: BatchFrame): Generator<Buffer> {
  const octets = writeBatchFrame(frame);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(octets));
  yield sum;
  yield octets;
}

/** Ascending. */
function idsOf(session: FlowSession): Float64Array {
  const ids = new Float64Array(session.exchanges);
  let at = ids.length;
  for (let below = session.lastId + 1; at > 0; ) {
    const some = session.idsBelow(below, IDS_AT_ONCE);
    if (some.length === 0) break;
    for (below of some) if (at > 0) ids[(at -= 1)] = below;
  }
  return ids.subarray(at);
}

/** @returns `null` of one that is gone, or has not ended */
function recordOf(session: FlowSession, id: number): WholeRecord | null {
  const found = session.find(id);
  if (found === null || found.summary.state === 'pending') return null;
  return { exchange: found.exchange(), requestOctets: found.content('request'), responseOctets: found.content('response') };
}

function* messagesOf(session: FlowSession, id: number): Generator<RecordedMessage> {
  for (let after = 0; ; ) {
    const messages = session.messages(id, after, MESSAGES_AT_ONCE);
    yield* messages;
    if (messages.length < MESSAGES_AT_ONCE) return;
    after = messages.at(-1)!.number;
  }
}

export function messageFrame(id: number, { preview, ...detail }: RecordedMessage): BatchFrame {
  return {
    kind: 'message',
    id,
    summary: NOTHING,
    detail: jsonOf({ ...detail, exchangeId: id }),
    requestContent: Buffer.from(preview, 'base64'),
    responseContent: NOTHING,
  };
}

/** An exchange as a frame, under an id of the session that it goes into. */
export function recordFrame(id: number, { exchange, requestOctets, responseOctets }: WholeRecord): BatchFrame {
  const { summary, ...detail } = exchange;
  return {
    kind: 'finished',
    id,
    summary: jsonOf({ ...summary, id }),
    detail: jsonOf(detail),
    requestContent: requestOctets ?? NOTHING,
    responseContent: responseOctets ?? NOTHING,
  };
}

/**
 * Reads such a file into a session that is empty.
 *
 * @param maxBytes that it may come to
 * @throws Error with a sentence for people, when it is no such file, damaged, or too large
 */
export async function importSession(session: FlowSession, file: string, maxBytes: number): Promise<void> {
  const reader = new FileReader((frames, octets) => session.write(frames, octets, Date.now()), maxBytes);
  try {
    await pipeline(createReadStream(file), createGunzip(), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        reader.take(chunk);
        await new Promise(setImmediate);
      }
    });
    reader.end();
  } catch (error) {
    if (error instanceof NotSuchFile) throw error;
    const code = errorCode(error);
    throw code.startsWith('Z_') || code.startsWith('ERR_ZLIB')
      ? new NotSuchFile('it is not compressed as such files are, or cut short')
      : error;
  }
}

export class NotSuchFile extends Error {
  constructor(why: string) {
    super(`The file is no session that can be opened: ${why}.`);
  }
}

class FileReader {
  readonly #write: (frames: readonly BatchFrame[], octets: number) => void;
  readonly #maxBytes: number;
  /** Not read yet. */
  #chunks: Buffer[] = [];
  #length = 0;
  /** Less than that can not be read. */
  #needed = MAGIC.length;
  #bytes = 0;
  #hasBegun = false;
  #lastId = 0;

  constructor(write: (frames: readonly BatchFrame[], octets: number) => void, maxBytes: number) {
    this.#write = write;
    this.#maxBytes = maxBytes;
  }

  take(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes)
      throw new NotSuchFile(`it holds more than ${this.#maxBytes} octets, which is all that a session may have`);
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length >= this.#needed) this.#readAll(Buffer.concat(this.#chunks));
  }

  end(): void {
    if (!this.#hasBegun || this.#length > 0) throw new NotSuchFile('its end is missing');
  }

  #readAll(octets: Buffer): void {
    let at = 0;
    if (!this.#hasBegun) {
      if (octets.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new NotSuchFile('it does not begin as one, or is of a later version');
      this.#hasBegun = true;
      at = MAGIC.length;
    }
    const from = at;
    const frames: BatchFrame[] = [];
    while (at + 8 <= octets.length) {
      const length = 4 + octets.readUInt32LE(at + 4);
      if (length > MOST_FRAME_BYTES || length < HEAD_BYTES) throw new NotSuchFile('one of its records has an impossible length');
      this.#needed = 4 + length;
      if (at + this.#needed > octets.length) break;
      frames.push(this.#read(octets.subarray(at, at + this.#needed)));
      at += this.#needed;
      this.#needed = 8;
    }
    if (frames.length > 0) this.#write(frames, at - from);
    const rest = octets.subarray(at);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
  }

  #read(octets: Buffer): BatchFrame {
    const copy = Uint8Array.from(octets.subarray(4));
    const [frame] = framesOfBatch(copy.buffer, copy.length);
    if (crc32(copy) !== octets.readUInt32LE(0) || frame === undefined || frame.kind === 'begun')
      throw new NotSuchFile('one of its records is damaged');
    const isInOrder = frame.kind === 'finished' ? frame.id > this.#lastId : frame.id === this.#lastId;
    if (!isInOrder || !Number.isSafeInteger(frame.id)) throw new NotSuchFile('its records are not in order');
    this.#lastId = frame.id;
    const asOurs = inOurForm(frame);
    if (asOurs === null) throw new NotSuchFile(`record ${frame.id} is not of the right form`);
    return asOurs;
  }
}

/** What is read later as JSON of a known shape has to be some; written anew, it is in no form that only a stranger would write. */
function inOurForm(frame: BatchFrame): BatchFrame | null {
  const { kind, id } = frame;
  try {
    const detail: unknown = JSON.parse(frame.detail.toString());
    if (kind === 'message') return isMessage(detail, id) ? { ...frame, summary: NOTHING, detail: jsonOf(detail) } : null;
    const summary: unknown = JSON.parse(frame.summary.toString());
    return isSummary(summary, id) && isDetail(detail) ? { ...frame, summary: jsonOf(summary), detail: jsonOf(detail) } : null;
  } catch {
    return null;
  }
}

function jsonOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

const MAGIC = 'SPSHARE1';
const NOTHING = Buffer.alloc(0);
const IDS_AT_ONCE = 1000;
const MESSAGES_AT_ONCE = 500;
/** More than both contents of any exchange. */
const MOST_FRAME_BYTES = 256 << 20;
