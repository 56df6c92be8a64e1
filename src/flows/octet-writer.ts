// Owns writing text as octets, one character an octet, piece by piece, where it is to be: a text that is put together of many pieces first takes three times as
// long, and leaves as much garbage. Pieces of JSON (RFC 8259) are written in ASCII.
import { isPlain, quoted } from './json-text.ts';

export class OctetWriter {
  octets = newOctets(LEAST_OCTETS);
  /** Octets that are written. */
  at = 0;

  clear(): void {
    this.at = 0;
    if (this.octets.length > MOST_KEPT) this.octets = newOctets(LEAST_OCTETS);
  }

  /** As it is. */
  text(text: string): this {
    const { length } = text;
    const start = this.at;
    const end = start + length;
    if (end > this.octets.length) this.#grow(end);
    this.at = end;
    const { octets } = this;
    if (length > SHORT) octets.latin1Write(text, start);
    else for (let i = 0; i < length; i += 1) octets[start + i] = text.charCodeAt(i);
    return this;
  }

  /** What was written before. */
  bytes(bytes: Uint8Array): this {
    const start = this.at;
    const end = start + bytes.length;
    if (end > this.octets.length) this.#grow(end);
    this.at = end;
    this.octets.set(bytes, start);
    return this;
  }

  /** A copy of what is written from `from` on. */
  written(from: number): Uint8Array {
    return new Uint8Array(this.octets.subarray(from, this.at));
  }

  /** A string of JSON, or `null`. */
  quoted(text: string | null): this {
    if (text === null) return this.text('null');
    const { length } = text;
    if (length > SHORT_STRING) return isPlain(text) ? this.text('"').text(text).text('"') : this.text(quoted(text));
    const start = this.at;
    const end = start + length + 2;
    if (end > this.octets.length) this.#grow(end);
    this.at = end;
    const { octets } = this;
    octets[start] = QUOTE;
    for (let i = 0; i < length; i += 1) {
      const code = text.charCodeAt(i);
      if (code < BLANK || code > TILDE || code === QUOTE || code === BACKSLASH) {
        this.at = start;
        return this.text(quoted(text));
      }
      octets[start + 1 + i] = code;
    }
    octets[end - 1] = QUOTE;
    return this;
  }

  /** A string of JSON, or 0 in place of `null`. */
  quotedOr0(text: string | null): this {
    return text === null ? this.text('0') : this.quoted(text);
  }

  /** A number, or `null`; most are whole, and 0 or more. */
  whole(number: number | null): this {
    if (number === null) return this.text('null');
    // Beyond 31 bits, which are enough for nearly all.
    if ((number | 0) !== number || number < 0) return this.text(String(number));
    let digits = 1;
    for (let power = 10; power <= number; power *= 10) digits += 1;
    const start = this.at;
    const end = start + digits;
    if (end > this.octets.length) this.#grow(end);
    this.at = end;
    const { octets } = this;
    for (let i = digits - 1, rest = number; i >= 0; i -= 1) {
      const tenth = (rest / 10) | 0;
      octets[start + i] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    return this;
  }

  /** What another one has written. */
  append({ octets, at }: OctetWriter): this {
    const start = this.at;
    const end = start + at;
    if (end > this.octets.length) this.#grow(end);
    this.at = end;
    octets.copy(this.octets, start, 0, at);
    return this;
  }

  #grow(octets: number): void {
    const grown = newOctets(Math.max(octets, 2 * this.octets.length));
    this.octets.copy(grown, 0, 0, this.at);
    this.octets = grown;
  }
}

function newOctets(length: number): Latin1Buffer {
  return Buffer.allocUnsafeSlow(length) as Latin1Buffer;
}

/** What `write` calls in the end, in half the time. */
interface Latin1Buffer extends Buffer {
  latin1Write(text: string, at: number): number;
}

/** Longer ones are written faster by the system's own copying. */
const SHORT = 12;
/** The same of those that have to be looked at meanwhile. */
const SHORT_STRING = 24;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BLANK = 0x20;
const TILDE = 0x7e;
const ZERO = 0x30;
const LEAST_OCTETS = 16 << 10;
const MOST_KEPT = 1 << 20;
