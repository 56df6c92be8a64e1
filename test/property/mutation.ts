// Owns the spoiling of messages, by chance that a number repeats: octets that matter to a reader put in, taken out, doubled, moved, and whole
// lines with them. Works in place in one buffer and allocates nothing, since it runs millions of times.

/** Marsaglia's xorshift over 32 bits: fast, and the same everywhere for the same seed. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds are spread apart; a state of 0 would stay 0.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 0 || 1;
  }

  /** An integer from 0 up to and without `limit`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

/** One message in the making. */
export class Spoiled {
  readonly #buffer = Buffer.alloc(CAPACITY);
  readonly #chance: Chance;
  #length = 0;
  /** Octets in front that stay as they are. */
  #fixed = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Begins anew. @param fixed  octets of the message that are left alone */
  begin(message: Buffer, fixed = 0): void {
    this.#length = message.copy(this.#buffer, 0, 0, CAPACITY / 2);
    this.#fixed = Math.min(fixed, this.#length);
  }

  /** Changes it in one to three places. @param other  another message, whose parts may be mixed in */
  spoil(other: Buffer): void {
    for (let times = 1 + this.#chance.below(3); times > 0; times -= 1) this.#once(other);
  }

  #once(other: Buffer): void {
    const at = this.#fixed + this.#chance.below(this.#length - this.#fixed + 1);
    const start = this.#lineStart(at);
    const kind = this.#chance.below(12);
    if (kind === 0) this.#remove(at, 1 + this.#chance.below(4));
    else if (kind === 1) this.#double(at, 1 + this.#chance.below(16));
    else if (kind <= 3) this.#insert(at, this.#chance.pick(OCTETS));
    else if (kind <= 5) this.#replace(at, this.#chance.pick(OCTETS)[0]!);
    else if (kind === 6) this.#replace(at, this.#chance.below(256));
    else if (kind === 7) this.#swap(at);
    else if (kind === 8) this.#insert(start, this.#chance.pick(LINES));
    else if (kind === 9) this.#remove(start, this.#lineEnd(start) - start);
    else if (kind === 10) this.#double(start, this.#lineEnd(start) - start);
    else this.#insert(at, this.#partOf(other));
  }

  #partOf(other: Buffer): Buffer {
    const from = this.#chance.below(other.length);
    return other.subarray(from, from + 1 + this.#chance.below(40));
  }

  #remove(at: number, count: number): void {
    const end = Math.min(at + count, this.#length);
    this.#buffer.copyWithin(at, end, this.#length);
    this.#length -= end - at;
  }

  #insert(at: number, bytes: Uint8Array): void {
    if (this.#length + bytes.length > CAPACITY) return;
    this.#buffer.copyWithin(at + bytes.length, at, this.#length);
    this.#buffer.set(bytes, at);
    this.#length += bytes.length;
  }

  #double(at: number, count: number): void {
    const size = Math.min(count, this.#length - at);
    if (this.#length + size > CAPACITY) return;
    this.#buffer.copyWithin(at + size, at, this.#length);
    this.#length += size;
  }

  #replace(at: number, octet: number): void {
    if (at < this.#length) this.#buffer[at] = octet;
  }

  #swap(at: number): void {
    if (at + 1 >= this.#length) return;
    const octet = this.#buffer[at]!;
    this.#buffer[at] = this.#buffer[at + 1]!;
    this.#buffer[at + 1] = octet;
  }

  #lineStart(at: number): number {
    let start = at;
    while (start > this.#fixed && this.#buffer[start - 1] !== 0x0a) start -= 1;
    return start;
  }

  #lineEnd(at: number): number {
    let end = at;
    while (end < this.#length && this.#buffer[end] !== 0x0a) end += 1;
    return Math.min(end + 1, this.#length);
  }
}

const CAPACITY = 4096;

function octets(...texts: string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text, 'latin1'));
}

/** What readers disagree about. */
const OCTETS = octets(
  ...'\r\n\0\t :;,"\\=+-_019aFx/?#@%[]*.\x0b\x0c\x7f\x80\x85\xa0\xc3\xff',
  ...['\r\n', '\r\n\r\n', '\n\n', '\r\r\n', '0\r\n\r\n', '1\r\nx\r\n'],
);
const LINES = octets(
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'content-length:3\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Content-Length : 1\r\n',
  'Transfer-Encoding: chunked\r\n',
  'transfer-encoding:Chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive, x\r\n',
  'Host: b.example\r\n',
  'X: y\r\n',
  ' folded\r\n',
  'nonsense\r\n',
  ': empty\r\n',
  '\r\n',
  '\n',
  'GET / HTTP/1.1\r\n',
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  '5;a=b\r\nhello\r\n',
  'ffffffffffffff\r\n',
);
