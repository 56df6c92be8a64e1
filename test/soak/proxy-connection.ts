// Owns one connection of a busy client to the proxy: sends octets, reads answers one after another, at the pace it is told.
import { connect, type Socket } from 'node:net';
import type { MessageReader } from './message-reader.ts';

/** Whatever hangs for so long hangs for good: every timer of the proxy is shorter. */
export const MOST_SILENCE_MS = 30_000;

/** The connection ended before an answer was whole, or nothing came any more. */
export class BrokenError extends Error {}

interface Waiting {
  readonly reader: MessageReader;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class ProxyConnection {
  readonly socket: Socket;
  /** Milliseconds that it waits between two reads; 0 reads on at once. */
  pauseMs = 0;
  /** Octets read in all. */
  octets = 0;
  #unread: Buffer = Buffer.alloc(0);
  #waiting: Waiting | null = null;
  #isEnded = false;
  #hasLeft = false;
  #broken: BrokenError | null = null;

  /** @param localAddress where it comes from; left out, 127.0.0.1 @throws the error of the system */
  static open(port: number, localAddress?: string): Promise<ProxyConnection> {
    const socket = connect({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true, noDelay: true });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new ProxyConnection(socket));
      });
    });
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => this.#break(error.message));
    socket.on('close', () => this.#break('closed'));
    socket.setTimeout(MOST_SILENCE_MS, () => {
      this.#break(`silent for ${MOST_SILENCE_MS} ms`);
      socket.destroy();
    });
  }

  /** The proxy has not ended it, nor has it said anything that nobody asked for. */
  get isFree(): boolean {
    return !this.#isEnded && this.#broken === null && this.#unread.length === 0;
  }

  /** It was this side that has done with it. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  send(bytes: string | Buffer): void {
    if (!this.socket.destroyed) this.socket.write(bytes as string, 'latin1');
  }

  /** Resolves when the kernel has taken nearly all that was sent. */
  async drained(): Promise<void> {
    if (!this.socket.writableNeedDrain || this.socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.socket.off('drain', done).off('close', done);
        resolve();
      };
      this.socket.on('drain', done).on('close', done);
    });
  }

  /** Resolves when the message is whole. @throws BrokenError when the connection ends before, Error for what is not HTTP */
  read(reader: MessageReader): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { reader, resolve, reject };
      const unread = this.#unread;
      this.#unread = NOTHING;
      if (unread.length > 0) this.#feed(unread);
      if (this.#isEnded) this.#ended();
      if (this.#broken !== null) this.#settle(this.#broken);
    });
  }

  /** Hands the socket over to whoever speaks something else than HTTP on it from here on: a tunnel, which may be silent. */
  release(): Socket {
    this.socket.removeAllListeners().setTimeout(0);
    this.socket.on('error', () => this.socket.destroy());
    return this.socket;
  }

  /** @param isReset  RST in place of FIN */
  leave(isReset: boolean): void {
    this.#hasLeft = true;
    // What comes of it now is nobody's business.
    this.#broken ??= new BrokenError('left');
    if (isReset) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.octets += bytes.length;
    if (this.pauseMs > 0) {
      this.socket.pause();
      setTimeout(() => this.socket.resume(), this.pauseMs);
    }
    this.#feed(bytes);
  }

  #feed(bytes: Buffer): void {
    const waiting = this.#waiting;
    if (waiting === null) {
      this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
      return;
    }
    try {
      const rest = waiting.reader.feed(bytes);
      if (rest === null) return;
      this.#unread = rest;
      this.#settle(null);
    } catch (error) {
      this.#settle(error as Error);
    }
  }

  #ended(): void {
    this.#isEnded = true;
    this.socket.end();
    if (this.#waiting === null) return;
    if (this.#waiting.reader.finish()) this.#settle(null);
    else this.#break('ended within an answer');
  }

  #break(words: string): void {
    this.#broken ??= new BrokenError(words);
    this.#settle(this.#broken);
  }

  #settle(error: Error | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (error === null) waiting?.resolve();
    else waiting?.reject(error);
  }
}

const NOTHING = Buffer.alloc(0);
