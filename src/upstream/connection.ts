// Owns one socket towards an origin or parent proxy, and whose turn it is to hear what comes: the HTTP client's or a tunnel's.
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { breakOff } from '../net/break-off.ts';
import type { OriginTlsFacts } from './facts.ts';
import { ReadBuffers } from './read-buffers.ts';

/** Whoever uses the connection at the moment. */
export interface Consumer {
  /** @returns whether the memory of `bytes` may be used again at once */
  read(bytes: Buffer): boolean;
  /** The peer has sent everything (FIN). */
  ended(): void;
  /** The peer has room again. */
  drained(): void;
  /** The connection is gone; called once. */
  closed(error: Error | null): void;
}

export class UpstreamConnection {
  /** The judged address that was dialled. */
  readonly address: string;
  readonly port: number;
  readonly socket: Socket;
  /** `null` in clear. */
  readonly tls: OriginTlsFacts | null;
  readonly #buffers: ReadBuffers | null;
  #buffer: Buffer | null = null;
  #consumer: Consumer | null = null;
  #error: Error | null = null;

  /** Dials at once. @param buffers null reads in the ordinary way, which TLS on top of it needs */
  static dial(address: string, port: number, buffers: ReadBuffers | null): UpstreamConnection {
    return new UpstreamConnection(address, port, buffers, null, null);
  }

  /** A connection inside another (TLS), on the same address. */
  static over(outer: UpstreamConnection, socket: Socket, tls: OriginTlsFacts): UpstreamConnection {
    return new UpstreamConnection(outer.address, outer.port, null, socket, tls);
  }

  /**
   * A stream in the place of a connection: one of HTTP/2, or one of this process, at whose other end stands a program that embeds the proxy. Of a socket
   * it has all that is used, but for the reset: without one it is destroyed.
   *
   * @param address as the record shall name it
   */
  static ofStream(stream: Duplex, address: string, port: number): UpstreamConnection {
    return new UpstreamConnection(address, port, null, stream as Socket, null);
  }

  private constructor(address: string, port: number, buffers: ReadBuffers | null, socket: Socket | null, tls: OriginTlsFacts | null) {
    this.address = address;
    this.port = port;
    this.tls = tls;
    this.#buffers = socket === null ? buffers : null;
    this.socket = socket ?? this.#dial();
    if (this.#buffers === null) this.socket.on('data', (bytes: Buffer) => this.#consumer?.read(bytes));
    this.socket.on('end', () => this.#consumer?.ended());
    this.socket.on('drain', () => this.#consumer?.drained());
    this.socket.on('error', (error) => {
      this.#error = error;
    });
    this.socket.on('close', () => this.#closed());
  }

  get isOpen(): boolean {
    return !this.socket.destroyed && this.socket.readable && this.socket.writable;
  }

  consume(consumer: Consumer): void {
    this.#consumer = consumer;
  }

  /** Memory that `read` said was kept is free now. @param bytes exactly as they were given to `read` */
  giveBack(bytes: Buffer): void {
    this.#buffers?.give(ReadBuffers.wholeOf(bytes));
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Ends it so that the peer does not take what it was sent for the whole. */
  breakOff(): void {
    breakOff(this.socket);
  }

  #dial(): Socket {
    const buffers = this.#buffers;
    if (buffers === null) return connect({ host: this.address, port: this.port, noDelay: true, allowHalfOpen: true });
    return connect({
      host: this.address,
      port: this.port,
      noDelay: true,
      allowHalfOpen: true,
      onread: {
        buffer: () => (this.#buffer ??= buffers.take(ReadBuffers.first)),
        callback: (size: number, memory: Uint8Array) => {
          this.#read(size, memory as Buffer, buffers);
          return true;
        },
      },
    });
  }

  /** Hands out what was read, and settles which memory the next read goes to: Node asks for it right after this returns. */
  #read(size: number, memory: Buffer, buffers: ReadBuffers): void {
    const wanted = ReadBuffers.sizeAfter(size, memory.length);
    const isFree = this.#consumer?.read(size === memory.length ? memory : memory.subarray(0, size)) ?? true;
    if (isFree && wanted === memory.length) return;
    if (isFree) buffers.give(memory);
    this.#buffer = buffers.take(wanted);
  }

  #closed(): void {
    const buffer = this.#buffer;
    this.#buffer = null;
    // Nothing is read into it any more, and what was read from it before was given back or replaced.
    if (buffer !== null) this.#buffers?.give(buffer);
    const consumer = this.#consumer;
    this.#consumer = null;
    consumer?.closed(this.#error);
  }
}
