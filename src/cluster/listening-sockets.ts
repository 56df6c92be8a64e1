// Owns the sockets that workers listen on. The primary binds them and keeps them, and never listens itself: so that a worker can be replaced, or killed,
// without a connection being lost that waits in its queue.
//
// On Linux each worker has a socket of its own, among which the system shares connections out (SO_REUSEPORT). Elsewhere that option does not share
// evenly, if at all; so all workers accept from one, as they do from a Unix socket everywhere.
import type { BoundSocket } from 'node:net';
import type { Config } from '../config/config.ts';
import { formatListenAddress } from '../config/listen-address.ts';
import { cannotListen } from '../errors/start-error.ts';
import { bindAnother, bindSockets } from '../listeners/bind-socket.ts';
import { isSameSocket, type ListenAddress } from '../listeners/listener.ts';
import { SocketFile } from '../listeners/socket-file.ts';

/** One address, and the socket of each worker there; one of all has the first place. */
interface Bound {
  readonly address: ListenAddress;
  readonly sockets: (BoundSocket | null)[];
  readonly isShared: boolean;
  /** Of a Unix socket. */
  readonly file: SocketFile | null;
}

export interface HandedOver {
  readonly address: ListenAddress;
  readonly socket: BoundSocket;
}

export class ListeningSockets {
  readonly #workers: number;
  readonly #isShared: boolean;
  readonly #bound: readonly Bound[];

  /** None yet. @param isShared whether all workers accept from one socket of each address */
  constructor(workers: number, isShared: boolean, bound: readonly Bound[] = []) {
    this.#workers = workers;
    this.#isShared = isShared;
    this.#bound = bound;
  }

  /** Those of other addresses; what is wanted and bound already is the same in both. @throws StartError for the first that cannot be bound */
  async with(listen: Config['listen']): Promise<ListeningSockets> {
    const bound: Bound[] = [];
    for (const address of listen) {
      const kept = this.#bound.find((each) => isSameSocket(each.address, address) && !bound.includes(each));
      try {
        bound.push(kept ?? (await this.#bind(address)));
      } catch (error) {
        this.#another(bound).close(this);
        throw cannotListen(formatListenAddress(address), error);
      }
    }
    return this.#another(bound);
  }

  /** Those of a worker. @param worker counted from 1 @throws the error of `bind` where one was released, and cannot be bound again */
  of(worker: number): readonly HandedOver[] {
    return this.#bound.map(({ address, sockets, isShared }) => {
      const index = isShared ? 0 : worker - 1;
      const socket = (sockets[index] ??= bindAnother(sockets.find((each) => each !== null)!.address()));
      return { address, socket };
    });
  }

  /** A worker is away for long: what waits for it is reset, and the others get what comes. The last socket of an address stays. */
  release(worker: number): void {
    for (const { sockets, isShared } of this.#bound) {
      if (isShared || sockets.filter((each) => each !== null).length === 1) continue;
      sockets[worker - 1]?.close();
      sockets[worker - 1] = null;
    }
  }

  /** A worker that has one of them goes on listening. @param others whose sockets stay */
  close(others: ListeningSockets | null = null): void {
    const kept = others === null ? [] : others.#bound;
    for (const each of this.#bound.filter((bound) => !kept.includes(bound))) {
      for (const socket of each.sockets.splice(0)) socket?.close();
      each.file?.release();
    }
  }

  async #bind(address: ListenAddress): Promise<Bound> {
    const isShared = this.#isShared || address.kind === 'unix';
    const file = address.kind === 'unix' ? await SocketFile.take(address.path) : null;
    try {
      return { address, sockets: [...(await bindSockets(address, isShared ? 1 : this.#workers))], isShared, file };
    } catch (error) {
      file?.release();
      throw error;
    }
  }

  #another(bound: readonly Bound[]): ListeningSockets {
    return new ListeningSockets(this.#workers, this.#isShared, bound);
  }
}
