// Owns one listening socket of the explicit proxy: accepts within its limits, and gives each connection to an Http1Connection.
// Out of descriptors it goes on: what is idle is let go before that, and who comes when nothing is idle is told 503 with one of the last.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { ProxyError } from '../errors/proxy-error.ts';
import { breakOff } from '../net/break-off.ts';
import { isLoopbackAddress } from '../net/ip-address.ts';
import { type Linked, LinkedSet } from '../net/linked-set.ts';
import { removeStaleSocket } from './bind-socket.ts';
import { type ConnectionContext, Http1Connection, type SocketOwner } from './http1-connection.ts';
import type { ListenAddress } from './listener.ts';

/** Counts that all listeners share. */
export class ConnectionCounts {
  total = 0;
  readonly #perClient = new Map<string, number>();

  add(address: string): number {
    this.total += 1;
    const count = (this.#perClient.get(address) ?? 0) + 1;
    this.#perClient.set(address, count);
    return count;
  }

  remove(address: string): void {
    this.total -= 1;
    const count = (this.#perClient.get(address) ?? 1) - 1;
    if (count === 0) this.#perClient.delete(address);
    else this.#perClient.set(address, count);
  }
}

export interface HttpListenerContext {
  /** Asked for each connection, so that a reload holds for the next one. */
  readonly connectionContext: () => ConnectionContext;
  readonly counts: ConnectionCounts;
  readonly nextConnectionId: () => number;
  readonly report: (line: string) => void;
  /** How many files this process may have open. */
  readonly descriptors: number;
  /** Asked for when hardly any is left: all that is idle lets go of its own. @returns how many */
  readonly makeRoom: () => number;
}

export class HttpListener {
  #address: ListenAddress;
  readonly #context: HttpListenerContext;
  readonly #server: Server;
  readonly #accepted = new LinkedSet<Accepted>();
  /** As the log names it; asking the socket for its address is a system call. */
  #name = '';
  #madeRoomMs = Number.NEGATIVE_INFINITY;
  /** Something was idle when it was looked for last. */
  #hasMadeRoom = false;
  #reportedMs = Number.NEGATIVE_INFINITY;

  /**
   * @param handed descriptor of a socket that is bound to the address already; `null` binds one
   * @throws the error of `listen` as Node gives it
   */
  static async listen(address: ListenAddress, context: HttpListenerContext, handed: number | null = null): Promise<HttpListener> {
    if (address.kind === 'unix' && handed === null) await removeStaleSocket(address.path);
    const listener = new HttpListener(address, context);
    await new Promise<void>((resolve, reject) => {
      listener.#server.once('error', reject);
      listener.#server.listen(optionsOf(address, handed), BACKLOG, () => {
        listener.#server.off('error', reject);
        listener.#name = nameOf(address, listener.bound?.port);
        listener.#server.on('error', (error) => listener.#runShort(`a connection could not be accepted: ${error.message}`));
        resolve();
      });
    });
    return listener;
  }

  private constructor(address: ListenAddress, context: HttpListenerContext) {
    this.#address = address;
    this.#context = context;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  get address(): ListenAddress {
    return this.#address;
  }

  /** Takes over another name and mode for the same socket; connections that are open keep the old ones. */
  rename(address: ListenAddress): void {
    this.#address = address;
    this.#name = nameOf(address, this.bound?.port);
  }

  /** Where it really listens, with the port that the system chose for 0; null for a Unix socket. */
  get bound(): { readonly host: string; readonly port: number } | null {
    const bound = this.#server.address() as AddressInfo | string | null;
    return typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : null;
  }

  get openConnections(): number {
    return this.#accepted.size;
  }

  /** Accepts no more, and lets each connection go once its answer is out. @param patienceMs that one may wait for a last request */
  drain(patienceMs = 0): void {
    this.#server.close();
    for (const { connection } of this.#accepted) connection?.drain(patienceMs);
  }

  /** The descriptors that idle clients hold are the ones that can be had back. @returns how many */
  letGoOfIdle(): number {
    let count = 0;
    for (const { connection } of this.#accepted) if (connection?.letGoIfIdle() === true) count += 1;
    return count;
  }

  /** Ends everything at once. */
  close(): void {
    this.#server.close();
    for (const { socket, connection } of this.#accepted) {
      if (connection === null) breakOff(socket);
      else connection.stop();
    }
  }

  #accept(socket: Socket): void {
    // A connection that broke is dealt with at its `close`; without a listener its error would end the process.
    socket.on('error', ignore);
    const { counts } = this.#context;
    const address = socket.remoteAddress ?? '';
    const isUnix = this.#address.kind === 'unix';
    if (address === '' && !isUnix) {
      socket.destroy(); // gone before we looked
      return;
    }
    const count = counts.add(address);
    const left = this.#context.descriptors - descriptorOf(socket);
    if (left <= RESERVED_DESCRIPTORS)
      this.#runShort(`hardly any of the ${this.#context.descriptors} files that may be open is left (ulimit -n)`, left <= LAST_DESCRIPTORS);
    const context = this.#context.connectionContext();
    const client = {
      address: isUnix ? 'unix' : plainAddress(address),
      isLocal: isUnix || isLoopbackAddress(address),
      authentication: this.#address.auth ?? null,
    };
    const origin = {
      id: this.#context.nextConnectionId(),
      listener: this.#name,
      address: client.address,
      port: socket.remotePort ?? 0,
      connectId: null,
    };
    const accepted = new Accepted(socket, address);
    const connection = new Http1Connection(socket, client, origin, context, accepted);
    accepted.connection = connection;
    this.#accepted.add(accepted);
    socket.on('close', () => this.#closed(accepted));
    const { connections, connectionsPerClient } = context.options;
    if (counts.total > connections)
      this.#refuse(socket, connection, counts.total - connections, `The proxy has ${connections} connections open and takes no more.`);
    else if (count > connectionsPerClient)
      this.#refuse(
        socket,
        connection,
        count - connectionsPerClient,
        `${client.address} has ${connectionsPerClient} connections open and may have no more.`,
      );
    else if (left <= LAST_DESCRIPTORS && !this.#hasMadeRoom) {
      if (left > 1) connection.refuse(new ProxyError('connection_limit_reached', NO_FILES), SHORT_LINGER_MS);
      else socket.destroy();
    }
  }

  #closed(accepted: Accepted): void {
    this.#accepted.delete(accepted);
    this.#context.counts.remove(accepted.address);
  }

  /** Says why, unless so many are too many that saying it would cost what the limit is to save. */
  #refuse(socket: Socket, connection: Http1Connection, excess: number, message: string): void {
    if (excess > MOST_REFUSALS) socket.destroy();
    else connection.refuse(new ProxyError('connection_limit_reached', message));
  }

  /** @param isUrgent there is none left but those for saying so */
  #runShort(why: string, isUrgent = false): void {
    const nowMs = performance.now();
    // Looking through all connections for each new one would be the next trouble: only where that has helped, and is needed at once.
    if (nowMs - this.#madeRoomMs < MAKE_ROOM_EVERY_MS && !(isUrgent && this.#hasMadeRoom)) return;
    this.#madeRoomMs = nowMs;
    this.#hasMadeRoom = this.#context.makeRoom() > 0;
    if (nowMs - this.#reportedMs < REPORT_EVERY_MS) return;
    this.#reportedMs = nowMs;
    this.#context.report(`${why}; idle connections are closed to make room`);
  }
}

/** An open socket. */
class Accepted implements SocketOwner, Linked<Accepted> {
  previous: Accepted | null = null;
  next: Accepted | null = null;
  readonly socket: Socket;
  readonly address: string;
  /** null once it has become a tunnel. */
  connection: Http1Connection | null = null;

  constructor(socket: Socket, address: string) {
    this.socket = socket;
    this.address = address;
  }

  takenOver(): void {
    this.connection = null;
  }
}

/**
 * The number of a socket's descriptor. The system gives the lowest that is free, so it tells how many are taken; Node itself is silent about
 * EMFILE, since libuv then accepts and closes.
 */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd?: number } | null };
  return handle?.fd ?? -1;
}

function optionsOf(address: ListenAddress, handed: number | null): object {
  if (handed !== null) return { fd: handed };
  return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
}

function nameOf(address: ListenAddress, port: number | undefined): string {
  if (address.name !== undefined) return address.name;
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${port ?? address.port}`;
}

/** IPv4 clients of an IPv6 socket by their IPv4 address. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function ignore(): void {}

const BACKLOG = 4096;
const MOST_REFUSALS = 256;
const REPORT_EVERY_MS = 5_000;
const MAKE_ROOM_EVERY_MS = 250;
/** For files, names and connections to origins. */
const RESERVED_DESCRIPTORS = 16;
/** Of these, who comes is told that there are no more. */
const LAST_DESCRIPTORS = 8;
/** That they are told takes one of them for so long. */
const SHORT_LINGER_MS = 50;
const NO_FILES = 'The proxy has hardly any files left that it may open, and nobody is idle.';
