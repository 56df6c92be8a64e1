// Owns the memory that clients' sockets read into. Node gives each read 64 KiB of its own, of which a request takes a few hundred octets: a seventh of
// what a hit costs was getting and giving back that memory. Here all sockets of a listener read into one buffer, and whoever hears a read is done with it,
// or has copied it, when the call returns. A socket whose reads are large gets memory of its own, as Node does it: content is passed on from there.
//
// Node has `onread` for sockets that connect only. One that was accepted gets it through the option `handle`, which is documented nowhere, and so is the
// handle's `onconnection` (pausable-server.ts). Where they do not do this, sockets are Node's, and read as they always did.
import { type BoundSocket, Socket } from 'node:net';
import { freeMemory } from '../net/free-memory.ts';

/**
 * Hears what was read.
 *
 * @param isLent  the memory is read into again after the call: what is kept has to be copied. If not, it is theirs alone
 */
export type HearRead = (bytes: Buffer, isLent: boolean) => void;

/** What Node knows of an open socket, before it makes a Socket of it. */
export type AcceptedHandle = object;

/** Emits `data` like any socket, unless somebody hears its reads. */
export class AcceptedSocket extends Socket {
  /** The memory that all sockets of a listener read into. */
  static createMemory(): Buffer {
    return Buffer.allocUnsafeSlow(READ_BYTES);
  }

  readonly #lent: Buffer;
  readonly #next: { memory: Buffer };
  #hear: HearRead | null = null;

  /** @param lent from `createMemory` */
  constructor(handle: AcceptedHandle, lent: Buffer) {
    const next = { memory: lent };
    super({
      handle: handle as BoundSocket,
      allowHalfOpen: true,
      onread: { buffer: () => next.memory, callback: (size: number, memory: Uint8Array) => this.#read(size, memory as Buffer) },
    });
    this.#lent = lent;
    this.#next = next;
  }

  /** Reads go to `listener` from now on, and to no `data` event; with null they are `data` events again. To be called while none wait to be emitted. */
  hear(listener: HearRead | null): void {
    this.#hear = listener;
  }

  /** @returns whether to go on reading, which `pause` can end as well */
  #read(size: number, memory: Buffer): boolean {
    const isLent = memory === this.#lent;
    const isLarge = size >= LARGE;
    this.#next.memory = isLarge ? Buffer.allocUnsafeSlow(READ_BYTES) : this.#lent;
    let bytes = memory.subarray(0, size);
    if (!isLent && !isLarge) {
      // The last of what was sent, perhaps: it would keep much for little.
      bytes = copyOf(bytes);
      freeMemory(memory);
    }
    if (this.#hear === null) return this.push(isLent ? copyOf(bytes) : bytes);
    this.#hear(bytes, isLent);
    return true;
  }
}

/** In memory of its own, which may be freed (net/free-memory.ts). */
export function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

const READ_BYTES = 64 * 1024;
/** A read of so much is content, and more of it will come. */
const LARGE = 16 * 1024;
