// Owns one direction of a tunnel under a rate: octets that it is not yet their turn to pass are held, and the socket that they came from is paused.
// Never more is held than the one piece that was read last.
import type { ByteRate, Waiter } from '../net/byte-rate.ts';

/** The socket that octets come from. */
export interface Pausable {
  pause(): unknown;
  resume(): unknown;
}

/** The socket that octets go to. */
export interface WaySink {
  write(bytes: Buffer): unknown;
  end(): unknown;
  readonly writableNeedDrain: boolean;
}

export class ThrottledWay implements Waiter {
  readonly #rate: ByteRate;
  readonly #from: Pausable;
  readonly #to: WaySink;
  /** Told when a piece that was held has been written, or was dropped: from here on its memory is no business of this way. */
  readonly #onDone: (bytes: Buffer) => void;
  #piece: Buffer | null = null;
  #written = 0;
  #isLast = false;

  constructor(rate: ByteRate, from: Pausable, to: WaySink, onDone: (bytes: Buffer) => void) {
    this.#rate = rate;
    this.#from = from;
    this.#to = to;
    this.#onDone = onDone;
  }

  /** There is a piece that has not been written whole. */
  get isHolding(): boolean {
    return this.#piece !== null;
  }

  /** Octets wait for their turn, and not for the peer to read: it is we who keep the tunnel silent. */
  get isHoldingBack(): boolean {
    return this.#piece !== null && !this.#to.writableNeedDrain;
  }

  /** Takes a piece over unless all of it may pass at once. @returns whether it did; if not, it is for the caller to write */
  hold(bytes: Buffer): boolean {
    const octets = this.#rate.take(bytes.length);
    if (octets === bytes.length) return false;
    this.#from.pause();
    this.#piece = bytes;
    this.#written = 0;
    this.#pass(bytes, octets);
    return true;
  }

  /** Nothing comes after what is held. */
  endAfter(): void {
    this.#isLast = true;
  }

  /** The socket that octets go to has room again. */
  drained(): void {
    if (this.#piece === null) this.#from.resume();
    else this.#rate.wait(this);
  }

  /** Nobody wants what is held any more. */
  drop(): void {
    this.#rate.leave(this);
    const piece = this.#piece;
    this.#piece = null;
    if (piece !== null) this.#onDone(piece);
  }

  // Waiter: what the rate says

  get wanted(): number {
    return (this.#piece?.length ?? 0) - this.#written;
  }

  granted(octets: number): void {
    const piece = this.#piece!;
    this.#pass(piece, octets);
    if (this.#written < piece.length) return;
    this.#piece = null;
    this.#onDone(piece);
    if (this.#isLast) this.#to.end();
    else if (!this.#to.writableNeedDrain) this.#from.resume();
  }

  /** With its peer's buffers full it asks for no turn until they have room: `drained` goes on. */
  #pass(piece: Buffer, octets: number): void {
    if (octets > 0) this.#to.write(piece.subarray(this.#written, this.#written + octets));
    this.#written += octets;
    if (this.#written < piece.length && !this.#to.writableNeedDrain) this.#rate.wait(this);
  }
}
