// Owns content in memory: octets that come in any pieces and stay in a few Buffers of their own. Memory that was handed out once is never written
// again, since a sink may hold on to it (`KEPT`). Node's pool serves what is on its way alone: what stays there would keep its neighbours alive.
import { type Body, type BodySink, BytesBody, FULL, NO_FIELDS } from '../../http/message.ts';

/** One Buffer where it can be one, so that the usual content costs no list. */
export type Content = Buffer | readonly Buffer[];

/** Where its memory comes from. */
export interface Room {
  /** Is asked before each slab whether there may be this much more. */
  mayAllocate(bytes: number): boolean;
}

/** Content while it comes. */
export class Slabs {
  #slabs: Buffer[] = NONE;
  /** Octets used of the last slab. */
  #used = 0;
  readonly #expectedLength: number | null;
  readonly #room: Room;
  length = 0;

  constructor(expectedLength: number | null, room: Room) {
    this.#expectedLength = expectedLength;
    this.#room = room;
  }

  /** Copies. @returns false, and takes nothing of it, when there is no room */
  append(bytes: Buffer): boolean {
    const last = this.#slabs.at(-1);
    const fits = last === undefined ? 0 : Math.min(last.length - this.#used, bytes.length);
    const rest = bytes.length - fits;
    const added = rest === 0 ? null : this.#allocate(rest, this.length + fits);
    if (rest > 0 && added === null) return false;
    if (last !== undefined) bytes.copy(last, this.#used, 0, fits);
    this.#used += fits;
    if (added !== null) {
      bytes.copy(added, 0, fits);
      // Mostly it stays the only one: a list that grows has room for many.
      if (last === undefined) this.#slabs = [added];
      else this.#slabs.push(added);
      this.#used = rest;
    }
    this.length += bytes.length;
    return true;
  }

  /** Octets from `from` on that lie in one piece, `length` of them at most; empty at the end. */
  read(from: number, length: number): Buffer {
    let start = 0;
    for (const slab of this.#slabs) {
      const end = Math.min(start + slab.length, this.length);
      if (from === start && end - start === slab.length && slab.length <= length) return slab;
      if (from < end) return slab.subarray(from - start, Math.min(from + length, end) - start);
      start = end;
    }
    return NOTHING;
  }

  copyTo(memory: Buffer, start: number): void {
    let at = start;
    for (const slab of this.#slabs) at += slab.copy(memory, at, 0, Math.min(slab.length, start + this.length - at));
  }

  /** All of it, in no more memory than it needs. */
  content(): Content {
    const last = this.#slabs.at(-1);
    if (last === undefined) return NOTHING;
    if (this.#slabs.length === 1 && this.#used === last.length && last.length > POOLED) return last;
    if (this.length <= SLAB) return ownCopy(this.#slabs, this.length);
    return this.#slabs.map((slab) => {
      const used = slab === last ? this.#used : slab.length;
      return used === slab.length && used > POOLED ? slab : ownCopy([slab], used);
    });
  }

  /** As much as is said to come, a slab at a time; where nobody says, as much again as has come. */
  #allocate(needed: number, length: number): Buffer | null {
    const more = this.#expectedLength === null ? Math.max(FIRST_SLAB, length) : this.#expectedLength - length;
    const size = Math.max(needed, Math.min(SLAB, more));
    if (!this.#room.mayAllocate(size)) return null;
    return size > POOLED ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size);
  }
}

export function openContent(content: Content, first: number, length: number): Body {
  if (Buffer.isBuffer(content)) return new BytesBody(length === content.length ? content : content.subarray(first, first + length));
  const parts: Buffer[] = [];
  let start = 0;
  for (const slab of content) {
    const from = Math.max(first - start, 0);
    const to = Math.min(first + length - start, slab.length);
    if (from < to) parts.push(slab.subarray(from, to));
    start += slab.length;
  }
  return parts.length === 1 ? new BytesBody(parts[0]!) : new SlabsBody(parts, length);
}

/** Several Buffers, one after the other. */
class SlabsBody implements Body {
  readonly length: number;
  readonly #parts: readonly Buffer[];
  #next = 0;
  #sink: BodySink | null = null;

  constructor(parts: readonly Buffer[], length: number) {
    this.#parts = parts;
    this.length = length;
  }
  start(sink: BodySink): void {
    this.#sink = sink;
    this.resume();
  }
  resume(): void {
    let isFull = false;
    while (this.#sink !== null && !isFull) {
      const part = this.#parts[this.#next];
      this.#next += 1;
      if (part === undefined) this.#end(this.#sink);
      else isFull = this.#sink.write(part) === FULL;
    }
  }
  cancel(): void {
    this.#sink = null;
  }
  #end(sink: BodySink): void {
    this.#sink = null;
    sink.end(NO_FIELDS);
  }
}

function ownCopy(parts: readonly Buffer[], length: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const part of parts) at += part.copy(copy, at, 0, Math.min(part.length, length - at));
  return copy;
}

const NOTHING = Buffer.alloc(0);
/** Shared by all that are empty; never written to. */
const NONE: Buffer[] = [];
const FIRST_SLAB = 4096;
// What is so small is copied to where it stays, and may lie among others until then: a Buffer of its own costs more than the copy.
const POOLED = 16 * 1024;
// Content above it is not copied together at its end: that would be a pause of everybody else.
const SLAB = 256 * 1024;
