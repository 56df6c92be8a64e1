// Owns one listening socket of the explicit proxy: accepts within its limits, and gives each connection to an Http1Connection.
// Who is let in when descriptors are short is decided for all listeners together (descriptor-shortage.ts).
import type { Socket } from 'node:net';
import { ProxyError } from '../errors/proxy-error.ts';
import { breakOff } from '../net/break-off.ts';
import { isLoopbackAddress } from '../net/ip-address.ts';
import { type Linked, LinkedSet } from '../net/linked-set.ts';
import type { ConnectionContext, SocketOwner } from './client-connection.ts';
import type { DescriptorShortage } from './descriptor-shortage.ts';
import { Http1Connection } from './http1-connection.ts';
import type { ListenAddress } from './listener.ts';
import { PausableServer } from './pausable-server.ts';

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
  readonly shortage: DescriptorShortage;
}

export class HttpListener {
  #address: ListenAddress;
  readonly #context: HttpListenerContext;
  readonly #server: PausableServer;
  readonly #accepted = new LinkedSet<Accepted>();
  /** As the log names it; asking the socket for its address is a system call. */
  #name = '';

  /**
   * @param handed descriptor of a socket that is bound to the address already; `null` binds one
   * @throws the error of `bind` or `listen` as Node gives it
   */
  static async listen(address: ListenAddress, context: HttpListenerContext, handed: number | null = null): Promise<HttpListener> {
    const listener = new HttpListener(address, context);
    await listener.#server.listen(address, handed, (error) => context.shortage.couldNotAccept(error.message));
    context.shortage.add(listener.#server);
    listener.#name = nameOf(address, listener.bound?.port);
    return listener;
  }

  private constructor(address: ListenAddress, context: HttpListenerContext) {
    this.#address = address;
    this.#context = context;
    this.#server = new PausableServer((socket) => this.#accept(socket));
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
    return this.#server.bound;
  }

  get openConnections(): number {
    return this.#accepted.size;
  }

  /** Accepts no more, and lets each connection go once its answer is out. @param patienceMs that one may wait for a last request */
  drain(patienceMs = 0): void {
    this.#stopListening();
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
    this.#stopListening();
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
      this.#context.shortage.gone();
      return;
    }
    const count = counts.add(address);
    const admission = this.#context.shortage.admit(descriptorOf(socket));
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
    const accepted = new Accepted(socket, address, admission === 'tell');
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
    else if (admission === 'tell') connection.refuse(new ProxyError('connection_limit_reached', NO_FILES), SHORT_LINGER_MS);
    else if (admission === 'drop') socket.destroy();
  }

  #closed(accepted: Accepted): void {
    this.#accepted.delete(accepted);
    this.#context.counts.remove(accepted.address);
    this.#context.shortage.closed(accepted.isTold);
  }

  /** Says why, unless so many are too many that saying it would cost what the limit is to save. */
  #refuse(socket: Socket, connection: Http1Connection, excess: number, message: string): void {
    if (excess > MOST_REFUSALS) socket.destroy();
    else connection.refuse(new ProxyError('connection_limit_reached', message));
  }

  #stopListening(): void {
    this.#context.shortage.remove(this.#server);
    this.#server.close();
  }
}

/** An open socket. */
class Accepted implements SocketOwner, Linked<Accepted> {
  previous: Accepted | null = null;
  next: Accepted | null = null;
  readonly socket: Socket;
  readonly address: string;
  /** That there is no descriptor to serve it with. */
  readonly isTold: boolean;
  /** null once it has become a tunnel. */
  connection: Http1Connection | null = null;

  constructor(socket: Socket, address: string, isTold: boolean) {
    this.socket = socket;
    this.address = address;
    this.isTold = isTold;
  }

  takenOver(): void {
    this.connection = null;
  }
}

function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd?: number } | null };
  return handle?.fd ?? -1;
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

const MOST_REFUSALS = 256;
/** That they are told takes a descriptor for so long. */
const SHORT_LINGER_MS = 50;
const NO_FILES = 'The proxy has hardly any files left that it may open, and nobody has left for a while.';
