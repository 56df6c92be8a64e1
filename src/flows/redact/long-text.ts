// Owns text that is put together of very many pieces, one character an octet. What `+` makes holds on to each of its pieces until somebody reads it, at
// some ten times their octets; so what has come together is copied now and then. Short texts are never copied.

export class LongText {
  readonly #copied: Buffer[] = [];
  #text = '';

  add(piece: string): void {
    this.#text += piece;
    if (this.#text.length < COPIED_AT) return;
    this.#copied.push(Buffer.from(this.#text, 'latin1'));
    this.#text = '';
  }

  toString(): string {
    return this.#copied.length === 0 ? this.#text : Buffer.concat(this.#copied).toString('latin1') + this.#text;
  }
}

const COPIED_AT = 256 * 1024;
