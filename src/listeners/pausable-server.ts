// Owns one listening socket, what its connections become (accepted-socket.ts), and that it can be paused: nobody is accepted then, and who connects waits
// in the kernel's queue, as long as the backlog.
//
// Node has no such pause. It accepts whatever it is told of, and closes what it has no descriptor for; and closing the socket to listen again would reset
// who waits, since a process cannot duplicate a descriptor in order to keep it. But libuv polls a listening socket as it polls every stream, and the
// handle's `readStop` and `readStart` end and begin that, with nothing said to the kernel but to epoll or kqueue. libuv lets them, where it has opened
// the socket by a descriptor. So a TCP socket is bound first (bind-socket.ts), and moved: that opens a duplicate, and closes the first. What a worker is
// handed comes by its descriptor anyway. A Unix socket cannot be moved; one that this process binds itself is never paused.
//
// `_handle` is documented nowhere. Where it does not do this (Windows, another Node), nothing is paused: the listener tells those whom it
// cannot take; behaviour/short-of-descriptors.test.ts holds what a pause does.
import { type AddressInfo, type BoundSocket, createServer, type Server, type Socket } from 'node:net';
import { type AcceptedHandle, AcceptedSocket } from './accepted-socket.ts';
import { bindSockets } from './bind-socket.ts';
import type { ListenAddress } from './listener.ts';
import { SocketFile } from './socket-file.ts';

/** What of Node's handle is used. Numbers are 0, or a negative error number. */
interface ListeningHandle {
  readStart?(): number;
  readStop?(): number;
  /** Called for each connection; Node's own makes a Socket of it, and emits `connection`. */
  onconnection?: (status: number, accepted: AcceptedHandle | undefined) => void;
}

export class PausableServer {
  readonly #server: Server;
  readonly #accept: (socket: Socket) => void;
  #canPause = false;
  /** Of a Unix socket that this process has bound itself. */
  #file: SocketFile | null = null;

  constructor(accept: (socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
    this.#accept = accept;
  }

  /**
   * @param handed descriptor of a socket that is bound to the address already; `null` binds one
   * @param failed told of each connection that could not be accepted
   * @throws the error of `bind` or `listen` as Node gives it
   */
  async listen(address: ListenAddress, handed: number | null, failed: (error: Error) => void): Promise<void> {
    if (handed === null && address.kind === 'unix') this.#file = await SocketFile.take(address.path);
    try {
      await this.#listen(await optionsOf(address, handed), failed);
    } catch (error) {
      this.#file?.release();
      throw error;
    }
    this.#canPause = this.#handle?.readStart?.() === 0;
    if (this.#handle !== null) this.#acceptFrom(this.#handle);
  }

  /** Where it really listens, with the port that the system chose for 0; null for a Unix socket. */
  get bound(): { readonly host: string; readonly port: number } | null {
    const bound = this.#server.address() as AddressInfo | string | null;
    return typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : null;
  }

  /** From the next one on. Its handle does not keep the process alive meanwhile. */
  pause(): void {
    if (this.#canPause) this.#handle?.readStop?.();
  }

  resume(): void {
    if (this.#canPause) this.#handle?.readStart?.();
  }

  /** For good: who waits is reset, unless another process has the socket as well. */
  close(): void {
    this.#server.close();
    this.#file?.release();
  }

  #listen(options: object, failed: (error: Error) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ ...options, backlog: BACKLOG }, () => {
        this.#server.off('error', reject).on('error', failed);
        resolve();
      });
    });
  }

  #acceptFrom(handle: ListeningHandle): void {
    const { onconnection } = handle;
    if (onconnection === undefined) return;
    const memory = AcceptedSocket.createMemory();
    handle.onconnection = (status, accepted) => {
      if (status !== 0 || accepted === undefined) {
        onconnection.call(handle, status, accepted);
        return;
      }
      const socket = new AcceptedSocket(accepted, memory);
      socket.setNoDelay(true);
      this.#accept(socket);
    };
  }

  /** `null` once it is closed. */
  get #handle(): ListeningHandle | null {
    return (this.#server as unknown as { readonly _handle: ListeningHandle | null })._handle;
  }
}

async function optionsOf(address: ListenAddress, handed: number | null): Promise<object> {
  if (handed !== null) return { fd: handed };
  if (address.kind === 'unix') return { path: address.path };
  const [bound] = await bindSockets(address, 1);
  return { handle: moved(bound!) };
}

/** Opened by a duplicate of its descriptor; as it was where that cannot be. */
function moved(bound: BoundSocket): BoundSocket {
  try {
    return structuredClone(bound, { transfer: [bound] as unknown as ArrayBuffer[] });
  } catch {
    return bound;
  }
}

const BACKLOG = 4096;
