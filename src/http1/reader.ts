// Owns the reading of HTTP/1.1 and 1.0 (RFC 9112): octets in, events out, no I/O. One reader a direction and connection.
// Strict: it refuses what two readers could read differently and never searches for a place to go on. Every size has a bound.
//
// Pulled, not pushed: `feed` what came, then take events with `next` until it answers null. Whoever stops pulling stops reading, which is
// all the back-pressure there is; octets not yet pulled stay here and count in `buffered`.
import { ProxyError } from '../errors/proxy-error.ts';
import { CHUNKED, type Framing, requestFraming, responseFraming, UNTIL_CLOSE } from '../http/framing.ts';
import { type Fields, NO_FIELDS, type RequestHead, type ResponseHead } from '../http/message.ts';
import { IS_TOKEN } from '../http/token.ts';
import { freeMemory } from '../net/free-memory.ts';
import { BARE_LF, firstProblem, foreignProtocol, NUL_OCTET, type Role, tooLarge, unreadable } from './refusals.ts';
import { parseFieldLines, parseRequestLine, parseStatusLine, SyntaxProblem } from './syntax.ts';

export interface ReaderLimits {
  /** Octets of a head in all. */
  readonly headBytes: number;
  /** Octets of a request target. */
  readonly targetBytes: number;
  readonly fieldCount: number;
  /** Octets of a trailer section. */
  readonly trailerBytes: number;
}

export type ReaderEvent =
  | { readonly kind: 'request'; readonly head: RequestHead; readonly framing: Framing }
  /** 1xx but 101: another head follows. */
  | { readonly kind: 'interim'; readonly head: ResponseHead }
  | { readonly kind: 'response'; readonly head: ResponseHead; readonly framing: Framing }
  | { readonly kind: 'content'; readonly bytes: Buffer }
  | { readonly kind: 'end'; readonly trailers: Fields };

/**
 * `head`: a head is due. `length`, `chunk-line`, `chunk-data`, `chunk-end`, `trailers`, `until-close`: inside a message's content.
 * `other-protocol`: the octets are no longer HTTP (after 101, or a 2xx to CONNECT). `refused`: an error was thrown; nothing more is read.
 */
type State =
  | 'head'
  | 'no-content'
  | 'length'
  | 'chunk-line'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailers'
  | 'until-close'
  | 'other-protocol'
  | 'refused';

export class Http1Reader {
  readonly #role: Role;
  readonly #limits: ReaderLimits;
  #state: State = 'head';
  #buffer: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  /** The buffer is a copy of ours, with room behind #end to append. */
  #isOurs = false;
  /** Something out of that copy is in use. */
  #isCopyKept = false;
  /** Octets from #at that a search for the end of a line or head has already covered. */
  #searched = 0;
  /** Octets left of the content or chunk. */
  #left = 0;
  /** Responses: the method of the request that is being answered; null when none is. */
  #answeredMethod: string | null = null;
  #emptyLines = 0;

  constructor(role: Role, limits: ReaderLimits) {
    this.#role = role;
    this.#limits = limits;
  }

  /** Octets fed and not yet pulled. While it is not 0, the memory of what was fed last may still be in use. */
  get buffered(): number {
    return this.#end - this.#at;
  }

  /** Between messages, with nothing over: the only state in which a connection may be used again. */
  get isBetweenMessages(): boolean {
    return this.#state === 'head' && this.#at === this.#end;
  }

  /** Responses only: what the next final response answers, since HEAD and CONNECT change its framing (RFC 9112 §6.3). */
  expectResponseTo(method: string): void {
    this.#answeredMethod = method;
  }

  /** Takes octets. They are not copied while each feed is read to its end, and must not change until `buffered` is 0 again. */
  feed(bytes: Buffer): void {
    const rest = this.#end - this.#at;
    if (rest === 0) {
      this.#buffer = bytes;
      this.#at = 0;
      this.#end = bytes.length;
      this.#isOurs = false;
      this.#searched = 0;
      return;
    }
    if (this.#isOurs && this.#buffer.length - this.#end >= bytes.length) {
      this.#end += bytes.copy(this.#buffer, this.#end);
      return;
    }
    const size = rest + bytes.length;
    // Room for more, so that a head that comes octet by octet is not copied octet by octet; content comes in pieces that need none.
    const grown = Buffer.allocUnsafeSlow(Math.max(1024, size + Math.min(size, MOST_ROOM)));
    this.#buffer.copy(grown, 0, this.#at, this.#end);
    bytes.copy(grown, rest);
    this.#buffer = grown;
    this.#at = 0;
    this.#end = size;
    this.#isOurs = true;
    this.#isCopyKept = false;
  }

  /** Copies what is buffered, so that the memory it came in may be used again, or freed, at once. */
  detach(): void {
    if (this.#isOurs) return;
    if (this.#at === this.#end) {
      this.#buffer = NOTHING;
      this.#at = 0;
      this.#end = 0;
      return;
    }
    this.#buffer = Buffer.from(this.#buffer.subarray(this.#at, this.#end));
    this.#end -= this.#at;
    this.#at = 0;
    this.#isOurs = true;
  }

  /** Part of what was pulled is still in use somewhere: if it came out of a copy, that is left to the collector. */
  keepCopy(): void {
    this.#isCopyKept = true;
  }

  /**
   * Frees the copy that a head or the line of a chunk made which came in two pieces, when nobody uses what was pulled any more; what is buffered stays.
   * A long upload in chunks would leave a fifteenth of itself to the collector.
   */
  freeCopy(): void {
    if (!this.#isOurs || this.#isCopyKept || this.#buffer.length <= CHEAP_TO_COPY) return;
    const copy = this.#buffer;
    this.#isOurs = false;
    this.detach();
    freeMemory(copy);
  }

  /**
   * The next event, or null when it needs more octets.
   *
   * @throws ProxyError `http_request_error` (400, 414, 431, 501, 505) for requests; `http_protocol_error`, `http_response_header_section_size`,
   * `http_response_trailer_section_size` or `http_response_transfer_coding` for responses. After that only `discard` makes sense.
   */
  next(): ReaderEvent | null {
    switch (this.#state) {
      case 'head':
        return this.#head();
      case 'no-content':
        this.#state = 'head';
        return END;
      case 'length':
      case 'chunk-data':
      case 'until-close':
        return this.#content();
      case 'chunk-end':
        return this.#chunkEnd();
      case 'chunk-line':
        return this.#chunkLine();
      case 'trailers':
        return this.#trailers();
      case 'other-protocol':
      case 'refused':
        return null;
      default:
        return this.#state satisfies never;
    }
  }

  /**
   * The peer will send nothing more; asked once `next` has answered null. `between`: no message was under way. `complete`: the message's end is
   * the connection's end; `next` gives what is left of it and its end event. `broken`: a message was cut off.
   */
  finish(): 'between' | 'complete' | 'broken' {
    if (this.#state === 'until-close') this.#expect(this.#end - this.#at);
    if (this.#state === 'no-content') return 'complete';
    if (this.#state === 'length' && this.#left <= this.#end - this.#at) return 'complete';
    return this.#state === 'head' && this.#at === this.#end ? 'between' : 'broken';
  }

  /** What came after the last event, when the connection goes on with another protocol (CONNECT, 101). The reader is done with. */
  takeRest(): Buffer {
    const rest = this.#buffer.subarray(this.#at, this.#end);
    this.discard();
    return rest;
  }

  /** Forgets everything; nothing more will be read. */
  discard(): void {
    this.#state = 'other-protocol';
    this.#buffer = NOTHING;
    this.#at = 0;
    this.#end = 0;
  }

  #head(): ReaderEvent | null {
    if (!this.#skipEmptyLines()) return null;
    const size = this.#sectionSize(this.#limits.headBytes);
    if (size < 0) return null;
    const text = this.#buffer.toString('latin1', this.#at, this.#at + size + 2);
    this.#at += size + 4;
    this.#searched = 0;
    this.#emptyLines = 0;
    return this.#role === 'request' ? this.#request(text) : this.#response(text);
  }

  #request(text: string): ReaderEvent {
    const lineEnd = lineEndOf(text);
    const line = parseRequestLine(text, lineEnd, this.#limits.targetBytes);
    if (line instanceof SyntaxProblem) throw this.#refuseSection(text, line);
    const fields = parseFieldLines(text, lineEnd + 2, this.#limits.fieldCount);
    if (fields instanceof SyntaxProblem) throw this.#refuseSection(text, fields);
    this.#state = 'refused'; // unless the framing turns out well
    const framing = line.method === 'CONNECT' ? connectFraming(fields) : requestFraming(line.version, fields);
    this.#expect(framing);
    return { kind: 'request', head: { method: line.method, target: line.target, version: line.version, fields }, framing };
  }

  #response(text: string): ReaderEvent {
    const lineEnd = lineEndOf(text);
    const line = parseStatusLine(text, lineEnd);
    if (line instanceof SyntaxProblem) throw this.#refuseSection(text, line);
    const fields = parseFieldLines(text, lineEnd + 2, this.#limits.fieldCount);
    if (fields instanceof SyntaxProblem) throw this.#refuseSection(text, fields);
    const head: ResponseHead = { status: line.status, reason: line.reason, version: line.version, fields };
    const { status } = line;
    if (status < 200 && status !== 101) return { kind: 'interim', head };
    const method = this.#answeredMethod;
    if (status === 101 || (method === 'CONNECT' && status < 300)) {
      this.#state = 'other-protocol';
      return { kind: 'response', head, framing: 0 };
    }
    const hasNoContent = method === 'HEAD' || status === 204 || status === 304;
    this.#state = 'refused'; // unless the framing turns out well
    const framing = hasNoContent ? 0 : responseFraming(fields, line.version);
    this.#expect(framing);
    this.#answeredMethod = null;
    return { kind: 'response', head, framing };
  }

  #expect(framing: Framing): void {
    if (framing === CHUNKED) this.#state = 'chunk-line';
    else if (framing === UNTIL_CLOSE) this.#state = 'until-close';
    else {
      this.#left = framing;
      this.#state = framing === 0 ? 'no-content' : 'length';
    }
  }

  #content(): ReaderEvent | null {
    const available = this.#end - this.#at;
    if (available === 0) return null;
    const size = this.#state === 'until-close' || this.#left > available ? available : this.#left;
    const bytes = this.#at === 0 && size === this.#buffer.length ? this.#buffer : this.#buffer.subarray(this.#at, this.#at + size);
    this.#at += size;
    if (this.#state !== 'until-close') {
      this.#left -= size;
      if (this.#left === 0) this.#state = this.#state === 'length' ? 'no-content' : 'chunk-end';
    }
    return { kind: 'content', bytes };
  }

  /** `chunk-size [ chunk-ext ] CRLF` (RFC 9112 §7.1). Extensions are read over and dropped, as §7.1.1 allows. */
  #chunkLine(): ReaderEvent | null {
    const buffer = this.#buffer;
    let i = this.#at;
    let size = 0;
    let digits = 0;
    for (; i < this.#end; i += 1) {
      const value = hexValue(buffer[i]!);
      if (value < 0) break;
      size = size * 16 + value;
      digits += 1;
      if (digits > MAX_CHUNK_DIGITS) throw this.#refuse(new SyntaxProblem('A chunk size has too many digits.'));
    }
    if (i < this.#end) {
      if (digits === 0) throw this.#refuse(new SyntaxProblem('A chunk does not begin with its size.'));
      if (buffer[i] === SEMICOLON) {
        i += 1;
        while (i < this.#end && isExtensionOctet(buffer[i]!)) i += 1;
      }
    }
    if (i - this.#at > MAX_CHUNK_LINE)
      throw this.#refuse(new SyntaxProblem(`A chunk's first line is longer than ${MAX_CHUNK_LINE} octets.`));
    if (!this.#hasLineEnd(i)) return null;
    this.#at = i + 2;
    this.#left = size;
    this.#state = size === 0 ? 'trailers' : 'chunk-data';
    return this.next();
  }

  #chunkEnd(): ReaderEvent | null {
    if (!this.#hasLineEnd(this.#at)) return null;
    this.#at += 2;
    this.#state = 'chunk-line';
    return this.#chunkLine();
  }

  /** Whether CRLF stands at `i`; false when it cannot be told yet. */
  #hasLineEnd(i: number): boolean {
    if (i < this.#end && this.#buffer[i] !== CR)
      throw this.#refuse(new SyntaxProblem('A chunk is not framed as RFC 9112 has it; where it ends cannot be known.'));
    if (i + 1 >= this.#end) return false;
    if (this.#buffer[i + 1] !== LF) throw this.#refuse(new SyntaxProblem('A line ends with CR alone; lines end with CRLF.'));
    return true;
  }

  #trailers(): ReaderEvent | null {
    const buffer = this.#buffer;
    if (this.#at < this.#end && buffer[this.#at] === CR) {
      if (!this.#hasLineEnd(this.#at)) return null;
      this.#at += 2;
      this.#state = 'head';
      this.#searched = 0;
      return END;
    }
    const size = this.#sectionSize(this.#limits.trailerBytes);
    if (size < 0) return null;
    const text = buffer.toString('latin1', this.#at, this.#at + size + 2);
    const trailers = parseFieldLines(text, 0, this.#limits.fieldCount);
    if (trailers instanceof SyntaxProblem) throw this.#refuseSection(text, trailers);
    this.#at += size + 4;
    this.#state = 'head';
    this.#searched = 0;
    return { kind: 'end', trailers: trailers.length === 0 ? NO_FIELDS : trailers };
  }

  /** RFC 9112 §2.2: an empty line before a request line is read over; two are, since some clients send them, and no more. */
  #skipEmptyLines(): boolean {
    while (this.#at < this.#end) {
      const c = this.#buffer[this.#at]!;
      if (c !== CR) {
        // A first octet that no message begins with (TLS, SOCKS, garbage) is refused at once instead of at the deadline.
        if (IS_TOKEN[c] !== 1) throw this.#refuse(new SyntaxProblem(foreignProtocol(this.#role, c)));
        return true;
      }
      if (this.#role === 'response' || this.#emptyLines === MAX_EMPTY_LINES)
        throw this.#refuse(new SyntaxProblem('There are empty lines where a message should begin.'));
      if (!this.#hasLineEnd(this.#at)) return false;
      this.#at += 2;
      this.#emptyLines += 1;
      this.#searched = 0;
    }
    return false;
  }

  /** Octets before the empty line that ends a section; -1 while that line has not come. */
  #sectionSize(maxBytes: number): number {
    const { at, end, found } = this.#emptyLine();
    if (found >= 0 && found + 4 - at <= maxBytes) return found - at;
    if (found >= 0 || end - at > maxBytes) {
      this.#refuseBareLineEnds(at + maxBytes);
      throw this.#refuseSize(maxBytes);
    }
    this.#refuseBareLineEnds(end);
    this.#searched = Math.max(0, end - at - 3);
    return -1;
  }

  #emptyLine(): { at: number; end: number; found: number } {
    const at = this.#at;
    const end = this.#end;
    // A buffer of ours has memory behind #end that was never written.
    const found = (end === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, end)).indexOf(EMPTY_LINE, at + this.#searched);
    return { at, end, found };
  }

  /** An unfinished section with a line that ends in LF alone will never be finished; say so now and not at the deadline. */
  #refuseBareLineEnds(end: number): void {
    for (let i = this.#at + this.#searched; i < end; i += 1) {
      const c = this.#buffer[i];
      if (c === LF && (i === this.#at || this.#buffer[i - 1] !== CR)) throw this.#refuse(BARE_LF);
      if (c === 0) throw this.#refuse(NUL_OCTET);
    }
  }

  #refuseSection(text: string, problem: SyntaxProblem): ProxyError {
    return this.#refuse(firstProblem(text, problem));
  }

  #refuse(problem: SyntaxProblem): ProxyError {
    const error = unreadable(this.#role, this.#state === 'trailers', problem);
    this.#state = 'refused';
    return error;
  }

  #refuseSize(maxBytes: number): ProxyError {
    const error = tooLarge(this.#role, this.#state === 'trailers', maxBytes);
    this.#state = 'refused';
    return error;
  }
}

/** CONNECT has no content (RFC 9110 §9.3.6); what claims some is refused, and what follows the head belongs to the tunnel. */
function connectFraming(fields: Fields): Framing {
  if (requestFraming('1.1', fields) !== 0) throw new ProxyError('http_request_error', 'A CONNECT request cannot have content.');
  return 0;
}

function lineEndOf(text: string): number {
  const end = text.indexOf('\r\n');
  return end < 0 ? text.length : end;
}

function hexValue(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Visible ASCII but quotes: a quoted string could hide a line end from another reader. */
function isExtensionOctet(c: number): boolean {
  return c > 0x20 && c < 0x7f && c !== 0x22 && c !== 0x27;
}

/** Up to this many octets, `detach` costs less than the memory that it frees is worth. */
export const CHEAP_TO_COPY = 8 * 1024;
const MOST_ROOM = 8 * 1024;
const END: ReaderEvent = Object.freeze({ kind: 'end', trailers: NO_FIELDS });
const NOTHING = Buffer.alloc(0);
const EMPTY_LINE = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
const MAX_EMPTY_LINES = 2;
// 13 hexadecimal digits are 52 bits: every size is an exact number.
const MAX_CHUNK_DIGITS = 13;
const MAX_CHUNK_LINE = 256;
