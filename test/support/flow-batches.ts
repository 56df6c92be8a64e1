// Recorded exchanges as the proxy's thread sends them to the store: batches of frames.
import type { RecordedContent, RecordedExchange, RecordedFields, RecordedMessage, Summary } from '../../src/flows/recorded.ts';
import { type BatchFrame, writeBatchFrame } from '../../src/flows/store/batch-frames.ts';
import { factsOf, summaryOf } from './recorded.ts';

/** A row whose host, path and time follow from its id. */
export function rowOf(id: number, changes: Partial<Summary> = {}): Summary {
  const own = { id, scheme: 'https', host: `www.example${id % 7}.com`, port: 443, path: `/articles/${id}?page=2` } as const;
  return summaryOf({ ...own, startedAtMs: 1_760_000_000_000 + id, rule: 'web', contentType: 'text/html; charset=utf-8', ...changes });
}

export function detailOf(request: Buffer | null, response: Buffer | null, coding?: string): Omit<RecordedExchange, 'summary'> {
  const fields: RecordedFields = [
    ['Host', 'www.example.com'],
    ['User-Agent', 'a browser'],
    ['Accept-Encoding', 'gzip, br'],
  ];
  const plain: RecordedFields = [
    ['Content-Type', 'text/html; charset=utf-8'],
    ['Cache-Control', 'no-store'],
  ];
  return {
    request: { method: 'GET', target: 'https://www.example.com/articles', version: '1.1', fields },
    sent: null,
    received: null,
    response: {
      ...{ status: 200, reason: 'OK', version: '1.1' },
      fields: coding === undefined ? plain : [...plain, ['Content-Encoding', coding]],
    },
    requestContent: contentOf(request),
    responseContent: contentOf(response),
    facts: factsOf(),
  };
}

function contentOf(octets: Buffer | null): RecordedContent | null {
  return octets === null ? null : { length: octets.length, kept: octets.length, digest: null, isComplete: true, trailers: [] };
}

export interface Finished {
  readonly summary?: Partial<Summary>;
  readonly request?: Buffer;
  readonly response?: Buffer;
  readonly coding?: string;
}

export function begun(id: number, changes: Partial<Summary> = {}): BatchFrame {
  const summary = rowOf(id, { state: 'pending', outcome: null, status: 0, firstByteMs: null, totalMs: null, ...changes });
  return { kind: 'begun', id, summary: jsonOf(summary), detail: NOTHING, requestContent: NOTHING, responseContent: NOTHING };
}

export function finished(id: number, { summary = {}, request, response, coding }: Finished = {}): BatchFrame {
  const detail = detailOf(request ?? null, response ?? null, coding);
  return {
    kind: 'finished',
    id,
    summary: jsonOf(rowOf(id, summary)),
    detail: jsonOf(detail),
    requestContent: request ?? NOTHING,
    responseContent: response ?? NOTHING,
  };
}

export function message(id: number, number: number, text: string): BatchFrame {
  const detail: Omit<RecordedMessage, 'preview'> = {
    ...{ exchangeId: id, number, atMs: 1_760_000_000_000 + number, direction: 'to-client', kind: 'text', length: text.length },
    ...{ isCompressed: false, contentLength: text.length, closeCode: null, problem: null },
  };
  return { kind: 'message', id, summary: NOTHING, detail: jsonOf(detail), requestContent: Buffer.from(text), responseContent: NOTHING };
}

/** All of them as one stretch of octets. */
export function batchOf(frames: readonly BatchFrame[]): ArrayBuffer {
  const parts = frames.map(writeBatchFrame);
  const batch = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    batch.set(part, at);
    at += part.length;
  }
  return batch.buffer;
}

function jsonOf(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

const NOTHING = Buffer.alloc(0);
