// The client's side of interception alone: a server that reads what each connection says first and completes TLS with it, as the proxy does after its 200.
import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { Deadlines } from '../../src/net/deadlines.ts';
import { type ApplicationProtocol, type Handshake, openTls } from '../../src/tls/handshake.ts';
import { type Greeting, readGreeting } from '../../src/tls/read-greeting.ts';
import type { Leaf } from './temp-ca.ts';

export interface OpenerOptions {
  readonly leaf: Leaf;
  readonly alpn?: readonly ApplicationProtocol[];
  readonly timeoutMs?: number;
  /** Of the context: `sessionTimeout`, `ticketKeys` and the like. */
  readonly context?: Parameters<typeof createSecureContext>[0];
}

export interface Opener {
  readonly port: number;
  /** What became of the connections, in the order in which it was known. */
  next(): Promise<{ readonly greeting: Greeting; readonly handshake: Handshake | null }>;
  close(): void;
}

/** An opened connection answers: in HTTP/1.1 every piece that comes, in HTTP/2 every stream. It closes when the client does. */
export async function startOpener(options: OpenerOptions): Promise<Opener> {
  const { leaf, alpn = ['http/1.1'], timeoutMs = 20_000 } = options;
  const context = createSecureContext({ key: leaf.key, cert: leaf.cert, minVersion: 'TLSv1.2', ...options.context });
  const deadlines = new Deadlines();
  const sockets = new Set<Socket>();
  const outcomes = new Queue<Awaited<ReturnType<Opener['next']>>>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    void greet(socket);
  });
  const greet = async (socket: Socket): Promise<void> => {
    const greeting = await readGreeting(socket, Buffer.alloc(0), { timeoutMs }, deadlines);
    const handshake = greeting.kind === 'tls' ? await open(socket, greeting.octets, context) : null;
    outcomes.push({ greeting, handshake });
  };
  const open = async (socket: Socket, octets: Buffer, secureContext: SecureContext): Promise<Handshake> => {
    const handshake = await openTls(socket, octets, secureContext, { timeoutMs, alpn, logKeys: null }, deadlines);
    if (handshake.kind === 'opened') ANSWERS[handshake.protocol](handshake.socket);
    return handshake;
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server),
    next: () => outcomes.next(),
    close() {
      deadlines.close();
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const ANSWERS: Record<ApplicationProtocol, (socket: TLSSocket) => void> = {
  'http/1.1'(socket) {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nopened\n'));
    socket.on('end', () => socket.end());
  },
  h2(socket) {
    const session = performServerHandshake(socket);
    session.on('error', () => {});
    session.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 });
      stream.end('opened\n');
    });
  },
};

function portOf(server: Server): number {
  return (server.address() as { readonly port: number }).port;
}

/** What happens, for whoever waits for it, whichever comes first. */
class Queue<T> {
  readonly #values: T[] = [];
  readonly #waiting: ((value: T) => void)[] = [];

  push(value: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#values.push(value);
    else waiting(value);
  }

  next(): Promise<T> {
    const value = this.#values.shift();
    return value === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(value);
  }
}
