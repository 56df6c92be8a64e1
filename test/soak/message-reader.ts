// Owns the reading of HTTP/1.1 messages under load: as strict about framing as the reader in test/support, without keeping what it reads.
// It shares no code with src/. Anything a careful peer would not write is an error: the proxy, on both of its sides, is a careful peer.

/** What a message answers, as far as its framing depends on it. */
export type Role = 'request' | 'response' | 'response to CONNECT';

export interface Head {
  readonly startLine: string;
  /** Lower-case name to value. No message here has a field twice, but for those that the proxy passes on as lists. */
  readonly fields: ReadonlyMap<string, string>;
}

type State = 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'until-close' | 'whole';

export class MessageReader {
  readonly #role: Role;
  readonly #onHead: (head: Head) => void;
  readonly #onContent: (bytes: Buffer) => void;
  #state: State = 'head';
  /** What came of a head or a line that is not complete. */
  #text = '';
  #left = 0;

  constructor(role: Role, onHead: (head: Head) => void, onContent: (bytes: Buffer) => void) {
    this.#role = role;
    this.#onHead = onHead;
    this.#onContent = onContent;
  }

  get hasBegun(): boolean {
    return this.#state !== 'head' || this.#text !== '';
  }

  /** @returns what came behind the message, `null` while it is not whole @throws Error for what is not HTTP/1.1 */
  feed(bytes: Buffer): Buffer | null {
    let at = 0;
    while (this.#state !== 'whole') {
      if (at === bytes.length) return null;
      at = this.#take(bytes, at);
    }
    return bytes.subarray(at);
  }

  /** The peer ended in order. @returns whether the message is whole by that */
  finish(): boolean {
    if (this.#state === 'until-close') this.#state = 'whole';
    return this.#state === 'whole';
  }

  #take(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#takeText(bytes, at, '\r\n\r\n', (text) => this.#head(text.split('\r\n')));
      case 'chunk-size':
        return this.#takeText(bytes, at, '\r\n', (line) => this.#chunkSize(line));
      case 'chunk-end':
        return this.#takeText(bytes, at, '\r\n', (line) => this.#empty(line, 'chunk-size'));
      case 'trailers':
        return this.#takeText(bytes, at, '\r\n', (line) => this.#empty(line, 'whole'));
      case 'length':
      case 'chunk':
      case 'until-close':
        return this.#takeContent(bytes, at);
      case 'whole':
        return at;
      default:
        return this.#state satisfies never;
    }
  }

  #takeText(bytes: Buffer, at: number, end: string, use: (text: string) => void): number {
    const known = this.#text.length;
    // A piece at a time, so that content behind a head is not made into text.
    const to = Math.min(bytes.length, at + TEXT_PIECE);
    const text = this.#text + bytes.toString('latin1', at, to);
    const found = text.indexOf(end, Math.max(0, known - end.length));
    if (found === -1) {
      if (text.length > MOST_TEXT) throw new Error(`no end of the ${this.#state} in ${MOST_TEXT} octets`);
      this.#text = text;
      return to;
    }
    this.#text = '';
    use(text.slice(0, found));
    return at + found + end.length - known;
  }

  #takeContent(bytes: Buffer, at: number): number {
    const to = this.#state === 'until-close' ? bytes.length : Math.min(bytes.length, at + this.#left);
    this.#onContent(bytes.subarray(at, to));
    this.#left -= to - at;
    if (this.#left === 0 && this.#state === 'length') this.#state = 'whole';
    if (this.#left === 0 && this.#state === 'chunk') this.#state = 'chunk-end';
    return to;
  }

  #head([startLine = '', ...lines]: readonly string[]): void {
    const pattern = this.#role === 'request' ? REQUEST_LINE : STATUS_LINE;
    if (!pattern.test(startLine)) throw new Error(`not the start of a ${this.#role}: ${JSON.stringify(startLine.slice(0, 100))}`);
    const fields = new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = FIELD_LINE.exec(line) ?? [];
      if (name === undefined) throw new Error(`not a field: ${JSON.stringify(line.slice(0, 100))}`);
      const lower = name.toLowerCase();
      if (fields.has(lower) && FRAMING.has(lower)) throw new Error(`${name} twice`);
      fields.set(lower, value ?? '');
    }
    this.#frame(startLine, fields);
    this.#onHead({ startLine, fields });
  }

  #frame(startLine: string, fields: ReadonlyMap<string, string>): void {
    const length = fields.get('content-length');
    const coding = fields.get('transfer-encoding');
    if (length !== undefined && coding !== undefined) throw new Error('two framings');
    if (this.#role === 'response to CONNECT' && startLine.startsWith('HTTP/1.1 2')) this.#state = 'whole';
    else if (coding !== undefined) {
      if (coding !== 'chunked') throw new Error(`transfer coding ${coding}`);
      this.#state = 'chunk-size';
    } else if (length !== undefined) {
      if (!LENGTH.test(length)) throw new Error(`Content-Length ${length}`);
      this.#left = Number(length);
      this.#state = this.#left === 0 ? 'whole' : 'length';
    } else this.#state = this.#role === 'request' ? 'whole' : 'until-close';
  }

  #chunkSize(line: string): void {
    if (!CHUNK_SIZE.test(line)) throw new Error(`chunk size ${JSON.stringify(line.slice(0, 100))}`);
    this.#left = Number.parseInt(line, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk';
  }

  #empty(line: string, next: State): void {
    if (line !== '') throw new Error(`${JSON.stringify(line.slice(0, 100))} where a line had to be empty`);
    this.#state = next;
  }
}

const TEXT_PIECE = 1024;
const MOST_TEXT = 16 * 1024;
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'host', 'soak-name']);
const REQUEST_LINE = /^[A-Z]+ [\x21-\x7e]+ HTTP\/1\.1$/;
const STATUS_LINE = /^HTTP\/1\.1 [1-5][0-9]{2} [\t\x20-\x7e]*$/;
const FIELD_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?([\t\x20-\x7e\x80-\xff]*)$/;
const LENGTH = /^(?:0|[1-9][0-9]{0,14})$/;
const CHUNK_SIZE = /^(?:0|[1-9a-fA-F][0-9a-fA-F]{0,11})$/;
