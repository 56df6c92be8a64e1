// Owns finding a ClientHello in the records that carry it (RFC 8446 §5.1): it may be spread over several of them, its own header too.
// Bounded to 64 KiB in 64 records. Clients send one record; tools that mean to get past those who read server_name send a handful.
import { MalformedOctets } from './octet-reader.ts';

export type RecordsRead =
  /** `octets`: how many there must be, at the least, before looking again is of use. */
  | { readonly kind: 'need-more'; readonly octets: number }
  /** The body of the message, and where in the octets its last record ends. */
  | { readonly kind: 'message'; readonly body: Buffer; readonly end: number }
  | { readonly kind: 'not-tls' };

/**
 * @param bytes all that the client has said; records behind the ClientHello (early data) are not looked at
 * @throws MalformedOctets
 */
export function readFirstMessage(bytes: Buffer): RecordsRead {
  if ((bytes[0]! & SSL2_RECORD) !== 0) return readSsl2Record(bytes);
  if ((bytes.length > 0 && bytes[0] !== HANDSHAKE) || (bytes.length > 1 && bytes[1] !== MAJOR_VERSION)) return NOT_TLS;
  const fragments: Buffer[] = [];
  let gathered = 0;
  let at = 0;
  for (let records = 0; records < MOST_RECORDS; records += 1) {
    const start = at + RECORD_HEADER;
    if (bytes.length < start) return { kind: 'need-more', octets: start };
    at = start + fragmentLength(bytes, at);
    if (bytes.length < at) return { kind: 'need-more', octets: at };
    fragments.push(bytes.subarray(start, at));
    gathered += at - start;
    if (gathered < MESSAGE_HEADER) continue;
    const message = fragments.length === 1 ? fragments[0]! : Buffer.concat(fragments, gathered);
    const missing = MESSAGE_HEADER + bodyLength(message) - gathered;
    if (missing < 0) throw new MalformedOctets('octets follow the ClientHello in its own record');
    if (missing === 0) return { kind: 'message', body: message.subarray(MESSAGE_HEADER), end: at };
  }
  throw new MalformedOctets(`the ClientHello is spread over more than ${MOST_RECORDS} records`);
}

/** Such a record has a length of two octets and no type: what tells a CLIENT-HELLO (RFC 5246 §E.2) are the two behind them. */
function readSsl2Record(bytes: Buffer): RecordsRead {
  if (bytes.length < SSL2_START) return { kind: 'need-more', octets: SSL2_START };
  if (bytes[2] !== CLIENT_HELLO || bytes[3] !== MAJOR_VERSION) return NOT_TLS;
  throw new MalformedOctets('a ClientHello in the framing of SSL 2.0');
}

function fragmentLength(bytes: Buffer, at: number): number {
  if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== MAJOR_VERSION)
    throw new MalformedOctets('another record comes before the end of the ClientHello');
  const length = bytes.readUInt16BE(at + 3);
  if (length === 0 || length > MOST_FRAGMENT) throw new MalformedOctets(`a handshake record of ${length} octets`);
  return length;
}

function bodyLength(message: Buffer): number {
  if (message[0] !== CLIENT_HELLO) throw new MalformedOctets(`handshake message ${message[0]} comes where the ClientHello (1) should`);
  const length = message.readUIntBE(1, 3);
  if (length > MOST_BODY) throw new MalformedOctets(`a ClientHello of ${length} octets; at most ${MOST_BODY} are read`);
  return length;
}

const NOT_TLS: RecordsRead = Object.freeze({ kind: 'not-tls' });
export const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** Of SSL 3.0 and of everything since. */
const MAJOR_VERSION = 3;
const SSL2_RECORD = 0x80;
const SSL2_START = 4;
export const RECORD_HEADER = 5;
export const MESSAGE_HEADER = 4;
/** RFC 8446 §5.1. */
const MOST_FRAGMENT = 2 ** 14;
const MOST_RECORDS = 64;
const MOST_BODY = 64 * 1024;
