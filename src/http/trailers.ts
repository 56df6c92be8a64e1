// Owns which fields of a trailer section go on: none that a recipient acts on before it has read the content (RFC 9110 §6.5.1).
// HTTP/1.1 drops trailers altogether here; in HTTP/2 they carry how a call of gRPC ended, so they pass, filtered, on both sides.
import { type Fields, NO_FIELDS } from './message.ts';

/** A trailer section without what frames, routes, authenticates, directs caches or speaks of the connection. */
export function forwardedTrailers(trailers: Fields): Fields {
  if (trailers.length === 0) return NO_FIELDS;
  return trailers.filter(({ name }) => !PROHIBITED.has(name.toLowerCase()));
}

const PROHIBITED: ReadonlySet<string> = new Set([
  // framing and the connection
  'connection',
  'content-length',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  // routing
  'forwarded',
  'host',
  'max-forwards',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  // what a request asks
  'expect',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
  // who asks
  'authentication-info',
  'authorization',
  'cookie',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'set-cookie',
  'www-authenticate',
  // what becomes of the response
  'age',
  'cache-control',
  'date',
  'expires',
  'location',
  'pragma',
  'retry-after',
  'vary',
  // how the content is read
  'content-encoding',
  'content-range',
  'content-type',
]);
