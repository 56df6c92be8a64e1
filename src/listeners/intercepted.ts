// Owns the connections inside of opened tunnels: each becomes one of HTTP/1.1 or HTTP/2 whose requests know the tunnel that they came out of, and all
// of them drain, stop and make room as those of a listener do. The client's socket beneath stays the listener's, which counts it.
import type { Client, ClientSocket, OpenedTunnel } from '../exchange/exchange.ts';
import type { FlowOrigin } from '../flows/flow.ts';
import { type Linked, LinkedSet } from '../net/linked-set.ts';
import type { ClientConnection, ConnectionContext, SocketOwner } from './client-connection.ts';
import { Http1Connection } from './http1-connection.ts';
import { Http2Connection } from './http2-connection.ts';

/** A connection whose octets can be read. */
export interface Plaintext {
  /** A TLSSocket whose handshake is done, or the client's own socket where it speaks plain HTTP. */
  readonly socket: ClientSocket & CountingSocket;
  /** Read from it already. */
  readonly early: Buffer;
  /** What ALPN chose. */
  readonly protocol: 'h2' | 'http/1.1';
  readonly tunnel: OpenedTunnel;
  readonly client: Client;
  /** As its requests shall be recorded. */
  readonly origin: FlowOrigin;
}

/** The part of a socket that tells what came through it. */
export interface CountingSocket {
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** How a connection ended. */
export interface PlaintextEnd {
  /** Octets of HTTP, those of TLS around them not counted. */
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  /** What broke it; `null` when it was closed. A client that looks at our certificate behind the handshake says so only here. */
  readonly error: Error | null;
  /** We had begun to close it: that the client left is no sign of anything. */
  readonly wasLetGo: boolean;
}

export class InterceptedConnections {
  readonly #connectionContext: () => ConnectionContext;
  readonly #open = new LinkedSet<Opened>();
  #isDraining = false;
  #patienceMs = 0;
  #isOver: (tunnel: OpenedTunnel) => boolean = () => false;

  /** @param connectionContext asked for each connection, so that a reload holds for the next one */
  constructor(connectionContext: () => ConnectionContext) {
    this.#connectionContext = connectionContext;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Reads requests from it until it ends.
   *
   * @param onClosed called once, when the socket has closed, whoever had it last; within `open` if it is closed already
   */
  open(plaintext: Plaintext, onClosed: (end: PlaintextEnd) => void): void {
    const { socket, early, protocol, tunnel, client, origin } = plaintext;
    if (socket.destroyed) {
      onClosed({ bytesFromClient: early.length, bytesToClient: 0, error: socket.errored, wasLetGo: false });
      return;
    }
    const bytesBefore = { read: socket.bytesRead, written: socket.bytesWritten };
    let broke: Error | null = null;
    // Without a listener, an error would end the process.
    socket.on('error', (error) => {
      broke = error;
    });
    const opened = new Opened(this.#open, tunnel);
    socket.on('close', () => {
      this.#open.delete(opened);
      const bytesFromClient = socket.bytesRead - bytesBefore.read + early.length;
      const bytesToClient = socket.bytesWritten - bytesBefore.written;
      onClosed({ bytesFromClient, bytesToClient, error: broke, wasLetGo: opened.wasLetGo });
    });
    if (early.length > 0) socket.unshift(early);
    const context = this.#connectionContext();
    if (protocol === 'h2') opened.connection = new Http2Connection(socket, client, origin, context, tunnel);
    else {
      opened.connection = new Http1Connection(socket, client, origin, context, opened, tunnel);
      // Whoever read its first octets has paused it.
      socket.resume();
    }
    this.#open.add(opened);
    if (this.#isDraining || this.#isOver(tunnel)) opened.letGo()?.drain(this.#patienceMs);
  }

  /** Lets each connection go once its answers are out. @param patienceMs that one may wait for a last request */
  drain(patienceMs = 0): void {
    this.#isDraining = true;
    this.#patienceMs = patienceMs;
    for (const opened of this.#open) opened.letGo()?.drain(patienceMs);
  }

  /** The same of those that a new policy would not open; also of those whose handshake is under way, once they are here. */
  drainWhere(isOver: (tunnel: OpenedTunnel) => boolean): void {
    this.#isOver = isOver;
    for (const opened of this.#open) if (isOver(opened.tunnel)) opened.letGo()?.drain(0);
  }

  letGoOfIdle(): number {
    let count = 0;
    for (const opened of this.#open) {
      if (opened.connection?.letGoIfIdle() !== true) continue;
      opened.letGo();
      count += 1;
    }
    return count;
  }

  /** Ends everything at once. */
  stop(): void {
    for (const opened of this.#open) opened.letGo()?.stop();
  }
}

/** An open connection; it is in the set until it closes, or is given away. */
class Opened implements SocketOwner, Linked<Opened> {
  previous: Opened | null = null;
  next: Opened | null = null;
  connection: ClientConnection | null = null;
  wasLetGo = false;
  readonly tunnel: OpenedTunnel;
  readonly #set: LinkedSet<Opened>;

  constructor(set: LinkedSet<Opened>, tunnel: OpenedTunnel) {
    this.#set = set;
    this.tunnel = tunnel;
  }

  /** @returns what is to be ended, from now on by us */
  letGo(): ClientConnection | null {
    this.wasLetGo = true;
    return this.connection;
  }

  takenOver(): void {
    this.#set.delete(this);
    this.connection = null;
  }
}
