// Owns one end of a byte stream in a test: what is sent goes out as it is, what arrives is kept until somebody asks for it.
// Every wait has a deadline, and fails with what was awaited and what had arrived instead. Knows nothing of HTTP.
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** How the other side's direction ended. */
export interface Ending {
  readonly hadReset: boolean;
}

export class RawConnection {
  /** Settles when the other side has ended its direction (FIN) or the connection broke (RST); never rejects. Ours may still be open. */
  readonly closed: Promise<Ending>;
  protected readonly socket: Socket;
  readonly #timeoutMs: number;
  #arrived: Buffer[] = [];
  #length = 0;
  #ending: Ending | null = null;
  #wake: (() => void)[] = [];

  /** @param timeoutMs  of each single wait; `Infinity` waits for good */
  constructor(socket: Socket, timeoutMs: number) {
    this.socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.setNoDelay(true);
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.closed = promise;
    let broke = false;
    const onEnding = (): void => {
      this.#ending ??= { hadReset: broke };
      resolve(this.#ending);
      this.#wakeAll();
    };
    socket.on('data', (bytes: Buffer) => {
      this.#arrived.push(bytes);
      this.#length += bytes.length;
      this.#wakeAll();
    });
    socket.on('end', onEnding);
    socket.on('error', () => {
      broke = true;
    });
    socket.on('close', onEnding);
  }

  /** Octets that arrived and nobody has read yet. */
  get unread(): Buffer {
    if (this.#arrived.length > 1) this.#arrived = [Buffer.concat(this.#arrived)];
    return this.#arrived[0] ?? NOTHING;
  }

  /** Text is written as ISO-8859-1, one octet a character. Settles when the octets have left, or can no longer leave. */
  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.writable) this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => resolve());
      else resolve();
    });
  }

  /** The same in pieces, a pause between them. Stops early when the connection is gone. */
  async sendSlowly(bytes: string | Uint8Array, bytesPerWrite: number, everyMs: number): Promise<void> {
    const all = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    for (let start = 0; start < all.length && this.socket.writable; start += bytesPerWrite) {
      if (start > 0) await delay(everyMs);
      await this.send(all.subarray(start, start + bytesPerWrite));
    }
  }

  /**
   * Reads up to and including a text, or as many octets as a function of all unread ones says.
   * @param mark  a function answers -1 for "not enough yet"
   */
  async readUntil(mark: string | ((unread: Buffer) => number)): Promise<Buffer> {
    const endIn = typeof mark === 'function' ? mark : (unread: Buffer): number => endOf(unread, mark);
    let end = -1;
    await this.#wait(() => (end = endIn(this.unread)) !== -1, typeof mark === 'function' ? 'enough octets' : JSON.stringify(mark));
    return this.#take(end);
  }

  async readExactly(length: number): Promise<Buffer> {
    await this.#wait(() => this.#length >= length, `${length} octets`);
    return this.#take(length);
  }

  /** Everything until the other side's FIN. @throws when the connection broke instead */
  async readToEnd(): Promise<Buffer> {
    await this.#wait(() => this.#ending !== null, 'the end of the connection');
    if (this.#ending?.hadReset) throw new ResetError(`the connection was reset after ${this.#describeUnread()}`);
    return this.#take(this.#length);
  }

  /** Whether another octet comes (true) or the other side has ended (false). Waits for as long as it takes. */
  async hasMore(): Promise<boolean> {
    while (this.#length === 0 && this.#ending === null) await this.#nextEvent();
    return this.#length > 0;
  }

  /** FIN: our direction is over, the other stays open. */
  end(): void {
    this.socket.end();
  }
  /** RST. What was sent and not yet read may be lost on the way, as it would be. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
  /** Stops reading, so that the sender meets back-pressure once the kernel's buffers are full. */
  pause(): void {
    this.socket.pause();
  }
  resume(): void {
    this.socket.resume();
  }
  /** Both directions, now. */
  destroy(): void {
    this.socket.destroy();
  }
  [Symbol.dispose](): void {
    this.destroy();
  }

  /** Leaves the socket to another reader: TLS inside a tunnel, a pipe, a checksum. @throws when octets have arrived that it would miss */
  release(): Socket {
    if (this.#length > 0) throw new Error(`cannot hand the connection on: ${this.#describeUnread()} would be lost`);
    this.socket.removeAllListeners('data').removeAllListeners('end');
    return this.socket;
  }

  async #wait(isThere: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + this.#timeoutMs;
    while (!isThere()) {
      if (this.#ending?.hadReset) throw new ResetError(`waited for ${what}; the connection was reset after ${this.#describeUnread()}`);
      if (this.#ending) throw new BrokenOffError(`waited for ${what}; the connection ended after ${this.#describeUnread()}`);
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`waited ${this.#timeoutMs} ms for ${what}; had ${this.#describeUnread()}`);
      await this.#nextEvent(left);
    }
  }

  /** Until something arrives, the connection ends, or the time is up. */
  #nextEvent(withinMs = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(withinMs) ? setTimeout(resolve, withinMs) : undefined;
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const each of wake) each();
  }

  #take(length: number): Buffer {
    const all = this.unread;
    const taken = all.subarray(0, length);
    this.#length = all.length - length;
    this.#arrived = this.#length === 0 ? [] : [all.subarray(length)];
    return taken;
  }

  #describeUnread(): string {
    const shown = this.unread.subarray(0, 2000);
    return this.#length === 0 ? 'nothing' : `${this.#length} octets:\n${visible(shown)}${this.#length > shown.length ? ' ...' : ''}`;
  }
}

/** The other side ended or reset before what was awaited had arrived. */
export class BrokenOffError extends Error {}
/** It was a reset. */
export class ResetError extends BrokenOffError {}

/** Octets as text to read and to compare: line ends and whatever does not print are spelled out, and a line stays a line. */
export function visible(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, (c) => (c === '\n' ? '\\n\n' : c === '\r' ? '\\r' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`));
}

function endOf(unread: Buffer, mark: string): number {
  const start = unread.indexOf(mark, 0, 'latin1');
  return start === -1 ? -1 : start + mark.length;
}

const NOTHING = Buffer.alloc(0);
