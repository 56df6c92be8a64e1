// Owns two streams that are the ends of one connection within the process. They end as TCP does: whoever is closed has ended for the other one, and what is
// still written to it then breaks that one off.
import { Duplex } from 'node:stream';

type Done = (error?: Error | null) => void;

export function pairedStreams(): readonly [Duplex, Duplex] {
  const one = new PairedStream();
  const other = new PairedStream();
  one.other = other;
  other.other = one;
  return [one, other];
}

class PairedStream extends Duplex {
  other: PairedStream | null = null;
  /** Of the other's write, until what it wrote has been read here. */
  #written: Done | null = null;
  #hasEnded = false;

  constructor() {
    super({ allowHalfOpen: true });
    // Its `close` says all there is to say; who embeds the proxy need not listen for this.
    this.on('error', () => {});
  }

  override _read(): void {
    const written = this.#written;
    this.#written = null;
    written?.();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    const { other } = this;
    if (other === null || other.destroyed) done(new Error('the other end is closed'));
    else if (other.push(bytes)) done();
    else other.#written = done;
  }

  override _final(done: Done): void {
    this.other?.endHere();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    const written = this.#written;
    this.#written = null;
    written?.(new Error('the other end is closed'));
    this.other?.endHere();
    done(error);
  }

  /** The other one has ended, or is gone. */
  endHere(): void {
    if (this.#hasEnded || this.destroyed) return;
    this.#hasEnded = true;
    this.push(null);
  }
}
