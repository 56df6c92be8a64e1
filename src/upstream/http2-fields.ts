// Owns messages as HTTP/2 has them (RFC 9113 §8): a request of ours as a field list, and the strict reading of what an origin answers.
// Checked before this file is asked, by nghttp2, which Node is built on: names are lower case and tokens, pseudo-header fields come first, once
// and are known, the status is three digits and not 101, nothing is connection-specific (§8.2.2), Content-Length is one number and agrees with
// the content. Fields whose value has CR, LF, NUL or blanks around it are left out by Node. What is left is checked here: sizes and the status.
import { ProxyError } from '../errors/proxy-error.ts';
import { type FieldList, fieldsOf, octetsOf, pushField } from '../http/field-list.ts';
import { fieldValue, withoutField } from '../http/fields.ts';
import type { Field, Fields, ResponseHead } from '../http/message.ts';
import { METHODS_WITH_CONTENT } from '../http/methods.ts';
import { acceptFor } from '../http/websocket-accept.ts';
import type { ClientRequest } from './http1-client.ts';

/** `target` is `:path`, `host` is `:authority`, in place of Host (§8.3.1). */
export interface Http2Request extends ClientRequest {
  /** Whether the client takes trailers: then the origin hears so (`TE: trailers`, §8.2.2). */
  readonly wantsTrailers: boolean;
  /** The request is a WebSocket's handshake of HTTP/1.1, and goes out as what means the same (RFC 8441 §5). */
  readonly isWebSocket: boolean;
}

/**
 * Fields that are never kept by the compression. Many clients share its state on one session: what is secret to one must not show in the size of
 * what another sends (RFC 7541 §7.1).
 */
export const SECRET_FIELDS = ['authorization', 'cookie'];

/**
 * Field values are octets on both sides: one character each.
 *
 * @param contentLength `null` when only the end of the stream will tell
 */
export function requestFieldList(request: Http2Request, contentLength: number | null): FieldList {
  const { method, target, host, fields, wantsTrailers, isWebSocket } = request;
  const list = [':method', isWebSocket ? 'CONNECT' : method, ':scheme', 'https', ':authority', host, ':path', target];
  if (isWebSocket) list.push(':protocol', 'websocket');
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields[i]!;
    const name = field.name.toLowerCase();
    if (!NOT_AS_THEY_CAME.has(name)) pushField(list, name, field.value);
  }
  if (contentLength !== null && (contentLength > 0 || METHODS_WITH_CONTENT.has(method))) list.push('content-length', String(contentLength));
  if (wantsTrailers) list.push('te', 'trailers');
  return list;
}

/**
 * @param maxBytes octets of all names and values together
 * @param name the origin, for messages
 * @throws ProxyError `http_response_header_section_size`, `http_protocol_error`
 */
export function readResponseHead(raw: FieldList, maxBytes: number, name: string): ResponseHead {
  const fields: Field[] = [];
  let status = 0;
  let size = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const field = { name: raw[i]!, value: raw[i + 1]! };
    size += field.name.length + field.value.length;
    if (field.name === ':status') status = Number(field.value);
    else fields.push(field);
  }
  if (size > maxBytes) {
    throw new ProxyError('http_response_header_section_size', `The head of ${name}'s answer has more than ${maxBytes} octets.`);
  }
  if (!(status >= 100 && status <= 999))
    throw new ProxyError('http_protocol_error', `${name} answered without a status code of three digits.`);
  return { status, reason: '', version: '2', fields };
}

/**
 * The answer to a WebSocket's handshake as HTTP/1.1 has it: 101, with the proof that HTTP/2 does without.
 *
 * @param head of a response of 2xx
 * @param request the handshake as it would have gone out over HTTP/1.1
 */
export function switchedHead({ fields }: ResponseHead, request: Http2Request): ResponseHead {
  const accept = { name: 'sec-websocket-accept', value: acceptFor(fieldValue(request.fields, 'sec-websocket-key') ?? '') };
  return { status: 101, reason: 'Switching Protocols', version: '2', fields: [...withoutField(fields, accept.name), accept] };
}

/** @throws ProxyError `http_response_trailer_section_size` */
export function readTrailers(raw: FieldList, maxBytes: number, name: string): Fields {
  if (octetsOf(raw) <= maxBytes) return fieldsOf(raw);
  throw new ProxyError('http_response_trailer_section_size', `The trailers of ${name}'s answer have more than ${maxBytes} octets.`);
}

/** From what is beside the fields, or not at all. */
const NOT_AS_THEY_CAME: ReadonlySet<string> = new Set(['content-length', 'host', 'sec-websocket-key', 'te']);
