// Owns reading the presentation language of TLS (RFC 8446 §3): numbers of fixed size, and vectors behind their length.
// Nothing is copied, and nothing is read beyond the end.

/** What is wrong with octets that are not what they should be; caught where they came in, and never seen outside of this folder. */
export class MalformedOctets extends Error {}

export class OctetReader {
  readonly #bytes: Buffer;
  /** For messages: the name of what is read. */
  readonly #what: string;
  #at: number;
  readonly #end: number;

  constructor(bytes: Buffer, what: string, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#what = what;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  /** How many octets are left. */
  get length(): number {
    return this.#end - this.#at;
  }

  /** @throws MalformedOctets, as all that follow */
  uint8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint16(): number {
    const at = this.#take(2);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  skip(octets: number): void {
    this.#take(octets);
  }

  /** A vector with a length of one octet before it: `opaque name<least..2^8-1>`. */
  vector8(what: string, least: number): OctetReader {
    return this.#vector(this.uint8(), what, least);
  }

  /** A vector with a length of two octets before it. */
  vector16(what: string, least: number): OctetReader {
    return this.#vector(this.uint16(), what, least);
  }

  /** All that is left, as 16-bit numbers. */
  restAsUint16s(): number[] {
    const left = this.#end - this.#at;
    if (left % 2 !== 0) throw new MalformedOctets(`${this.#what} has an odd length`);
    const numbers: number[] = [];
    while (!this.isAtEnd) numbers.push(this.uint16());
    return numbers;
  }

  /** All that is left, one character an octet. */
  restAsText(): string {
    return this.#bytes.toString('latin1', this.#take(this.#end - this.#at), this.#end);
  }

  includes(octet: number): boolean {
    const found = this.#bytes.indexOf(octet, this.#at);
    return found !== -1 && found < this.#end;
  }

  /** Nothing may follow. */
  finish(): void {
    if (!this.isAtEnd) throw new MalformedOctets(`${this.#what} is longer than what it holds`);
  }

  #vector(length: number, what: string, least: number): OctetReader {
    if (length < least) throw new MalformedOctets(`${what} is too short`);
    const start = this.#take(length);
    return new OctetReader(this.#bytes, what, start, start + length);
  }

  #take(octets: number): number {
    const start = this.#at;
    if (octets > this.#end - start) throw new MalformedOctets(`${this.#what} ends in the middle`);
    this.#at = start + octets;
    return start;
  }
}
