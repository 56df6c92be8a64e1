// Recorded exchanges as the proxy's thread sends them to the store: batches of frames.
import type { RecordedContent, RecordedExchange, RecordedMessage, Summary } from '../../src/flows/recorded.ts';
import { type BatchFrame, writeBatchFrame } from '../../src/flows/store/batch-frames.ts';

export function summaryOf(id: number, changes: Partial<Summary> = {}): Summary {
  return {
    ...{ id, state: 'done', kind: 'exchange', connectId: null, replayOf: null, startedAtMs: 1_760_000_000_000 + id, client: '127.0.0.1' },
    ...{ user: null, method: 'GET', scheme: 'https', host: `www.example${id % 7}.com`, port: 443, path: `/articles/${id}?page=2` },
    ...{ version: '1.1', status: 200, outcome: 'forwarded', error: null, decision: 'allow', rule: 'web', reported: 0, cache: 'forwarded' },
    ...{
      interception: null,
      contentType: 'text/html; charset=utf-8',
      requestBytes: 0,
      responseBytes: 1234,
      resolveMs: 1.25,
      connectMs: 2.5,
    },
    ...{ tlsMs: 4.25, firstByteMs: 20.125, totalMs: 24.5, messages: 0, touched: [] },
    ...changes,
  } as Summary;
}

export function detailOf(request: Buffer | null, response: Buffer | null, coding?: string): Omit<RecordedExchange, 'summary'> {
  const fields: [string, string][] = [
    ['Host', 'www.example.com'],
    ['User-Agent', 'a browser'],
    ['Accept', '*/*'],
    ['Accept-Encoding', 'gzip, br'],
  ];
  const answered: [string, string][] = [
    ['Content-Type', 'text/html; charset=utf-8'],
    ['Date', 'Sun, 22 Nov 2026 10:00:00 GMT'],
    ['Cache-Control', 'no-store'],
  ];
  if (coding !== undefined) answered.push(['Content-Encoding', coding]);
  return {
    request: { method: 'GET', target: 'https://www.example.com/articles', version: '1.1', fields },
    sent: null,
    received: null,
    response: { status: 200, reason: 'OK', version: '1.1', fields: answered },
    requestContent: contentOf(request),
    responseContent: contentOf(response),
    facts: {
      ...{ connectionId: 1, clientPort: 50_000, listener: '127.0.0.1:8080', decision: null, hello: null, interceptionReason: null },
      ...{ route: 'direct', judged: [], resolvedFrom: 'cache', upstreamAddress: '192.0.2.1', upstreamPort: 443, reusedConnection: true },
      ...{ upstreamProtocol: '1.1', originTls: null, cache: null, errorMessage: null, changes: [] },
    },
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
  const summary = summaryOf(id, { state: 'pending', outcome: null, status: 0, firstByteMs: null, totalMs: null, ...changes });
  return { kind: 'begun', id, summary: jsonOf(summary), detail: NOTHING, requestContent: NOTHING, responseContent: NOTHING };
}

export function finished(id: number, { summary = {}, request, response, coding }: Finished = {}): BatchFrame {
  const detail = detailOf(request ?? null, response ?? null, coding);
  return {
    kind: 'finished',
    id,
    summary: jsonOf(summaryOf(id, summary)),
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
