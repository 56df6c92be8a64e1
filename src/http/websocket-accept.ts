// Owns the proof that a server of HTTP/1.1 has understood a WebSocket's handshake (RFC 6455 §1.3, §4.2.2). HTTP/2 has none and needs none (RFC 8441
// §5): where a handshake goes from one to the other, it is made or checked here.
import { createHash } from 'node:crypto';

/** @param key Sec-WebSocket-Key as it was sent @returns what Sec-WebSocket-Accept has to say */
export function acceptFor(key: string): string {
  return createHash('sha1').update(`${key}${GUID}`).digest('base64');
}

/** Whether a handshake has one key, as a server has to see for itself (§4.2.1). @param values of Sec-WebSocket-Key */
export function isWebSocketKey(values: readonly string[]): boolean {
  return values.length === 1 && /^[A-Za-z0-9+/]{22}==$/.test(values[0]!);
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
