// Owns the length of a message's content (RFC 9112 §6). Whatever two readers could measure differently is refused, never repaired:
// a request with both framing fields, a coding other than one final `chunked`, or a Content-Length that is not one plain number.
import { ProxyError } from '../errors/proxy-error.ts';
import { fieldValue, fieldValues, isNamed } from './fields.ts';
import type { Fields, HttpVersion } from './message.ts';

/** Octets of content when zero or more; else one of the two constants. */
export type Framing = number;
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

/**
 * Framing of a request (RFC 9112 §6.3).
 *
 * @throws ProxyError `http_request_error`: 400, or 501 for a transfer coding that is well formed and not served
 */
export function requestFraming(version: HttpVersion, fields: Fields): Framing {
  const coding = onlyTransferCoding(fields);
  const length = contentLength(fields, false);
  if (coding === undefined) return length ?? 0;
  if (length !== undefined) throw refused('The request has both Content-Length and Transfer-Encoding; it must have one of them.');
  if (version === '1.0') throw refused('A request of HTTP/1.0 cannot have a Transfer-Encoding.');
  if (coding === 'chunked') return CHUNKED;
  const isServedElsewhere = /^(?!chunked,)[a-z0-9-]{1,20}, ?chunked$/.test(coding);
  throw new ProxyError('http_request_error', 'The Transfer-Encoding of the request is not served here; send `chunked` alone.', {
    status: isServedElsewhere ? 501 : 400,
  });
}

/**
 * Framing of a final response (RFC 9112 §6.3). The caller has dealt with HEAD, 1xx, 204, 304 and CONNECT, which have no content.
 *
 * @throws ProxyError `http_protocol_error` or `http_response_transfer_coding`
 */
export function responseFraming(fields: Fields, version: HttpVersion = '1.1'): Framing {
  const coding = onlyTransferCoding(fields);
  const length = contentLength(fields, true);
  if (coding === undefined) return length ?? UNTIL_CLOSE;
  if (length !== undefined) {
    throw new ProxyError(
      'http_protocol_error',
      'The server answered with both Content-Length and Transfer-Encoding; the end of the answer cannot be known.',
    );
  }
  // "MUST treat the message as if the framing is faulty" (§6.1).
  if (version === '1.0')
    throw new ProxyError(
      'http_protocol_error',
      'The server answered in HTTP/1.0 with a Transfer-Encoding, which that version does not have.',
    );
  if (coding === 'chunked') return CHUNKED;
  // The one coding that changes nothing (RFC 2616 §3.6, withdrawn since): the content runs to the close (§6.3 rule 4).
  if (coding === 'identity') return UNTIL_CLOSE;
  // Any other would have to be decoded here, since the field that names it ends here.
  throw new ProxyError(
    'http_response_transfer_coding',
    `The server answered with the transfer coding "${coding.slice(0, 60)}", which nobody asked for.`,
  );
}

/** The whole Transfer-Encoding in lower case, or `undefined` when there is none. */
function onlyTransferCoding(fields: Fields): string | undefined {
  let coding: string | undefined;
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields[i]!;
    if (field.name.length !== 17 || !isNamed(field.name, 'transfer-encoding')) continue;
    coding = coding === undefined ? field.value.toLowerCase() : `${coding}, ${field.value.toLowerCase()}`;
  }
  return coding;
}

function contentLength(fields: Fields, isResponse: boolean): number | undefined {
  let found: string | undefined;
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields[i]!;
    if (field.name.length !== 14 || !isNamed(field.name, 'content-length')) continue;
    if (found !== undefined && !(isResponse && found === field.value))
      throw badLength(isResponse, fieldValues(fields, 'content-length').join(', '));
    found = field.value;
  }
  if (found === undefined) return undefined;
  const length = decimal(found);
  if (length < 0) throw badLength(isResponse, found);
  return length;
}

/** The content length that a message without content announces, as the answer to a HEAD does (RFC 9110 §8.6); `null` where it says none. */
export function announcedLength(fields: Fields): number | null {
  const value = fieldValue(fields, 'content-length');
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : null;
}

/** Digits only, at most fifteen of them, so that every value is an exact number; -1 otherwise. */
function decimal(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function badLength(isResponse: boolean, value: string): ProxyError {
  const text = `Content-Length "${value.slice(0, 60)}" is not one plain number of octets.`;
  return isResponse ? new ProxyError('http_protocol_error', `The server's ${text}`) : refused(`The request's ${text}`);
}

function refused(message: string): ProxyError {
  return new ProxyError('http_request_error', message);
}
