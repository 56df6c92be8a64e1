// Owns telling whether a client speaks HTTP without TLS: a request line of HTTP/1.x (RFC 9112 §3), or the preface of HTTP/2 (RFC 9113 §3.4).
// A method and a blank are not enough: SSH, SMTP and IRC begin like that, too. So the whole line is looked at, up to its end.

export type PlainHttp = 'http/1.1' | 'h2' | 'need-more' | 'other';

/** @param bytes everything that the client has said, from the first octet on */
export function plainHttp(bytes: Buffer): PlainHttp {
  if (beginsWith(bytes, PREFACE)) return bytes.length < PREFACE.length ? 'need-more' : 'h2';
  let at = 0;
  // RFC 9112 §2.2: one empty line before a request is passed over.
  if (bytes[0] === CR) {
    if (bytes.length > 1 && bytes[1] !== LF) return 'other';
    at = 2;
  }
  const method = at;
  while (isTokenOctet(bytes[at])) at += 1;
  if (at >= bytes.length) return at - method > MOST_METHOD ? 'other' : 'need-more';
  if (at === method || at - method > MOST_METHOD || bytes[at] !== SPACE) return 'other';
  const target = (at += 1);
  while (isTargetOctet(bytes[at])) at += 1;
  if (at - target > MOST_TARGET) return 'other';
  if (at >= bytes.length) return 'need-more';
  return at === target || bytes[at] !== SPACE ? 'other' : versionAt(bytes, at + 1);
}

function versionAt(bytes: Buffer, at: number): PlainHttp {
  const name = bytes.subarray(at, at + VERSION.length);
  if (!beginsWith(name, VERSION)) return 'other';
  const [minor = ZERO, end = CR, feed = LF] = bytes.subarray(at + VERSION.length, at + VERSION.length + 3);
  const isLine = minor >= ZERO && minor <= NINE && (end === LF || (end === CR && feed === LF));
  if (!isLine) return 'other';
  const length = bytes.length - at - VERSION.length;
  return length > 2 || (length === 2 && end === LF) ? 'http/1.1' : 'need-more';
}

/** As far as they go: whether the one could still become the other. */
function beginsWith(bytes: Buffer, beginning: Buffer): boolean {
  const length = Math.min(bytes.length, beginning.length);
  return bytes.compare(beginning, 0, length, 0, length) === 0;
}

/** RFC 9110 §5.6.2. */
function isTokenOctet(octet: number | undefined): boolean {
  return octet !== undefined && octet < 0x80 && TOKEN.includes(String.fromCharCode(octet));
}

/** Octets above 0x7F are let through, as http/target.ts lets them through. */
function isTargetOctet(octet: number | undefined): boolean {
  return octet !== undefined && octet > SPACE && octet !== 0x7f;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const VERSION = Buffer.from('HTTP/1.');
const TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const MOST_METHOD = 32;
const MOST_TARGET = 16 * 1024;
const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;
const ZERO = 0x30;
const NINE = 0x39;
