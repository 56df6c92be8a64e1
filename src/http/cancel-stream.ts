// Owns the reset of a stream of HTTP/2 in the middle of what we say on it (RST_STREAM, CANCEL): the peer must not take what it has for the whole.
import type { Http2Stream } from 'node:http2';
import { addAbortSignal } from 'node:stream';

/** `close` would end the stream first, and Node would send END_STREAM before the reset, or in its place: an abort does not. */
export function cancelStream(stream: Http2Stream): void {
  if (!stream.destroyed) addAbortSignal(CANCELLED, stream);
}

const CANCELLED = AbortSignal.abort();
