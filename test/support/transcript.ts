// Owns the reading of octets through `Http1Reader` in every way they can arrive, into one plain value that two ways can be compared by.
// Content is joined, because where it is cut is the only thing that may differ; an error ends the transcript.
import { ProxyError } from '../../src/errors/proxy-error.ts';
import { Http1Reader, type ReaderEvent, type ReaderLimits } from '../../src/http1/reader.ts';

export const LIMITS: ReaderLimits = { headBytes: 32_768, targetBytes: 16_384, fieldCount: 100, trailerBytes: 8_192 };

/** Octets as ISO-8859-1 text throughout, one character an octet. */
export interface Transcript {
  /** `GET /path 1.1 | Name: value | framing 3`, `content abc`, `end | Name: value`, `rest ...`. */
  readonly events: readonly string[];
  /** Octets of content in all. */
  readonly contentBytes: number;
  /** How it stood when the octets were used up; `other` after CONNECT or 101. */
  readonly ending: 'between' | 'complete' | 'broken' | 'other' | 'refused';
  readonly error: { readonly code: string; readonly status: number; readonly message: string } | null;
}

export interface Way {
  readonly role: 'request' | 'response';
  /** The methods that the responses answer, in order; GET when it runs out. */
  readonly answers?: readonly string[];
  readonly limits?: ReaderLimits;
  /**
   * What becomes of the memory that a piece came in, once its events are pulled. `kept`: it stays. `overwritten`: it is used again as soon as
   * the reader says that nothing is buffered. `detached`: it is used again at once, after `detach`.
   */
  readonly memory?: 'kept' | 'overwritten' | 'detached';
  /** Pull no more than this many events after each piece; the rest follows at the end. */
  readonly eventsAPiece?: number;
}

export function transcribe(pieces: readonly Buffer[], way: Way): Transcript {
  const reader = new Http1Reader(way.role, way.limits ?? LIMITS);
  const log = new Log(reader, way);
  let scratch = Buffer.alloc(0);
  for (const piece of pieces) {
    if (scratch.length < piece.length) scratch = Buffer.alloc(piece.length);
    piece.copy(scratch);
    log.take(scratch.subarray(0, piece.length), way.eventsAPiece ?? Number.POSITIVE_INFINITY);
    if (way.memory === 'detached') reader.detach();
    const isFree = way.memory !== undefined && way.memory !== 'kept' && reader.buffered === 0;
    if (isFree || way.memory === 'detached') scratch.fill(0xa5);
    else scratch = Buffer.alloc(0);
  }
  return log.close();
}

class Log {
  readonly #reader: Http1Reader;
  readonly #answers: string[];
  readonly #events: string[] = [];
  readonly #isResponses: boolean;
  #content = '';
  #contentBytes = 0;
  #hasLeftHttp = false;
  #rest = '';
  #error: Transcript['error'] = null;

  constructor(reader: Http1Reader, way: Way) {
    this.#reader = reader;
    this.#answers = [...(way.answers ?? [])];
    this.#isResponses = way.role === 'response';
    this.#expectNext();
  }

  take(bytes: Buffer, mostEvents: number): void {
    if (this.#error !== null) return;
    if (this.#hasLeftHttp) this.#rest += bytes.toString('latin1');
    else {
      this.#reader.feed(bytes);
      this.#pull(mostEvents);
    }
  }

  close(): Transcript {
    if (this.#error === null && !this.#hasLeftHttp) this.#pull(Number.POSITIVE_INFINITY);
    const ending = this.#error !== null ? 'refused' : this.#hasLeftHttp ? 'other' : this.#reader.finish();
    if (ending === 'complete') this.#pull(Number.POSITIVE_INFINITY);
    this.#flushContent();
    if (this.#hasLeftHttp) this.#events.push(`rest ${this.#rest}`);
    return { events: this.#events, contentBytes: this.#contentBytes, ending, error: this.#error };
  }

  #pull(mostEvents: number): void {
    try {
      for (let count = 0; count < mostEvents && !this.#hasLeftHttp; count += 1) {
        const event = this.#reader.next();
        if (event === null) return;
        this.#record(event);
      }
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      this.#error = { code: error.code, status: error.status, message: error.message };
    }
  }

  #record(event: ReaderEvent): void {
    if (event.kind === 'content') {
      // Copied at once: the octets are the caller's again after this turn.
      this.#content += event.bytes.toString('latin1');
      this.#contentBytes += event.bytes.length;
      return;
    }
    this.#flushContent();
    this.#events.push(describeEvent(event));
    const isOther =
      (event.kind === 'request' && event.head.method === 'CONNECT') ||
      (event.kind === 'response' && (event.head.status === 101 || (this.#answers[0] === 'CONNECT' && event.head.status < 300)));
    if (isOther) {
      this.#hasLeftHttp = true;
      this.#rest = this.#reader.takeRest().toString('latin1');
    } else if (event.kind === 'end') {
      this.#answers.shift();
      this.#expectNext();
    }
  }

  #expectNext(): void {
    if (this.#isResponses) this.#reader.expectResponseTo(this.#answers[0] ?? 'GET');
  }

  #flushContent(): void {
    if (this.#content !== '') this.#events.push(`content ${this.#content}`);
    this.#content = '';
  }
}

function describeEvent(event: Exclude<ReaderEvent, { kind: 'content' }>): string {
  if (event.kind === 'end') return ['end', ...event.trailers.map(({ name, value }) => `${name}: ${value}`)].join(' | ');
  const fields = event.head.fields.map(({ name, value }) => `${name}: ${value}`);
  const start =
    event.kind === 'request'
      ? `${event.head.method} ${event.head.target} ${event.head.version}`
      : `${event.head.status} ${event.head.reason} ${event.head.version}`;
  return [start, ...fields, event.kind === 'interim' ? 'interim' : `framing ${event.framing}`].join(' | ');
}

export function octets(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
