// Owns reading a file from its beginning to its end, a stretch at a time, whatever is wanted of it next.

export class Stretch {
  readonly #read: (at: number, length: number) => Buffer;
  readonly #end: number;
  readonly #bytes: number;
  #octets: Buffer = Buffer.alloc(0);
  #from = 0;

  /**
   * @param read may give fewer octets at the end of the file
   * @param end where that is
   * @param bytes of a stretch
   */
  constructor(read: (at: number, length: number) => Buffer, end: number, bytes: number) {
    this.#read = read;
    this.#end = end;
    this.#bytes = bytes;
  }

  /** Views hold: what is read later lies elsewhere. */
  at(at: number, length: number): Buffer {
    const offset = at - this.#from;
    if (offset < 0 || offset + length > this.#octets.length) {
      this.#octets = this.#read(at, Math.min(Math.max(length, this.#bytes), this.#end - at));
      this.#from = at;
    }
    return this.#octets.subarray(at - this.#from, at - this.#from + length);
  }

  indexOf(mark: Buffer, from: number): number | null {
    for (let at = from; at + mark.length <= this.#end; at += this.#bytes) {
      const found = this.at(at, Math.min(this.#bytes + mark.length, this.#end - at)).indexOf(mark);
      if (found >= 0) return at + found;
    }
    return null;
  }
}
