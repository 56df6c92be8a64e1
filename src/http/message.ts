// RFC 9110 messages as our own values. Heads are plain data; content moves through `Body`, one consumer a body.
// Bytes and field values are ISO-8859-1 text on our side (one character a byte), so whatever came can be written again exactly.
import type { ProxyError } from '../errors/proxy-error.ts';

/** One field line: name as it was spelled, value without the blanks around it. Order and duplicates are kept (RFC 9110 §5.2, §5.3). */
export interface Field {
  readonly name: string;
  readonly value: string;
  /** `name: value` and CRLF, of a field that was read in exactly that form: as the writer would make it, without making it. */
  readonly line?: string | undefined;
}
export type Fields = readonly Field[];
export const NO_FIELDS: Fields = Object.freeze([]);

/** `2` is that of a stream of HTTP/2 (RFC 9113): one exchange among others on its connection, framed by that protocol. */
export type HttpVersion = '1.0' | '1.1' | '2';

export interface RequestHead {
  readonly method: string;
  /** The request target as it was sent; `http/target.ts` says what it means. */
  readonly target: string;
  readonly version: HttpVersion;
  readonly fields: Fields;
}

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly version: HttpVersion;
  readonly fields: Fields;
  /** The same fields in two parts, where the first was made ready before: `forwarding.ts` says what it holds. */
  readonly prepared?: { readonly shared: PreparedFields; readonly own: Fields } | undefined;
}

/** Fields of a response that is sent many times, as all who get it are sent them. */
export interface PreparedFields {
  /** One after the other, as the writer makes each of them. */
  readonly lines: string;
  readonly hasDate: boolean;
  readonly contentType: string | null;
}

/** What a sink did with the bytes it was given. */
export const TAKEN = 0; // done with: the memory may be used again at once
export const KEPT = 1; // still referenced: the memory must be left alone
export const FULL = 2; // still referenced, and send no more until `resume` is called: then nothing is referenced any more
export type Taken = typeof TAKEN | typeof KEPT | typeof FULL;

export interface BodySink {
  write(bytes: Buffer): Taken;
  /** The content is complete. Called once, and never after `fail`. */
  end(trailers: Fields): void;
  /** The content broke off: what was written must not be shown as complete. Called once, and never after `end`. */
  fail(error: ProxyError): void;
}

/** Content on its way. `start` is called once; nothing is delivered before it, and everything may be delivered during it. */
export interface Body {
  /** Bytes that will come, when the framing tells; `null` when only the end will tell. */
  readonly length: number | null;
  start(sink: BodySink): void;
  /** The sink that answered FULL has room again. */
  resume(): void;
  /** Nobody wants the rest. The producer stops; the sink hears nothing more. */
  cancel(): void;
}

/** A body held in memory. */
export class BytesBody implements Body {
  readonly length: number;
  #bytes: Buffer;
  #sink: BodySink | null = null;
  #isCancelled = false;

  constructor(bytes: Buffer) {
    this.length = bytes.length;
    this.#bytes = bytes;
  }
  start(sink: BodySink): void {
    const isFull = this.length > 0 && sink.write(this.#bytes) === FULL;
    if (this.#isCancelled) return;
    if (isFull) this.#sink = sink;
    else sink.end(NO_FIELDS);
  }
  resume(): void {
    const sink = this.#sink;
    this.#sink = null;
    sink?.end(NO_FIELDS);
  }
  cancel(): void {
    this.#isCancelled = true;
    this.#sink = null;
  }
}
