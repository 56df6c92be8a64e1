// Owns server-sent events (WHATWG HTML §9.2) as they pass: each event of a stream as a message, its lines as they were sent. Comments, and blocks without
// data, are no events. What is kept of an event has a bound; nothing else of the stream is held.
import type { CapturedMessage } from './capture.ts';
import type { ContentReader } from './captured-content.ts';

export class EventStreamReader implements ContentReader {
  readonly #tell: (event: CapturedMessage) => void;
  /** Beginning of the event that has not ended. */
  #kept: Buffer = NOTHING;
  /** Octets of it, line ends included. */
  #length = 0;
  /** Octets of the line that has not ended, without its end. */
  #lineLength = 0;
  /** So far, the line is a field that is called `data`. */
  #isDataLine = true;
  #hasData = false;
  /** The last octet was CR: an LF belongs to it. */
  #isAfterCr = false;

  constructor(tell: (event: CapturedMessage) => void) {
    this.#tell = tell;
  }

  read(bytes: Buffer): void {
    let start = 0;
    for (let i = 0; i < bytes.length; i += 1) {
      const octet = bytes[i]!;
      const isRestOfEnd = octet === LF && this.#isAfterCr;
      this.#isAfterCr = octet === CR;
      if (isRestOfEnd) {
        // The event may have ended with the CR before.
        if (this.#length === 0 && i === start) start = i + 1;
        else this.#length += 1;
        continue;
      }
      if (octet !== LF && octet !== CR) {
        if (this.#lineLength < DATA.length) this.#isDataLine &&= octet === DATA.charCodeAt(this.#lineLength);
        else if (this.#lineLength === DATA.length) this.#isDataLine &&= octet === COLON;
        this.#lineLength += 1;
        this.#length += 1;
        continue;
      }
      if (this.#lineLength > 0) {
        this.#length += 1;
        this.#endLine();
        continue;
      }
      this.#keep(bytes, start, i);
      this.#dispatch();
      start = i + 1;
    }
    this.#keep(bytes, start, bytes.length);
  }

  #endLine(): void {
    if (this.#isDataLine && this.#lineLength >= DATA.length) this.#hasData = true;
    this.#isDataLine = true;
    this.#lineLength = 0;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const room = PREVIEW_OCTETS - this.#kept.length;
    if (room === 0 || start === end) return;
    const added = bytes.subarray(start, Math.min(end, start + room));
    this.#kept = this.#kept.length === 0 ? Buffer.from(added) : Buffer.concat([this.#kept, added]);
  }

  /** An empty line ends it. */
  #dispatch(): void {
    const length = this.#length;
    const preview = this.#kept;
    const isEvent = this.#hasData;
    this.#kept = NOTHING;
    this.#length = 0;
    this.#hasData = false;
    if (!isEvent) return;
    this.#tell({
      atMs: Date.now(),
      direction: 'to-client',
      kind: 'sse',
      length,
      isCompressed: false,
      contentLength: length,
      preview,
      closeCode: null,
      problem: null,
    });
  }
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const DATA = 'data';
const PREVIEW_OCTETS = 4 * 1024;
const NOTHING = Buffer.alloc(0);
