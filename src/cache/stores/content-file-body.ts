// Owns the way of content out of its file. A short file is read and proven whole before anything is given out, and one of some MiB is when it is opened
// for the first time. After that, and of longer ones from the first, the trailer is proven, then each block before its octets leave; one that is
// damaged ends the body with an error, since what was sent cannot be called back, and nothing wrong was. One read is under way at a time, of at most
// 256 KiB, and none while the sink is FULL.
import { errorCode } from '../../errors/from-node.ts';
import { ProxyError } from '../../errors/proxy-error.ts';
import { type Body, type BodySink, BytesBody, FULL, NO_FIELDS, TAKEN } from '../../http/message.ts';
import type { StoredResponse } from '../stored-response.ts';
import { areBlocksWhole, BLOCK_BYTES, decodeTrailer, trailerBytes } from './content-file.ts';
import { closeFile, openFile, readInto } from './file-descriptor.ts';

/** `unavailable`: nothing is wrong with it, but it cannot be read now. */
export type NotOpened = 'gone' | 'damaged' | 'unavailable';

export interface ContentFile {
  readonly path: string;
  /** Of the content. */
  readonly length: number;
  /** Of the trailer. */
  readonly sum: number;
}

/** Octets `first` to `first + length - 1`; the caller has checked that there are as many. */
export interface ContentPart {
  readonly first: number;
  readonly length: number;
  /** Unless it is very long: everything is compared with its sums before any of it is given out. */
  readonly mustProve: boolean;
}

/**
 * @param onDamage is called when a block turns out damaged once the body is under way
 * @throws never
 */
export async function openContent(
  file: ContentFile,
  stored: StoredResponse,
  { first, length, mustProve }: ContentPart,
  onDamage: () => void,
): Promise<Body | NotOpened> {
  let descriptor: number | null = null;
  try {
    descriptor = await openFile(file.path, 'r');
    if (file.length <= WHOLE_BYTES) return bodyOf(await readWhole(descriptor, file, stored), first, length);
    const sums = await readTrailer(descriptor, file, stored);
    if (sums === null) return 'damaged';
    if (mustProve && file.length <= PROVEN_BYTES && !(await areAllWhole(descriptor, file, sums))) return 'damaged';
    const body = new ContentFileBody({ descriptor, file, sums, onDamage }, first, length);
    descriptor = null;
    return body;
  } catch (error) {
    return failureOf(error);
  } finally {
    if (descriptor !== null) closeFile(descriptor);
  }
}

/** Reads everything and compares it with its sums. @throws never */
export async function proveContent(file: ContentFile, stored: StoredResponse): Promise<'whole' | NotOpened> {
  let descriptor: number | null = null;
  try {
    descriptor = await openFile(file.path, 'r');
    const sums = await readTrailer(descriptor, file, stored);
    return sums !== null && (await areAllWhole(descriptor, file, sums)) ? 'whole' : 'damaged';
  } catch (error) {
    return failureOf(error);
  } finally {
    if (descriptor !== null) closeFile(descriptor);
  }
}

interface OpenContent {
  readonly descriptor: number;
  readonly file: ContentFile;
  readonly sums: Uint32Array;
  readonly onDamage: () => void;
}

class ContentFileBody implements Body {
  readonly length: number;
  readonly #content: OpenContent;
  #at: number;
  readonly #end: number;
  #sink: BodySink | null = null;
  #buffer: Buffer | null = null;
  /** From asking for octets until the sink has answered to them. */
  #isReading = false;
  #isResumed = false;
  #isClosed = false;

  constructor(content: OpenContent, first: number, length: number) {
    this.#content = content;
    this.length = length;
    this.#at = first;
    this.#end = first + length;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#readOn();
  }

  resume(): void {
    // From within a write `#deliver` goes on by itself.
    this.#isResumed = true;
    if (!this.#isReading) this.#readOn();
  }

  cancel(): void {
    this.#sink = null;
    if (!this.#isReading) this.#close();
  }

  #readOn(): void {
    if (this.#sink === null) return;
    if (this.#at === this.#end) {
      const sink = this.#finish();
      sink?.end(NO_FIELDS);
      return;
    }
    const from = this.#at - (this.#at % BLOCK_BYTES);
    const to = Math.min(from + READ_BYTES, this.#content.file.length, Math.ceil(this.#end / BLOCK_BYTES) * BLOCK_BYTES);
    if (this.#buffer === null || this.#buffer.length < to - from) this.#buffer = Buffer.allocUnsafeSlow(to - from);
    const part = this.#buffer.subarray(0, to - from);
    this.#isReading = true;
    readInto(this.#content.descriptor, part, from).then(
      (count) => this.#deliver(part.subarray(0, count), from, to - from),
      (error: unknown) => this.#fail(error),
    );
  }

  #deliver(part: Buffer, from: number, expected: number): void {
    if (this.#sink === null) {
      this.#close();
      return;
    }
    if (part.length < expected || !areBlocksWhole(part, from / BLOCK_BYTES, this.#content.sums)) {
      this.#fail(null);
      return;
    }
    const wanted = part.subarray(this.#at - from, Math.min(part.length, this.#end - from));
    this.#at += wanted.length;
    this.#isResumed = false;
    const taken = this.#sink.write(wanted);
    // What the sink keeps is not ours to write over, and what it has FULL is free only when it resumes.
    if (taken !== TAKEN) this.#buffer = null;
    this.#isReading = false;
    if (this.#sink === null) this.#close();
    else if (taken !== FULL || this.#isResumed) this.#readOn();
  }

  #fail(cause: unknown): void {
    this.#isReading = false;
    const sink = this.#finish();
    if (sink === null) return;
    this.#content.onDamage();
    sink.fail(new ProxyError('proxy_internal_error', 'The stored response is damaged, and has been removed; ask again.', { cause }));
  }

  #finish(): BodySink | null {
    const sink = this.#sink;
    this.#sink = null;
    this.#buffer = null;
    this.#close();
    return sink;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeFile(this.#content.descriptor);
  }
}

function bodyOf(content: Buffer | null, first: number, length: number): Body | NotOpened {
  return content === null ? 'damaged' : new BytesBody(content.subarray(first, first + length));
}

/** `null` when it is not what was written. */
async function readWhole(descriptor: number, { length, sum }: ContentFile, stored: StoredResponse): Promise<Buffer | null> {
  const buffer = Buffer.allocUnsafeSlow(length + trailerBytes(length));
  if ((await readInto(descriptor, buffer, 0)) < buffer.length) return null;
  const sums = decodeTrailer(buffer.subarray(length), sum, stored);
  const content = buffer.subarray(0, length);
  return sums !== null && areBlocksWhole(content, 0, sums) ? content : null;
}

async function areAllWhole(descriptor: number, { length }: ContentFile, sums: Uint32Array): Promise<boolean> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, length));
  for (let at = 0; at < length; at += buffer.length) {
    const part = buffer.subarray(0, Math.min(buffer.length, length - at));
    if ((await readInto(descriptor, part, at)) < part.length || !areBlocksWhole(part, at / BLOCK_BYTES, sums)) return false;
  }
  return true;
}

async function readTrailer(descriptor: number, { length, sum }: ContentFile, stored: StoredResponse): Promise<Uint32Array | null> {
  const trailer = Buffer.allocUnsafeSlow(trailerBytes(length));
  if ((await readInto(descriptor, trailer, length)) < trailer.length) return null;
  return decodeTrailer(trailer, sum, stored);
}

function failureOf(error: unknown): NotOpened {
  const code = errorCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'gone';
  return PASSING.has(code) ? 'unavailable' : 'damaged';
}

/** Up to here all of a content is held in memory while it is given out. */
const WHOLE_BYTES = 262_144;
/** Up to here it is proven before the first octet is given out, once. */
const PROVEN_BYTES = 4 << 20;
/** A multiple of `BLOCK_BYTES`. */
const READ_BYTES = 262_144;
/** Of this process or system, not of the file. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EACCES', 'EPERM']);
