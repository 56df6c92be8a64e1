// Owns the fields of a recorded request as they were on the wire to the origin. The record has those that the stages handed to upstream; what a client of
// HTTP/1.1 or of HTTP/2 makes of them by itself is always the same, and is put in where a record is read: Host or the pseudo-header fields (RFC 9112 §3.2,
// RFC 9113 §8.3.1), and what says how long the content is.
import { CONNECTION_SPECIFIC } from '../http/field-list.ts';
import { METHODS_WITH_CONTENT } from '../http/methods.ts';
import type { RecordedFields } from './recorded.ts';

export interface SentHead {
  readonly method: string;
  /** The request target of HTTP/1.1, which is `:path` in HTTP/2. */
  readonly target: string;
  /** Without the port that the scheme has anyway. */
  readonly authority: string;
  /** Without Host and framing. */
  readonly fields: RecordedFields;
  /** Octets of content; `null` where its end tells. */
  readonly length: number | null;
  /** `TE: trailers` goes with it (RFC 9113 §8.2.2): the client takes them. */
  readonly wantsTrailers: boolean;
}

/** In the order of http1/writer.ts. */
export function sentByHttp1({ method, authority, fields, length }: SentHead): RecordedFields {
  const framing: RecordedFields = length === null ? [['Transfer-Encoding', 'chunked']] : lengthField('Content-Length', method, length);
  return [['Host', authority], ...fields, ...framing];
}

/** In the order of upstream/http2-fields.ts. */
export function sentByHttp2({ method, target, authority, fields, length, wantsTrailers }: SentHead): RecordedFields {
  const lower = fields.map(([name, value]) => [name.toLowerCase(), value] as const);
  // Of a handshake for a WebSocket HTTP/2 makes a CONNECT (RFC 8441 §5).
  const isWebSocket = lower.some(([name]) => name === 'upgrade');
  return [
    [':method', isWebSocket ? 'CONNECT' : method],
    [':scheme', 'https'],
    [':authority', authority],
    [':path', target],
    ...(isWebSocket ? [[':protocol', 'websocket'] as const] : []),
    ...lower.filter(([name]) => !CONNECTION_SPECIFIC.has(name) && !NOT_AS_THEY_CAME.has(name)),
    ...(length === null ? [] : lengthField('content-length', method, length)),
    ...(wantsTrailers ? [['te', 'trailers'] as const] : []),
  ];
}

function lengthField(name: string, method: string, length: number): RecordedFields {
  return length > 0 || METHODS_WITH_CONTENT.has(method) ? [[name, String(length)]] : [];
}

/** From what is beside the fields, or not at all. */
const NOT_AS_THEY_CAME: ReadonlySet<string> = new Set(['content-length', 'host', 'sec-websocket-key', 'te']);
