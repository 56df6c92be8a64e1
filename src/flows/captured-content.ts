// Owns content on its way past the recorder: it passes untouched, and the beginning of it is copied, at once, since its memory is used again.
// What is kept lies in blocks that all exchanges share and give back, so that their memory has one bound whatever the traffic.
import type { ProxyError } from '../errors/proxy-error.ts';
import { type Body, type BodySink, type Fields, NO_FIELDS, type Taken } from '../http/message.ts';

/** Memory for the contents of all exchanges that are under way. */
export class CaptureMemory {
  readonly #maxBytes: number;
  readonly #free: Buffer[] = [];
  #usedBytes = 0;

  /** @param maxBytes that blocks in use may come to */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Octets of blocks in use. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** @returns `null` when all of it is in use */
  take(): Buffer | null {
    if (this.#usedBytes + BLOCK_OCTETS > this.#maxBytes) return null;
    this.#usedBytes += BLOCK_OCTETS;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_OCTETS);
  }

  giveBack(block: Buffer): void {
    this.#usedBytes -= BLOCK_OCTETS;
    if (this.#free.length < MOST_FREE) this.#free.push(block);
  }
}

/** Is told of octets of a response as they pass; it must not keep them. */
export interface ContentReader {
  read(bytes: Buffer): void;
}

export class CapturedContent implements Body, BodySink {
  readonly length: number | null;
  /** Octets that passed. */
  octets = 0;
  /** Octets of its beginning that are kept. */
  kept = 0;
  /** It came to its end. */
  isComplete = false;
  /** Less is kept than there was room for in the settings: memory had run out. */
  isShort = false;
  trailers: Fields = NO_FIELDS;
  readonly #body: Body;
  readonly #memory: CaptureMemory;
  readonly #reader: ContentReader | null;
  /** Most contents end in the first one. */
  #first: Buffer | null = null;
  #more: Buffer[] | null = null;
  #sink: BodySink | null = null;
  /** Octets that may still be kept. */
  #room: number;

  /** @param maxKept octets that are kept of it at most */
  constructor(body: Body, maxKept: number, memory: CaptureMemory, reader: ContentReader | null = null) {
    this.length = body.length;
    this.#body = body;
    this.#room = maxKept;
    this.#memory = memory;
    this.#reader = reader;
  }

  /** Writes what is kept. */
  copyTo(target: Uint8Array, at: number): void {
    if (this.kept === 0) return;
    this.#first!.copy(target, at, 0, this.kept);
    if (this.#more === null) return;
    for (let i = 0, from = BLOCK_OCTETS; from < this.kept; i += 1, from += BLOCK_OCTETS) {
      this.#more[i]!.copy(target, at + from, 0, this.kept - from);
    }
  }

  /** Others take the place of the octets that are kept; nothing more is kept. */
  replaceKept(make: (octets: Buffer) => Buffer): void {
    if (this.kept === 0) return;
    const octets = Buffer.alloc(this.kept);
    this.copyTo(octets, 0);
    const made = make(octets);
    this.release();
    // As much as before, or a little more: whoever made it has checked nothing against the bound.
    this.#room = made.length;
    this.#keep(made);
    this.#room = 0;
  }

  /** Nothing more is kept, and nothing of what was. The content passes on. */
  release(): void {
    this.#room = 0;
    this.kept = 0;
    if (this.#first !== null) this.#memory.giveBack(this.#first);
    if (this.#more !== null) for (const block of this.#more) this.#memory.giveBack(block);
    this.#first = null;
    this.#more = null;
  }

  // Body: what the sink says

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#body.start(this);
  }

  resume(): void {
    this.#body.resume();
  }

  cancel(): void {
    this.#body.cancel();
  }

  // BodySink: what the body says

  write(bytes: Buffer): Taken {
    this.octets += bytes.length;
    if (this.#room > 0) this.#keep(bytes);
    this.#reader?.read(bytes);
    return this.#sink!.write(bytes);
  }

  end(trailers: Fields): void {
    // First: whoever is given the end may finish the exchange with it.
    this.isComplete = true;
    this.trailers = trailers;
    this.#sink!.end(trailers);
  }

  fail(error: ProxyError): void {
    this.#sink!.fail(error);
  }

  #keep(bytes: Buffer): void {
    let at = 0;
    const end = Math.min(bytes.length, this.#room);
    while (at < end) {
      const inBlock = this.kept % BLOCK_OCTETS;
      const block = inBlock === 0 ? this.#grow() : (this.#more?.at(-1) ?? this.#first!);
      if (block === null) return;
      const copied = bytes.copy(block, inBlock, at, end);
      at += copied;
      this.kept += copied;
      this.#room -= copied;
    }
  }

  #grow(): Buffer | null {
    const block = this.#memory.take();
    if (block === null) {
      this.isShort = true;
      this.#room = 0;
    } else if (this.#first === null) this.#first = block;
    else (this.#more ??= []).push(block);
    return block;
  }
}

const BLOCK_OCTETS = 8 * 1024;
/** Blocks that wait for their next use: as many as a busy proxy has small exchanges under way. */
const MOST_FREE = 256;
