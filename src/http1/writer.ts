// Owns the writing of HTTP/1.1 (RFC 9112): heads as text, content with the framing that we choose. No I/O: it writes to an `Output`, which a
// socket is. Heads are taken at their word: what was received has been read strictly, and what rules, people and programs make is checked where they
// hand it over.
import { ProxyError } from '../errors/proxy-error.ts';
import { CHUNKED, type Framing, UNTIL_CLOSE } from '../http/framing.ts';
import { type BodySink, type Fields, FULL, KEPT, TAKEN, type Taken } from '../http/message.ts';
import { METHODS_WITH_CONTENT } from '../http/methods.ts';
import { freeMemory } from '../net/free-memory.ts';
import { type Corkable, holdForTurn, releaseNow } from '../net/turn-writes.ts';
import { ReadField } from './read-field.ts';

/** The part of a writable socket that is needed here. */
export interface Output extends Corkable {
  write(bytes: Buffer): unknown;
  write(text: string, encoding: 'latin1'): unknown;
  /** Octets that the kernel has not taken yet. */
  readonly writableLength: number;
  /** More than enough waits; a `drain` event will follow. */
  readonly writableNeedDrain: boolean;
}

/**
 * @param fields without framing fields and Host
 * @param host the value of the Host field, made from the target (RFC 9112 §3.2)
 * @param framing `UNTIL_CLOSE` is not possible in a request
 */
export function requestHeadText(method: string, target: string, host: string, fields: Fields, framing: Framing): string {
  let text = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${ReadField.linesOf(fields)}`;
  if (framing === CHUNKED) text += 'Transfer-Encoding: chunked\r\n';
  else if (framing > 0 || METHODS_WITH_CONTENT.has(method)) text += `Content-Length: ${framing}\r\n`;
  return `${text}\r\n`;
}

/**
 * @param fields without framing fields and Connection
 * @param framing how the content will be written; `null` when the response has none by definition (1xx, 204, 304)
 * @param connection the value of Connection, or `null` for none
 * @param prepared lines of more fields, which come before the others
 */
export function responseHeadText(
  status: number,
  reason: string,
  fields: Fields,
  framing: Framing | null,
  connection: string | null,
  prepared = '',
): string {
  let text = `HTTP/1.1 ${status} ${reason}\r\n${prepared}${ReadField.linesOf(fields)}`;
  if (framing === CHUNKED) text += 'Transfer-Encoding: chunked\r\n';
  else if (framing !== null && framing !== UNTIL_CLOSE) text += `Content-Length: ${framing}\r\n`;
  if (connection !== null) text += `Connection: ${connection}\r\n`;
  return `${text}\r\n`;
}

/** Lines without content, a request's mostly: they leave at the end of the turn. */
export function writeSmall(output: Output, text: string): void {
  holdForTurn(output);
  output.write(text, 'latin1');
}

/**
 * Writes one message: its head together with the first content where they come together, then the rest as it comes. What is small leaves at the end of
 * the turn, with what others write in it (net/turn-writes.ts).
 * Small pieces of the chunked coding wait for the end of the current turn, so that a short answer leaves in one write, its last chunk included.
 */
export class MessageWriter implements BodySink {
  readonly #output: Output;
  readonly #onDone: (error: ProxyError | null) => void;
  #framing: Framing;
  #head: string | null;
  #left: number;
  /** A small chunked piece that waits for company: octets in use, of a buffer with room for the last chunk. */
  #waiting: Buffer | null = null;
  #waitingSize = 0;
  #isDone = false;
  /** Octets written so far, head and framing included. */
  bytesWritten = 0;
  /** Octets of content among them. */
  contentWritten = 0;

  /**
   * @param framing `null` or 0: no content will be written
   * @param onDone called once: null when everything was handed to the output, the error when the content broke off
   */
  constructor(output: Output, head: string, framing: Framing | null, onDone: (error: ProxyError | null) => void) {
    this.#output = output;
    this.#head = head;
    this.#framing = framing ?? 0;
    this.#left = this.#framing;
    this.#onDone = onDone;
  }

  write(bytes: Buffer): Taken {
    // Nothing is written for no content: a chunk of no octets would be the last one.
    if (this.#isDone || bytes.length === 0) return TAKEN;
    if (this.#framing === CHUNKED) return this.#writeChunk(bytes);
    if (this.#framing !== UNTIL_CLOSE) {
      this.#left -= bytes.length;
      if (this.#left < 0) {
        this.fail(new ProxyError('proxy_internal_error', 'More content came than the head of the message announced.'));
        return TAKEN;
      }
    }
    this.contentWritten += bytes.length;
    const head = this.#head;
    if (head === null) return this.#send(bytes);
    this.#head = null;
    if (bytes.length > SMALL) return this.#sendParts(head, bytes, null);
    const whole = room(head.length + bytes.length);
    whole.write(head, 0, 'latin1');
    bytes.copy(whole, head.length);
    return this.#sendCopy(whole);
  }

  end(trailers: Fields): void {
    if (this.#isDone) return;
    if (this.#framing === CHUNKED) this.#endChunked(trailers);
    else if (this.#framing > 0 && this.#left > 0) {
      this.fail(new ProxyError('http_response_incomplete', 'Less content came than the head of the message announced.'));
      return;
    } else this.flush();
    this.#isDone = true;
    this.#onDone(null);
  }

  fail(error: ProxyError): void {
    if (this.#isDone) return;
    this.flush();
    this.#isDone = true;
    this.#onDone(error);
  }

  /** Sends the head if no content has taken it along, and what waits. */
  flush(): void {
    const waiting = this.#waiting;
    if (waiting !== null) {
      this.#waiting = null;
      this.#sendCopy(waiting.subarray(0, this.#waitingSize));
    }
    const head = this.#head;
    if (head !== null) {
      this.#head = null;
      this.bytesWritten += head.length;
      writeSmall(this.#output, head);
    }
  }

  #writeChunk(bytes: Buffer): Taken {
    this.contentWritten += bytes.length;
    const prefix = `${bytes.length.toString(16)}\r\n`;
    if (bytes.length > SMALL) {
      this.flush();
      return this.#sendParts(prefix, bytes, '\r\n');
    }
    if (this.#waiting !== null) this.flush();
    const head = this.#head ?? '';
    this.#head = null;
    const size = head.length + prefix.length + bytes.length + 2;
    const waiting = room(size + LAST_CHUNK.length);
    waiting.write(head + prefix, 0, 'latin1');
    bytes.copy(waiting, head.length + prefix.length);
    waiting.write('\r\n', size - 2, 'latin1');
    this.#waiting = waiting;
    this.#waitingSize = size;
    queueMicrotask(() => {
      if (this.#waiting === waiting) this.flush();
    });
    return this.#copied();
  }

  #endChunked(trailers: Fields): void {
    const waiting = this.#waiting;
    if (trailers.length === 0 && waiting !== null) {
      this.#waiting = null;
      waiting.write(LAST_CHUNK, this.#waitingSize, 'latin1');
      this.#sendCopy(waiting);
      return;
    }
    this.flush();
    const text = trailers.length === 0 ? LAST_CHUNK : `0\r\n${ReadField.linesOf(trailers)}\r\n`;
    this.bytesWritten += text.length;
    writeSmall(this.#output, text);
  }

  #sendParts(before: string, bytes: Buffer, after: string | null): Taken {
    this.#output.cork();
    this.#output.write(before, 'latin1');
    this.#output.write(bytes);
    if (after !== null) this.#output.write(after, 'latin1');
    releaseNow(this.#output);
    this.bytesWritten += before.length + bytes.length + (after === null ? 0 : after.length);
    return this.#taken();
  }

  #send(bytes: Buffer): Taken {
    this.bytesWritten += bytes.length;
    this.#output.write(bytes);
    releaseNow(this.#output);
    return this.#taken();
  }

  #sendCopy(bytes: Buffer): Taken {
    this.bytesWritten += bytes.length;
    if (bytes.length <= MOST_SHARED) {
      holdForTurn(this.#output);
      this.#output.write(bytes);
      return this.#copied();
    }
    this.#output.write(bytes);
    releaseNow(this.#output);
    // A large upload in chunks leaves a sixteenth of itself in such copies, which the collector would let grow to 40 MB.
    if (this.#output.writableLength === 0) freeMemory(bytes);
    return this.#copied();
  }

  /** A write that the kernel took at once needs no `drain`, however large it was. */
  #taken(): Taken {
    if (this.#output.writableLength === 0) return TAKEN;
    return this.#output.writableNeedDrain ? FULL : KEPT;
  }

  /** As #taken, for a copy of ours: the caller's memory is free whatever becomes of it. */
  #copied(): Taken {
    return this.#output.writableLength > 0 && this.#output.writableNeedDrain ? FULL : TAKEN;
  }
}

/** For a copy of ours: memory of its own where it is large, which may be freed. */
function room(size: number): Buffer {
  return size > MOST_SHARED ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size);
}

/** Up to this many octets a copy is cut out of memory that Node shares out. */
const MOST_SHARED = 4 * 1024;
/** Up to this many octets it is cheaper to copy content behind its head than to write twice. */
const SMALL = 16 * 1024;
const LAST_CHUNK = '0\r\n\r\n';
