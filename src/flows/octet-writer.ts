// Owns writing text as octets, one character an octet, piece by piece, where it is to be: a text that is put together of many pieces first takes three times as
// long, and leaves as much garbage. Pieces of JSON (RFC 8259) are written in ASCII.
import { quoted } from './json-text.ts';

export class OctetWriter {
  octets = newOctets(LEAST_OCTETS);
  /** Octets that are written. */
  at = 0;

  clear(): void {
    this.at = 0;
    if (this.octets.length > MOST_KEPT) this.octets = newOctets(LEAST_OCTETS);
  }

  /** Goes on at `at` in `octets`, which are somebody else's. Where they end too soon, larger ones take their place, with a copy of what stands in them. */
  goOnIn(octets: Buffer, at: number): void {
    this.octets = octets as WritableBuffer;
    this.at = at;
  }

  /** As it is; for what stands in the source, and other short texts. */
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

  /** The same, of a text that may be long, or have been made in any way: to ask for its length would take as long as to write it. */
  anyText(text: string): this {
    for (;;) {
      const { octets, at } = this;
      const end = at + octets.latin1Write(text, at);
      if (end < octets.length) {
        this.at = end;
        return this;
      }
      this.#grow(octets.length + 1);
    }
  }

  /** A string of JSON, or `null`. */
  quoted(text: string | null): this {
    if (text === null) return this.text('null');
    const { octets, at } = this;
    const start = at + 1;
    // What has to be escaped is looked for where it is written: octets are all of one kind, and texts of many.
    const end = start + octets.utf8Write(text, start);
    // The last character may have found no room.
    if (end > octets.length - MOST_OCTETS_OF_ONE) {
      this.#grow(octets.length + 1);
      return this.quoted(text);
    }
    for (let i = start; i < end; i += 1) {
      const octet = octets[i]!;
      if (octet < BLANK || octet > TILDE || octet === QUOTE || octet === BACKSLASH) return this.anyText(quoted(text));
    }
    octets[at] = QUOTE;
    octets[end] = QUOTE;
    this.at = end + 1;
    return this;
  }

  /** A string of JSON, or 0 in place of `null`. */
  quotedOr0(text: string | null): this {
    return text === null ? this.text('0') : this.quoted(text);
  }

  /** A number; most are whole, and 0 or more. */
  whole(number: number): this {
    // Beyond 31 bits, which are enough for nearly all.
    if ((number | 0) !== number || number < 0) return this.text(String(number));
    const start = this.at;
    const end = start + digitsOf(number);
    if (end > this.octets.length) this.#grow(end);
    this.at = end;
    const { octets } = this;
    let rest = number;
    for (let at = end - 1; at > start; at -= 1) {
      const tenth = (rest / 10) | 0;
      octets[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    octets[start] = ZERO + rest;
    return this;
  }

  wholeOrNull(number: number | null): this {
    return number === null ? this.text('null') : this.whole(number);
  }

  /** What parts elements of a list. */
  comma(): this {
    const { at } = this;
    if (at === this.octets.length) this.#grow(at + 1);
    this.octets[at] = COMMA;
    this.at = at + 1;
    return this;
  }

  #grow(octets: number): void {
    const grown = newOctets(Math.max(octets, 2 * this.octets.length));
    this.octets.copy(grown, 0, 0, this.at);
    this.octets = grown;
  }
}

/** In whole numbers of 31 bits: a power beyond them would be a fraction to the processor, at several times the cost. */
function digitsOf(number: number): number {
  if (number < 10) return 1;
  if (number < 100) return 2;
  if (number < 1_000) return 3;
  if (number < 10_000) return 4;
  if (number < 100_000) return 5;
  if (number < 1_000_000) return 6;
  if (number < 10_000_000) return 7;
  if (number < 100_000_000) return 8;
  return number < 1_000_000_000 ? 9 : 10;
}

function newOctets(length: number): WritableBuffer {
  return Buffer.allocUnsafeSlow(length) as WritableBuffer;
}

/** What `write` calls in the end, in half the time. Both return how many octets they have written, which are fewer where there is no room for more. */
interface WritableBuffer extends Buffer {
  latin1Write(text: string, at: number): number;
  utf8Write(text: string, at: number): number;
}

/** Longer ones are written faster by the system's own copying. */
const SHORT = 12;
/** In UTF-8. */
const MOST_OCTETS_OF_ONE = 4;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BLANK = 0x20;
const TILDE = 0x7e;
const ZERO = 0x30;
const COMMA = 0x2c;
const LEAST_OCTETS = 16 << 10;
const MOST_KEPT = 1 << 20;
